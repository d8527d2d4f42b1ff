"""Reading the whole trail and its chain, up to the first place that doesn't fit.

What was changed, taken away, put in, swapped or numbered anew shows by itself. A chain that was made anew up to its end,
or whose end was cut off, only shows against anchors: hashes of it that were kept where nobody could change them.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import sleep
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, case, cast, func, select, true
from sqlalchemy import literal_column as sql

from storage.chain import BOTH, FIRST, LINK, PAGE, TRAIL, UNCHAINED, UTC_TEXT, WORDS, Head, canonical, may_be_late, raw
from storage.work import Work

# The canonical text, made by the database: a third of the time that Python takes. Where it doesn't fit, Python decides.
ON_SQLITE: ColumnElement[bytes] = cast(func.json_array(LINK.c.seq, TRAIL.c.id, TRAIL.c.at, *WORDS), LargeBinary)
COMMA: ColumnElement[str] = sql("','")
AFTER_SEQ: ColumnElement[str] = func.concat(
    *(TRAIL.c.id, sql("',\"'"), UTC_TEXT["postgresql"], sql("'\"'")),
    *(part for words in WORDS for part in (COMMA, func.to_json(words))),
    sql("']'"),
)
"""On PostgreSQL: what follows the number."""


class Anchor(NamedTuple):
    """The end that the chain had at an instant, as kept outside."""

    at: datetime
    seq: int
    hash: bytes


How = Literal["changed", "deleted", "missing", "slipped in", "rewritten", "cut"]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place that doesn't fit: number in the chain, id of the entry where there is one, and what is wrong."""

    how: How
    seq: int
    entry: int | None
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. `waiting` entries have no place in the chain yet; `anchored` is the last number that an
    anchor vouches for, 0 without anchors."""

    seen: int
    head: Head
    waiting: int
    anchored: int
    broken: Broken | None


def verify(
    read: Callable[[], AbstractContextManager[Work]],
    anchors: Sequence[Anchor],
    *,
    page: int = PAGE,
    pause: float = 0.0,
    progress: Callable[[int], None] = lambda seen: None,
) -> Verdict:
    """Reads the whole trail, a page a transaction with `pause` seconds in between, up to the first place that doesn't
    fit. `read` opens a transaction, as Database.read does; `progress` is told the numbers of entries seen."""
    sha256 = hashlib.sha256
    left = sorted(anchors, key=lambda anchor: anchor.seq, reverse=True)
    expected, before, anchored = 0, FIRST, 0
    after: int | None = None

    def ended(broken: Broken | None, waiting: int = 0) -> Verdict:
        return Verdict(expected, Head(expected, before), waiting, anchored, broken)

    while True:
        with read() as work:
            rows = _page(work.connection, after, page)
            for seq, stored, written in rows:
                if seq != expected + 1:
                    return ended(_misnumbered(expected + 1, seq))
                if written is None or sha256(before + written).digest() != stored:
                    broken = _look_closer(work.connection, seq, before, stored)
                    if broken:
                        return ended(broken)
                while left and left[-1].seq <= seq:
                    anchor = left.pop()
                    if anchor.seq < 1 or anchor.hash != stored:
                        return ended(_rewritten(anchor, anchored))
                    anchored = seq
                expected, before = seq, stored
            if not rows:
                if left:
                    return ended(_cut(left[0], expected))
                return ended(*_unchained(work.connection))
        after = rows[-1][0]
        progress(expected)
        if pause:
            sleep(pause)


Link = tuple[int, bytes, bytes | None]
"""Number, hash, and the canonical text, or None where the database can't write it."""


def _page(connection: Connection, after: int | None, limit: int) -> list[Link]:
    """The next links."""
    which = true() if after is None else LINK.c.seq > after  # The first may have any number, if somebody put it in.
    links = select(LINK.c.seq, LINK.c.hash).where(which).order_by(LINK.c.seq).limit(limit)
    return (
        _page_of_sqlite(connection, links)
        if connection.dialect.name == "sqlite"
        else _page_of_postgresql(connection, links)
    )


