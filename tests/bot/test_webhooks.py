"""News to the company's system and results from it, against a system that knows both from the page about them alone."""

import asyncio
import hashlib
import hmac
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.core.audit import chain_new
from bot.core.errors import Misconfigured
from bot.core.order.news import News
from bot.core.orders import Level, Order, Right, staff
from bot.core.packages import for_person
from bot.policy_pages import PolicyPages
from bot.rehearsal.faults import Rule
from bot.rehearsal.receiver import PATH, SECRET, WebhookReceiver
from bot.rehearsal.serving import served
from bot.result_api import FILE_MOST, ResultApi
from bot.web import make_app
from bot.webhook_signing import sign_answer, sign_event, sign_result
from bot.webhooks import KINDS, Webhooks, WebhookSettings
from storage.engine import Database
from tests.bot.scripted import Scripted
from tests.conftest import Clock
from tests.orders import ANN, BEN
from tests.results import Handing

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
EXAMPLE: dict[str, Any] = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)][-1]


@pytest.fixture
def handing(database: Database, clock: Clock) -> Handing:
    return Handing(database, clock)


# ---- the page


def test_the_example_of_the_page_is_what_we_sign() -> None:
    given = EXAMPLE
    common = (given["timestamp"], given["nonce"], given["key"])
    event = sign_event(given["secret"], given["event_path"], *common, given["event_body"].encode())
    assert event == given["event_signature"]
    assert hashlib.sha256(given["result_body"].encode()).hexdigest() == given["result_digest"]
    result = sign_result(given["secret"], given["result_path"], *common, given["result_name"], given["result_digest"])
    assert result == given["result_signature"]


