"""The package that answers a request for access: a page to read, the same as JSON, files from staff, and a manifest.

What the bot holds itself goes in by itself; what staff or the company's system attached "for the person" goes in as it
is. The archive is written piece by piece, and each piece is sealed with the order's key before it is kept: nothing of it
touches a disk in the clear, and a large package needs no more memory than a small one.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from bot.core.package.files import Archive, Parts, safe_name
from bot.core.package.held import Held, held_on, stamp, talk
from bot.core.package.page import page
from storage.engine import Database
from storage.errors import Unreadable
from storage.stores.order_papers import Attachment
from storage.stores.orders import Order
from storage.work import Work

PAGE_NAME, DATA_NAME = "index.html", "data.json"

Put = Callable[[int, bytes], None]
"""Keeps the piece of that number, sealed."""


class Built(NamedTuple):
    """A finished package: bytes, SHA-256 in hex."""

    size: int
    sha256: str


def build(database: Database, order_id: int, made_at: datetime, company: dict[str, str], put: Put) -> Built:
    """Writes the package of an order, in pieces to `put`; reads in short transactions of its own.

    `company` is its name by language. Raises PackageTooBig, Unreadable when the order was erased.
    """
    with database.read() as work:
        order, files, held = _read(work, order_id, made_at)
    names = {file.id: safe_name(number, file.name) for number, file in enumerate(files, 1)}
    listed = [{"name": names[file.id], "media_type": file.media_type, "bytes": file.size} for file in files]
    out = Parts(put)
    archive = Archive(out, made_at)
    facts = held.facts | {"files": listed}
    said = page(order.language, company, facts, talk(database, held.person, made_at))
    archive.add(PAGE_NAME, "text/html", "assistant", said)
    archive.add(DATA_NAME, "application/json", "assistant", _json(database, held, facts, made_at))
    for file in files:
        archive.add(names[file.id], file.media_type, "staff", _content(database, order_id, file.id))
    archive.end(order.number, stamp(made_at))
    return Built(out.size, out.end())


def for_person(files: list[Attachment]) -> list[Attachment]:
    """The files that go into the package: put there for the person, by staff or the company's system."""
    return [file for file in files if not file.internal and not file.paper and not file.actor.startswith("person:")]


def _read(work: Work, order_id: int, made_at: datetime) -> tuple[Order, list[Attachment], Held]:
    order = work.orders.of_id(order_id)
    if order is None:
        raise Unreadable(f"there is no order {order_id} any more")
    return order, for_person(work.orders.papers.files(order_id)), held_on(work, order, made_at)


def _json(database: Database, held: Held, facts: dict[str, object], made_at: datetime) -> Iterator[bytes]:
    head = json.dumps(facts, ensure_ascii=False, indent=1)
    yield head.removesuffix("\n}").encode("utf-8", "replace") + b',\n "talk": ['
    for number, row in enumerate(talk(database, held.person, made_at)):
        yield (",\n  " if number else "\n  ").encode() + json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
    yield b"\n ]\n}\n"


def _content(database: Database, order_id: int, file_id: int) -> Iterator[bytes]:
    with database.read() as work:
        body = work.orders.papers.content(order_id, file_id)
    yield body
