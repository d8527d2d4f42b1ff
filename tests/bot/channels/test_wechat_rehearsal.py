"""The channel against the rehearsal's stand-in of WeChat, over real connections and with the real core and pump."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from bot.channels.wechat import WeChat, WeChatSettings
from bot.core.assistant import Along, Assistant, Taken
from bot.core.clock import system_clock
from bot.core.delivery import Sender
from bot.core.message import InboundMessage, Reply
from bot.inbox import Inbox
from bot.rehearsal.people import person
from bot.rehearsal.serving import served
from bot.rehearsal.wechat import WeChatStandIn
from bot.rehearsal.wechat.pushes import Push
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.errors import Busy

BO = person(1)
QUESTION = "你们会保存我的信息多久？"
WITHIN = 4.5
"""Seconds: nothing is answered later."""


class Held(Assistant):
    """Takes `pauses` seconds before each turn, and then fails as often as `failures` says."""

    pauses: tuple[float, ...] = ()
    failures = 0

    def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
        pause, *rest = self.pauses or (0.0,)
        self.pauses = tuple(rest)
        time.sleep(pause)
        if self.failures:
            self.failures -= 1
            raise Busy("the database is busy")
        return super().take(message, along)


@dataclass
class Set:
    """Everything that runs: people at `stand_in.hands`, the bot behind it."""

    stand_in: WeChatStandIn
    sender: Sender
    assistant: Held
    database: Database

    def lines(self, via: str = "") -> list[str]:
        """What the bot, or WeChat itself, showed in Bo's chat, oldest first."""
        lines = self.stand_in.followers.all[BO.openid].lines
        return [
            str(line["text"])
            for line in lines
            if line["from"] != "person" and line.get("via", "") in (via or line.get("via", ""))
        ]

    def says(self, words: str) -> Push:
        return self.stand_in.hands.say(BO, words)

    async def until(self, is_so: Callable[[], object], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110  the stand-in is looked at as its page looks at it
                await asyncio.sleep(0.01)

    def states(self) -> list[tuple[str, str | None, bool]]:
        with self.database.read() as work:
            rows = work.connection.execute(text("SELECT state, reason, maybe_repeat FROM delivery ORDER BY id"))
            return [(state, reason, bool(again)) for state, reason, again in rows]

    async def queue(self, lane: str, *texts: str) -> None:
        """Queues messages to Bo and waits until they have ended, one way or the other."""
        with self.database.work() as work:
            known = work.people.at("wechat", BO.openid)
            assert known is not None
            bodies = [json.dumps(Reply(text).as_data()).encode() for text in texts]
            work.deliveries.add(known, f"{lane}:1", bodies, system_clock(), lane=lane)
        self.sender.wake()
        await self.until(lambda: all(state in ("sent", "unreachable") for state, _, _ in self.states()))


@asynccontextmanager
async def together(
    database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser, hurry: float = 1.0
) -> AsyncIterator[Set]:
    """`hurry` divides WeChat's five seconds, and the bot's own limits with them."""
    stand_in = WeChatStandIn(hurry=hurry)
    stand_in.followers.meet(BO)
    account, inboxes = stand_in.account, list[Inbox]()

    async def door(message: InboundMessage, *how: Any) -> Any:
        return await inboxes[0].put_passive(message, *how)

    async def unused(message: InboundMessage) -> Sequence[Reply]:
        raise AssertionError("WeChat answers through its own door")

    async with served(stand_in.app) as api_url:
        web = Starlette()
        async with served(web) as own_url:
            settings = WeChatSettings(
                account.app_id, account.app_secret, account.token, account.aes_key, api_url=api_url
            )
            wechat = WeChat(
                settings,
                database,
                system_clock,
                door,
                answer_within=timedelta(seconds=4.5 / hurry),
                given_up_after=timedelta(seconds=6 / hurry),
            )
            web.router.routes.extend(wechat.routes(unused))
            assistant = Held(database, policy, recogniser, wording, system_clock)
            sender = Sender(database, wechat, system_clock)
            inboxes.append(Inbox(assistant, {"wechat": sender}, in_place=frozenset()))
            stand_in.point_webhook(f"{own_url}/wechat")
            pump = asyncio.create_task(sender.run())
            yield Set(stand_in, sender, assistant, database)
            await stand_in.close()
            await sender.stop()
            await pump
            inboxes[0].close()
            await wechat.close()


@pytest.fixture
async def on(database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser) -> AsyncIterator[Set]:
    async with together(database, policy, wording, recogniser) as on:
        yield on


@pytest.fixture
async def quick(
    sqlite_database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser
) -> AsyncIterator[Set]:
    """WeChat's five seconds are one here."""
    async with together(sqlite_database, policy, wording, recogniser, hurry=5) as on:
        yield on


@contextmanager
def stalled(database: Database, seconds: float) -> Iterator[None]:
    """Somebody else writes for so long, from the beginning of the block on."""
    begun = Event()

    def stall() -> None:
        with database.work() as work:
            if database.facts.kind == "postgresql":
                work.connection.execute(text("LOCK TABLE wechat_nonce, wechat_window, person, turn IN EXCLUSIVE MODE"))
            begun.set()
            time.sleep(seconds)

    thread = Thread(target=stall)
    thread.start()
    assert begun.wait(5)
    yield
    thread.join()


async def test_the_last_message_of_a_window_is_left_to_what_the_company_owes(on: Set) -> None:
    await on.says(QUESTION).done.wait()
    await on.until(lambda: on.states() == [("sent", "passive", False)])
    await on.queue("interactive", *(f"answer {number}" for number in range(5)))
    assert on.lines("custom") == [f"answer {number}" for number in range(4)]
    await on.queue("order", "your order is done", "and another one")
    assert on.lines("custom")[4:] == ["your order is done"]
    assert on.states()[5:] == [
        ("unreachable", "quota_used", False),
        ("sent", None, False),
        ("unreachable", "quota_used", False),
    ]
    assert len(on.stand_in.control.journal.calls(name="custom/send")) == 5, "WeChat never had to refuse one"


async def test_further_replies_come_after_the_answer_to_the_push(on: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.channels.wechat.adapter.how_many_fit", lambda replies: 1)
    on.says("/forget")
    await on.until(lambda: len(on.lines()) == 2)
    assert [line["via"] for line in on.stand_in.followers.all[BO.openid].lines if line["from"] == "bot"] == [
        "passive",
        "custom",
    ]
    await on.until(lambda: on.states() == [("sent", "passive", False), ("sent", None, False)])


async def test_a_database_stalled_for_two_seconds_costs_nobody_an_answer(on: Set) -> None:
    began = time.monotonic()
    with stalled(on.database, 2.0):
        pushes = [on.says(QUESTION), *(on.stand_in.hands.follow(person(n)) for n in range(3, 13))]
        await asyncio.gather(*(push.done.wait() for push in pushes))
        assert 1.9 < time.monotonic() - began < WITHIN
    assert [(push.state, push.tries) for push in pushes] == [("replied", ["200"])] * len(pushes)
    assert len(on.lines()) == 1


async def test_a_database_stalled_for_seven_seconds_makes_the_push_come_again(
    sqlite_database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser
) -> None:
    async with together(sqlite_database, policy, wording, recogniser) as on:
        with stalled(sqlite_database, 7.0):
            push = on.says(QUESTION)
            await push.done.wait()
        assert push.tries == ["0", "200"], "no answer to the first, not even success"
        assert push.state == "replied"
        await on.until(lambda: on.states() == [("sent", "passive", False)])
        assert len(on.lines()) == 1


async def test_a_turn_committed_late_is_sent_by_message_and_its_next_push_acknowledged(quick: Set) -> None:
    quick.assistant.pauses = (1.3,)
    push = quick.says(QUESTION)
    await push.done.wait()
    assert (push.tries, push.state) == (["0", "200"], "acknowledged")
    await quick.until(lambda: quick.states() == [("sent", None, False)])
    assert len(quick.lines("custom")) == len(quick.lines()) == 1


async def test_a_turn_that_fails_late_is_taken_by_the_next_push(quick: Set) -> None:
    quick.assistant.pauses, quick.assistant.failures = (1.2,), 1
    push = quick.says(QUESTION)
    await push.done.wait()
    assert (push.tries, push.state) == (["0", "200"], "replied")
    assert quick.lines() == quick.lines("passive")
    assert len(quick.lines()) == 1


async def test_a_turn_not_begun_in_time_is_left_to_the_next_push(quick: Set) -> None:
    """The person's first message takes long; the second waits for it, and is not begun for a push that is given up."""
    quick.assistant.pauses = (1.5,)
    first = quick.says("/help")
    await asyncio.sleep(0.05)
    second = quick.says(QUESTION)
    await asyncio.gather(first.done.wait(), second.done.wait())
    assert (first.state, second.state) == ("acknowledged", "replied")
    assert second.tries == ["0", "200"]
    await quick.until(lambda: len(quick.states()) == len(quick.lines()) == 2)


async def test_a_retry_whose_answer_is_still_being_written_waits_for_it(quick: Set) -> None:
    """The answer got lost and nobody has noted yet that it went back: success would make WeChat forget it."""
    noted = quick.sender.mark_passive

    async def slowly(taken: Taken) -> None:
        await asyncio.sleep(0.4)
        await noted(taken)

    quick.sender.mark_passive = slowly  # type: ignore[method-assign]
    push = quick.says(QUESTION)
    await push.done.wait()
    again = quick.stand_in.pushes.send_xml(BO.openid, push.xml)
    await again.done.wait()
    assert [push.state, again.state] == ["replied", "replied"]
    assert push.reply is not None
    assert again.reply is not None
    assert again.reply["Content"] == push.reply["Content"]


async def test_who_is_forgotten_leaves_no_garbage_behind(quick: Set) -> None:
    garbage = [
        f"<xml><FromUserName><![CDATA[{BO.openid}]]></FromUserName><MsgType>text",
        f"<xml><FromUserName><![CDATA[{person(3).openid}]]></FromUserName><MsgType>text",
        "<xml>of nobody",
    ]
    for xml in garbage:
        push = quick.stand_in.hands.xml(BO, xml)
        await push.done.wait()
        assert push.state == "acknowledged"
    await quick.says("/forget").done.wait()
    await quick.says("1").done.wait()
    with quick.database.read() as work:
        assert work.people.at("wechat", BO.openid) is None
        assert work.quarantine.count() == 2
