"""Buttons: what they carry, for whom they count, for how long."""

import string
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram.buttons import DATA_MAX, LONG, Buttons
from bot.core.answering import USES
from bot.core.browsing import menu
from bot.core.message import Address, Choice, Reply
from bot.core.voice import Voice
from intents.catalogue import flows
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from tests.bot.channels.telegram_api import ALICE, BOB, GROUP, Planned, Stage, private, stage
from tests.conftest import Clock

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BUTTONS = Buttons(b"k" * 32)
LONGEST = "flow:abcd1234:_whose.whose:an_option_with_a_rather_long_name"


@pytest.fixture
async def on(policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock) -> AsyncIterator[Stage]:
    async with stage(policy, wording, recogniser, clock) as on:
        yield on


async def drawn(on: Stage, *choices: Choice) -> list[dict[str, str]]:
    """The buttons of a reply to Alice, as they stand at Telegram."""
    await on.telegram.send(Address("telegram", str(ALICE)), Reply("?", choices))
    rows = on.api.of("sendMessage")[-1]["reply_markup"]["inline_keyboard"]
    return [button for row in rows for button in row]


@given(st.text(max_size=80), st.integers(1, 2**52))
def test_what_is_signed_fits_and_reads_back_or_is_a_digest(value: str, person: int):
    data = BUTTONS.data(value, str(person), NOW)
    assert len(data.encode("utf-8", "replace")) <= DATA_MAX
    read = BUTTONS.read(data, str(person), NOW)
    if len(value.encode("utf-8", "replace")) <= 53 and not value.startswith(LONG):
        assert read == value
    else:
        assert read is not None
        assert read.startswith(LONG)


@given(st.text(max_size=80))
def test_what_nobody_signed_never_counts(data: str):
    assert BUTTONS.read(data, str(ALICE), NOW) is None


def test_every_character_of_a_button_is_signed():
    data = BUTTONS.data("rate:up:ABCD-EFGH", str(ALICE), NOW)
    for at in range(len(data)):
        for other in string.printable:
            if other != data[at]:
                assert BUTTONS.read(data[:at] + other + data[at + 1 :], str(ALICE), NOW) is None
    assert BUTTONS.read(data, str(BOB), NOW) is None
    assert Buttons(b"l" * 32).read(data, str(ALICE), NOW) is None


@pytest.mark.parametrize("start", [NOW, datetime(2050, 12, 31, tzinfo=UTC), datetime(2019, 6, 27, tzinfo=UTC)])
def test_a_button_works_for_eight_weeks(start: datetime):
    data = BUTTONS.data("menu", "1", start)
    assert BUTTONS.read(data, "1", start + timedelta(weeks=8)) == "menu"
    assert BUTTONS.read(data, "1", start + timedelta(weeks=9)) is None
    assert BUTTONS.read(data, "1", start + timedelta(days=365 * 10)) is None


def test_all_values_of_the_policy_fit_as_they_are(policy: PolicyVersion, wording: Wording):
    voice = Voice(wording, policy, "en")
    values = [choice.value for place in ("", *policy.sections) for choice in menu(voice, place).choices]
    values += [f"whole:{key}" for key in policy.clauses] + [f"start:{name}" for name in flows()]
    values += [f"use:{use}" for use in USES] + ["answer:KP-0000-0000", "appeal:KP-0000-0000"]
    values += ["rate:down:ABCD-EFGH", "reason:ABCD-EFGH:wrong_clause", "flow:abcd1234:_whose.whose:account"]
    for value in values:
        assert BUTTONS.read(BUTTONS.data(value, str(2**52), NOW), str(2**52), NOW) == value


async def test_a_press_brings_back_the_value_and_is_answered(on: Stage):
    (button,) = await drawn(on, Choice("Keeping data", "clause:privacy.7.2"))
    await on.post(on.pressed(button["callback_data"]))
    (heard,) = on.door.messages
    assert (heard.choice, heard.text, heard.sender.user) == ("clause:privacy.7.2", "", str(ALICE))
    (answered,) = await on.api.until("answerCallbackQuery")
    assert "text" not in answered


async def test_a_long_value_is_pressed_by_its_label(on: Stage):
    buttons = await drawn(on, Choice("Short", "menu"), Choice("The long one", LONGEST))
    keyboard = {"inline_keyboard": [buttons]}
    await on.post(on.pressed(buttons[1]["callback_data"], reply_markup=keyboard))
    (heard,) = on.door.messages
    assert (heard.choice, heard.text) == (None, "The long one")


async def test_a_long_value_below_a_message_too_old_to_be_shown_is_no_longer_valid(on: Stage):
    (button,) = await drawn(on, Choice("The long one", LONGEST))
    await on.post(on.pressed(button["callback_data"], date=0))
    assert "no longer valid" in (await on.api.until("answerCallbackQuery"))[0]["text"]
    assert not on.door.messages


@pytest.mark.parametrize(
    "data",
    [
        "start:forget_me",
        "rate:up:ABCD-EFGH",
        "~",
        "",
        "#",
        "#~",
        "x" * 64,
        "clause:privacy.7.2~zzAAAAAAAA",
        "密~密密密",
        None,
    ],
)
async def test_forged_data_has_no_effect_and_says_so(on: Stage, data: str | None):
    assert (await on.post(on.pressed(data))).status_code == 200
    assert "no longer valid" in (await on.api.until("answerCallbackQuery"))[0]["text"]
    assert not on.door.messages
    assert not on.held


async def test_a_button_of_somebody_else_or_elsewhere_has_no_effect(on: Stage):
    (button,) = await drawn(on, Choice("Keeping data", "clause:privacy.7.2"))
    data = button["callback_data"]
    await on.post(on.pressed(data, BOB))
    await on.post(on.pressed(data, chat=private(BOB)))
    await on.post(on.pressed(data, chat={"id": GROUP, "type": "group", "title": "G"}))
    inline = on.pressed(data)
    del inline["callback_query"]["message"]
    inline["callback_query"]["inline_message_id"] = "AAA"
    await on.post(inline)
    assert len(await on.api.until("answerCallbackQuery", 4)) == 4
    assert not on.door.messages


async def test_a_button_that_is_too_old_has_no_effect(on: Stage):
    (button,) = await drawn(on, Choice("Keeping data", "clause:privacy.7.2"))
    on.clock.turn(weeks=9)
    await on.post(on.pressed(button["callback_data"]))
    assert "no longer valid" in (await on.api.until("answerCallbackQuery"))[0]["text"]
    assert not on.door.messages


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("zh-hans", "这个按钮已失效"),
        ("zh-hant", "這個按鈕已失效"),
        ("zh-TW", "這個按鈕已失效"),
        ("de", "no longer valid"),
        (None, "no longer"),
    ],
)
async def test_it_is_said_in_the_persons_language(on: Stage, code: str | None, words: str):
    update = on.pressed("forged")
    update["callback_query"]["from"]["language_code"] = code
    await on.post(update)
    assert words in (await on.api.until("answerCallbackQuery"))[0]["text"]


async def test_a_press_whose_time_to_answer_is_over_counts_all_the_same(on: Stage):
    (button,) = await drawn(on, Choice("Keeping data", "clause:privacy.7.2"))
    said = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    on.api.plan("answerCallbackQuery", Planned(400, {"ok": False, "error_code": 400, "description": said}))
    assert (await on.post(on.pressed(button["callback_data"]))).status_code == 200
    await on.api.until("answerCallbackQuery")
    assert len(on.door.messages) == 1
