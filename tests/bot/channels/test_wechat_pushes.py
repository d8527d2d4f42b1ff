"""Pushes through the channel: answered in time, refused, kept in quarantine, or left to come again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from starlette.applications import Starlette

from bot.channels.wechat import WeChat
from bot.core.assistant import Along
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.message import Address, Choice, InboundMessage, Reply
from storage.engine import Database
from storage.errors import Busy
from tests.bot.channels.test_wechat_codec import HOSTILE
from tests.bot.channels.wechat_edge import (
    ACCOUNT,
    OLD_KEY,
    SECRET,
    TOKEN,
    USER,
    Edge,
    FakeApi,
    Raw,
    answer,
    encrypt,
    envelope,
    running,
    settings,
    signature,
    sizes,
    xml,
)
from tests.conftest import Clock


@dataclass
class Given:
    """What a scripted door gives back."""

    replies: Sequence[Reply]
    is_repeat: bool = False
    confirmed: int = 0

    async def confirm(self) -> None:
        self.confirmed += 1


@dataclass
class Scripted:
    """Answers every message with `replies`, or after `pause` with nothing; `heard` is what came."""

    database: Database
    clock: Clock
    replies: tuple[Reply, ...] = (Reply("六个月。", language="zh"),)
    pause: float = 0.0
    fails: bool = False
    heard: list[InboundMessage] = field(default_factory=list)
    given: dict[str, Given] = field(default_factory=dict)

    async def __call__(
        self, message: InboundMessage, within: timedelta, together: Callable[[Sequence[Reply]], int], along: Along
    ) -> Given | None:
        with self.database.work() as work:
            along(work, self.clock())
        self.heard.append(message)
        if self.fails:
            raise Busy("try again")
        await asyncio.sleep(min(self.pause, within.total_seconds()))
        if self.pause > within.total_seconds():
            raise TimeoutError
        if not self.replies:
            return None
        if before := self.given.get(message.key):
            before.is_repeat = True
            return before
        self.given[message.key] = Given(self.replies[: together(self.replies)])
        return self.given[message.key]


@pytest.fixture
def door(database: Database, clock: Clock) -> Scripted:
    return Scripted(database, clock)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with running(FakeApi()) as api:
        yield api


@pytest.fixture
async def channel(api: FakeApi, database: Database, clock: Clock, door: Scripted) -> AsyncIterator[WeChat]:
    channel = WeChat(
        settings(api_url=api.url, aes_key_old=OLD_KEY),
        database,
        clock,
        door,
        answer_within=timedelta(seconds=1.2),
        given_up_after=timedelta(seconds=1.4),
    )
    yield channel
    await channel.close()


@pytest.fixture
def edge(channel: WeChat, clock: Clock) -> Edge:
    return mounted(channel, clock)


def mounted(channel: WeChat, clock: Clock) -> Edge:
    async def unused(message: InboundMessage) -> Sequence[Reply]:
        raise AssertionError("WeChat answers through its own door")

    return Edge(Starlette(routes=list(channel.routes(unused))), clock)


def count(database: Database, what: str) -> int:
    with database.read() as work:
        return int(work.connection.execute(text(f"SELECT count(*) FROM {what}")).scalar_one())


async def test_the_address_is_verified(edge: Edge) -> None:
    async with AsyncClient(transport=ASGITransport(edge.app), base_url="https://bot.example") as client:
        right = await client.get("/wechat", params=edge.query(echostr="4375120948345356249"))
        wrong = await client.get("/wechat", params=edge.query(echostr="4375120948345356249") | {"signature": "0" * 40})
        script = await client.get("/wechat", params=edge.query(echostr="<script>"))
        nothing = await client.get("/wechat")
    assert (right.status_code, right.text) == (200, "4375120948345356249")
    assert right.headers["content-type"].startswith("text/plain")
    assert [wrong.status_code, script.status_code, nothing.status_code] == [403] * 3


async def test_a_question_is_answered_in_the_push_itself(edge: Edge, door: Scripted, api: FakeApi) -> None:
    said = answer(await edge.say("你们会保存多久？", number=42))
    assert (said["Content"], said["MsgType"]) == ("六个月。", "text")
    assert (said["ToUserName"], said["FromUserName"]) == (USER, ACCOUNT)
    assert door.heard[0].text == "你们会保存多久？"
    assert door.given["wechat:42"].confirmed == 1
    assert api.calls == []


async def test_a_push_with_the_key_before_is_answered_with_it(edge: Edge) -> None:
    response = await edge.push(xml(Content="x", MsgId="1"), key=OLD_KEY)
    assert answer(response, OLD_KEY)["Content"] == "六个月。"


async def test_a_retry_gets_the_same_reply(edge: Edge, door: Scripted) -> None:
    first, again = await edge.say("x", number=7, nonce="1"), await edge.say("x", number=7, nonce="2")
    assert answer(first)["Content"] == answer(again)["Content"]
    assert door.heard[0].key == door.heard[1].key


async def test_the_same_request_again_is_a_retry_and_another_body_a_forgery(edge: Edge, door: Scripted) -> None:
    encrypted = encrypt(xml(Content="x", MsgId="1"))
    query = edge.query(encrypted=encrypted, nonce="77")
    assert (await edge.post(query, envelope(encrypted))).status_code == 200
    assert (await edge.post(query, envelope(encrypted))).status_code == 200
    assert (await edge.say("something else", nonce="77")).status_code == 403
    assert len(door.heard) == 2


async def test_several_replies_go_back_as_one_text(edge: Edge, door: Scripted, api: FakeApi) -> None:
    door.replies = (Reply("一", language="zh"), Reply("二", (Choice("菜单", "menu"),), language="zh"))
    assert answer(await edge.say("x"))["Content"] == "一\n\n二\n\n回复数字选择：\n1. 菜单"
    assert api.texts() == []


async def test_a_long_reply_begins_in_the_push_and_goes_on_by_message(edge: Edge, door: Scripted, api: FakeApi) -> None:
    door.replies = (Reply("字" * 1500, language="zh"),)
    first = answer(await edge.say("x", number=9))["Content"]
    assert first + "".join(api.texts()) == "字" * 1500
    assert max(sizes([first, *api.texts()])) <= 2000
    assert door.given["wechat:9"].confirmed == 1
    await edge.say("x", number=9)
    assert len(api.texts()) == 2, "a retry doesn't send the rest again"


async def test_a_long_reply_that_breaks_off_is_not_confirmed(edge: Edge, door: Scripted, api: FakeApi) -> None:
    door.replies = (Reply("字" * 1500, language="zh"),)
    api.script += [{"errcode": 0}, {"errcode": -1}]
    await edge.say("x", number=9)
    assert door.given["wechat:9"].confirmed == 0


async def test_what_is_not_committed_in_time_is_left_to_come_again(edge: Edge, door: Scripted) -> None:
    door.pause = 10
    began = time.monotonic()
    response = await edge.say("x")
    assert response.status_code == 503
    assert time.monotonic() - began >= 1.3, "WeChat has ended the connection by then"


async def test_nothing_to_say_is_acknowledged(edge: Edge, door: Scripted) -> None:
    door.replies = ()
    assert (await edge.say("x")).text == "success"


@contextmanager
def stalled(database: Database, seconds: float) -> Iterator[None]:
    """Somebody else writes for so long."""
    with database.work() as work:
        if database.facts.kind == "postgresql":
            work.connection.execute(text("LOCK TABLE wechat_nonce, wechat_window IN EXCLUSIVE MODE"))
        yield
        time.sleep(seconds)


async def test_a_stalled_database_delays_the_answer_and_no_more(edge: Edge, database: Database) -> None:
    loop = asyncio.get_running_loop()
    held = asyncio.Event()

    def stall() -> None:
        with stalled(database, 0.6):
            loop.call_soon_threadsafe(held.set)

    stalling = asyncio.create_task(asyncio.to_thread(stall))
    await held.wait()
    assert answer(await edge.say("x"))["Content"] == "六个月。"
    await stalling


async def test_a_push_that_nobody_could_keep_is_left_to_come_again(edge: Edge, door: Scripted) -> None:
    door.fails = True
    began = time.monotonic()
    response = await edge.say("x", number=3)
    assert response.status_code == 503
    assert time.monotonic() - began >= 1.3, "WeChat has ended the connection by then"
    door.fails = False
    assert answer(await edge.say("x", number=3))["Content"] == "六个月。"


@pytest.mark.parametrize(
    "body", [*HOSTILE.values(), b"\xff\xfe", xml(FromUserName="a b", Content="x")], ids=[*HOSTILE, "utf8", "name"]
)
async def test_signed_garbage_goes_to_quarantine(
    edge: Edge, database: Database, door: Scripted, body: str | bytes
) -> None:
    for _ in range(2):
        response = await edge.push(body[:40_000])  # Encrypted the rest would be beyond the cap.
        assert (response.status_code, response.text) == (200, "success")
    assert door.heard == []
    assert 1 <= count(database, "quarantine") <= 2


async def test_quarantine_keeps_the_body_sealed(edge: Edge, database: Database) -> None:
    await edge.push('{"Content": "words-canary"}')
    with database.read() as work:
        [row] = work.connection.execute(text("SELECT key, body, error FROM quarantine")).all()
        held = work.quarantine.get(row.key)
    assert held is not None
    assert held.body == b'{"Content": "words-canary"}'
    assert b"words-canary" not in bytes(row.body)
    assert "words" not in row.error


@pytest.mark.parametrize("body", [*HOSTILE.values(), b"\xff", b"\x1f\x8b\x08"], ids=repr)
async def test_unsigned_bodies_are_refused_and_kept_nowhere(edge: Edge, database: Database, body: str | bytes) -> None:
    raw = body.encode() if isinstance(body, str) else body
    wanted = 403 if len(raw) <= 64 * 1024 else 413
    began = time.perf_counter()
    assert (await edge.post(edge.query(encrypted="x"), raw)).status_code == wanted
    assert (await edge.post({}, raw)).status_code == wanted
    assert time.perf_counter() - began < 0.5
    assert count(database, "quarantine") == count(database, "wechat_nonce") == 0


async def test_ten_megabytes_are_not_read(edge: Edge) -> None:
    assert (await edge.post(edge.query(encrypted="x"), b"x" * 10_000_000)).status_code == 413


async def test_plain_pushes_are_refused_though_signed(edge: Edge, door: Scripted) -> None:
    assert (await edge.post(edge.query(), xml(Content="x", MsgId="1"))).status_code == 403
    assert door.heard == []


async def test_plain_mode_answers_plainly_and_refuses_a_second_body(
    api: FakeApi, database: Database, clock: Clock, door: Scripted
) -> None:
    channel = WeChat(settings(api_url=api.url, plain_mode=True), database, clock, door)
    edge = mounted(channel, clock)
    query = edge.query(nonce="5")
    response = await edge.post(query, xml(Content="x", MsgId="1"))
    assert "<Content><![CDATA[六个月。]]></Content>" in response.text
    assert (await edge.post(query, xml(Content="forged", MsgId="2"))).status_code == 403


async def test_a_text_cannot_write_elements_into_the_answer(edge: Edge, door: Scripted) -> None:
    evil = "x]]></Content><MsgType><![CDATA[image]]></MsgType><Content><![CDATA["
    door.replies = (Reply(evil),)
    said = answer(await edge.say("x"))
    assert (said["Content"], said["MsgType"]) == (evil, "text")


async def test_a_fault_nobody_thought_of_is_left_to_come_again_too(edge: Edge, database: Database) -> None:
    with database.work() as work:
        work.connection.execute(text("ALTER TABLE wechat_nonce RENAME TO wechat_nonce_gone"))
    assert (await edge.say("x")).status_code == 503
    with database.work() as work:
        work.connection.execute(text("ALTER TABLE wechat_nonce_gone RENAME TO wechat_nonce"))
    assert answer(await edge.say("x"))["Content"] == "六个月。"


# ---- windows and quotas


async def sent(channel: WeChat, lane: str = "interactive", words: str = "later") -> str:
    try:
        await channel.send(Address("wechat", USER), Reply(words), lane)
    except (Unreachable, Refused) as failure:
        return failure.reason
    except TryLater as failure:
        return "unsure" if failure.unsure else "later"
    return "yes"


async def test_a_message_gives_four_answers_and_one_that_matters(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    assert await sent(channel) == "window_closed"
    await edge.say("x")
    assert [await sent(channel) for _ in range(6)] == ["yes"] * 4 + ["quota_used"] * 2
    assert [await sent(channel, "order") for _ in range(2)] == ["yes", "quota_used"]
    assert len(api.texts()) == 5


async def test_a_passive_answer_costs_nothing(edge: Edge, channel: WeChat) -> None:
    for _ in range(10):
        answer(await edge.say("x"))
    assert [await sent(channel) for _ in range(4)] == ["yes"] * 4


@pytest.mark.parametrize("name", ["CLICK", "subscribe", "SCAN"])
async def test_an_action_gives_three_messages_for_a_minute(
    edge: Edge, channel: WeChat, clock: Clock, name: str
) -> None:
    await edge.push(xml(MsgType="event", Event=name, EventKey="menu"))
    assert [await sent(channel) for _ in range(4)] == ["yes"] * 3 + ["quota_used"]
    await edge.push(xml(MsgType="event", Event=name, EventKey="menu", CreateTime=1772443999))
    clock.turn(seconds=60)
    assert await sent(channel) == "window_closed"


async def test_who_left_is_written_to_no_more(edge: Edge, channel: WeChat, door: Scripted) -> None:
    await edge.say("x")
    door.replies = ()
    assert (await edge.push(xml(MsgType="event", Event="unsubscribe"))).text == "success"
    assert await sent(channel) == "window_closed"


async def test_what_wechat_counts_otherwise_is_believed(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    await edge.say("x")
    api.script.append({"errcode": 45047, "errmsg": "out of response count limit"})
    assert [await sent(channel), await sent(channel)] == ["quota_used", "quota_used"]
    await edge.say("x")
    api.script.append({"errcode": 45015, "errmsg": "response out of time limit"})
    assert [await sent(channel), await sent(channel)] == ["window_closed", "window_closed"]
    assert len(api.texts()) == 2, "WeChat isn't asked again"


async def test_what_was_certainly_not_sent_costs_nothing(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    await edge.say("x")
    api.script += [{"errcode": -1}] * 6
    assert [await sent(channel) for _ in range(6)] == ["later"] * 6
    assert [await sent(channel) for _ in range(4)] == ["yes"] * 4


async def test_what_may_have_arrived_is_counted(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    async def reset(request: Any) -> Any:
        request.transport.abort()

    await edge.say("x")
    await channel.api.tokens.get()
    api.script.append(reset)
    assert await sent(channel) == "unsure"
    assert [await sent(channel) for _ in range(4)] == ["yes"] * 3 + ["quota_used"]


async def test_a_reply_in_parts_goes_whole_or_not_at_all(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    await edge.say("x")
    assert await sent(channel, words="a" * 5000) == "yes"
    assert sizes(api.texts()) == [2000, 2000, 1000]
    assert await sent(channel, words="a" * 5000) == "quota_used"
    assert len(api.texts()) == 3


async def test_a_reply_that_broke_off_between_parts_may_be_repeated(edge: Edge, channel: WeChat, api: FakeApi) -> None:
    await edge.say("x")
    api.script += [{"errcode": 0}, {"errcode": -1}]
    assert await sent(channel, words="a" * 5000) == "unsure"
    assert [await sent(channel) for _ in range(4)] == ["yes"] * 3 + ["quota_used"]


# ---- notes


async def test_what_wechat_reports_stands_in_the_trail_once(edge: Edge, database: Database) -> None:
    item = Raw("<List><TemplateId>aaa</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>")
    push = xml(MsgType="event", Event="subscribe_msg_popup_event", SubscribeMsgPopupEvent=item)
    for _ in range(3):
        assert (await edge.push(push)).text == "success"
    with database.read() as work:
        assert [entry.detail for entry in work.trail.of_thing("person:unknown")] == ["aaa accept"]


async def test_a_withdrawn_authorisation_is_noted_and_nothing_of_it_stored(
    edge: Edge, database: Database, clock: Clock
) -> None:
    with database.work() as work:
        known = work.people.meet("wechat", USER, clock(), "zh")
    await edge.push(xml(MsgType="event", Event="user_authorization_revoke", OpenID=USER, RevokeInfo="301"))
    with database.read() as work:
        [entry] = work.trail.of_thing(f"person:{known.id}")
    assert (entry.actor, entry.action, entry.detail) == ("wechat", "user_authorization_revoke", "")


async def test_no_log_line_holds_words_names_or_secrets(
    edge: Edge, door: Scripted, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    await edge.say("words-canary")
    await edge.push("<xml>words-canary")
    await edge.post(edge.query(encrypted="x"), "words-canary")
    door.fails = True
    await edge.say("words-canary")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bot")]  # Not the test's client.
    logged = "".join([*capsys.readouterr(), *ours])
    assert "wechat push refused" in logged
    stamp = str(int(edge.clock().timestamp()))
    assert not any(
        secret in logged for secret in ("words-canary", USER, ACCOUNT, SECRET, TOKEN, signature(TOKEN, stamp, "100"))
    )
