"""Outside the private chat: groups, inline mode, and what Telegram is told about the bot."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bot.channels.telegram import TelegramSettings, words
from bot.channels.telegram.polling import ALLOWED_UPDATES
from bot.channels.telegram.setup import push_commands, set_webhook, webhook_state
from bot.commands.telegram import run_commands, run_set_webhook, run_webhook_info
from bot.core.commands import NAMES
from bot.core.errors import Misconfigured
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from tests.bot.channels.telegram_api import (
    ALICE,
    GROUP,
    OLD_SECRET,
    SECRET,
    TOKEN,
    BotApi,
    Planned,
    Stage,
    bot_api,
    message,
    stage,
    user,
)
from tests.conftest import Clock


@pytest.fixture
async def on(policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock) -> AsyncIterator[Stage]:
    async with stage(policy, wording, recogniser, clock) as on:
        yield on


def in_group(text: str, group: int = GROUP, code: str = "en", **more: object) -> dict[str, object]:
    return message(text, code=code) | {"chat": {"id": group, "type": "supergroup", "title": "G"}} | more


async def rest(on: Stage) -> None:
    await on.telegram._incoming.rest(5.0)


async def test_in_a_group_there_is_only_the_way_to_the_private_chat(on: Stage):
    await on.post(on.update(message=in_group("/start@clause_test_bot")))
    await rest(on)
    (call,) = on.api.of("sendMessage")
    ((button,),) = call["reply_markup"]["inline_keyboard"]
    assert button["url"] == "https://t.me/clause_test_bot?start=group"
    assert call["chat_id"] == GROUP
    assert "Kenpai" in call["text"]
    assert not on.door.messages, "nothing said in a group is ever kept"


@pytest.mark.parametrize(
    ("text", "more", "answered"),
    [
        ("/policy", {}, True),
        ("/start@Clause_Test_Bot hello", {}, True),
        ("what do you say, @clause_test_bot?", {}, True),
        ("yes", {"reply_to_message": {"from": {"id": 4242, "is_bot": True, "first_name": "C"}}}, True),
        ("/start@another_bot", {}, False),
        ("do you sell my data?", {}, False),
        ("ask @another_bot", {}, False),
        ("", {"new_chat_title": "/start"}, False),
    ],
)
async def test_it_speaks_in_a_group_only_when_it_is_spoken_to(
    on: Stage, text: str, more: dict[str, dict[str, object]], answered: bool
):
    if "reply_to_message" in more:
        more = {"reply_to_message": in_group("hi") | more["reply_to_message"]}
    await on.post(on.update(message=in_group(text, **more)))
    await rest(on)
    assert bool(on.api.of("sendMessage")) == answered
    assert not on.held


async def test_a_group_hears_it_once_a_minute_each(on: Stage):
    for _ in range(5):
        await on.post(on.update(message=in_group("/start")))
    await on.post(on.update(message=in_group("/start", GROUP - 1, "zh-hans")))
    await rest(on)
    calls = on.api.of("sendMessage")
    assert sorted(call["chat_id"] for call in calls) == [GROUP - 1, GROUP]
    assert "私聊" in next(call["text"] for call in calls if call["chat_id"] == GROUP - 1)


async def test_in_a_forum_it_answers_in_the_topic_it_was_asked_in(on: Stage):
    await on.post(on.update(message=in_group("/start", message_thread_id=31, is_topic_message=True)))
    await rest(on)
    assert on.api.of("sendMessage")[0]["message_thread_id"] == 31


async def test_a_group_that_may_not_be_written_to_is_nobodys_trouble(on: Stage):
    on.api.plan("sendMessage", Planned(403, {"ok": False, "description": "Forbidden: bot was kicked"}))
    assert (await on.post(on.update(message=in_group("/start")))).status_code == 200
    await rest(on)


async def asked(on: Stage, text: str, code: str = "en") -> dict[str, object]:
    query = {"id": "9", "from": user(ALICE, code), "query": text, "offset": ""}
    before = len(on.api.of("answerInlineQuery"))
    assert (await on.post(on.update(inline_query=query))).status_code == 200
    return dict((await on.api.until("answerInlineQuery", before + 1))[-1])


async def test_inline_mode_cites_clauses_in_plain_words(on: Stage, policy: PolicyVersion):
    said = await asked(on, "How long do you keep my data?")
    (result,) = said["results"]
    clause = policy.clauses["privacy.7.2"]
    assert result["id"] == clause.id
    text = result["input_message_content"]["message_text"]
    assert clause.plain["en"] in text
    assert "Privacy Policy 7.2, version 15 December 2023" in text
    assert "parse_mode" not in result["input_message_content"]
    assert result["reply_markup"]["inline_keyboard"][0][0]["url"].endswith("?start=clause_privacy-7-2")
    assert (said["cache_time"], said["is_personal"]) == (300, False)
    assert not on.door.messages


async def test_inline_mode_speaks_the_language_of_the_words_not_of_whoever_asks_first(on: Stage, policy: PolicyVersion):
    said = await asked(on, "你们会保存我的信息多久？", code="en")
    (result,) = said["results"]
    assert policy.clauses["privacy.7.2"].plain["zh"] in result["input_message_content"]["message_text"]


async def test_inline_mode_offers_at_most_five_and_a_clause_by_its_name(on: Stage):
    several = (await asked(on, "information share third party consent"))["results"]
    assert 1 < len(several) <= 5
    assert len({result["id"] for result in several}) == len(several)
    (one,) = (await asked(on, "privacy.7.4"))["results"]
    assert one["id"] == "privacy.7.4"


async def test_inline_mode_without_words_shows_the_way_to_the_private_chat(on: Stage):
    said = await asked(on, "  ", code="zh-hans")
    assert said["results"] == []
    assert said["is_personal"] is True
    assert said["button"] == {"text": "到私聊里提问", "start_parameter": "inline"}


@pytest.mark.parametrize("text", ["x" * 5_000, "\u202e\u0000'; DROP TABLE", "٣" * 40, "🙂" * 100])
async def test_inline_mode_takes_any_words(on: Stage, text: str):
    assert len((await asked(on, text))["results"]) <= 5


# ---- what Telegram is told


def settings(api: BotApi, **more: str) -> TelegramSettings:
    told = {"webhook_secret": SECRET, "public_url": "https://privacy.example.com", **more}
    return TelegramSettings(TOKEN, api_url=api.url, **told)


async def test_the_webhook_is_set_with_the_secret_and_nothing_is_dropped(on: Stage):
    await set_webhook(on.telegram.bot, settings(on.api))
    (call,) = on.api.of("setWebhook")
    assert call == {
        "url": "https://privacy.example.com/telegram",
        "secret_token": SECRET,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": 40,
        "drop_pending_updates": False,
    }
    assert "edited_message" not in ALLOWED_UPDATES


async def test_a_webhook_without_https_or_secret_is_not_set(on: Stage):
    with pytest.raises(Misconfigured) as wrong:
        await set_webhook(on.telegram.bot, settings(on.api, public_url="", webhook_secret=""))
    assert len(wrong.value.problems) == 2
    real = TelegramSettings(TOKEN, webhook_secret=SECRET, public_url="http://privacy.example.com")
    with pytest.raises(Misconfigured, match="https://"):
        await set_webhook(on.telegram.bot, real)
    assert not on.api.calls


@pytest.mark.parametrize(
    ("facts", "warned"),
    [
        ({}, []),
        ({"pending_update_count": 50}, []),
        ({"pending_update_count": 51}, ["51 updates wait"]),
        (
            {"last_error_date": 1772443800, "last_error_message": "Wrong response: 403"},
            ["failed at 2026-03-02 09:30 UTC: Wrong response: 403"],
        ),
        ({"url": ""}, ["No webhook is set"]),
        ({"url": "https://elsewhere.example/telegram"}, ["another address"]),
        ({"allowed_updates": ["message", "edited_message"]}, ["other kinds"]),
    ],
)
async def test_what_is_wrong_with_the_webhook_is_said(on: Stage, facts: dict[str, object], warned: list[str]):
    on.api.webhook |= {
        "url": "https://privacy.example.com/telegram",
        "max_connections": 40,
        "allowed_updates": list(ALLOWED_UPDATES),
    } | facts
    state = await webhook_state(on.telegram.bot, settings(on.api))
    assert len(state.warnings) == len(warned)
    for warning, part in zip(state.warnings, warned, strict=True):
        assert part in warning


async def test_commands_are_given_by_language_and_scope(on: Stage):
    await push_commands(on.telegram.bot)
    given = {(c["scope"]["type"], c.get("language_code", "")): c["commands"] for c in on.api.of("setMyCommands")}
    assert set(given) == {(scope, code) for scope in ("all_private_chats", "all_group_chats") for code in ("", "zh")}
    assert [command["command"] for command in given["all_group_chats", "zh"]] == ["start"]
    assert {command["command"] for command in given["all_private_chats", ""]} == set(NAMES)


def test_every_command_of_the_core_is_described_in_every_language():
    for language in words.LANGUAGES:
        listed = words.commands(language)
        assert sorted(command.command for command in listed) == sorted(NAMES)
        assert all(1 <= len(command.description) <= 256 for command in listed)


def test_every_text_is_there_in_every_language():
    tables = words._tables()
    assert set(tables) == set(words.LANGUAGES)
    assert len({tuple(sorted(tables[language]["say"])) for language in tables}) == 1
    assert all(len(tables[language]["say"]["no_longer_valid"]) <= 200 for language in tables)


async def test_the_commands_of_the_command_line_talk_to_telegram(capsys: pytest.CaptureFixture[str]):
    async with bot_api() as api:
        told = settings(api)
        api.webhook |= {"url": told.webhook_url, "pending_update_count": 77, "allowed_updates": list(ALLOWED_UPDATES)}
        for command in (run_set_webhook, run_webhook_info, run_commands):
            await asyncio.to_thread(command, told)
    shown = capsys.readouterr().out
    assert "https://privacy.example.com/telegram" in shown
    assert "77 updates wait" in shown
    assert "/mydata" in shown
    assert TOKEN not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [(401, "Unauthorized", "TELEGRAM_TOKEN"), (400, "Bad Request: bad webhook", "webhook"), (500, "x", "no answer")],
)
async def test_what_telegram_refuses_is_said_with_what_to_do(status: int, said: str, told: str):
    async with bot_api() as api:
        api.plan("setWebhook", Planned(status, {"ok": False, "error_code": status, "description": said}))
        with pytest.raises(Misconfigured, match=told) as wrong:
            await asyncio.to_thread(run_set_webhook, settings(api))
    assert TOKEN not in str(wrong.value)


def test_every_wrong_setting_is_named_and_none_is_shown():
    wrong = TelegramSettings("canary", "ftp://x", webhook_secret="", webhook_secret_old="with space", live_per_second=0)
    found = "\n".join(wrong.problems())
    for name in ("TOKEN", "API_URL", "WEBHOOK_SECRET is", "WEBHOOK_SECRET_OLD", "LIVE_PER_SECOND"):
        assert f"TELEGRAM_{name}" in found
    assert "canary" not in found
    assert "with space" not in found
    fine = TelegramSettings(TOKEN, webhook_secret=SECRET, webhook_secret_old=OLD_SECRET)
    assert fine.problems() == []
    assert TOKEN not in repr(fine)
    assert SECRET not in repr(fine)


def test_the_allowed_updates_are_of_the_bot_api():
    from telegram import Update

    assert set(ALLOWED_UPDATES) <= set(Update.ALL_TYPES)
    assert json.loads(json.dumps(ALLOWED_UPDATES)) == list(ALLOWED_UPDATES)
