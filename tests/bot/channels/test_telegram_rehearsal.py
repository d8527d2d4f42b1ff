"""The channel against the rehearsal's stand-in of the Bot API, over real connections and with the real core."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from starlette.applications import Starlette

from bot.channels.telegram import Telegram, TelegramSettings
from bot.channels.telegram.setup import push_commands, set_webhook, webhook_state
from bot.core.assistant import Assistant
from bot.core.clock import system_clock
from bot.core.commands import NAMES
from bot.core.delivery import Sender
from bot.core.message import Address, InboundMessage, Reply
from bot.inbox import Inbox
from bot.rehearsal.people import person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import Rates, TelegramStandIn
from bot.rehearsal.telegram.pending import Update
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from tests.bot.channels.telegram_api import SECRET, TOKEN

ADA = person(2)
QUESTION = "How long do you keep my data?"


@dataclass
class Set:
    """Everything that runs: people at `stand_in.hands`, the bot behind it."""

    stand_in: TelegramStandIn
    telegram: Telegram
    settings: TelegramSettings
    held: list[str]
    sender: Sender
    door: Callable[[InboundMessage], Any]

    def seen(self) -> list[dict[str, Any]]:
        """The bot's messages in Ada's chat, oldest first."""
        messages = self.stand_in.seen_by(ADA.number)["messages"]
        return [message for message in messages if message["from"]["is_bot"]]

    async def until(self, shown: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while len(self.seen()) < shown:  # noqa: ASYNC110  the stand-in is looked at as its page looks at it
                await asyncio.sleep(0.01)
        return self.seen()

    async def arrived(self, update: Update | None) -> None:
        assert update is not None
        async with asyncio.timeout(10):
            while update.state not in ("delivered", "dropped"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert update.state == "delivered"

    def data(self, message: dict[str, Any], label: str) -> str:
        rows = message["reply_markup"]["inline_keyboard"]
        return next(str(b["callback_data"]) for row in rows for b in row if label in b["callback_data"])


@asynccontextmanager
async def together(
    database: Database,
    policy: PolicyVersion,
    wording: Wording,
    recogniser: Recogniser,
    mode: Literal["webhook", "polling"] = "webhook",
) -> AsyncIterator[Set]:
    stand_in = TelegramStandIn(token=TOKEN, hurry=20)
    held: list[str] = []
    async with served(stand_in.app) as api_url:
        web = Starlette()
        async with served(web) as own_url:
            settings = TelegramSettings(TOKEN, api_url, mode, SECRET, live_per_second=1000.0, public_url=own_url)
            telegram = Telegram(
                settings,
                b"k" * 32,
                policy,
                wording,
                system_clock,
                recogniser=recogniser,
                quarantine=lambda key, body, error, user: held.append(error),
            )
            assistant = Assistant(database, policy, recogniser, wording, system_clock)
            sender = Sender(database, telegram, system_clock)
            inbox = Inbox(assistant, {"telegram": sender}, in_place=frozenset())

            async def door(message: InboundMessage) -> Sequence[Reply]:
                return await inbox.put(message)

            web.router.routes.extend(telegram.routes(door))
            await telegram.open()
            yield Set(stand_in, telegram, settings, held, sender, door)
            await telegram.close()
            inbox.close()
        await stand_in.close()


@pytest.fixture
async def on(
    sqlite_database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser
) -> AsyncIterator[Set]:
    async with together(sqlite_database, policy, wording, recogniser) as on:
        await set_webhook(on.telegram.bot, on.settings)
        yield on


async def test_a_question_and_a_press_over_the_webhook(on: Set, policy: PolicyVersion):
    await on.arrived(on.stand_in.hands.say(ADA, QUESTION))
    (answer,) = await on.until(1)
    assert policy.clauses["privacy.7.2"].plain["en"] in answer["text"]
    name, update = on.stand_in.hands.press(ADA, answer["message_id"], on.data(answer, "rate:up:"))
    await on.arrived(update)
    assert len(await on.until(2)) == 2
    await on.telegram._incoming.rest(5.0)
    assert on.stand_in.methods.queries[name].answer == {"text": "", "show_alert": False, "url": ""}
    state = await webhook_state(on.telegram.bot, on.settings)
    assert (state.warnings, state.pending) == ((), 0)


async def test_a_forged_press_and_an_edit_change_nothing(on: Set):
    said = on.stand_in.hands.say(ADA, QUESTION)
    await on.arrived(said)
    (answer,) = await on.until(1)
    name, update = on.stand_in.hands.press(ADA, answer["message_id"], "start:forget_me")
    await on.arrived(update)
    await on.telegram._incoming.rest(5.0)
    asked = on.stand_in.methods.queries[name].answer
    assert asked is not None
    assert "no longer valid" in asked["text"]
    assert on.stand_in.hands.edit(ADA, answer["message_id"] - 1, "/forget") is None, "not even asked for"
    assert len(on.seen()) == 1


async def test_blocking_and_coming_back(on: Set):
    hands = on.stand_in.hands
    await on.arrived(hands.start(ADA))
    await on.until(1)
    await on.arrived(hands.block(ADA))
    await on.arrived(hands.block(ADA, blocked=False))
    await on.arrived(hands.start(ADA))
    assert len(await on.until(2)) == 2


async def test_every_kind_of_media_is_answered(on: Set):
    kinds = ("voice", "photo", "document", "sticker", "video", "location", "contact")
    for number, kind in enumerate(kinds, 1):
        await on.arrived(on.stand_in.hands.send(person(number * 2), kind))
    for number in range(1, len(kinds) + 1):
        messages = on.stand_in.seen_by(number * 2)["messages"]
        assert [message["from"]["is_bot"] for message in messages] == [False, True]
    assert not on.held


async def test_inline_mode_and_the_word_in_a_group(on: Set):
    name, update = on.stand_in.hands.ask_inline(ADA, QUESTION)
    await on.arrived(update)
    await on.arrived(on.stand_in.hands.say(ADA, "/start", group=-77))
    await on.telegram._incoming.rest(5.0)
    answer = on.stand_in.methods.queries[name].answer
    assert answer is not None
    assert [result["id"] for result in answer["results"]] == ["privacy.7.2"]
    assert len(on.stand_in.control.journal.calls(name="sendMessage")) == 1


@pytest.mark.parametrize("averaged", [5.0, 10.0])
async def test_replies_of_one_turn_stay_below_a_message_a_second_on_average(on: Set, averaged: float):
    """A platform that averages over five seconds lets a burst of five through, and no more: see decision 0013."""
    on.stand_in.methods.rates = Rates(averaged=averaged)
    await on.arrived(on.stand_in.hands.say(ADA, f"{QUESTION} Can I block cookies?"))
    await on.telegram.send(Address("telegram", str(ADA.telegram)), Reply("A long answer. " * 600))
    assert len(await on.until(5)) == 5
    calls = on.stand_in.control.journal.calls(name="sendMessage")
    assert [call["status"] for call in calls] == [200] * 5


async def test_a_burst_that_a_strict_platform_refuses_costs_time_and_no_message(on: Set):
    on.stand_in.methods.rates = Rates(averaged=1.0)
    pump = asyncio.create_task(on.sender.run())
    await on.arrived(on.stand_in.hands.say(ADA, f"{QUESTION} Can I block cookies?"))
    assert len(await on.until(2)) == 2
    refused = [call for call in on.stand_in.control.journal.calls(name="sendMessage") if call["status"] == 429]
    assert len(refused) == 1, "the wait that it names is kept"
    await on.sender.stop()
    await pump


async def test_commands_are_taken_in_every_language_and_scope(on: Set):
    await push_commands(on.telegram.bot)
    assert {len(commands) for commands in on.stand_in.methods.profile.commands.values()} == {1, len(NAMES)}


async def test_the_same_over_polling(
    sqlite_database: Database, policy: PolicyVersion, wording: Wording, recogniser: Recogniser
):
    async with together(sqlite_database, policy, wording, recogniser, "polling") as on:
        task = asyncio.create_task(on.telegram.poll(on.door))
        await on.arrived(on.stand_in.hands.say(ADA, QUESTION))
        (answer,) = await on.until(1)
        assert policy.clauses["privacy.7.2"].plain["en"] in answer["text"]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
