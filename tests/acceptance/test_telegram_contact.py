"""A contact that is shared in Telegram, through the whole application: it names an account as a typed number does, and
proves nothing. Any other contact is neither read nor kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.rehearsal.people import person
from bot.rehearsal.telegram.pending import Update
from intents.traditional import traditional
from storage.crypto import Keyring
from tests.acceptance.impostor_stage import ADAS_PHONE, MALLORYS_PHONE, TELEGRAM_SECRET, Stage, stage

BO, CHEN = person(2), person(4)
WISHES = {"en": "I withdraw my consent", "zh": "我要撤回同意", "zh-Hant": "我要撤回同意，請協助我辦理"}
SHARE = {"en": "Share my phone number", "zh": "分享我的手机号", "zh-Hant": traditional("分享我的手机号")}
SENT = {"en": "code of eight digits", "zh": "八位数字的验证码"}
SENT["zh-Hant"] = traditional(SENT["zh"])
ONLY_TEXT, WHICH = "I can only read text here", "Which account is it?"


@dataclass
class Chat:
    """Bo's private chat with the bot."""

    on: Stage
    read: int = 0

    def seen(self) -> list[dict[str, Any]]:
        return [one for one in self.on.telegram.seen_by(BO.number)["messages"] if one["from"]["is_bot"]]

    @property
    def keys(self) -> list[list[dict[str, Any]]]:
        rows: list[list[dict[str, Any]]] = self.on.telegram.seen_by(BO.number)["keys"]
        return rows

    async def answers(self, update: Update | None) -> str:
        """What the bot says to it, once it has said all of it."""
        assert update is not None
        outbox = "SELECT 1 FROM delivery WHERE channel = 'telegram' AND state IN ('queued', 'claimed')"
        async with asyncio.timeout(10):
            while update.state != "delivered" or self.on.rows(outbox):
                self.on.clock.turn(seconds=2)
                await self.on.app.senders["telegram"].sweep()
                await asyncio.sleep(0.02)
        new = self.seen()[self.read :]
        self.read += len(new)
        return "\n".join(one["text"] for one in new)

    async def say(self, text: str) -> str:
        return await self.answers(self.on.telegram.hands.say(BO, text))

    async def share(self, **more: Any) -> str:
        """Sends a contact as it stands here, beside the button."""
        return await self.answers(self.on.telegram.hands.say(BO, "", **more))

    async def press(self, data: str) -> str:
        """The inline button of the last message whose value holds `data`."""
        last = self.seen()[-1]
        buttons = [button for row in last["reply_markup"]["inline_keyboard"] for button in row]
        found = next(button["callback_data"] for button in buttons if data in button["callback_data"])
        _, update = self.on.telegram.hands.press(BO, last["message_id"], found)
        return await self.answers(update)

    async def is_asked(self, language: str = "en") -> str:
        """Wishes something that takes a code, up to the question which account it is."""
        await self.say(WISHES[language])
        return await self.press(":mail")

    def question(self) -> dict[str, Any]:
        """The bot's message that the button came with."""
        return next(one for one in reversed(self.seen()) if "reply_markup" not in one)


@pytest.fixture
async def chat(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Chat]:
    """A company without a portal: a code is all the proof there is. Bo's own number is on file, as Ada's."""
    async with stage(tmp_path / "on", sqlite_template, keyring, portal=False) as on:
        on.telegram.point_webhook(f"{on.url}/telegram", TELEGRAM_SECRET)
        on.telegram.hands.numbers[BO.number] = ADAS_PHONE
        yield Chat(on)


def own(phone: str = ADAS_PHONE) -> dict[str, Any]:
    return {"phone_number": phone, "first_name": "Bo", "user_id": BO.telegram}


def nothing_was_read(on: Stage) -> None:
    assert [on.count(table) for table in ("enquiry", "verification", "work_order")] == [0, 0, 0]
    assert on.sent() == []


@pytest.mark.parametrize("language", ["en", "zh", "zh-Hant"])
async def test_the_button_counts_as_the_number_typed_and_a_code_follows(chat: Chat, language: str) -> None:
    on = chat.on
    await chat.is_asked(language)
    assert chat.keys == [[{"text": SHARE[language], "request_contact": True}]]
    sent = on.telegram.control.journal.calls(name="sendMessage")
    drawn = [json.loads(call["params"]["reply_markup"]) for call in sent if "request_contact" in str(call["params"])]
    assert [(one["one_time_keyboard"], one["resize_keyboard"]) for one in drawn] == [(True, True)]
    said = await chat.answers(on.telegram.hands.press_key(BO, SHARE[language]))
    assert SENT[language] in said
    assert chat.keys == [], "gone once it was used"
    assert on.count("work_order") == 0, "it proves nothing"
    await on.go_on()
    assert [len(on.sent(to)) for to in (ADAS_PHONE, MALLORYS_PHONE)] == [1, 0]
    await chat.say("00000000")
    assert on.count("work_order") == 0
    assert "KP-" in await chat.say(on.code(ADAS_PHONE))
    assert on.rows('SELECT "right", state FROM work_order') == [("withdraw_consent", "open")]
    assert "13800000001" not in json.dumps(chat.seen())
    files = on.app.settings.key_file.parent.glob("clausebot.db*")
    assert all(b"13800000001" not in file.read_bytes() for file in files)


