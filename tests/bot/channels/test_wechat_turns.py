"""Whole turns: a push in, the real assistant, inbox and outbox, and what reaches the person."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from starlette.applications import Starlette

from bot.channels.wechat import WeChat
from bot.core.assistant import Along, Assistant, Taken
from bot.core.delivery import Sender
from bot.core.message import InboundMessage, Reply
from bot.inbox import Inbox
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from tests.bot.channels.wechat_edge import USER, Edge, FakeApi, Raw, answer, running, settings, xml
from tests.conftest import Clock

QUESTION = "你们会保存我的信息多久？"


@dataclass
class Stage:
    """A whole assistant that WeChat talks to."""

    edge: Edge
    api: FakeApi
    sender: Sender
    database: Database
    clock: Clock
    pause: float = 0.0

    async def says(self, text: str, **more: object) -> str:
        """What comes back in the push itself; "" for nothing."""
        response = await self.edge.say(text, **more)
        return "" if response.text == "success" else answer(response)["Content"]

    async def does(self, name: str, key: str = "", at: int = 1772443800) -> str:
        response = await self.edge.push(xml(MsgType="event", Event=name, EventKey=key, CreateTime=at))
        return "" if response.text == "success" else answer(response)["Content"]

    def states(self) -> list[tuple[str, str | None]]:
        with self.database.read() as work:
            rows = work.connection.exec_driver_sql("SELECT state, reason FROM delivery ORDER BY id")
            return [(row.state, row.reason) for row in rows]


@pytest.fixture
async def stage(
    database: Database, policy: PolicyVersion, recogniser: Recogniser, wording: Wording, clock: Clock
) -> AsyncIterator[Stage]:
    class Slow(Assistant):
        def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
            time.sleep(stage.pause)
            return super().take(message, along)

    inboxes: list[Inbox] = []

    async def door(
        message: InboundMessage, within: timedelta, together: Callable[[Sequence[Reply]], int], along: Along
    ):
        return await inboxes[0].put_passive(message, within, together, along)

    async def unused(message: InboundMessage) -> Sequence[Reply]:
        raise AssertionError("WeChat answers through its own door")

    async with running(FakeApi()) as api:
        channel = WeChat(
            settings(api_url=api.url),
            database,
            clock,
            door,
            answer_within=timedelta(seconds=1.5),
            given_up_after=timedelta(seconds=1.8),
        )
        sender = Sender(database, channel, clock)
        inboxes.append(
            Inbox(Slow(database, policy, recogniser, wording, clock), {"wechat": sender}, in_place=frozenset())
        )
        stage = Stage(Edge(Starlette(routes=list(channel.routes(unused))), clock), api, sender, database, clock)
        yield stage
        inboxes[0].close()
        await channel.close()


async def test_a_follower_is_greeted_and_picks_by_number(stage: Stage) -> None:
    assert (await stage.does("subscribe")).startswith("您好")
    menu = await stage.says("/policy")
    assert "回复数字选择：\n1. " in menu
    second = menu.split("\n2. ")[1].split("\n")[0]
    for number, said in enumerate(("2", "第二个", "二"), 1):
        assert second in await stage.says(said, number=number)
        await stage.says("/policy", number=number + 10)
    assert set(stage.states()) == {("sent", "passive")}
    assert stage.api.calls == []


async def test_two_answers_go_back_as_one_text(stage: Stage) -> None:
    said = await stage.says("How long do you keep my data? Can I block cookies?")
    assert said.count("Receipt: ") == 2
    assert said.count("Reply with a number:") == 1
    assert stage.states() == [("sent", "passive")] * 2
    assert stage.api.calls == []


async def test_a_question_is_answered_with_its_clause_and_receipt(stage: Stage) -> None:
    said = await stage.says("你们会保存我的信息多久？")
    assert "依据：" in said
    assert "（2023年12月15日版）" in said
    assert "回执：" in said


async def test_a_tap_on_the_menu_is_a_choice(stage: Stage) -> None:
    assert "回复数字选择" in await stage.does("CLICK", "menu")
    assert await stage.does("CLICK", "menu", at=1772443801)


async def test_a_code_leads_to_its_clause(stage: Stage) -> None:
    assert "回执：" in await stage.does("SCAN", "clause_privacy.7.2")


async def test_voice_is_read_and_a_picture_politely_declined(stage: Stage) -> None:
    spoken = await stage.edge.push(xml(MsgType="voice", Recognition="你们会保存我的信息多久？", MsgId="1"))
    assert "依据：" in answer(spoken)["Content"]
    seen = await stage.edge.push(xml(MsgType="image", PicUrl="https://x", MediaId="m", MsgId="2"))
    assert "文字" in answer(seen)["Content"]


async def test_a_retry_is_the_same_answer_and_one_turn(stage: Stage) -> None:
    first = await stage.says("你们会保存我的信息多久？", number=5)
    assert await stage.says("你们会保存我的信息多久？", number=5) == first
    assert len(stage.states()) == 1


async def test_what_comes_too_late_is_sent_by_message_and_a_retry_is_only_acknowledged(stage: Stage) -> None:
    stage.pause = 2.0
    assert (await stage.edge.say(QUESTION, number=5)).status_code == 503
    stage.pause = 0.0
    for _ in range(100):
        if stage.api.texts():
            break
        await asyncio.sleep(0.05)
    assert "依据：" in stage.api.texts()[0]
    assert await stage.says(QUESTION, number=5) == ""
    assert len(stage.api.texts()) == 1


async def test_who_leaves_hears_nothing_and_who_comes_back_is_greeted(stage: Stage) -> None:
    await stage.does("subscribe")
    assert await stage.does("unsubscribe") == ""
    assert await stage.does("subscribe", at=1772443999)


async def test_what_found_no_window_is_sent_at_the_next_contact(stage: Stage) -> None:
    await stage.says("你们会保存我的信息多久？")
    with stage.database.work() as work:
        known = work.people.at("wechat", USER)
        assert known is not None
        body = b'{"text": "later", "choices": [], "citations": [], "receipt": "", "language": "zh", "link": null}'
        work.deliveries.add(known, "order:1", [body], stage.clock(), lane="order")
        work.wechat.use_up(work.wechat.person(USER), "window_closed")
    await stage.sender.sweep()
    assert ("unreachable", "window_closed") in stage.states()
    stage.clock.turn(hours=40)
    await stage.says("/help")
    await stage.sender.sweep()
    assert stage.api.texts() == ["later"]


async def test_who_wants_to_be_forgotten_is(stage: Stage) -> None:
    await stage.says("/forget")
    assert await stage.says("1")
    with stage.database.work() as work:
        assert work.people.at("wechat", USER) is None
        work.wechat.forget(stage.clock.turn(minutes=11), stage.clock())
        assert work.wechat.left(work.wechat.person(USER), stage.clock()) == {}


async def test_many_people_at_once_each_get_their_own_answer(stage: Stage) -> None:
    async def one(number: int) -> str:
        push = xml(FromUserName=f"oInvented_{number:04}", Content="你们会保存我的信息多久？", MsgId=str(number))
        said = answer(await stage.edge.push(push))
        assert said["ToUserName"] == f"oInvented_{number:04}"
        return said["Content"].split("回执：")[1].split("\n")[0]

    codes = await asyncio.gather(*(one(number) for number in range(1, 41)))
    assert len(set(codes)) == 40


async def test_a_push_of_many_elements_is_taken_by_nobody(stage: Stage) -> None:
    assert await stage.says(Raw("<a/>" * 70)) == ""
    assert stage.states() == []
