"""Whole turns: from an update on the webhook to the message at the edge of the Bot API, with the real core and a database."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.core.assistant import Assistant
from bot.core.delivery import Sender
from bot.core.errors import DeliveryError
from bot.core.message import Address, InboundMessage, Reply
from bot.inbox import Inbox
from bot.logs import set_up
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from tests.bot.channels.telegram_api import ALICE, BOB, SECRET, TOKEN, Planned, Stage, stage
from tests.conftest import Clock

QUESTION = "How long do you keep my data?"


@asynccontextmanager
async def whole(
    database: Database,
    assistant: Assistant,
    policy: PolicyVersion,
    wording: Wording,
    recogniser: Recogniser,
    clock: Clock,
) -> AsyncIterator[Stage]:
    """The channel on the real inbox, with whatever goes wrong in the database's quarantine."""
    inboxes: list[Inbox] = []

    async def door(message: InboundMessage) -> Sequence[Reply]:
        return await inboxes[0].put(message)

    def quarantine(key: str, body: bytes, error: str, user: str | None) -> None:
        with database.work() as work:
            work.quarantine.put(key, "telegram", body, error, clock(), user)

    # No pump runs here, so the pace is one that keeps nothing back.
    async with stage(policy, wording, recogniser, clock, web_door=door, live_per_second=1000.0) as on:
        on.telegram._incoming._quarantine = quarantine
        inboxes.append(Inbox(assistant, {"telegram": Sender(database, on.telegram, clock)}, in_place=frozenset()))
        yield on
        inboxes[0].close()


@pytest.fixture
async def on(
    sqlite_database: Database, policy: PolicyVersion, recogniser: Recogniser, wording: Wording, clock: Clock
) -> AsyncIterator[Stage]:
    assistant = Assistant(sqlite_database, policy, recogniser, wording, clock)
    async with whole(sqlite_database, assistant, policy, wording, recogniser, clock) as on:
        yield on


def buttons(call: dict[str, dict[str, list[list[dict[str, str]]]]]) -> dict[str, str]:
    """Label -> callback data of a message that was sent."""
    return {b["text"]: b["callback_data"] for row in call["reply_markup"]["inline_keyboard"] for b in row}


async def test_a_question_is_answered_with_its_clause(on: Stage, policy: PolicyVersion):
    await on.post(on.said(QUESTION))
    (call,) = await on.api.until("sendMessage")
    assert policy.clauses["privacy.7.2"].plain["en"] in call["text"]
    assert "— Privacy Policy 7.2, version 15 December 2023  [" in call["text"]
    assert any(data.startswith("rate:up:") for data in buttons(call).values())


async def test_a_button_of_an_answer_works_and_a_forged_one_does_not(on: Stage):
    await on.post(on.said(QUESTION))
    (call,) = await on.api.until("sendMessage")
    rate = next(data for data in buttons(call).values() if data.startswith("rate:up:"))
    await on.post(on.pressed(rate, BOB))
    await on.post(on.pressed(rate.partition("~")[0]))
    assert len(on.api.of("sendMessage")) == 1
    await on.post(on.pressed(rate))
    assert len(await on.api.until("sendMessage", 2)) == 2


async def test_an_update_that_comes_again_has_one_effect(on: Stage):
    update = on.said(QUESTION)
    for answer in await asyncio.gather(*(on.post(update) for _ in range(4))):
        assert answer.status_code == 200
    await on.post(update)
    assert len(on.api.of("sendMessage")) == 1


async def test_ids_are_remembered_as_a_set(on: Stage):
    for number in (900_000, 5, 900_001, 4, 5):
        on.clock.turn(seconds=30)
        await on.post(on.said("/help") | {"update_id": number})
    assert len(on.api.of("sendMessage")) == 4


async def test_a_deep_link_shows_its_clause(on: Stage, policy: PolicyVersion):
    await on.post(on.said("/start clause_privacy-7-4"))
    (call,) = await on.api.until("sendMessage")
    assert policy.clauses["privacy.7.4"].plain["en"] in call["text"]


async def test_the_first_language_is_that_of_the_persons_telegram(on: Stage):
    await on.post(on.said("/help", ALICE, "zh-hans"))
    await on.post(on.said("/help", BOB, "zh-hant"))
    simplified, traditional = (call["text"] for call in await on.api.until("sendMessage", 2))
    assert "没写的" in simplified
    assert "沒寫的" in traditional


