"""The chain that makes a change of the audit trail visible.

Entries are written plain, in the transaction of their move. `chain` gives them numbers and hashes afterwards, in rows of
their own: number n has the hash

    SHA-256(hash of number n - 1, 32 bytes (zeros before the first) + canonical text of the entry)

so whoever changes, takes away, puts in or swaps anything must make every later hash anew. storage/chain_check.py reads
it all and finds the first place that doesn't fit.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, union
from sqlalchemy import literal_column as sql

from storage.tables.common import table
from storage.tables.trail import Trail, TrailLink
from storage.work import Work

TRAIL, LINK = table(Trail), table(TrailLink)
FIRST = bytes(32)
"""What stands for the hash before the first."""
LATE = timedelta(minutes=10)
"""No transaction of ours stays open as long: an entry that PostgreSQL shows late is younger than this."""
LOCK = 0x636C_6168
"""Number of the PostgreSQL advisory lock of whoever is chaining."""
PAGE = 5_000
"""Entries read at once: 20 ms for which a writer may have to wait on SQLite with the rollback journal."""

UTC_TEXT: dict[str, ColumnElement[Any]] = {
    "sqlite": TRAIL.c.at,  # Kept as such a text; the driver's own cursor shows it.
    "postgresql": func.to_char(func.timezone("UTC", TRAIL.c.at), sql("'YYYY-MM-DD HH24:MI:SS.US'")),
}
WORDS = tuple(TRAIL.c[name] for name in ("actor", "action", "thing", "detail"))
UNCHAINED = ~exists().where(LINK.c.trail_id == TRAIL.c.id)
BOTH = LINK.outerjoin(TRAIL, TRAIL.c.id == LINK.c.trail_id)


class Entry(NamedTuple):
    """An entry of the trail with its place in the chain; `at` is UTC, "2026-03-02 09:30:00.000000"."""

    seq: int
    id: int
    at: str
    actor: str
    action: str
    thing: str
    detail: str
    hash: bytes


class Head(NamedTuple):
    """The end of the chain; (0, FIRST) while there is none."""

    seq: int
    hash: bytes


def canonical(seq: int, id: int, at: str, *words: str) -> bytes:
    """The text whose hash is taken: a JSON array without spaces, [1,17,"2026-03-02 09:30:00.000000","bot",...]."""
    return json.dumps([seq, id, at, *words], ensure_ascii=False, separators=(",", ":")).encode()


def head(work: Work) -> Head:
    """The end of the chain as it is now."""
    last = work.connection.execute(select(LINK.c.seq, LINK.c.hash).order_by(LINK.c.seq.desc()).limit(1)).first()
    return Head(last.seq, last.hash) if last else Head(0, FIRST)


def is_behind(work: Work, now: datetime) -> bool:
    """Whether entries wait to be chained. Cheap when none do."""
    wanted = select(TRAIL.c.id).where(_waiting(work.connection, now - LATE)).limit(1)
    return work.connection.execute(wanted).first() is not None


def chain(work: Work, now: datetime, *, limit: int = 2_000, thorough: bool = False) -> int:
    """Chains entries that wait, at most `limit`, in the order of their ids; how many. 0 while another process does.

    On PostgreSQL an entry may be seen later than one with a higher id; it is chained when it is seen, if it is younger
    than LATE. `thorough` also finds one that came late just before nobody chained for a while.
    """
    connection = work.connection
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres and not connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one():
        return 0
    end = head(work)
    columns = (TRAIL.c.id, UTC_TEXT[connection.dialect.name], *WORDS)
    waiting = _waiting(connection, may_be_late(connection) if thorough else now - LATE)
    wanted = select(*columns).where(waiting).order_by(TRAIL.c.id).limit(limit)
    links = []
    for row in raw(connection, wanted):
        seq = end.seq + 1
        end = Head(seq, hashlib.sha256(end.hash + canonical(seq, *row)).digest())
        links.append({"seq": seq, "trail_id": row[0], "hash": end.hash})
    if links:
        connection.execute(LINK.insert(), links)
    return len(links)


def entries(read: Callable[[], AbstractContextManager[Work]], page: int = PAGE, *, after: int = 0) -> Iterator[Entry]:
    """Everything in the chain behind the number `after`, in its order; an entry that is gone ends it with LookupError.
    One page a transaction."""
    while True:
        with read() as work:
            columns = (LINK.c.seq, LINK.c.trail_id, UTC_TEXT[work.connection.dialect.name], *WORDS, LINK.c.hash)
            wanted = select(*columns).select_from(BOTH).where(LINK.c.seq > after).order_by(LINK.c.seq).limit(page)
            rows = raw(work.connection, wanted)
        if not rows:
            return
        for row in rows:
            if row[2] is None:
                raise LookupError(f"number {row[0]}, entry {row[1]}, is gone from the trail")
            yield Entry(*row)
        after = rows[-1][0]


def entries_of(work: Work, thing: str) -> list[tuple[Entry, bytes]]:
    """What happened to one thing, as far as it is chained, in the order of the chain; each with the hash before it."""
    before = LINK.alias()
    both = TRAIL.join(LINK, LINK.c.trail_id == TRAIL.c.id).outerjoin(before, before.c.seq == LINK.c.seq - 1)
    columns = (LINK.c.seq, TRAIL.c.id, UTC_TEXT[work.connection.dialect.name], *WORDS, LINK.c.hash, before.c.hash)
    wanted = select(*columns).select_from(both).where(TRAIL.c.thing == thing).order_by(LINK.c.seq)
    return [(Entry(*row[:-1]), row[-1] or FIRST) for row in raw(work.connection, wanted)]


def raw(connection: Connection, wanted: Select[Any]) -> list[Any]:
    """Rows as the driver gives them: plain tuples, times on SQLite as the text they are kept as."""
    result = connection.execute(wanted)
    assert result.cursor is not None
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


def may_be_late(connection: Connection) -> datetime | None:
    """The time from which on an entry may have been seen late: before it everything was there when the newest was chained.
    None while nothing is chained."""
    newest = select(func.max(LINK.c.trail_id)).scalar_subquery()
    at: datetime | None = connection.execute(select(TRAIL.c.at).where(TRAIL.c.id == newest)).scalar_one_or_none()
    return at and at - LATE


def _waiting(connection: Connection, since: datetime | None) -> ColumnElement[bool]:
    """The condition of an entry that waits: those after the last that is chained, and on PostgreSQL those `since` then."""
    highest: int = connection.execute(select(func.coalesce(func.max(LINK.c.trail_id), 0))).scalar_one()
    later: ColumnElement[bool] = TRAIL.c.id > highest
    if connection.dialect.name == "sqlite" or since is None:
        return later  # On SQLite one writes at a time, and ids never come again: none is seen late.
    # Two looks by index; with an OR, PostgreSQL reads the whole table.
    late = select(TRAIL.c.id).where(TRAIL.c.at > since, UNCHAINED)
    return TRAIL.c.id.in_(union(select(TRAIL.c.id).where(later), late))
