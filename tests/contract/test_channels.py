"""What every channel promises, whichever it is: the same tests over memory, terminal, web, Telegram and WeChat.

A rig is one channel with somebody at its other end: what arrives is read where the platform, the browser or the
terminal would read it, never from the channel itself.
"""

import io
import json
import logging
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lxml import html
from starlette.applications import Starlette
from structlog.testing import capture_logs

from bot.channels.console import Console
from bot.channels.memory import MemoryChannel
from bot.channels.telegram.drawing import PART_MAX
from bot.channels.wechat import WeChat
from bot.channels.wechat.drawing import PARTS_MOST, TEXT_MAX_BYTES
from bot.core.assistant import Along
from bot.core.channel import Channel, Lane, Receipt
from bot.core.errors import DeliveryError, Unreachable
from bot.core.message import Address, Choice, Citation, InboundMessage, Reply
from bot.logs import QUIET
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.library import load_policy
from knowledge.normal import visible
from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.claims import LANES
from tests.bot.channels.telegram_api import ALICE, Planned
from tests.bot.channels.telegram_api import stage as telegram_stage
from tests.bot.channels.wechat_edge import USER, Edge, FakeApi, running
from tests.bot.channels.wechat_edge import settings as wechat_settings
from tests.bot.scripted import Scripted
from tests.conftest import Clock

NAMES = ("memory", "terminal", "web", "telegram", "wechat")
CANARY = "canary words that belong to somebody"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
HOSTILE = {
    "markup": "<script>alert(1)</script> <b>*bold*</b> _x_ [a](http://example.com) &amp; {{7*7}}",
    "link": "<a href='http://example.com/'>free</a> < A href=x> </a>",
    "control": "bell\x07 escape\x1b[2Jclear null\x00 del\x7f csi\x9b31m return\rx",
    "bidi": "pay \u202elatot\u202c \u2066me\u2069 \u200bnow",
    "cdata": "]]> ]]></Content><MsgType>image</MsgType> <![CDATA[ ]]]]>",
    "surrogate": "half \ud83d and \udc00 half",
    "emoji": "family 👨‍👩‍👧 thumbs 👍🏽 e\u0301",
    "json": '"}]} \\u0041 \\n \\" \u2028\u2029',
    "long": "".join(f"{number:04d}规则。" for number in range(1250))[:10_000],
    "unbroken": "😀" * 5_000 + "x" * 5_000,
}


@dataclass
class Rig:
    """A channel and its other end. `texts` are all messages that arrived, as they would be read there."""

    channel: Channel
    address: Address
    texts: Callable[[], Awaitable[list[str]]]
    picked: Callable[[Choice], Awaitable[str]]
    """Picks a choice of what arrived last as a person does; what it comes back as: its value, or its number."""
    expected: Callable[[str], str] = lambda text: text
    """What the channel's rule leaves of a text that is not too long."""
    deliver: Callable[[Reply, Lane], Awaitable[Receipt]] | None = None
    block: Callable[[], None] | None = None
    """Makes the platform refuse this person; None where nobody can be unreachable."""
    heard: list[InboundMessage] = field(default_factory=list)

    async def send(self, reply: Reply, lane: Lane = "interactive") -> list[str]:
        """Sends `reply`; the messages that arrived by it."""
        before = len(await self.texts())
        await (self.deliver or self._send)(reply, lane)
        return (await self.texts())[before:]

    async def _send(self, reply: Reply, lane: Lane) -> Receipt:
        return await self.channel.send(self.address, reply, lane)


def _number_of(label: str, text: str) -> str:
    found = re.search(rf"^ *(\d+)\. {re.escape(label)}$", text, re.MULTILINE)
    assert found, f"{label} has no number"
    return found[1]


@asynccontextmanager
async def _memory() -> AsyncIterator[Rig]:
    channel, address = MemoryChannel(), Address("memory", "1001")

    async def texts() -> list[str]:
        return [
            "\n".join([r.text, *(f"{c.label} {c.version}" for c in r.citations), r.receipt, r.link or ""])
            for r in channel.delivered["1001"]
        ]

    async def picked(choice: Choice) -> str:
        return next(c.value for c in channel.delivered["1001"][-1].choices if c.label == choice.label)

    yield Rig(channel, address, texts, picked, block=lambda: channel.failures.append(Unreachable("blocked")))


