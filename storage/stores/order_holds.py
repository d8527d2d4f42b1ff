"""What guards a hold: the stop links that were sent out, and a clock that no jump of the wall clock can hurry."""

import hashlib
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from storage.crypto import seal, unseal
from storage.stores.insert import insert_new
from storage.stores.order_papers import OrderPapers
from storage.tables import SteadyClock, WorkOrderStop
from storage.tables.common import table

STOP, STEADY = table(WorkOrderStop), table(SteadyClock)

TOKEN_BYTES = 16
"""128 bits; 22 characters of an address."""
COUNTED_AT_MOST = timedelta(hours=1)
"""Of the time between two looks. The clock is looked at every minute, so only a stop of the program or a jump exceeds it."""
_HOLDS = "holds"


class StopLink(NamedTuple):
    """A stop link that somebody holds: whose, and over which kind of contact it went."""

    order_id: int
    kind: str
    used_at: datetime | None


class OrderHolds:
    """Stop links are kept as hashes only: who reads the table can't stop anything."""

    def __init__(self, connection: Connection, papers: OrderPapers) -> None:
        self.connection, self._papers = connection, papers

    # ---- stop links

    def new_link(self, order_id: int, kind: str, contact: str, now: datetime) -> str:
        """A fresh token for a link that goes to this contact. It can't be had again."""
        token = token_urlsafe(TOKEN_BYTES)
        hashed = _hashed(token)
        row = {
            "token_hash": hashed,
            "order_id": order_id,
            "kind": kind,
            "contact": seal(self._papers.key(order_id), contact.encode(), f"work_order_stop.contact:{hashed}"),
            "sent_at": now,
            "used_at": None,
        }
        self.connection.execute(STOP.insert(), row)
        return token

    def link(self, token: str) -> StopLink | None:
        """What a token stops; None for one we never made."""
        wanted = select(STOP.c.order_id, STOP.c.kind, STOP.c.used_at).where(STOP.c.token_hash == _hashed(token))
        row = self.connection.execute(wanted).one_or_none()
        return StopLink(*row) if row else None

    def used(self, token: str, now: datetime) -> None:
        """Notes that the link's button was pressed."""
        first = update(STOP).where(STOP.c.token_hash == _hashed(token), STOP.c.used_at.is_(None))
        self.connection.execute(first.values(used_at=now))

    def contacts(self, order_id: int) -> list[tuple[str, str]]:
        """(kind, contact) of everyone who was sent a link, each once. Raises Unreadable."""
        rows = self.connection.execute(select(STOP).where(STOP.c.order_id == order_id).order_by(STOP.c.sent_at))
        key = self._papers.key(order_id)
        found = (
            (row.kind, unseal(key, row.contact, f"work_order_stop.contact:{row.token_hash}").decode()) for row in rows
        )
        return list(dict.fromkeys(found))

    # ---- the steady clock

    def seen(self, now: datetime) -> float:
        """Seconds that have really passed since the clock was first looked at; changes nothing."""
        row = self.connection.execute(select(STEADY).where(STEADY.c.name == _HOLDS)).one_or_none()
        return row.seconds + _counted(row.at, now) if row else 0.0

    def look(self, now: datetime) -> float:
        """The same, and notes that somebody looked now. Call it often."""
        row = self.connection.execute(select(STEADY).where(STEADY.c.name == _HOLDS).with_for_update()).one_or_none()
        if row is None:
            begin = insert_new(STEADY, STEADY.c.name)[self.connection.dialect.name]
            self.connection.execute(begin, {"name": _HOLDS, "at": now, "seconds": 0.0})
            return 0.0
        seconds = float(row.seconds) + _counted(row.at, now)
        self.connection.execute(update(STEADY).where(STEADY.c.name == _HOLDS).values(at=now, seconds=seconds))
        return seconds


def _counted(then: datetime, now: datetime) -> float:
    """Nothing where the wall clock went back, an hour at most where it went on."""
    return min(max(now - then, timedelta(0)), COUNTED_AT_MOST).total_seconds()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