def test_the_example_of_the_page_is_what_its_lines_come_to() -> None:
    given = EXAMPLE
    lines = ["clausebot-event-v1", "POST", given["event_path"], str(given["timestamp"]), given["nonce"], given["key"]]
    text = "\n".join([*lines, hashlib.sha256(given["event_body"].encode()).hexdigest()])
    by_hand = hmac.new(given["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    assert by_hand == given["event_signature"]


def test_the_page_names_every_event_and_every_error() -> None:
    assert {*re.findall(r"`(order\.\w+)`", PAGE)} == set(KINDS.values())
    source = (Path(__file__).parents[2] / "bot" / "result_api.py").read_text("utf-8")
    for why in re.findall(r'Wrong\([0-9]+, "(\w+)"\)', source):
        assert f"`{why}`" in PAGE


def test_wrong_settings_are_named_together() -> None:
    with pytest.raises(Misconfigured) as raised:
        WebhookSettings("http://elsewhere.example.com/x?y=1", "short")
    assert [problem.split(":")[0] for problem in raised.value.problems] == ["WEBHOOK_URL", "WEBHOOK_SECRET"]
    assert WebhookSettings("http://127.0.0.1:9/x", SECRET).url
    with pytest.raises(Misconfigured) as raised:
        WebhookSettings("http://127.0.0.1:9/x", SECRET, "short")
    assert [problem.split(":")[0] for problem in raised.value.problems] == ["WEBHOOK_SECRET_OLD"]


# ---- out


@asynccontextmanager
async def company(
    handing: Handing, *rules: str, secret: str = SECRET, secret_old: str = ""
) -> AsyncIterator[tuple[WebhookReceiver, "Pump"]]:
    receiver = WebhookReceiver(clock=lambda: handing.clock().timestamp())
    receiver.control.script.rules += [Rule.parse(rule) for rule in rules]
    async with served(receiver.app) as address:
        webhooks = Webhooks(WebhookSettings(address + PATH, secret, secret_old), handing.database, handing.clock)
        pump = Pump(handing, webhooks)
        await pump()
        try:
            yield receiver, pump
        finally:
            webhooks.close()


class Pump:
    """What the scheduler does every second."""

    def __init__(self, handing: Handing, webhooks: Webhooks) -> None:
        self.handing, self.webhooks = handing, webhooks

    async def __call__(self) -> int:
        def run() -> int:
            chain_new(self.handing.database, self.handing.clock)
            return self.webhooks.run_due()

        return await asyncio.to_thread(run)


def states(handing: Handing, order: Order) -> list[tuple[str, str, int, str]]:
    with handing.database.read() as work:
        return work.webhooks.of_order(order.id)


async def test_the_life_of_an_order_is_told_once_each_and_in_order(handing: Handing) -> None:
    async with company(handing) as (receiver, pump):
        order = handing.deliver(handing.ready(body=b"words that stay here"))
        for _ in range(3):
            await pump()
    assert [told["event"] for told in receiver.news] == ["order.opened", "order.approved", "order.delivered"]
    assert {told["order"]["number"] for told in receiver.news} == {order.number}
    assert {told["order"]["account_id"] for told in receiver.news} == {"K-1"}
    assert "words that stay here" not in json.dumps(receiver.news)
    assert receiver.refused == []


async def test_a_deletion_is_told_with_its_hold_and_a_stop_as_a_refusal(handing: Handing) -> None:
    async with company(handing) as (receiver, pump):
        order = handing.desk.held()
        await pump()
        with handing.desk.orders() as orders:
            orders.stop(handing.desk.news.warned[0][3])
        await pump()
    assert [told["event"] for told in receiver.news] == ["order.opened", "order.approved", "order.refused"]
    assert receiver.news[1]["order"]["hold_until"] == "2026-03-05T09:30:00Z"
    assert receiver.news[2]["order"]["reason"] == "suspected_fraud"
    assert handing.desk.now(order).stopped_at


async def test_a_security_report_is_told_as_urgent_and_so_is_a_missed_look(handing: Handing) -> None:
    async with company(handing) as (receiver, pump):
        order = handing.desk.open(Right.SECURITY, level=Level.CHANNEL, account_id=None, code_proven_at=None)
        await noted(handing, order, "urgent")
        await pump()
        handing.clock.turn(hours=25)
        await noted(handing, order, "look_missed")
        await pump()
    assert [told["event"] for told in receiver.news] == ["order.opened", "order.urgent", "order.look_missed"]
    assert {told["order"]["right"] for told in receiver.news} == {"security"}


async def noted(handing: Handing, order: Order, key: str) -> None:
    """As the desk notes an alarm in the trail (bot/core/order/news.py)."""
    with handing.database.work() as work:
        News(work, handing.clock(), lambda language: pytest.fail("nothing is worded"), frozenset(), "").alarm(
            order, key, {}
        )


async def test_requests_that_nobody_proved_are_told_to_nobody(handing: Handing) -> None:
    async with company(handing) as (receiver, pump):
        order = handing.desk.open(Right.ACCESS, level=Level.CHANNEL, account_id=None, code_proven_at=None)
        await pump()
        with handing.desk.orders() as orders:
            orders.withdraw(order, handing.desk.alice)
        await pump()
    assert receiver.news == []


async def test_what_isnt_taken_is_tried_again_later_and_later_with_the_same_key(handing: Handing) -> None:
    async with company(handing, "news refuse:503 times=3") as (receiver, pump):
        order = handing.desk.open()
        tried = []
        for seconds in (0, 9, 2, 58, 3, 290, 20):
            handing.clock.turn(seconds=seconds)
            tried.append(await pump())
        assert tried == [1, 0, 1, 0, 1, 0, 1]
    assert [told["event"] for told in receiver.news] == ["order.opened"]
    assert states(handing, order) == [("order.opened", "taken", 4, "200")]


async def test_an_answer_that_is_lost_makes_a_repeat_that_counts_once(handing: Handing) -> None:
    async with company(handing, "news reset-after times=2") as (receiver, pump):
        order = handing.desk.open()
        for _ in range(3):
            await pump()
            handing.clock.turn(minutes=2)
    assert len(receiver.news) == 1
    assert receiver.repeated == 2
    assert states(handing, order)[0][1] == "taken"


async def test_news_that_nobody_takes_for_three_days_are_parked_visibly(handing: Handing) -> None:
    async with company(handing, secret="another-secret-0123456789abcdef-x") as (receiver, pump):
        order = handing.desk.open()
        for _ in range(20):
            await pump()
            handing.clock.turn(hours=6)
    assert receiver.news == []
    assert set(receiver.refused) == {"signature"}
    [(_, state, tries, status)] = states(handing, order)
    assert (state, status) == ("failed", "401")
    assert 8 < tries < 16
    assert ("bot", "news not taken", "order.opened 401") in handing.desk.trail(order)


async def test_a_dead_line_is_no_answer_and_is_tried_again(handing: Handing) -> None:
    webhooks = Webhooks(WebhookSettings("http://127.0.0.1:9/x", SECRET), handing.database, handing.clock)
    pump = Pump(handing, webhooks)
    await pump()
    order = handing.desk.open()
    await pump()
    webhooks.close()
    assert states(handing, order) == [("order.opened", "queued", 1, "unreachable")]


async def test_what_happened_before_webhooks_were_switched_on_isnt_told(handing: Handing) -> None:
    handing.desk.open()
    chain_new(handing.database, handing.clock)
    async with company(handing) as (receiver, pump):
        await pump()
        handing.clock.turn(days=8)
        handing.desk.open(person=handing.desk.bob, account_id="K-2")
        await pump()
    assert receiver.news == []


async def test_old_news_and_keys_are_forgotten(handing: Handing) -> None:
    async with company(handing) as (_, pump):
        handing.desk.open()
        await pump()
        assert pump.webhooks.forget() == 0
        handing.clock.turn(days=7, seconds=1)
        assert pump.webhooks.forget() == 1


NEW = "the-secret-that-comes-next-0123456789abcdef"


@pytest.mark.parametrize(("ours", "theirs", "are_taken"), [
    ((SECRET, ""), SECRET, True),    # before
    ((NEW, SECRET), SECRET, True),   # ours is changed first
    ((NEW, SECRET), NEW, True),      # then theirs
    ((NEW, ""), NEW, True),          # then the old one is taken out
    ((NEW, ""), SECRET, False),      # and is worth nothing any more
    ((NEW, SECRET), "x" * 40, False),
])  # fmt: skip
async def test_news_are_taken_at_each_step_of_a_change_of_secrets(
    handing: Handing, ours: tuple[str, str], theirs: str, are_taken: bool
) -> None:
    async with company(handing, secret=ours[0], secret_old=ours[1]) as (receiver, pump):
        receiver.secret = theirs
        await asyncio.to_thread(handing.desk.open)
        await pump()
        assert (len(receiver.news) == 1) == are_taken
        assert (receiver.refused == []) == are_taken


# ---- in


class Systems:
    """The company's systems before our web pages."""

    def __init__(self, handing: Handing, secret: str = SECRET, secret_old: str = "") -> None:
        self.handing, script = handing, Scripted()
        self.receiver = WebhookReceiver(clock=lambda: handing.clock().timestamp())
        api = ResultApi(secret, handing.database, handing.requests, handing.clock, secret_old=secret_old)
        app = make_app([script.chat()], script.door, PolicyPages([script.policy]), more=api.routes)
        self.browser = TestClient(app)

    def send(self, number: str, name: str = "data.csv", body: bytes = b"a,b\n1,2\n", **more: Any):
        changes = more.pop("changes", {})
        path, headers = self.receiver.result(number, name, body, **more)
        return self.browser.post(path, content=body, headers={**headers, **changes})

    def files(self, order: Order) -> list[str]:
        with self.handing.database.read() as work:
            return [file.name for file in for_person(work.orders.papers.files(order.id))]


@pytest.fixture
def systems(handing: Handing) -> Iterator[Systems]:
    made = Systems(handing)
    with made.browser:  # One event loop for all of its threads, as a server has.
        yield made


def taken(handing: Handing) -> Order:
    order = handing.desk.open()
    with handing.desk.orders() as orders:
        return orders.take(order, ANN)


@pytest.mark.parametrize(("theirs", "status"), [(SECRET, 201), (NEW, 201), ("x" * 40, 401)])
def test_while_the_secret_is_changed_results_are_taken_with_either(handing: Handing, theirs: str, status: int) -> None:
    made = Systems(handing, NEW, SECRET)
    made.receiver.secret = theirs
    with made.browser:
        answer = made.send(taken(handing).number, nonce="ab" * 16)
    assert answer.status_code == status
    if status == 201:  # Answered with the secret that it was asked with: who still has the old one knows no other.
        stamp = int(answer.headers["X-Clausebot-Timestamp"])
        right = sign_answer(theirs, status, stamp, "ab" * 16, answer.content)
        assert answer.headers["X-Clausebot-Signature"] == right


def test_a_file_goes_into_the_package(systems: Systems) -> None:
    handing = systems.handing
    order = handing.desk.open()
    answer = systems.send(order.number, "订单.csv")
    assert (answer.status_code, answer.json()) == (
        201,
        {"order": order.number, "media_type": "text/plain", "bytes": 8},
    )
    assert systems.files(order) == ["订单.csv"]
    stamp = int(answer.headers["x-clausebot-timestamp"])
    nonce = answer.request.headers["x-clausebot-nonce"]
    right = sign_answer(SECRET, 201, stamp, nonce, answer.content)
    assert answer.headers["x-clausebot-signature"] == right
    with handing.desk.orders() as orders:
        order = orders.propose(orders.take(handing.desk.now(order), ANN), ANN)
        order = orders.approve(order, BEN)
    handing.deliver(order)
    assert handing.token()
    assert ("company", "attached", "for the person 8 bytes") in handing.desk.trail(order)


def test_the_same_key_again_does_nothing_again_and_gets_the_same_answer(systems: Systems) -> None:
    order = systems.handing.desk.open()
    answers = [systems.send(order.number, key="the-key-of-this-one") for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len(systems.files(order)) == 1
    for other in (
        systems.send(order.number, body=b"other", key="the-key-of-this-one"),
        systems.send(order.number, name="other.csv", key="the-key-of-this-one"),
    ):
        assert (other.status_code, other.json()) == (409, {"error": "key"})
    systems.handing.clock.turn(days=6, hours=23)
    assert systems.send(order.number, key="the-key-of-this-one").status_code == 201
    assert len(systems.files(order)) == 1


def test_of_many_with_one_key_at_the_same_moment_one_counts(systems: Systems) -> None:
    order = systems.handing.desk.open()
    all_at_once = threading.Barrier(6)

    def send(_: int) -> int:
        all_at_once.wait()
        return systems.send(order.number, key="the-key-of-this-one").status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(send, range(6))) == {201}
    assert len(systems.files(order)) == 1


def test_a_replay_is_refused(systems: Systems) -> None:
    order = systems.handing.desk.open()
    nonce = "0123456789abcdef" * 2
    assert systems.send(order.number, nonce=nonce).status_code == 201
    for _ in range(2):
        again = systems.send(order.number, nonce=nonce)
        assert (again.status_code, again.json()) == (409, {"error": "nonce"})
    assert len(systems.files(order)) == 1


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 201), (299, 201), (301, 401)])
def test_the_clocks_may_differ_by_five_minutes(systems: Systems, seconds: int, status: int) -> None:
    order = systems.handing.desk.open()
    at = int((systems.handing.clock() + timedelta(seconds=seconds)).timestamp())
    assert systems.send(order.number, at=at).status_code == status