@asynccontextmanager
async def _terminal() -> AsyncIterator[Rig]:
    raw = io.BytesIO()
    channel = Console(io.TextIOWrapper(raw, encoding="utf-8", newline="\n"))
    marks: list[int] = [0]

    async def deliver(reply: Reply, lane: Lane) -> Receipt:
        receipt = await channel.send(Address("terminal", "1001"), reply, lane)
        marks.append(len(raw.getvalue()))
        return receipt

    async def texts() -> list[str]:
        everything = raw.getvalue()
        return [everything[a:b].decode() for a, b in pairwise(marks)]

    async def picked(choice: Choice) -> str:
        return _number_of(choice.label, (await texts())[-1])

    def expected(text: str) -> str:
        return CONTROLS.sub("", re.sub("[\u200b-\u200f\u202a-\u202e\u2060-\u2069]", "", text))

    yield Rig(channel, Address("terminal", "1001"), texts, picked, expected, deliver)


@asynccontextmanager
async def _web() -> AsyncIterator[Rig]:
    script = Scripted()
    transport = httpx2.ASGITransport(app=script.web())
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://bot", headers={"Accept": "text/html"}
    ) as browser:
        await browser.post("/chat/messages", data={"text": "hi"})
        address = Address("web", next(iter(script.kept)))
        chat = script.chat()

        async def bubbles() -> list[html.HtmlElement]:
            page = html.document_fromstring((await browser.get("/")).text)
            assert not page.xpath("//*[contains(@class, 'theirs')]//script | //article//@onerror")
            return list(page.xpath("//article[contains(@class, 'theirs')]"))

        async def texts() -> list[str]:
            return [
                "\n".join(
                    [
                        *("".join(block.itertext()) for block in bubble.xpath(".//div[@class='words']")),
                        *bubble.xpath(".//*[@class='receipt']/code/text()"),
                        *(link.text_content() for link in bubble.xpath(".//a[contains(@class, 'source')]")),
                        *bubble.xpath(".//p/a[@class='option']/@href"),
                    ]
                )
                for bubble in await bubbles()
            ]

        async def deliver(reply: Reply, lane: Lane) -> Receipt:
            script.keep(address, reply)
            return await chat.send(address, reply, lane)

        async def picked(choice: Choice) -> str:
            buttons = (await bubbles())[-1].xpath(".//button[@name='choice']")
            button = next(b for b in buttons if choice.label in (b.get("aria-label"), b.text_content().strip()))
            await browser.post("/chat/messages", data={"choice": button.get("value")})
            return str(script.heard[-1].choice)

        yield Rig(chat, address, texts, picked, lambda text: CONTROLS.sub("", visible(text)), deliver)


