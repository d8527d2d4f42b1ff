"""Faults over a real connection: what a caller of the Bot API meets, and whether the person got the message."""

import asyncio
from time import monotonic
from typing import Any

import aiohttp
import pytest

from bot.rehearsal.faults import Rule
from bot.rehearsal.people import Person
from bot.rehearsal.telegram import TelegramStandIn
from tests.rehearsal.conftest import TOKEN, Line


async def send(bot: Line, chat: int, patience: float = 5.0) -> tuple[int, Any, str]:
    """(status, headers, body); raises what the connection did."""
    timeout = aiohttp.ClientTimeout(total=patience)
    given = {"chat_id": chat, "text": "x"}
    # A connection of its own: after a reset aiohttp would silently repeat on a kept one only for idempotent methods.
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{bot.address}/bot{TOKEN}/sendMessage", data=given, timeout=timeout) as answer,
    ):
        return answer.status, answer.headers, await answer.text()


def arrange(telegram: TelegramStandIn, ada: Person, rule: str) -> int:
    telegram.hands.start(ada)
    telegram.control.script.rules.append(Rule.parse(rule))
    return ada.telegram


def effects(telegram: TelegramStandIn) -> int:
    return int(telegram.control.journal.effects()["messages"])


async def test_a_scripted_429_has_its_wait_in_the_body_and_in_a_header(
    bot: Line, telegram: TelegramStandIn, ada: Person
) -> None:
    status, headers, body = await send(bot, arrange(telegram, ada, "sendMessage refuse:429 seconds=7"))
    assert (status, headers["Retry-After"]) == (429, "7")
    assert '"parameters":{"retry_after":7}' in body
    assert effects(telegram) == 0


@pytest.mark.parametrize(
    ("rule", "status", "words"),
    [
        ("sendMessage refuse:403", 403, "Forbidden: bot was blocked by the user"),
        ("sendMessage refuse:400", 400, "Bad Request: chat not found"),
        ("sendMessage refuse:500", 500, "Internal Server Error"),
        ("sendMessage html", 502, "<h1>502 Bad Gateway</h1>"),
        ("sendMessage garbage", 200, '{"ok": tru'),
    ],
)
async def test_other_refusals_have_no_effect(
    bot: Line, telegram: TelegramStandIn, ada: Person, rule: str, status: int, words: str
) -> None:
    got, _, body = await send(bot, arrange(telegram, ada, rule))
    assert got == status
    assert words in body
    assert effects(telegram) == 0


@pytest.mark.parametrize(("rule", "arrived"), [("reset", 0), ("reset-after", 1), ("cut", 1)])
async def test_a_connection_that_breaks_says_nothing_of_the_effect(
    bot: Line, telegram: TelegramStandIn, ada: Person, rule: str, arrived: int
) -> None:
    with pytest.raises(aiohttp.ClientError):
        await send(bot, arrange(telegram, ada, f"sendMessage {rule}"))
    assert effects(telegram) == arrived


@pytest.mark.parametrize(("rule", "arrived"), [("hang", 0), ("hang-after", 1), ("slow", 1)])
async def test_a_call_can_take_longer_than_its_caller_waits(
    bot: Line, telegram: TelegramStandIn, ada: Person, rule: str, arrived: int
) -> None:
    chat = arrange(telegram, ada, f"sendMessage {rule} seconds=2")
    began = monotonic()
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        await send(bot, chat, patience=0.4)
    assert monotonic() - began < 1.5
    assert effects(telegram) == arrived


async def test_a_slow_body_comes_whole_to_who_waits(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    chat = arrange(telegram, ada, "sendMessage slow seconds=0.5")
    began = monotonic()
    status, _, body = await send(bot, chat)
    assert status == 200
    assert body.endswith("}")
    assert monotonic() - began >= 0.4


async def test_a_connection_that_hung_ends(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    with pytest.raises(aiohttp.ClientError):
        await send(bot, arrange(telegram, ada, "sendMessage hang seconds=0.1"))


async def test_faults_are_set_and_ended_from_outside_and_counted(
    bot: Line, telegram: TelegramStandIn, ada: Person
) -> None:
    telegram.hands.start(ada)
    await bot.control("faults", {"rule": "sendMessage refuse:429 at=1"})
    await send(bot, ada.telegram)
    await send(bot, ada.telegram)
    told = await bot.control("faults")
    assert told["happened"] == [1]
    assert (await bot.control("calls"))["faults"] == {"sendMessage refuse": 1}
    await bot.control("faults", {"seed": 3, "rules": []}, "PUT")
    assert await bot.control("faults") == {"seed": 3, "rules": [], "happened": []}


async def test_other_sites_pages_and_other_names_are_refused(bot: Line, session: aiohttp.ClientSession) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.com"}, {"Host": "example.com"}):
        async with session.post(f"{bot.address}/_/say", json={"person": 1, "text": "x"}, headers=headers) as answer:
            assert answer.status == 403


async def test_a_wrong_wish_is_told(bot: Line, session: aiohttp.ClientSession) -> None:
    for path, body in (
        ("say", {"person": "ada", "text": "x"}),
        ("say", {"person": 1}),
        ("faults", {"rule": "sendMessage explode"}),
        ("clock", {"forward": "soon"}),
        ("rates", {"each": 1}),
        ("update", {}),
        ("webhook", {"url": "http://example.com/"}),
        ("send", {"person": 1, "kind": "cake"}),
    ):
        async with session.post(f"{bot.address}/_/{path}", json=body) as answer:
            assert answer.status == 400, path
            assert (await answer.json())["error"]
