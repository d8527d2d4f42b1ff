"""One line of a visitor's conversation, and how it is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlsplit

from bot.core.message import Address, Choice, Citation, Reply
from knowledge.normal import visible


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it is kept. `mine`: the visitor wrote it (`text`), else it is a `reply`.

    Ids grow with time; what the visitor wrote may carry the id of its first reply.
    """

    id: int
    at: datetime
    mine: bool
    reply: Reply | None
    text: str


History = Callable[[Address, int], Sequence[Entry]]
"""The entries of a person after an id, oldest first. Synchronous; holds a reply before it is sent."""

RATINGS = ("rate:up:", "rate:down:")
"""Beginnings of the two choices that are drawn as thumbs."""
BROWSING = ("clause:", "law:", "whole:", "menu", "language:", "start:", "mydata:", "answer:", "appeal:", "use:")
"""Beginnings of choices that may be pressed again and again; any other belongs to the step that offered it."""


@dataclass(frozen=True, slots=True)
class Button:
    """A choice as it is drawn. A "step" button can't be pressed once the conversation went on."""

    label: str
    value: str
    kind: Literal["up", "down", "browse", "step"]


@dataclass(frozen=True, slots=True)
class Source:
    """A citation as it is drawn: a link that opens the clause, or the article, beside the chat."""

    label: str
    version: str
    href: str
    anchor: str
    is_law: bool


@dataclass(frozen=True, slots=True)
class Bubble:
    """What the page shows of one entry. `id`: None for a reply that isn't kept; `is_past`: something was said since."""

    id: int | None
    at: datetime
    mine: bool
    language: str
    text: str
    buttons: tuple[Button, ...] = ()
    sources: tuple[Source, ...] = ()
    receipt: str = ""
    link: str = ""
    is_past: bool = False

    @property
    def ratings(self) -> tuple[Button, ...]:
        return tuple(b for b in self.buttons if b.kind in ("up", "down"))

    @property
    def options(self) -> tuple[Button, ...]:
        return tuple(b for b in self.buttons if b.kind in ("browse", "step"))


def bubbles(entries: Sequence[Entry], address_of: Callable[[Citation], str]) -> list[Bubble]:
    """How `entries` are drawn, in their order. `address_of` gives the page of a cited clause or article."""
    last_mine = max((place for place, entry in enumerate(entries) if entry.mine), default=-1)
    drawn = []
    for place, entry in enumerate(entries):
        if entry.mine:
            drawn.append(Bubble(entry.id, entry.at, True, "", entry.text))
        elif entry.reply is not None:
            drawn.append(bubble(entry.reply, entry.at, address_of, id=entry.id, is_past=place < last_mine))
    return drawn


def bubble(
    reply: Reply, at: datetime, address_of: Callable[[Citation], str], *, id: int | None = None, is_past: bool = False
) -> Bubble:
    """How one reply is drawn."""
    return Bubble(
        id=id,
        at=at,
        mine=False,
        language=reply.language,
        text=reply.text,
        buttons=tuple(_button(choice) for choice in reply.choices),
        sources=tuple(_source(citation, address_of) for citation in reply.citations),
        receipt=reply.receipt,
        link=_safe(reply.link),
        is_past=is_past,
    )


def _button(choice: Choice) -> Button:
    label = visible(choice.label)
    if choice.value.startswith(RATINGS[0]):
        return Button(label, choice.value, "up")
    if choice.value.startswith(RATINGS[1]):
        return Button(label, choice.value, "down")
    return Button(label, choice.value, "browse" if choice.value.startswith(BROWSING) else "step")


def _source(citation: Citation, address_of: Callable[[Citation], str]) -> Source:
    is_law = citation.source == "law"
    label, version = visible(citation.label), visible(citation.version)
    return Source(label, version, address_of(citation), quote(citation.id), is_law)


def _safe(link: str | None) -> str:
    """`link` where it leads to a web page or to a place on this site, else "": no other scheme becomes a link."""
    if not link:
        return ""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    on_this_site = not parts.scheme and not parts.netloc and link.startswith("/") and "\\" not in link
    return link if on_this_site or (parts.scheme in ("http", "https") and parts.netloc) else ""
