"""What a push means: a message for the assistant, a note for the trail, and the right to write back."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.wechat.codec import Garbage, Push
from bot.core.message import Address, Event, InboundMessage
from storage.stores.wechat import Contact

NAME = "wechat"
HINT = "zh-CN"
"""WeChat doesn't say which language a person uses; until they write, this is the likeliest."""
MEDIA = {"image": "photo", "voice": "voice", "video": "video", "shortvideo": "video", "location": "location"}
SCENE = re.compile(r"clause_[A-Za-z0-9._-]{1,56}")
"""A QR code that leads to a clause, named as Telegram's deep links are."""
WITHIN = timedelta(days=366)
"""A message older or newer than this has no true time."""
SUBSCRIPTION = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
PERSONAL = ("user_info_modified", "user_authorization_revoke")
"""WeChat says that somebody changed or withdrew what they had shared with the account. We never asked for any of it."""
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TEMPLATE_ID = re.compile("[0-9A-Za-z_-]{1,64}")
_WORDS = frozenset({"success", "failed", "failed:user block", "failed: system failed", "failed:system failed"}) | {
    *("accept", "reject", "ban", "filter")
}
"""What WeChat says became of a template message or a subscription (its documentation of the two events)."""
_NUMBER = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Note:
    """An entry for the trail about somebody, or about the account where it is about nobody."""

    action: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """What a push is about. `key` is the same when it is pushed again; `account` is the name the answer comes from."""

    user: str
    account: str
    key: str
    message: InboundMessage | None = None
    contact: Contact | None = None
    notes: tuple[Note, ...] = ()


def read_push(push: Push, now: datetime) -> Happening:
    """What happened. Raises Garbage when it is nothing that WeChat would write."""
    fields: dict[str, Any] = push.message._data
    user, account = _text(fields, "FromUserName"), _text(fields, "ToUserName")
    if not _ID.fullmatch(user) or not _ID.fullmatch(account):
        raise Garbage("names", push.xml)
    kind, event = _text(fields, "MsgType").lower(), _text(fields, "Event").lower()
    key = _key(fields, user, push.xml)
    at = _at(_text(fields, "CreateTime"), now)
    if kind == "event":
        return _event(event, fields, Happening(user, account, key), at)
    text, media = _text(fields, "Content"), None
    if kind != "text":
        text, media = (_text(fields, "Recognition") if kind == "voice" else ""), MEDIA.get(kind, "document")
    # A tap on an item of a message menu arrives as a text, and counts as a tap on the menu.
    contact: Contact = "action" if "bizmsgmenuid" in fields else "message"
    message = InboundMessage(Address(NAME, user), text, key, at, media=None if text else media, language_hint=HINT)
    return Happening(user, account, key, message, contact)


def _event(event: str, fields: dict[str, Any], about: Happening, at: datetime) -> Happening:
    sender, value = Address(NAME, about.user), _text(fields, "EventKey")
    text, choice, joined_or_left = "", None, None
    contact: Contact | None = None
    match event:
        case "subscribe" | "subscribe_scan" | "scan":
            # wechatpy names a follow by QR code subscribe_scan and takes the prefix off its scene.
            scene = value.removeprefix("qrscene_")
            text = f"/start {scene}" if SCENE.fullmatch(scene) else "/start" if event == "scan" else ""
            joined_or_left, contact = None if text else Event.JOINED, "action"
        case "unsubscribe":
            joined_or_left = Event.LEFT
        case "click":
            choice, contact = value, "action"
        case "templatesendjobfinish":
            return _noted(about, Note("template_report", _short(fields, "Status")))
        case "view" | "location":
            return (
                about  # Following a link, or telling a place nobody asked for: neither is said to us, nothing is kept.
            )
        case name if name in SUBSCRIPTION:
            return _noted(about, *_subscription_notes(name, fields))
        case name if name in PERSONAL:
            return _noted(about, Note(name))
        case _:
            return about
    message = InboundMessage(sender, text, about.key, at, choice, joined_or_left, language_hint=HINT)
    return Happening(about.user, about.account, about.key, message, contact)


def _noted(about: Happening, *notes: Note) -> Happening:
    return Happening(about.user, about.account, about.key, notes=notes)


def _subscription_notes(name: str, fields: dict[str, Any]) -> list[Note]:
    """One note an item: a template and what the person decided, or what became of the message.

    One item is an element, several are a list of them. WeChat's own example writes a change under the popup's tag.
    """
    holder = fields.get(SUBSCRIPTION[name]) or fields.get("SubscribeMsgPopupEvent") or {}
    items = holder.get("List") if isinstance(holder, dict) else None
    notes = []
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict):
            came_to = _short(item, "SubscribeStatusString") or _short(item, "ErrorStatus") or _short(item, "ErrorCode")
            notes.append(Note(name.removesuffix("_event"), f"{_short(item, 'TemplateId')} {came_to}".strip()))
    return notes


def _key(fields: dict[str, Any], user: str, xml: str) -> str:
    """The name under which it takes effect once: WeChat's own number, else everything that tells events apart."""
    number = _text(fields, "MsgId")
    if _NUMBER.fullmatch(number) and _text(fields, "MsgType").lower() != "event":
        return number
    told_apart = (user, *(_text(fields, name) for name in ("CreateTime", "Event", "EventKey")))
    whole = hashlib.sha256(xml.encode("utf-8", "surrogatepass")).hexdigest()
    return "event-" + hashlib.sha256("\0".join((*told_apart, whole)).encode("utf-8", "surrogatepass")).hexdigest()


def _at(seconds: str, now: datetime) -> datetime:
    """The time that WeChat gives; ours where that can't be true."""
    if not re.fullmatch(r"[0-9]{1,11}", seconds):
        return now
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    return at if abs(at - now) < WITHIN else now


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _short(fields: dict[str, Any], name: str) -> str:
    """A field as it may stand in the trail: a template's id, a number, or one of WeChat's words; "other" for anything else."""
    said = _text(fields, name).strip()
    if name == "TemplateId":
        return said if _TEMPLATE_ID.fullmatch(said) else "other"
    return said if not said or said in _WORDS or re.fullmatch("[0-9]{1,6}", said) else "other"
