"""Receipts of answers: short codes that can be read out, what an answer rested on, and how it was rated."""

import re
import secrets
from datetime import date

from bot.core.errors import NothingFound, StaleChoice
from bot.core.masking import mask
from bot.core.message import Choice, Reply
from bot.core.scene import Said, Scene

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
CODE = re.compile("[0-9A-Z]{4}-[0-9A-Z]{4}")
"""What a receipt's code looks like; anything else that is typed there may be a number of the person's."""
REASONS = ("wrong_clause", "unclear", "incomplete", "other")
"""Why an answer did not help."""


def new_code() -> str:
    """A fresh code such as "7QK2-M9FX": eight characters, 40 bits, in two groups."""
    letters = [secrets.choice(ALPHABET) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def tidy_code(code: str) -> str:
    """A receipt code as it is kept: upper case, no blanks, look-alikes read as Crockford's base 32 reads them."""
    return code.strip().upper().replace("O", "0").replace("I", "1").replace("L", "1")


def receipt(scene: Scene, code: str) -> Said:
    """What an answer rested on; the question only to the one who asked it. Raises NothingFound."""
    if not code:
        return Said("command", [scene.plain("receipt_which")])
    voice, code = scene.voice, tidy_code(code)
    found = scene.work.conversations.receipt(code)
    if found is None:
        raise NothingFound(name=code if CODE.fullmatch(code) else mask(code))
    labels = [voice.citation(thing).label for thing in voice.things(found.clauses)]
    cited = (", " if voice.language == "en" else "、").join(labels or found.clauses)
    version = voice.date(date.fromisoformat(found.version))
    at = f"{found.at:%Y-%m-%d %H:%M} UTC"
    lines = [
        voice.shared("receipt", code=found.code, at=at, clauses=cited, version=version, checksum=found.checksum[:12])
    ]
    if found.person_id == scene.known.id and found.turn_id is not None:
        for turn in scene.work.conversations.turns(scene.known, limit=1, before=found.turn_id + 1):
            if turn.text and turn.outcome != "choice":
                lines.append(voice.shared("receipt_question", question=turn.text))
    choices = tuple(voice.choice(thing) for thing in voice.things(found.clauses)[:3])
    return Said("command", [Reply("\n".join(lines), choices, language=voice.language)], tuple(found.clauses))


def rate(scene: Scene, kind: str, rest: str) -> Said:
    """A thumb ("rate", "up:CODE") or the reason for one ("reason", "CODE:unclear"). Raises StaleChoice for anybody else's."""
    if kind == "reason":
        code, _, how = rest.partition(":")
    else:
        how, _, code = rest.partition(":")
    found = scene.work.conversations.receipt(tidy_code(code))
    if found is None or found.person_id != scene.known.id or found.turn_id is None:
        raise StaleChoice
    if how not in (REASONS if kind == "reason" else ("up", "down")):
        raise StaleChoice
    ratings = scene.work.conversations
    if kind == "reason":
        ratings.rate(scene.known.id, found.turn_id, -1, how)
        return Said("choice", [scene.plain("rated_reason")])
    ratings.rate(scene.known.id, found.turn_id, 1 if how == "up" else -1, None)
    if how == "up":
        return Said("choice", [scene.plain("rated_up")])
    voice = scene.voice
    choices = [Choice(voice.shared(f"reason_{reason}"), f"reason:{found.code}:{reason}") for reason in REASONS]
    choices.append(Choice(voice.shared("a_person"), "start:request_human"))
    return Said("choice", [Reply(voice.shared("rated_down"), tuple(choices), language=voice.language)])
