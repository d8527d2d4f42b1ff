"""The audit trail: who moved what, when and why. Rows are added and read, never changed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from storage.tables.common import table
from storage.tables.trail import Trail, TrailLink

TRAIL, LINK = table(Trail), table(TrailLink)
ADD = TRAIL.insert()


class Entry(NamedTuple):
    """One move. People are named by row id only."""

    id: int
    at: datetime
    actor: str
    action: str
    thing: str
    detail: str


class Place(NamedTuple):
    """Where an entry stands in the chain."""

    seq: int
    hash: bytes


class TrailStore:
    """Written in the transaction of the move itself: both are kept, or neither."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def add(self, at: datetime, actor: str, action: str, thing: str, detail: str = "") -> None:
        """Notes one move: add(now, "bot", "answered", "turn:17", "privacy.5.3")."""
        row = {"at": at, "actor": actor, "action": action, "thing": thing, "detail": detail}
        self.connection.execute(ADD, row)

    def of_thing(self, thing: str) -> list[Entry]:
        """Everything that happened to one thing, oldest first."""
        wanted = select(*(TRAIL.c[name] for name in Entry._fields)).where(TRAIL.c.thing == thing).order_by(TRAIL.c.id)
        return [Entry(*row) for row in self.connection.execute(wanted)]

    def places(self, thing: str) -> dict[int, Place]:
        """Entry's id -> its place in the chain, of what happened to one thing. The newest may have none yet."""
        both = LINK.join(TRAIL, TRAIL.c.id == LINK.c.trail_id)
        wanted = select(TRAIL.c.id, LINK.c.seq, LINK.c.hash).select_from(both).where(TRAIL.c.thing == thing)
        return {id: Place(seq, hash) for id, seq, hash in self.connection.execute(wanted)}

    def count(self) -> int:
        return self.connection.execute(select(func.count()).select_from(TRAIL)).scalar_one()
