"""The few words that are Telegram's alone: its commands, and what is said where no conversation is."""

from functools import cache
from pathlib import Path
from typing import Any

from telegram import BotCommand

from intents.language import detect
from intents.traditional import traditional
from intents.wording import PLACEHOLDER, TRADITIONAL
from knowledge.library import read_toml

FILE = Path(__file__).with_name("text.toml")
LANGUAGES = ("en", "zh")


def language_of_code(code: object) -> str:
    """en, zh or zh-Hant for the language a person's Telegram is set to ("zh-hans", "zh-hant", "zh-TW", "de", None)."""
    said = code.lower() if isinstance(code, str) else ""
    if said.split("-")[0] != "zh":
        return "en"
    return TRADITIONAL if any(part in ("hant", "tw", "hk", "mo") for part in said.split("-")[1:]) else "zh"


def language_of_text(text: str) -> str:
    """en or zh, by the characters of `text` alone."""
    return detect(text)


def say(key: str, language: str, /, **values: str) -> str:
    """The text of `key`, in English where a language has none. Raises BrokenFile, KeyError."""
    tables = _tables()
    base = "zh" if language == TRADITIONAL else language
    text = str(tables.get(base, {}).get("say", {}).get(key) or tables["en"]["say"][key])
    if language == TRADITIONAL:
        text = traditional(text)
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def commands(language: str) -> list[BotCommand]:
    """The commands with what they do, in the order they are shown."""
    listed = _tables()[language]["commands"]
    return [BotCommand(name, str(does)) for name, does in listed.items()]


@cache
def _tables() -> dict[str, Any]:
    return read_toml(FILE)