async def test_a_dialogue_is_led_by_buttons_to_its_end(on: Stage, sqlite_database: Database):
    await on.post(on.said("hello there"))
    on.clock.turn(seconds=30)
    await on.post(on.said("/forget"))
    yes = next(data for data in buttons(on.api.of("sendMessage")[-1]).values() if ":yes~" in data)
    on.clock.turn(seconds=30)
    await on.post(on.pressed(yes))
    with sqlite_database.read() as work:
        assert work.people.at("telegram", str(ALICE)) is None, "forgotten"
    await on.post(on.pressed(yes))
    assert not on.held


async def test_somebody_who_blocked_the_bot_is_unreachable_until_they_come_back(on: Stage, sqlite_database: Database):
    def reachable() -> bool:
        with sqlite_database.read() as work:
            known = work.people.at("telegram", str(ALICE))
            assert known is not None
            return known.reachable

    await on.post(on.said("/help"))
    await on.post(on.member("member", "kicked"))
    assert not reachable()
    before = len(on.api.of("sendMessage"))
    await on.post(on.member("kicked", "member"))
    await on.post(on.said("/start"))
    assert reachable()
    assert len(on.api.of("sendMessage")) == before + 1, "one greeting"


async def test_a_message_that_telegram_puts_off_is_not_lost(on: Stage, sqlite_database: Database):
    on.api.plan("sendMessage", Planned(429, {"ok": False, "parameters": {"retry_after": 30}}))
    assert (await on.post(on.said(QUESTION))).status_code == 200
    with sqlite_database.read() as work:
        assert work.deliveries.pending("telegram") == 1


async def test_garbage_lies_sealed_in_quarantine(on: Stage, sqlite_database: Database):
    for _ in range(3):
        await on.post(b'{"update_id": 1, "message": "canary"}')
    with sqlite_database.read() as work:
        assert work.quarantine.count() == 1


async def test_who_is_forgotten_leaves_no_garbage_behind(on: Stage, sqlite_database: Database):
    for person in (ALICE, BOB):
        await on.post(b'{"update_id": 1, "message": {"from": {"id": %d}, "text": ' % person)
    await on.post(b'{"update_id": 1, "message": {"from": {"id": 990000042, "is_bot": true}, "text": ')
    with sqlite_database.read() as work:
        assert work.quarantine.count() == 3
    await on.post(on.said("/forget"))
    await on.post(on.said("yes"))
    with sqlite_database.read() as work:
        assert work.people.at("telegram", str(ALICE)) is None
        assert work.quarantine.count() == 2


async def test_no_log_holds_a_word_an_address_a_token_or_a_secret(on: Stage, monkeypatch: pytest.MonkeyPatch):
    logged = io.StringIO()
    monkeypatch.setattr("sys.stderr", logged)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up("json", "debug")
    try:
        await on.post(on.said("canary-words 13900000000 canary@example.com", 77_331_177))
        await on.post(b'{"update_id": 1, "message": "canary-words"}')
        await on.post(on.said("canary-words"), "canary-secret")
        for answer in (
            Planned(403, {"ok": False, "description": "Forbidden: canary-words"}),
            Planned(400, {"ok": False, "description": "Bad Request: canary-words"}),
            Planned(500, b"canary-words"),
            Planned(200, b"canary-words"),
            Planned(cut=True),
            Planned(401, {"ok": False, "description": "Unauthorized"}),
        ):
            on.api.plan("sendMessage", answer)
            with pytest.raises(DeliveryError):
                await on.telegram.send(Address("telegram", "77331177"), Reply("canary-words"))
        on.api.plan("getMe", Planned(cut=True))
        await on.post(on.update(message=on.said("/start")["message"] | {"chat": {"id": -77331177, "type": "group"}}))
        await on.post(on.pressed("canary-words"))
        await on.telegram._incoming.rest(5.0)
    finally:
        root.handlers[:], root.level = handlers, level
    lines = logged.getvalue()
    assert "telegram doesn't know the token" in lines, "the log was looked at"
    for canary in ("canary", "77331177", "13900000000", TOKEN, TOKEN.partition(":")[2], SECRET, "Canary-Name"):
        assert canary not in lines


async def test_a_group_is_never_kept(on: Stage, sqlite_database: Database):
    group = on.said("/start")["message"] | {"chat": {"id": -123, "type": "group", "title": "G"}}
    await on.post(on.update(message=group))
    await on.telegram._incoming.rest(5.0)
    with sqlite_database.read() as work:
        assert work.people.at("telegram", "-123") is None
        assert work.people.at("telegram", str(ALICE)) is None
    assert not on.telegram.limits.is_group(Address("telegram", str(ALICE)))
    assert on.telegram.limits.is_group(Address("telegram", "-123"))