def _page_of_sqlite(connection: Connection, links: Select[Any]) -> list[Link]:
    try:
        return raw(connection, links.add_columns(ON_SQLITE).select_from(BOTH))
    except Exception as cant:
        if not isinstance(getattr(cant, "orig", cant), sqlite3.OperationalError):
            raise
        # A value that isn't text, or a SQLite without JSON; _look_closer takes each on its own.
        return [(seq, stored, None) for seq, stored in raw(connection, links)]


def _page_of_postgresql(connection: Connection, links: Select[Any]) -> list[Link]:
    """Two reads along an index each: a join looks every entry up, which takes three times as long."""
    found = raw(connection, links.add_columns(LINK.c.trail_id))
    if not found:
        return []
    ids = [entry for _, _, entry in found]
    dense = max(ids) - min(ids) < 2 * len(ids)
    which = TRAIL.c.id.between(min(ids), max(ids)) if dense else TRAIL.c.id.in_(ids)
    written = dict(raw(connection, select(TRAIL.c.id, AFTER_SEQ).where(which)))
    return [
        (seq, stored, f"[{seq},{written[entry]}".encode() if entry in written else None) for seq, stored, entry in found
    ]


def _look_closer(connection: Connection, seq: int, before: bytes, stored: bytes) -> Broken | None:
    """What is wrong with number `seq`; None when Python's canonical text fits after all."""
    kind = connection.dialect.name
    columns: list[Any] = [UTC_TEXT[kind], *WORDS]
    if kind == "sqlite":  # As bytes: what was put there needn't be text.
        columns = [case((func.typeof(column) == "text", cast(column, LargeBinary))) for column in columns]
    wanted = select(LINK.c.trail_id, TRAIL.c.id, *columns).select_from(BOTH).where(LINK.c.seq == seq)
    [(named, entry, *fields)] = raw(connection, wanted)
    if entry is None:
        return Broken("deleted", seq, named, f"number {seq}, entry {named}, is gone from the trail")
    try:
        words = [field.decode() if isinstance(field, bytes) else field for field in fields]
        if hashlib.sha256(before + canonical(seq, entry, *words)).digest() == stored:
            return None
    except UnicodeDecodeError:
        pass
    return Broken(
        "changed", seq, entry, f"number {seq}, entry {entry}, is not what was chained: it or its hash was changed"
    )


def _misnumbered(expected: int, seq: int) -> Broken:
    if seq < expected:
        return Broken("slipped in", seq, None, f"the chain has a number {seq}, which it never gives")
    gone = f"number {expected} is" if seq == expected + 1 else f"numbers {expected} to {seq - 1} are"
    return Broken("missing", expected, None, f"{gone} gone from the chain")


def _rewritten(anchor: Anchor, last_good: int) -> Broken:
    says = (
        f"number {anchor.seq} fits what is before it, but not the anchor of {_utc(anchor.at)}: the chain was made anew"
    )
    since = f"after number {last_good}, the last that an anchor vouches for" if last_good else "before any anchor"
    return Broken("rewritten", anchor.seq, None, f"{says} {since}")


def _cut(anchor: Anchor, end: int) -> Broken:
    says = f"the chain ends at number {end}, but reached {anchor.seq} by the anchor of {_utc(anchor.at)}: its end was cut off"
    return Broken("cut", end + 1, None, says)


def _unchained(connection: Connection) -> tuple[Broken | None, int]:
    """Entries without a place in the chain: what is wrong with them, and how many simply wait."""
    all_entries = select(func.count()).select_from(TRAIL).scalar_subquery()
    all_links = select(func.count()).select_from(LINK).scalar_subquery()
    without: int = connection.execute(select(all_entries - all_links)).scalar_one()
    if without <= 0:
        return None, 0
    highest = select(func.coalesce(func.max(LINK.c.trail_id), 0)).scalar_subquery()
    hidden = select(TRAIL.c.id).where(TRAIL.c.id <= highest, UNCHAINED).order_by(TRAIL.c.id).limit(1)
    if connection.dialect.name == "postgresql":
        hidden = hidden.where(TRAIL.c.at <= may_be_late(connection))
    found = connection.execute(hidden).first()
    if not found:
        return None, without
    says = f"entry {found.id} has no place in the chain, though later ones do: it was put in past the program"
    return Broken("slipped in", 0, found.id, says), without


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
