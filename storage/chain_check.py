"""Reading the whole trail and its chain, up to the first place that doesn't fit.

What was changed, taken away, put in, swapped or numbered anew shows by itself. A chain that was made anew up to its end,
or whose end was cut off, only shows against anchors: hashes of it that were kept where nobody could change them.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import sleep
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, case, cast, func, select, true
from sqlalchemy import literal_column as sql

from storage.chain import BOTH, FIRST, LINK, PAGE, TRAIL, UNCHAINED, UTC_TEXT, WORDS, Head, canonical, may_be_late, raw
from storage.work import Work

# Each page is put together by the database, canonical texts and all, and comes as one row: the next one is made while
# Python hashes this one. Where a page doesn't fit, Python reads it again row by row and decides.
COMMA: ColumnElement[str] = sql("','")
NEWLINE: ColumnElement[str] = sql("chr(10)")
"""In no canonical text: there it is \\n."""
AFTER_SEQ: ColumnElement[str] = func.concat(
    *(TRAIL.c.id, sql("',\"'"), UTC_TEXT["postgresql"], sql("'\"'")),
    *(part for words in WORDS for part in (COMMA, func.to_json(words))),
    sql("']'"),
)
"""On PostgreSQL: what follows the number and a comma."""


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
    page: int = 2 * PAGE,
    pause: float = 0.0,
    progress: Callable[[int], None] = lambda seen: None,
) -> Verdict:
    """Reads the whole trail, a page a transaction with `pause` seconds in between, up to the first place that doesn't
    fit. `read` opens a transaction, as Database.read does; `progress` is told the numbers of entries seen."""
    chain = _Reading(anchors)
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(_page, read, None, page)
        while (got := coming.result()) is not None:
            if not pause:  # The database puts the next page together while this one is hashed.
                coming = ahead.submit(_page, read, got.last, page)
            if not chain.goes_on_with(got):
                with read() as work:
                    rows = _rows(work.connection, got)
                for row in rows:
                    if broken := chain.take(row):
                        return chain.ended(broken)
            progress(chain.seen)
            if pause:
                sleep(pause)
                coming = ahead.submit(_page, read, got.last, page)
    if chain.left:
        return chain.ended(_cut(chain.left[0], chain.seen))
    with read() as work:
        return chain.ended(*_unchained(work.connection))


class _Page(NamedTuple):
    """Links, as the database puts them together: numbers, their hashes in one, and the canonical texts in order; none
    where something about them is out of the ordinary."""

    first: int
    last: int
    size: int
    hashes: bytes
    written: list[bytes]


class _Row(NamedTuple):
    """A link with its entry, as Python reads them; `entry` is None when it is gone, a field that is no text is None."""

    seq: int
    hash: bytes
    named: int
    entry: int | None
    fields: tuple[bytes | str | None, ...]


class _Reading:
    """How far the chain was found to fit: the last number, its hash, the last that an anchor vouches for."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.seen, self._hash, self._anchored = 0, FIRST, 0
        self.left = sorted(anchors, key=lambda anchor: anchor.seq, reverse=True)

    def goes_on_with(self, page: _Page) -> bool:
        """Whether all of the page fits; where it doesn't, nothing of it counts yet."""
        if not page.first == self.seen + 1 == page.last - page.size + 1 or len(page.written) != page.size:
            return False
        before, hashes, sha256 = self._hash, list[bytes](), hashlib.sha256
        for text in page.written:
            before = sha256(before + text).digest()
            hashes.append(before)
        here = [anchor for anchor in self.left if anchor.seq <= page.last]
        fits = (anchor.seq > self.seen and anchor.hash == hashes[anchor.seq - page.first] for anchor in here)
        if b"".join(hashes) != page.hashes or not all(fits):
            return False
        if here:
            self.left = self.left[: -len(here)]
            self._anchored = here[0].seq
        self.seen, self._hash = page.last, before
        return True

    def take(self, row: _Row) -> Broken | None:
        """The same of a single link; what is wrong with it."""
        if row.seq != self.seen + 1:
            return _misnumbered(self.seen + 1, row.seq)
        if row.entry is None:
            says = f"number {row.seq}, entry {row.named}, is gone from the trail"
            return Broken("deleted", row.seq, row.named, says)
        if not _is_chained(row, self._hash):
            says = f"number {row.seq}, entry {row.entry}, is not what was chained: it or its hash was changed"
            return Broken("changed", row.seq, row.entry, says)
        while self.left and self.left[-1].seq <= row.seq:
            anchor = self.left.pop()
            if anchor.seq < 1 or anchor.hash != row.hash:
                return _rewritten(anchor, self._anchored)
            self._anchored = row.seq
        self.seen, self._hash = row.seq, row.hash
        return None

    def ended(self, broken: Broken | None, waiting: int = 0) -> Verdict:
        return Verdict(self.seen, Head(self.seen, self._hash), waiting, self._anchored, broken)