def test_whatever_is_changed_on_the_way_is_refused(systems: Systems) -> None:
    order, body = systems.handing.desk.open(), b"a,b\n1,2\n"
    path, headers = systems.receiver.result(order.number, "data.csv", body)
    forged = [
        ({**headers, name: value}, body) for name in headers for value in ("", "0", headers[name].swapcase() + "0")
    ]
    forged += [({key: value for key, value in headers.items() if key != name}, body) for name in headers]
    forged += [(headers, body + b" "), (headers, b"")]
    for wrong, sent in forged:
        assert systems.browser.post(path, content=sent, headers=wrong).status_code == 401
    twice = [*headers.items(), ("X-Clausebot-Name", "other.csv")]
    assert systems.browser.post(path, content=body, headers=twice).status_code == 401
    other = systems.handing.desk.open(person=systems.handing.desk.bob, account_id="K-2")
    elsewhere = path.replace(order.number, other.number)
    assert systems.browser.post(elsewhere, content=body, headers=headers).status_code == 401
    assert systems.files(order) == systems.files(other) == []
    assert systems.browser.post(path, content=body, headers=headers).status_code == 201


def test_an_unsigned_body_is_never_read(systems: Systems) -> None:
    order, read = systems.handing.desk.open(), list[int]()

    def endless():
        for number in range(3):
            read.append(number)
            yield b"x" * 1_000

    answer = systems.browser.post(f"/api/orders/{order.number}/result", content=endless())
    assert answer.status_code == 401
    assert answer.headers.get("x-clausebot-signature") is None


