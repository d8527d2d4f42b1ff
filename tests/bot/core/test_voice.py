"""That everything the bot may say has its words."""

import ast
from datetime import date
from pathlib import Path

import pytest

import bot
from bot.core.errors import Declined
from bot.core.receipts import REASONS
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion


def keys_used() -> set[str]:
    """Every key that a line of bot/ passes to `shared` (or to what passes it on), read from the source."""
    found = {f"reason_{reason}" for reason in REASONS}
    for path in Path(bot.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("shared", "plain")
            ):
                found |= {key.value for key in ast.walk(node.args[0]) if isinstance(key, ast.Constant)} - {"reason_"}
    pending = [Declined]
    while pending:
        kind = pending.pop()
        found.add(kind.wording)
        pending += kind.__subclasses__()
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_key_the_bot_says_has_words(wording: Wording, language: str):
    worded = {key.removeprefix("_shared.") for key in wording.keys(language) if key.startswith("_shared.")}
    assert len(keys_used()) > 30
    assert keys_used() - worded == set()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_shared_words_are_left_over(wording: Wording, language: str):
    worded = {key.removeprefix("_shared.") for key in wording.keys(language) if key.startswith("_shared.")}
    indirect = {"please_pick", "rephrase", "person_offer", "cancelled", "nothing_to_cancel", "rated_up"}
    assert worded - keys_used() - indirect == set()


@pytest.mark.parametrize(
    ("language", "said"), [("en", "5 March 2026"), ("zh", "2026年3月5日"), ("zh-Hant", "2026年3月5日")]
)
def test_a_date_is_said_in_the_language(wording: Wording, policy: PolicyVersion, language: str, said: str):
    assert Voice(wording, policy, language).date(date(2026, 3, 5)) == said


def test_unknown_things_are_left_out(wording: Wording, policy: PolicyVersion):
    things = Voice(wording, policy, "en").things(["privacy.7.4", "no.such", "pipl.45"])
    assert [thing.id for thing in things] == ["privacy.7.4", "pipl.45"]