async def test_it_can_be_typed_instead_and_the_other_button_is_still_there(chat: Chat) -> None:
    said = await chat.is_asked()
    assert WHICH in said
    buttons = [b["text"] for row in chat.seen()[-1]["reply_markup"]["inline_keyboard"] for b in row]
    assert buttons == ["I can't get a code"]
    assert SENT["en"] in await chat.say("138 0000 0001")
    await chat.on.go_on()
    assert len(chat.on.sent(ADAS_PHONE)) == 1


async def test_the_same_words_and_no_code_for_a_number_that_is_nobodys(chat: Chat) -> None:
    chat.on.telegram.hands.numbers[BO.number] = "+8613712345678"
    await chat.is_asked()
    assert SENT["en"] in await chat.answers(chat.on.telegram.hands.press_key(BO, SHARE["en"]))
    await chat.on.go_on()
    assert chat.on.sent() == []


async def test_a_contact_that_was_not_asked_for_in_that_way_is_not_read(chat: Chat) -> None:
    """Somebody else's, nobody's, a forwarded one, one that answers nothing, the person's own words, or a bot's."""
    await chat.is_asked()
    question = chat.question()
    origin = {"type": "user", "date": 1, "sender_user": {"id": CHEN.telegram, "is_bot": False, "first_name": "Chen"}}
    other = {"id": 77, "is_bot": True, "first_name": "Other", "username": "other_bot"}
    mine = next(one for one in on_side(chat) if one["text"] == WISHES["en"])
    hostile: list[dict[str, Any]] = [
        {"contact": own(MALLORYS_PHONE) | {"user_id": CHEN.telegram}, "reply_to_message": question},
        {"contact": {"phone_number": MALLORYS_PHONE, "first_name": "Mallory"}, "reply_to_message": question},
        {"contact": own(), "reply_to_message": question, "forward_origin": origin},
        {"contact": own(), "reply_to_message": question, "via_bot": other},
        {"contact": own()},
        {"contact": own(), "reply_to_message": mine},
        {"contact": own(), "reply_to_message": question | {"from": other}},
        {"contact": own("911"), "reply_to_message": question},
    ]
    for more in hostile:
        said = await chat.share(**more)
        assert said.startswith(ONLY_TEXT), more
        assert WHICH in said, "the question stands"
    nothing_was_read(chat.on)
    assert b"13900000666" not in (chat.on.app.settings.key_file.parent / "clausebot.db").read_bytes()


async def test_an_answer_to_a_request_of_eleven_minutes_ago_is_not_read(chat: Chat) -> None:
    await chat.is_asked()
    chat.on.telegram.control.clock.forward(timedelta(minutes=11))
    said = await chat.answers(chat.on.telegram.hands.press_key(BO, SHARE["en"]))
    assert said.startswith(ONLY_TEXT)
    nothing_was_read(chat.on)
    assert SENT["en"] in await chat.answers(chat.on.telegram.hands.press_key(BO, SHARE["en"])), "asked anew just now"


async def test_where_no_account_is_asked_for_a_contact_is_not_read_though_it_answers_us(chat: Chat) -> None:
    await chat.say("/start")
    shared = {"contact": own(), "reply_to_message": chat.seen()[-1]}
    assert (await chat.share(**shared)).startswith(ONLY_TEXT)
    await chat.is_asked()
    question = chat.question()
    await chat.say("138 0000 0001")
    assert (await chat.share(contact=own(MALLORYS_PHONE), reply_to_message=question)).startswith(ONLY_TEXT)
    await chat.on.go_on()
    assert (chat.on.codes(), chat.on.sent(MALLORYS_PHONE)) == (1, []), "the code that is waited for stays the one"


async def test_in_a_group_it_is_not_even_heard(chat: Chat) -> None:
    await chat.is_asked()
    group, hands = -100123, chat.on.telegram.hands
    hands.add_to_group(BO, group)
    hands.say(BO, "", group=group, contact=own(), reply_to_message=chat.question())
    await chat.say("/help")
    nothing_was_read(chat.on)


def on_side(chat: Chat) -> list[dict[str, Any]]:
    """What Bo wrote."""
    messages = chat.on.telegram.seen_by(BO.number)["messages"]
    return [one for one in messages if not one["from"]["is_bot"]]
