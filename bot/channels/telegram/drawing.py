"""Draws a reply as Telegram messages: plain text without any markup, so nothing in it can break or forge anything."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence

from bot.channels.telegram import words
from bot.core.message import Choice, Reply

TEXT_MAX = 4096
"""Characters of a message, counted as Telegram's clients do, in UTF-16 units. Source: Bot API, sendMessage."""
PART_MAX = 4000
"""What a part may have, so that no way of counting makes it too long."""
SHORT = 18
"""Columns of a label up to which two buttons stand side by side; a Chinese character takes two."""
LABEL_MAX = 64
"""Characters of a label; clients cut longer ones off."""
BUTTONS_MAX = 100
"""Buttons of one message. Source: tdlib/telegram-bot-api."""
_UNSAYABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_GLUE = "\u200d\ufe0e\ufe0f"


def parts(reply: Reply) -> list[str]:
    """The text of a reply in pieces of at most PART_MAX, what it rests on and its receipt as the last line."""
    lines = [_sayable(reply.text).strip()]
    sources = [f"{c.label}, {_version(c.version, reply.language)}" if c.version else c.label for c in reply.citations]
    foot = "; ".join(dict.fromkeys(sources)) + (f"  [{reply.receipt}]" if reply.receipt else "")
    if foot:
        lines.append(f"\n— {_sayable(foot.strip())}")
    if reply.link:
        lines.append(_sayable(reply.link))
    return split("\n".join(lines))


def split(text: str, most: int = PART_MAX) -> list[str]:
    """`text` in pieces of at most `most` UTF-16 units: cut at an empty line, a line's end, a sentence's, or a space."""
    pieces = []
    while _units(text) > most:
        room = _fitting(text, most)
        head = text[:room]
        at = max(head.rfind("\n\n"), 0)
        for mark in (r"\n", r"[.!?;] |[。！？；]", r"\s"):
            if at > room // 2:
                break
            at = max((found.end() for found in re.finditer(mark, head)), default=at)
        if at <= room // 2:
            at = _whole(text, room)
        pieces.append(text[:at].rstrip())
        text = text[at:].lstrip("\n ")
    pieces.append(text)
    return [piece for piece in pieces if piece] or [""]


def keyboard(choices: Sequence[Choice], data: Callable[[str], str]) -> str:
    """Telegram's InlineKeyboardMarkup as JSON: a button for every choice, short ones two in a row; `data` signs a value.

    "" without choices. JSON, because the library's own objects for it cost half of a whole call.
    """
    rows: list[list[dict[str, str]]] = []
    room = False
    for choice in choices[:BUTTONS_MAX]:
        label = _sayable(choice.label).strip() or "…"
        label = label if len(label) <= LABEL_MAX else label[: LABEL_MAX - 1] + "…"
        button = {"text": label, "callback_data": data(choice.value)}
        is_short = _columns(label) <= SHORT
        if room and is_short:
            rows[-1].append(button)
            room = False
        else:
            rows.append([button])
            room = is_short
    return json.dumps({"inline_keyboard": rows}) if rows else ""


def messages(reply: Reply, data: Callable[[str], str]) -> list[tuple[str, str]]:
    """The messages of a reply: (text, reply_markup as JSON or ""). Buttons stand under the last one.

    A message has room for one keyboard. Where a phone number may be shared, its button therefore comes with the text, and
    the other buttons with a word of their own.
    """
    pieces, markup = parts(reply), keyboard(reply.choices, data)
    made = [(piece, "") for piece in pieces]
    if reply.takes_phone:
        made[-1] = (pieces[-1], share_keyboard(reply.language))
        if markup:
            made.append((words.say("or_pick", reply.language), markup))
    else:
        made[-1] = (pieces[-1], markup)
    return made


def share_keyboard(language: str) -> str:
    """Telegram's ReplyKeyboardMarkup as JSON: one button that shares the person's own contact, and goes once it is used."""
    button = {"text": words.say("share_phone", language), "request_contact": True}
    return json.dumps({"keyboard": [[button]], "one_time_keyboard": True, "resize_keyboard": True})


def _version(version: str, language: str) -> str:
    return words.say("version", language, date=version)


def _sayable(text: str) -> str:
    """`text` without what Telegram refuses: control characters, and half characters, which become "?"."""
    return _UNSAYABLE.sub(lambda found: "?" if found[0] >= "\ud800" else "", text)


def _units(text: str) -> int:
    """UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fitting(text: str, most: int) -> int:
    """How many characters from the start take at most `most` UTF-16 units."""
    taken = 0
    for place, character in enumerate(text):
        taken += 2 if character > "\uffff" else 1
        if taken > most:
            return place
    return len(text)


def _whole(text: str, at: int) -> int:
    """`at`, or a little before, so that no accent or joined emoji is torn off what it belongs to."""
    for place in range(at, max(at - 32, 1), -1):
        torn = unicodedata.combining(text[place]) or text[place] in _GLUE or text[place - 1] == "\u200d"
        if not torn and not "\U0001f3fb" <= text[place] <= "\U0001f3ff":
            return place
    return at


def _columns(label: str) -> int:
    if label.isascii():
        return len(label)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in label)
