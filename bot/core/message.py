"""What goes in and out of the assistant, the same for every channel."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Address:
    """The only name a channel has for a person. Its repr is masked: addresses never reach a log."""

    channel: str
    user: str

    def __repr__(self) -> str:
        return f"Address({self.channel}:***)"


class Event(StrEnum):
    """Something that happened to the chat, rather than something said in it."""

    JOINED = "joined"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message as a channel hands it in. `message_id` is unique within the channel and repeats when the platform repeats."""

    sender: Address
    text: str
    message_id: str
    at: datetime
    choice: str | None = None
    """The value of the button that was pressed, as it was given in Choice.value."""
    event: Event | None = None
    media: str | None = None
    """Kind of what was sent instead of text: voice, photo, document, contact, sticker, location."""
    language_hint: str | None = None
    """The language the platform says the person uses ("en", "zh-CN", "zh-TW")."""
    phone: str | None = field(default=None, repr=False)
    """The number of a contact that was shared as bot/core/shared_contact.py wants it; read only where one is asked for."""

    @property
    def key(self) -> str:
        """The name under which this message takes effect once."""
        return f"{self.sender.channel}:{self.message_id}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to press: `label` is shown, `value` comes back."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer rests on. `source` says whose words they are: the company's policy, or the law."""

    id: str
    label: str
    source: Literal["policy", "law"] = "policy"
    version: str = ""
    """The version in words ("15 December 2023"); empty for a law."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a person. No markup: each channel draws it its own way."""

    text: str
    choices: tuple[Choice, ...] = ()
    citations: tuple[Citation, ...] = ()
    receipt: str = ""
    language: str = "en"
    link: str | None = None
    reference: str = ""
    """A name of its own for this message, where one is needed: a mail's Message-ID comes from it, so that a repeat is known."""
    takes_phone: bool = False
    """Whether a phone number that is shared counts as one that is typed. A channel that can offers a button for it."""

    def as_data(self) -> dict[str, Any]:
        """A JSON-ready form, read back by `from_data`."""
        made: dict[str, Any] = {
            "text": self.text,
            "choices": [{"label": c.label, "value": c.value} for c in self.choices],
            "citations": [
                {"id": c.id, "label": c.label, "source": c.source, "version": c.version} for c in self.citations
            ],
            "receipt": self.receipt,
            "language": self.language,
            "link": self.link,
        }
        # What few messages have is left out of the others.
        rare = {"reference": self.reference, "takes_phone": self.takes_phone}
        return made | {name: value for name, value in rare.items() if value}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Reply":
        return cls(
            text=data["text"],
            choices=tuple(Choice(**c) for c in data["choices"]),
            citations=tuple(Citation(**c) for c in data["citations"]),
            receipt=data["receipt"],
            language=data["language"],
            link=data["link"],
            reference=data.get("reference", ""),
            takes_phone=data.get("takes_phone", False),
        )
