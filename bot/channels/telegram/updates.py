"""Reads updates: bytes -> table -> python-telegram-bot's Update -> what was said.

Telegram keeps the order within a chat, so an update that is never acknowledged blocks its chat for a day. What can't
be read, or isn't what the Bot API describes, is therefore Garbled: it is kept in quarantine and acknowledged.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatType

from bot.core.message import Address, Event, InboundMessage
from bot.core.shared_contact import SharedContact, contact_hint

NAME = "telegram"
Quarantine = Callable[[str, bytes, str, str | None], None]
"""Keeps (key, body, error, user) of an update that can't be handled; `user` sent it, None where that can't be read.
Synchronous; called in a thread. Raises StorageError."""
BRACKETS_MAX = 5_000
"""Opening brackets of a body: bounds depth and breadth before anything is parsed. A long text with a hundred marks in
it and in what it answers has some 600."""
DEPTH_MAX = 40
"""Tables within tables. A reply to a reply with its keyboard has some 12."""
DIGITS_MAX = 20
"""Of a number; ids have at most 52 bits."""
ID_MAX = 2**53
_FROM = re.compile(rb'"from"\s*:\s*\{\s*"id"\s*:\s*([0-9]{1,20})\b')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
MEDIA = (
    "voice",
    "photo",
    "document",
    "contact",
    "sticker",
    "location",
    "video",
    "audio",
    "video_note",
    "animation",
    "venue",
    "poll",
    "dice",
    "story",
    "paid_media",
    "checklist",
    "game",
    "invoice",
)
"""What can be sent instead of text, as attributes of a message."""
# Lengths of time as timedelta, as the library will have them; without it each one in an update gives a warning.
os.environ.setdefault("PTB_TIMEDELTA", "1")
_PLAIN = frozenset({"message_id", "from", "chat", "date", "text"})
"""What a plain text holds; with anything more (a reply, a forward, formatting, a command) it is not plain."""
_LATEST = 2**33
"""Seconds since 1970, the year 2242: a later date is no date."""
_AS = {"video_note": "video", "animation": "video", "venue": "location"}


class Garbled(Exception):
    """Not what the Bot API sends; the message says in a word or two what is wrong, never what stood there."""


def parse(body: bytes) -> dict[str, Any]:
    """The table in `body`. Raises Garbled for anything that Telegram's own JSON never is."""
    if body.count(b"{") + body.count(b"[") > BRACKETS_MAX:
        raise Garbled("too deep or too many parts")
    try:
        read = json.loads(body.decode(), object_pairs_hook=_table, parse_int=_number, parse_constant=_no_constant)
        if _SURROGATE.search(body):
            json.dumps(read, ensure_ascii=False).encode()
    except UnicodeError as bad:
        raise Garbled("not UTF-8") from bad
    except (ValueError, RecursionError) as bad:
        raise Garbled("not JSON") from bad
    if not isinstance(read, dict):
        raise Garbled("no table")
    if _is_deeper(read, DEPTH_MAX):
        raise Garbled("too deep")  # How deep json itself goes differs between Python's versions.
    return read


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
    return bool(level)


def update_of(data: dict[str, Any]) -> Update:
    """The update that `data` describes. Raises Garbled."""
    number = data.get("update_id")
    if type(number) is not int or not 0 <= number < ID_MAX:
        raise Garbled("no update_id")
    try:
        return Update.de_json(data, None)
    except Exception as bad:
        raise Garbled(f"no update: {type(bad).__name__}") from bad


def sender_of(body: bytes, bot_id: int) -> str | None:
    """Who sent an update that can't be read otherwise: the first person in it that is not the bot itself."""
    people = (int(found[1]) for found in _FROM.finditer(body))
    return next((str(person) for person in people if person != bot_id), None)


def message_of(update: Update, message: Message) -> InboundMessage | None:
    """What somebody said in a private chat; None for what only notes that something happened there."""
    text = _words(message.text) or _words(message.caption)
    media = next((kind for kind in MEDIA if getattr(message, kind, None)), None)
    if media is None and not text:
        return None
    if media == "contact":
        text = ""  # Somebody's name and number: neither read nor kept.
    sender = message.from_user
    return InboundMessage(
        address(message.chat.id),
        text,
        str(update.update_id),
        _time(message.date),
        media=None if media is None else _AS.get(media, media),
        language_hint=_words(sender.language_code) or None if sender else None,
    )


