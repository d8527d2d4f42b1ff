"""Commands: exact grammar only."""

import pytest

from bot.core.commands import NAMES, Command, parse


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("/help", Command("help")),
        ("  /help  ", Command("help")),
        ("/HELP", Command("help")),
        ("／help", Command("help")),
        ("/start@some_bot clause_privacy.7.4", Command("start", "clause_privacy.7.4")),
        ("/receipt 7QK2-M9FX", Command("receipt", "7QK2-M9FX")),
        ("/policy privacy.7.4", Command("policy", "privacy.7.4")),
        ("/approve", Command("approve")),
        ("menu", Command("policy")),
        ("Cancel.", Command("cancel")),
        ("取消", Command("cancel")),
        ("转人工！", Command("human")),
        ("轉人工", Command("human")),
        ("English", Command("language", "en")),
        ("中文", Command("language", "zh")),
        ("繁體中文", Command("language", "zh-Hant")),
    ],
)
def test_a_command_is_read(said: str, command: Command):
    assert parse(said) == command


@pytest.mark.parametrize(
    "said",
    ["please /forget", "/", "//help", "/forget me now", "/forget\n/mydata", "forget", "/1234", "/a", "the menu please",
     "i want to cancel my account", "English is hard", "/receipt " + "x" * 200, "help/me", ""],
)  # fmt: skip
def test_anything_else_is_a_question_or_a_wish(said: str):
    assert parse(said) is None


@pytest.mark.parametrize("name", NAMES)
def test_every_named_command_is_one(name: str):
    assert parse(f"/{name}") == Command(name)
