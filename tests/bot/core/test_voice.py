"""That everything the bot may say has its words."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import SQLModel

import bot
import storage.tables  # noqa: F401  every table there is
from bot.core.answering import USES
from bot.core.errors import Declined
from bot.core.order.moves import Reason, State
from bot.core.order.moving import TOLD
from bot.core.order.news import wording_of
from bot.core.receipts import REASONS
from bot.core.voice import Voice
from intents.recogniser import Outcome
from intents.wording import Wording
from knowledge.clause import PolicyVersion

WARNED = ("hold_begun", "hold_ending")
"""What contacts of an account are told, each with a stop link."""
CHANNELS = ("telegram", "wechat", "web", "console", "memory")
OUTCOMES = (*Outcome, "command", "choice", "event", "flow", "apology")
"""What a turn can come to."""


def keys_built() -> set[str]:
    """Keys that are put together: by what happens to an order, by a state, a channel, a reason."""
    found = {f"reason_{reason}" for reason in REASONS} | {wording_of(key) for key in TOLD}
    found |= {f"order_reason_{reason}" for reason in Reason}
    found |= {f"order_state_{state}" for state in State} | {f"order_warn_{key}" for key in WARNED}
    found |= {f"chat_{channel}" for channel in CHANNELS} | {f"mydata_outcome_{outcome}" for outcome in OUTCOMES}
    found |= {f"{notice}_{way}" for notice in ("bound", "unbound") for way in ("mail", "sms")}
    return found | {f"mydata_{way}" for way in ("rated_up", "rated_down", "open", "lost")}


def named(argument: ast.expr) -> Iterator[str]:
    """The keys that an argument names: "a", or "a" if ... else "b"."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from named(argument.body)
        yield from named(argument.orelse)
    elif isinstance(argument, ast.BoolOp):
        for value in argument.values:
            yield from named(value)


def keys_used() -> set[str]:
    """Every key that a line of bot/ passes to `shared` (or to what passes it on), read from the source."""
    found = keys_built()
    for path in Path(bot.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("shared", "plain")
            ):
                found |= set(named(node.args[0]))
    pending = [Declined]
    while pending:
        kind = pending.pop()
        found.add(kind.wording)
        pending += kind.__subclasses__()
    return found


def strings() -> set[str]:
    """Every string in the sources of bot/: a key that stands in none of them and isn't put together is said nowhere."""
    found: set[str] = set()
    for path in Path(bot.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_key_the_bot_says_has_words(wording: Wording, language: str):
    worded = {key.removeprefix("_shared.") for key in wording.keys(language) if key.startswith("_shared.")}
    assert len(keys_used()) > 30
    assert keys_used() - worded == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_shared_words_are_left_over(wording: Wording, language: str):
    worded = {key.removeprefix("_shared.") for key in wording.keys(language) if key.startswith("_shared.")}
    of_tables = {f"mydata_{table.name}" for table in SQLModel.metadata.sorted_tables}
    of_orders = {f"order_state_{state}" for state in ("stopped", "checking")} | {
        f"order_warn_{key}_sms" for key in WARNED
    }
    of_uses = {f"use_{use}" for use in USES}
    assert worded - keys_used() - strings() - of_tables - of_orders - of_uses == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_news_of_orders_fill_their_words(wording: Wording, language: str):
    filled = {"number", "right", "due", "until", "words", "company", "contact", "elsewhere", "next", "reason", "how"}
    for key in TOLD:
        assert wording.placeholders(language, f"_shared.{wording_of(key)}") <= filled, key
    for key in WARNED:
        for form in ("", "_sms"):
            said = wording.placeholders(language, f"_shared.order_warn_{key}{form}")
            assert {"number", "until", "link"} <= said <= {"number", "until", "link", "company", "contact"}


@pytest.mark.parametrize(
    ("language", "said"), [("en", "5 March 2026"), ("zh", "2026年3月5日"), ("zh-Hant", "2026年3月5日")]
)
def test_a_date_is_said_in_the_language(wording: Wording, policy: PolicyVersion, language: str, said: str):
    assert Voice(wording, policy, language).date(date(2026, 3, 5)) == said


def test_unknown_things_are_left_out(wording: Wording, policy: PolicyVersion):
    things = Voice(wording, policy, "en").things(["privacy.7.4", "no.such", "pipl.45"])
    assert [thing.id for thing in things] == ["privacy.7.4", "pipl.45"]
