"""The stand-in's objects against other people's models of the Bot API: python-telegram-bot always, aiogram where it is."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
import telegram as ptb

from bot.rehearsal.people import Person, person
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.telegram.hands import MEDIA
from tests.rehearsal.conftest import Line

BUTTONS = {
    "inline_keyboard": [
        [{"text": "Yes", "callback_data": "y"}],
        [{"text": "Read", "url": "https://example.com/"}, {"text": "Cite", "switch_inline_query": "privacy.7.4"}],
    ]
}
SHARE = {"keyboard": [[{"text": "Share", "request_contact": True}]], "one_time_keyboard": True}
NO_AIOGRAM = "aiogram is not installed: pip install aiogram into an environment of its own to run this"
Recorded = tuple[list[tuple[str, dict[str, Any], Any]], list[dict[str, Any]]]


async def everything(line: Line, stand_in: TelegramStandIn, ada: Person) -> Recorded:
    """Calls every method and does everything a person can do: ([(method, parameters, result)], [update])."""
    calls = list[tuple[str, dict[str, Any], Any]]()

    async def call(method: str, **given: Any) -> Any:
        said = await line.bot(method, **given)
        assert said["ok"], said
        calls.append((method, given, said["result"]))
        return said["result"]

    hands, chat = stand_in.hands, ada.telegram
    first = hands.start(ada, "clause_privacy.7.4")
    assert first
    for kind in (*MEDIA, "contact"):
        hands.send(ada, kind, caption="look")
    hands.edit(ada, first.data["message"]["message_id"], "edited")
    hands.say(ada, "hello https://example.com", group=-1_009_900_000_001)
    hands.add_to_group(ada, -1_009_900_000_002)
    for blocked in (True, False):
        hands.block(ada, blocked)
    await call("getMe")
    sent = await call("sendMessage", chat_id=chat, text="<b>one</b> /help", parse_mode="HTML", reply_markup=BUTTONS)
    await call(
        "sendMessage",
        chat_id=chat,
        text="two",
        protect_content=True,
        disable_notification=True,
        link_preview_options={"is_disabled": True},
        reply_parameters={"message_id": sent["message_id"]},
    )
    await call("sendMessage", chat_id=-1_009_900_000_001, text="in a group")
    await call("sendMessage", chat_id=chat, text="Which account?", reply_markup=SHARE)
    hands.press_key(ada, "Share")
    await call("sendMessage", chat_id=chat, text="Gone", reply_markup={"remove_keyboard": True})
    await call("editMessageText", chat_id=chat, message_id=sent["message_id"], text="three", reply_markup=BUTTONS)
    await call("editMessageReplyMarkup", chat_id=chat, message_id=sent["message_id"])
    await call("sendChatAction", chat_id=chat, action="typing")
    query, _ = hands.press(ada, sent["message_id"], "y")
    await call("answerCallbackQuery", callback_query_id=query, text="ok", show_alert=True)
    hands.press(ada, 77_777, "old")
    inline, _ = hands.ask_inline(ada, "cookies")
    article = {"type": "article", "id": "1", "title": "A", "input_message_content": {"message_text": "text"}}
    await call("answerInlineQuery", inline_query_id=inline, results=[article], cache_time=0, is_personal=True)
    hands.choose_inline(ada, "1", "cookies")
    commands = [{"command": "help", "description": "What I can do"}]
    await call("setMyCommands", commands=commands, scope={"type": "all_private_chats"}, language_code="en")
    await call("getMyCommands", scope={"type": "all_private_chats"}, language_code="en")
    await call("deleteMyCommands")
    await call("setMyDescription", description="A privacy assistant")
    await call("getMyDescription")
    await call("setMyShortDescription", short_description="Privacy")
    await call("getMyShortDescription")
    file = next(iter(stand_in.methods.files))
    await call("getFile", file_id=file)
    await call("deleteMessage", chat_id=chat, message_id=sent["message_id"])
    updates = await call("getUpdates", limit=100)
    await call("setWebhook", url="http://127.0.0.1:9/hook", allowed_updates=["message", "callback_query"])
    await call("getWebhookInfo")
    await call("deleteWebhook")
    return calls, updates


@pytest.fixture
async def recorded(bot: Line, telegram: TelegramStandIn) -> Recorded:
    return await everything(bot, telegram, person(14))


def unknown_fields(found: Any, path: str) -> Iterator[str]:
    """Fields that python-telegram-bot's own types don't know, anywhere below."""
    if isinstance(found, ptb.TelegramObject):
        yield from (f"{path}.{name}" for name in found.api_kwargs)
        slots = {slot for kind in type(found).__mro__ for slot in getattr(kind, "__slots__", ())}
        for name in sorted(slot for slot in slots if not slot.startswith("_") and slot != "api_kwargs"):
            yield from unknown_fields(getattr(found, name, None), f"{path}.{name}")
    elif isinstance(found, list | tuple):
        for each in found:
            yield from unknown_fields(each, path)


RETURNS: dict[str, type[ptb.TelegramObject]] = {
    "getMe": ptb.User,
    "sendMessage": ptb.Message,
    "editMessageText": ptb.Message,
    "editMessageReplyMarkup": ptb.Message,
    "getMyCommands": ptb.BotCommand,
    "getMyDescription": ptb.BotDescription,
    "getMyShortDescription": ptb.BotShortDescription,
    "getFile": ptb.File,
    "getUpdates": ptb.Update,
    "getWebhookInfo": ptb.WebhookInfo,
}
"""What python-telegram-bot makes of each answer; the other methods answer True."""


async def test_python_telegram_bot_knows_every_field_of_every_answer(recorded: Recorded) -> None:
    calls, _ = recorded
    for method, _, result in calls:
        if method not in RETURNS:
            assert result is True, method
            continue
        for each in result if isinstance(result, list) else [result]:
            read = RETURNS[method].de_json(each, None)
            assert list(unknown_fields(read, method)) == []
            assert set(each) <= set(read.to_dict()), method


async def test_and_every_field_of_every_update(recorded: Recorded) -> None:
    _, updates = recorded
    kinds = set()
    for data in updates:
        update = ptb.Update.de_json(data, None)
        kinds |= set(data) - {"update_id"}
        assert list(unknown_fields(update, "update")) == []
        assert update.effective_user
    assert kinds == {
        "message", "edited_message", "my_chat_member", "callback_query", "inline_query", "chosen_inline_result",
    }  # fmt: skip


async def test_the_check_itself_finds_a_field_too_many_however_deep(recorded: Recorded) -> None:
    calls, _ = recorded
    message = next(result for method, _, result in calls if method == "sendMessage")
    wrong = {**message, "chat": {**message["chat"], "colour": "blue"}}
    assert list(unknown_fields(ptb.Message.de_json(wrong, None), "m")) == ["m.chat.colour"]


@pytest.mark.filterwarnings("ignore:.*retry_after.*")
async def test_python_telegram_bots_own_client_works_against_it(
    bot: Line, telegram: TelegramStandIn, ada: Person
) -> None:
    telegram.hands.start(ada)
    async with ptb.Bot(
        "990000000:REHEARSAL", base_url=f"{bot.address}/bot", base_file_url=f"{bot.address}/file/bot"
    ) as client:
        sent = await client.send_message(
            ada.telegram, "hello", reply_markup=ptb.InlineKeyboardMarkup.de_json(BUTTONS, client)
        )
        assert (sent.text, sent.chat.id) == ("hello", ada.telegram)
        with pytest.raises(ptb.error.BadRequest, match="Message is not modified"):
            await sent.edit_text("hello", reply_markup=sent.reply_markup)
        telegram.hands.block(ada)
        with pytest.raises(ptb.error.Forbidden):
            await sent.reply_text("still there?")
        await bot.control("faults", {"rule": "sendMessage refuse:429 seconds=3 at=1"})
        with pytest.raises(ptb.error.RetryAfter):
            await client.send_message(ada.telegram, "x")


@pytest.mark.skipif(importlib.util.find_spec("aiogram") is None, reason=NO_AIOGRAM)
async def test_aiograms_models_know_every_parameter_answer_and_update(recorded: Recorded) -> None:
    aiogram_check = importlib.import_module("tests.rehearsal.aiogram_check")
    assert aiogram_check.problems(*recorded) == []