def phone_of(message: Message, bot_id: int) -> str | None:
    """The number of a contact that counts as typed: the sender's own, in answer to our request; None of any other.

    Nothing that is odd about a contact raises: the update would be kept to be looked at, and the number with it.
    """
    contact, sender, asked = message.contact, message.from_user, message.reply_to_message
    if contact is None or sender is None:
        return None
    is_ours = asked is not None and asked.from_user is not None and asked.from_user.id == bot_id
    shared = SharedContact(
        phone=contact.phone_number if isinstance(contact.phone_number, str) else "",
        user_id=contact.user_id,
        sender_id=sender.id,
        is_private=message.chat.type == ChatType.PRIVATE and message.chat.id == sender.id,
        is_forwarded=message.forward_origin is not None or message.via_bot is not None,
        answers_request_at=asked.date if asked is not None and is_ours else None,
    )
    # Both moments by Telegram's clock, so that ours need not agree with it to the second.
    return contact_hint(shared, _time(message.date))


def plainly_said(data: dict[str, Any]) -> InboundMessage | None:
    """A text in a private chat, which most updates are, read without making objects of all it holds; None for all else.

    Whatever is the least unusual is None, so that the library reads it.
    """
    message = data.get("message")
    if len(data) != 2 or not isinstance(message, dict) or not message.keys() <= _PLAIN:
        return None
    sender, chat, date, text = (message.get(name) for name in ("from", "chat", "date", "text"))
    if not isinstance(sender, dict) or not isinstance(chat, dict) or type(date) is not int or not isinstance(text, str):
        return None
    number, code = data.get("update_id"), sender.get("language_code")
    if chat.get("type") != "private" or sender.get("is_bot") is not False or not isinstance(code, str | None):
        return None
    if (
        not text
        or text.startswith("/")
        or type(number) is not int
        or not 0 <= number < ID_MAX
        or not 0 < date < _LATEST
    ):
        return None
    return InboundMessage(
        address(chat.get("id")), text, str(number), datetime.fromtimestamp(date, UTC), language_hint=code or None
    )


def event_of(update: Update) -> InboundMessage | None:
    """That the bot was blocked, or unblocked, in a private chat; else None."""
    change = update.my_chat_member
    if change is None or change.chat.type != ChatType.PRIVATE:
        return None
    before, after = change.old_chat_member.status, change.new_chat_member.status
    if after == "kicked":
        event = Event.LEFT
    elif before == "kicked" and after in ("member", "restricted"):
        event = Event.JOINED
    else:
        return None
    hint = _words(change.from_user.language_code) or None
    return InboundMessage(
        address(change.chat.id), "", str(update.update_id), _time(change.date), event=event, language_hint=hint
    )


def press_of(update: Update, query: CallbackQuery, value: str, label: str, at: datetime) -> InboundMessage:
    """That a button was pressed: by its value, or, where that did not fit in, by its label, as if it had been typed."""
    return InboundMessage(
        address(query.from_user.id),
        "" if value else label,
        str(update.update_id),
        at,
        choice=value or None,
        language_hint=_words(query.from_user.language_code) or None,
    )


def label_of(query: CallbackQuery) -> str:
    """What stands on the button that was pressed; "" when its message is too old to be shown along."""
    markup = query.message.reply_markup if isinstance(query.message, Message) else None
    if not isinstance(markup, InlineKeyboardMarkup):
        return ""
    buttons = (button for row in markup.inline_keyboard for button in row)
    return next((_words(button.text) for button in buttons if button.callback_data == query.data), "")


def address(chat: object) -> Address:
    """The address of a chat. Raises Garbled for what is no id."""
    if type(chat) is not int or not -ID_MAX < chat < ID_MAX:
        raise Garbled("no chat id")
    return Address(NAME, str(chat))


def _words(text: object) -> str:
    if text is None:
        return ""
    if not isinstance(text, str):
        raise Garbled("text is no text")
    return text


def _time(at: object) -> datetime:
    if not isinstance(at, datetime):
        raise Garbled("no date")
    return at


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name twice")
    return table


def _number(digits: str) -> int:
    if len(digits) > DIGITS_MAX:
        raise ValueError("a number too long")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