def test_an_order_takes_files_only_before_anybody_signs_for_it(systems: Systems) -> None:
    handing = systems.handing
    order = taken(handing)
    with handing.desk.orders() as orders:
        order = orders.propose(order, ANN)
    assert systems.send(order.number).json() == {"error": "decided"}
    with handing.desk.orders() as orders:
        order = orders.approve(order, BEN)
        orders.deliver(order, staff(BEN))
    assert systems.send(order.number).json() == {"error": "state"}
    deletion = handing.desk.open(Right.DELETION)
    assert systems.send(deletion.number).json() == {"error": "state"}
    waiting = handing.desk.open(
        Right.ACCESS, handing.desk.bob, level=Level.CHANNEL, account_id=None, code_proven_at=None
    )
    for number in (waiting.number, "KP-0000-0000", "x"):
        assert systems.send(number).status_code == 404
    assert systems.files(order) == systems.files(deletion) == systems.files(waiting) == []


@pytest.mark.parametrize(
    "body", [b"MZ\x90\x00", b"<html><script>1</script>", b"\x7fELF\x02\x01\x01\0", b"", b"PK\x03\x04broken"]
)
def test_only_known_kinds_are_taken(systems: Systems, body: bytes) -> None:
    order = systems.handing.desk.open()
    assert systems.send(order.number, body=body).status_code == 415
    assert systems.files(order) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\x.csv", "a\nb.csv", "\0", "x" * 120, "<b>.csv", "名.csv"])
def test_a_hostile_name_becomes_a_plain_one(systems: Systems, name: str) -> None:
    order = systems.handing.desk.open()
    assert systems.send(order.number, name).status_code == 201
    [kept] = systems.files(order)
    assert not set(kept) & set("/\\\0\n")


def test_a_file_that_is_too_big_is_cut_off(handing: Handing) -> None:
    from starlette.applications import Starlette

    systems = Systems(handing)
    systems.browser = TestClient(
        Starlette(routes=ResultApi(SECRET, handing.database, handing.requests, handing.clock).routes)
    )
    order = handing.desk.open()
    assert systems.send(order.number, body=b"x" * (FILE_MOST + 1)).json() == {"error": "too_big"}
    assert systems.send(order.number, body=b"x" * FILE_MOST).status_code == 201
