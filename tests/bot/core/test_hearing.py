"""What a message says, before anything is looked up."""

from datetime import UTC, datetime

import pytest

from bot.core.hearing import TEXT_MAX, Heard, language_of, listen
from bot.core.message import Address, Event, InboundMessage
from intents.recogniser import Outcome, Recogniser
from knowledge.clause import PolicyVersion

AT = datetime(2026, 3, 2, tzinfo=UTC)


def hear(recogniser: Recogniser, text: str, **more) -> Heard:
    return listen(InboundMessage(Address("memory", "alice"), text, "1", AT, **more), recogniser)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long do you keep my data?", "en"),
        ("cookies please", "en"),
        ("你们会保存多久", "zh"),
        ("怎么 delete", "zh"),
        ("個人資料會保存多久", "zh-Hant"),
        ("你好", "zh"),
        ("privacy", None),
        ("/policy privacy.7.4", None),
        ("42", None),
        ("🙂", None),
        ("", None),
        ("ok", None),
        ("a b", None),
    ],
)
def test_the_language_of_a_text(text: str, language: str | None):
    assert language_of(text) == language


def test_what_is_kept_is_masked_and_what_is_understood_is_not(policy: PolicyVersion):
    recogniser = Recogniser(policy, {})
    recogniser.add_taught({"privacy.7.2": ["the code 12345678"]})
    heard = hear(recogniser, "the code 12345678")
    assert heard.text == "the code [code]"
    assert heard.recognition.clauses == ("privacy.7.2",)


def test_a_command_is_read_as_it_was_typed(recogniser: Recogniser):
    heard = hear(recogniser, "/receipt 1234-5678")
    assert heard.command.argument == "1234-5678"
    assert heard.text == "/receipt [code]"
    assert heard.recognition is None


def test_a_long_message_is_cut(recogniser: Recogniser):
    heard = hear(recogniser, "word " * 2_000)
    assert heard.cut
    assert len(heard.text) <= TEXT_MAX
    assert not hear(recogniser, "word").cut


def test_a_number_across_the_cut_is_masked(recogniser: Recogniser):
    heard = hear(recogniser, "x" * (TEXT_MAX - 8) + " 4111111111111111")
    assert "4111" not in heard.text


def test_each_question_of_a_message_is_heard(recogniser: Recogniser):
    heard = hear(recogniser, "How long do you keep my data? Can I block cookies?")
    assert [part.clauses[0] for part in heard.parts] == ["privacy.7.2", "privacy.6.3"]


@pytest.mark.parametrize(
    "text",
    [
        "How long do you keep my data?",
        "How long do you keep my data? How long do you keep my data?",
        "Hi. Can I block cookies?",
    ],
)
def test_one_question_has_no_parts(recogniser: Recogniser, text: str):
    assert hear(recogniser, text).parts == ()


def test_of_many_questions_three_are_heard(policy: PolicyVersion):
    recogniser = Recogniser(policy, {})
    recogniser.add_taught(
        {f"privacy.7.{n}": [f"Number {word}?"] for n, word in enumerate(["one", "two", "three", "four"], 1)}
    )
    heard = hear(recogniser, "Number one? Number two? Number three? Number four?")
    assert len(heard.parts) == 3


@pytest.mark.parametrize(
    "text",
    ["and how long?", "What about cookies?", "why", "For how long?", "is it encrypted?", "那手机号呢", "多久",
     "为什么？", "还有邮箱呢"],
)  # fmt: skip
def test_a_follow_up_leans_on_what_was_said_before(recogniser: Recogniser, text: str):
    assert hear(recogniser, text).follows_up


@pytest.mark.parametrize(
    "text", ["How long do you keep my data?", "Can I block cookies?", "你们会保存我的信息多久？", "delete my account"]
)  # fmt: skip
def test_a_question_that_stands_alone_is_no_follow_up(recogniser: Recogniser, text: str):
    assert not hear(recogniser, text).follows_up


@pytest.mark.parametrize("more", [{"choice": "menu"}, {"event": Event.JOINED}])
def test_a_button_or_an_event_is_not_recognised_as_words(recogniser: Recogniser, more):
    heard = hear(recogniser, "How long do you keep my data?", **more)
    assert (heard.recognition, heard.command) == (None, None)


@pytest.mark.parametrize("text", ["", " ", "42", "🙂", "?", "\u200b\u202e", "12345678"])
def test_a_message_without_letters_is_recognised_as_nothing(recogniser: Recogniser, text: str):
    assert hear(recogniser, text).recognition is None


def test_invisible_characters_do_not_hide_a_question(recogniser: Recogniser):
    heard = hear(recogniser, "\u202eHow long do\u200b you keep my data?\ufeff")
    assert heard.recognition.outcome is Outcome.ANSWERED
    assert heard.text == "How long do you keep my data?"