@asynccontextmanager
async def _telegram(clock: Clock) -> AsyncIterator[Rig]:
    policy = load_policy("kenpai")
    async with telegram_stage(policy, Wording.load(), Recogniser(policy, {}), clock) as stage:

        async def texts() -> list[str]:
            found = [str(call["text"]) for call in stage.api.of("sendMessage")]
            assert all(0 < len(text.encode("utf-16-le")) // 2 <= PART_MAX for text in found)
            assert not any("parse_mode" in call for call in stage.api.of("sendMessage"))
            return found

        async def picked(choice: Choice) -> str:
            markup = stage.api.of("sendMessage")[-1]["reply_markup"]
            rows = (json.loads(markup) if isinstance(markup, str) else markup)["inline_keyboard"]
            data = next(button["callback_data"] for row in rows for button in row if button["text"] == choice.label)
            assert len(data.encode()) <= 64
            assert (await stage.post(stage.pressed(data))).status_code == 200
            return str(stage.door.messages[-1].choice)

        def block() -> None:
            said = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
            stage.api.plan("sendMessage", Planned(403, said))

        def expected(text: str) -> str:
            return re.sub("[\ud800-\udfff]", "?", CONTROLS.sub(lambda c: c[0] if c[0] >= "\ud800" else "", text))

        yield Rig(stage.telegram, Address("telegram", str(ALICE)), texts, picked, expected, block=block)


@asynccontextmanager
async def _wechat(database: Database, clock: Clock) -> AsyncIterator[Rig]:
    async def door(message: InboundMessage, within: timedelta, together: object, along: Along) -> None:
        with database.work() as work:
            along(work, clock())

    async def unused(message: InboundMessage) -> Sequence[Reply]:
        raise AssertionError("WeChat answers through its own door")

    async with running(FakeApi()) as api:
        channel = WeChat(wechat_settings(api_url=api.url), database, clock, door)
        edge = Edge(Starlette(routes=list(channel.routes(unused))), clock)

        async def deliver(reply: Reply, lane: Lane) -> Receipt:
            assert (await edge.say("hello")).text == "success"  # Five messages may be sent now.
            return await channel.send(Address("wechat", USER), reply, lane)

        async def texts() -> list[str]:
            assert all(0 < len(text.encode()) <= TEXT_MAX_BYTES for text in api.texts())
            return api.texts()

        async def picked(choice: Choice) -> str:
            return _number_of(choice.label, (await texts())[-1])

        def block() -> None:
            api.script.append({"errcode": 43004, "errmsg": "require subscribe"})

        def expected(text: str) -> str:
            plain = re.sub("[\t\r]", "", CONTROLS.sub("", text))
            return re.sub(r"<(?=\s*/?\s*a\b)", "＜", plain, flags=re.IGNORECASE)

        yield Rig(channel, Address("wechat", USER), texts, picked, expected, deliver, block)
        await channel.close()


@pytest.fixture
def database_file(tmp_path: Path, sqlite_template: Path) -> Path:
    return shutil.copy(sqlite_template, tmp_path / "one.db")


@pytest.fixture(params=NAMES)
async def rig(
    request: pytest.FixtureRequest, database_file: Path, keyring: Keyring, clock: Clock
) -> AsyncIterator[Rig]:
    match request.param:
        case "memory" | "terminal" | "web":
            async with {"memory": _memory, "terminal": _terminal, "web": _web}[request.param]() as made:
                yield made
        case "telegram":
            async with _telegram(clock) as made:
                yield made
        case _:
            with Database.open(f"sqlite:///{database_file}", keyring) as database:
                async with _wechat(database, clock) as made:
                    yield made


ANSWER = Reply(
    "Kept as long as needed.\nNot longer.",
    (Choice("This helped", "rate:up:K7P2-9QXD"), Choice("When to ask for deletion", "clause:privacy.5.3")),
    (
        Citation("privacy.7.2", "Privacy Policy 7.2", "policy", "15 December 2023"),
        Citation("pipl.47", "PIPL Article 47", "law"),
    ),
    "K7P2-9QXD",
)


async def _ignore(message: InboundMessage) -> Sequence[Reply]:
    return ()


async def test_it_is_a_channel_with_sane_limits(rig: Rig) -> None:
    channel, limits = rig.channel, rig.channel.limits
    assert re.fullmatch(r"[a-z]{3,20}", channel.name)
    assert channel.name == rig.address.channel
    assert limits.text_max >= 1_000
    assert limits.per_second > 0
    assert limits.per_address > 0
    assert limits.address_burst >= 1
    assert set(limits.lanes) <= {"interactive", "order", "broadcast"}
    assert all(pace > 0 for pace in limits.lanes.values())
    assert limits.is_group(rig.address) is False


async def test_its_routes_can_be_mounted(rig: Rig) -> None:
    routes = rig.channel.routes(_ignore)
    paths = [route.path for route in routes]
    assert all(path.startswith("/") for path in paths)
    assert len(Starlette(routes=list(routes)).routes) == len(paths)


async def test_opening_and_closing_twice_harms_nothing(rig: Rig) -> None:
    await rig.channel.open()
    await rig.channel.open()
    assert len(await rig.send(ANSWER)) == 1
    await rig.channel.close()
    await rig.channel.close()
    await rig.channel.open()
    assert len(await rig.send(ANSWER)) == 1, "and it can be opened again"


async def test_words_citations_and_receipt_arrive_in_one_message(rig: Rig) -> None:
    (text,) = await rig.send(ANSWER)
    for what in (*ANSWER.text.split("\n"), "Privacy Policy 7.2", "15 December 2023", "PIPL Article 47", ANSWER.receipt):
        assert what in text
    assert text.count("Privacy Policy 7.2") == 1


async def test_a_link_arrives(rig: Rig) -> None:
    (text,) = await rig.send(Reply("Your copy is ready.", link="https://portal.example.com/copy"))
    assert "https://portal.example.com/copy" in text


async def test_every_choice_can_be_picked_as_it_is_offered(rig: Rig) -> None:
    for number, choice in enumerate(ANSWER.choices, 1):
        await rig.send(ANSWER)
        assert await rig.picked(choice) == (choice.value if rig.channel.limits.buttons else str(number))


async def test_a_receipt_is_given_for_what_was_taken(rig: Rig) -> None:
    deliver = rig.deliver or rig._send
    assert isinstance(await deliver(ANSWER, "interactive"), Receipt)


@pytest.mark.parametrize("lane", LANES)
async def test_a_message_arrives_whatever_it_is_for(rig: Rig, lane: Lane) -> None:
    (text,) = await rig.send(Reply("Your order is done."), lane)
    assert "Your order is done." in text


async def test_answers_leave_room_for_an_order_where_messages_are_counted(rig: Rig) -> None:
    await rig.send(Reply("answer 0"))
    taken = 0
    with suppress(Unreachable):
        while taken < 20:
            await rig.channel.send(rig.address, Reply("answer"))
            taken += 1
    assert taken == 20 or rig.channel.name == "wechat"
    await rig.channel.send(rig.address, Reply("Your order is done."), "order")
    if rig.deliver is None or rig.channel.name == "wechat":
        assert "Your order is done." in (await rig.texts())[-1]


@pytest.mark.parametrize("kind", HOSTILE)
async def test_hostile_text_arrives_intact_or_cut_by_the_rule(rig: Rig, kind: str) -> None:
    hostile = HOSTILE[kind]
    label = re.sub(r"\s", " ", hostile[:30])
    reply = Reply(
        hostile, (Choice(label, "menu"),), (Citation("privacy.7.2", label, "policy", "15 December 2023"),), "K7P2-9QXD"
    )
    texts = await rig.send(reply)
    arrived, wanted = _flat("".join(texts)), _flat(rig.expected(hostile))
    if rig.channel.name == "wechat" and len(texts) == PARTS_MOST:
        begin = arrived[: arrived.rindex("...(thisislong")]
        assert wanted.startswith(begin)
        assert len(begin.encode()) > (PARTS_MOST - 1) * TEXT_MAX_BYTES // 2
    else:
        assert wanted in arrived
        assert "K7P2-9QXD" in arrived
    if rig.channel.name != "memory":
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "".join(texts))