def _is_chained(row: _Row, before: bytes) -> bool:
    try:
        words: list[Any] = [field.decode() if isinstance(field, bytes) else field for field in row.fields]
    except UnicodeDecodeError:
        return False
    return hashlib.sha256(before + canonical(row.seq, row.entry or 0, *words)).digest() == row.hash


def _page(read: Callable[[], AbstractContextManager[Work]], after: int | None, limit: int) -> _Page | None:
    """The next links; None after the last."""
    which = true() if after is None else LINK.c.seq > after  # The first may have any number, if somebody put it in.
    links = select(LINK).where(which).order_by(LINK.c.seq).limit(limit)
    with read() as work:
        is_sqlite = work.connection.dialect.name == "sqlite"
        return (_page_of_sqlite if is_sqlite else _page_of_postgresql)(work.connection, links)


def _page_of_sqlite(connection: Connection, wanted: Select[Any]) -> _Page | None:
    text = func.json_array(LINK.c.seq, TRAIL.c.id, TRAIL.c.at, *WORDS).label("text")
    links = wanted.add_columns(text).select_from(BOTH).subquery()
    numbers: list[Any] = [func.min(links.c.seq), func.max(links.c.seq), func.count()]
    hashes = func.group_concat(func.hex(links.c.hash), "")
    texts = cast(func.group_concat(links.c.text, sql("char(10)")), LargeBinary)
    try:
        [(first, last, size, hashes_hex, written)] = raw(connection, select(*numbers, hashes, texts))
        return _Page(first, last, size, bytes.fromhex(hashes_hex), written.split(b"\n")) if size else None
    except Exception as cant:  # A value that isn't text, or a SQLite without JSON.
        if not isinstance(getattr(cant, "orig", cant), sqlite3.OperationalError):
            raise
    links = wanted.subquery()
    numbers = [func.min(links.c.seq), func.max(links.c.seq), func.count()]
    [(first, last, size)] = raw(connection, select(*numbers))
    return _Page(first, last, size, b"", [])


def _page_of_postgresql(connection: Connection, wanted: Select[Any]) -> _Page | None:
    """Two reads along an index each: a join looks every entry up, which takes three times as long."""
    links = wanted.subquery()
    numbers = (func.min(links.c.seq), func.max(links.c.seq), func.count())
    hashes = func.string_agg(links.c.hash, sql("''::bytea"))
    ids = func.string_agg(func.concat(links.c.trail_id, COMMA), NEWLINE)
    [(first, last, size, stored, named)] = raw(connection, select(*numbers, hashes, ids))
    if not size:
        return None
    heads = named.encode().split(b"\n")
    which = _among([int(head[:-1]) for head in heads])
    [(written,)] = raw(connection, select(func.string_agg(AFTER_SEQ, NEWLINE)).where(which))
    texts = (written or "").encode().split(b"\n")
    if len(texts) != size or not all(map(bytes.startswith, texts, heads)):  # Their ids aren't in the chain's order.
        of_entry = {text.partition(b",")[0]: text for text in texts}
        texts = [of_entry.get(head[:-1], b"") for head in heads]
    return _Page(first, last, size, stored or b"", list(map(b"[%d,%b".__mod__, enumerate(texts, first))))


def _rows(connection: Connection, page: _Page) -> list[_Row]:
    """The links of a page one by one, without the help of the database."""
    columns: list[Any] = [UTC_TEXT[connection.dialect.name], *WORDS]
    if connection.dialect.name == "sqlite":  # As bytes: what was put there needn't be text.
        columns = [case((func.typeof(column) == "text", cast(column, LargeBinary))) for column in columns]
    links = select(LINK.c.seq, LINK.c.hash, LINK.c.trail_id).where(LINK.c.seq.between(page.first, page.last))
    found = raw(connection, links.order_by(LINK.c.seq))
    entries = raw(connection, select(TRAIL.c.id, *columns).where(_among([named for _, _, named in found])))
    fields = {entry: rest for entry, *rest in entries}
    return [
        _Row(seq, stored, named, named if named in fields else None, tuple(fields.get(named, ())))
        for seq, stored, named in found
    ]


def _among(ids: list[int]) -> ColumnElement[bool]:
    """Whether an entry is one of these; by their range, where that brings few others."""
    is_dense = max(ids) - min(ids) < 2 * len(ids)
    return TRAIL.c.id.between(min(ids), max(ids)) if is_dense else TRAIL.c.id.in_(ids)


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