def _flat(text: str) -> str:
    """Without white space, which splitting and drawing may change."""
    return re.sub(r"\s", "", text)


async def test_an_empty_text_breaks_nothing(rig: Rig) -> None:
    assert len(await rig.send(Reply("\x00", (Choice("Browse", "menu"),), receipt="K7P2-9QXD"))) == 1


async def test_who_can_not_be_reached_is_unreachable_and_only_once(rig: Rig) -> None:
    if rig.block is None:
        assert rig.channel.name in ("terminal", "web"), "everybody is always there, or comes back to what is kept"
        await rig.send(ANSWER)
        return
    rig.block()
    with pytest.raises(Unreachable) as failed:
        await rig.send(ANSWER)
    assert re.fullmatch(r"[a-z_]+", failed.value.reason)
    assert len(await rig.send(ANSWER)) >= 1, "the next one is tried"


async def test_nothing_personal_is_in_a_repr_or_a_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    reply = Reply(CANARY, (Choice(CANARY, "menu"),))
    told: list[Any] = []
    for name in (*QUIET, "httpx2"):  # httpx2 is only the other end's, here.
        caplog.set_level(logging.WARNING, name)
    with caplog.at_level(logging.DEBUG), capture_logs() as entries:
        await rig.send(reply)
        if rig.block:
            rig.block()
            with pytest.raises(DeliveryError) as failed:
                await rig.send(reply)
            told += _chain(failed.value)
        told += [rig.channel, rig.address, rig.channel.limits, entries, caplog.text]
    for secret in (CANARY, rig.address.user, "canary-token"):
        assert secret not in "\n".join(f"{one!r} {one}" for one in told)


def _chain(failure: BaseException | None) -> list[BaseException]:
    """An exception and those that a traceback would show with it."""
    found: list[BaseException] = []
    while failure is not None:
        found.append(failure)
        failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
    return found
