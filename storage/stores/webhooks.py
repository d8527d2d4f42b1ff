"""What the company's system is told about orders, until it has taken it; and what it sent in, so that nothing counts twice."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, bindparam, delete, func, or_, select, update

from storage.crypto import Keyring, seal, unseal
from storage.errors import Unreadable
from storage.stores.insert import insert_new
from storage.stores.order_papers import OrderPapers
from storage.tables import WebhookCursor, WebhookEvent, WebhookKey
from storage.tables.common import table
from storage.tables.trail import Trail, TrailLink

EVENT, KEY, CURSOR = table(WebhookEvent), table(WebhookKey), table(WebhookCursor)
TRAIL, LINK = table(Trail), table(TrailLink)
NEW_EVENT, NEW_CURSOR = insert_new(EVENT, EVENT.c.seq), insert_new(CURSOR, CURSOR.c.name)
_OUT = "out"

CLAIMABLE = (
    select(EVENT.c.id)
    .where(
        EVENT.c.state == "queued",
        EVENT.c.due_at <= bindparam("now"),
        or_(EVENT.c.claimed_until.is_(None), EVENT.c.claimed_until <= bindparam("now")),
    )
    .order_by(EVENT.c.due_at, EVENT.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("claimable")
)
CLAIM = (
    update(EVENT)
    .where(EVENT.c.id.in_(select(CLAIMABLE.c.id)))
    .values(claimed_until=bindparam("until"), attempts=EVENT.c.attempts + 1)
    .returning(*EVENT.c)
)


class Noted(NamedTuple):
    """Something in the trail: its number in the chain, when, what, and of which order."""

    seq: int
    at: datetime
    action: str
    detail: str
    order_id: int


class Told(NamedTuple):
    """A piece of news to be sent, `body` unsealed."""

    id: int
    public_id: str
    order_id: int
    kind: str
    body: bytes
    created_at: datetime
    attempts: int


class Taken(NamedTuple):
    """What came under an idempotency key, and what was answered."""

    digest: str
    status: int
    answer: str


class WebhookStore:
    """News on their way out, and keys of what came in."""

    def __init__(self, connection: Connection, keyring: Keyring, papers: OrderPapers) -> None:
        self.connection, self.keyring, self._papers = connection, keyring, papers

    # ---- reading the trail

    def end_of_trail(self) -> int:
        """The number of the newest entry in the trail's chain."""
        newest: int | None = self.connection.execute(select(func.max(LINK.c.seq))).scalar_one()
        return newest or 0

    def cursor(self) -> tuple[int, datetime] | None:
        """(number up to which the trail was read, when); None when it never was."""
        row = self.connection.execute(select(CURSOR.c.seq, CURSOR.c.at).where(CURSOR.c.name == _OUT)).one_or_none()
        return (row.seq, row.at) if row else None

    def move_cursor(self, seq: int, now: datetime) -> None:
        """The trail was read up to there."""
        row = {"name": _OUT, "seq": seq, "at": now}
        if self.connection.execute(NEW_CURSOR[self.connection.dialect.name], row).scalar_one_or_none() is None:
            self.connection.execute(update(CURSOR).where(CURSOR.c.name == _OUT).values(seq=seq, at=now))

    def noted(self, after: int, limit: int) -> tuple[list[Noted], int]:
        """What happened to orders after that number, and the number it was read up to.

        The chain's numbers have no gap and come after the commit, so nothing slips in behind.
        """
        wanted = select(LINK.c.seq, TRAIL.c.at, TRAIL.c.action, TRAIL.c.detail, TRAIL.c.thing)
        joined = wanted.select_from(LINK.join(TRAIL, TRAIL.c.id == LINK.c.trail_id)).where(LINK.c.seq > after)
        rows = self.connection.execute(joined.order_by(LINK.c.seq).limit(limit)).all()
        found = [
            Noted(row.seq, row.at, row.action, row.detail, int(row.thing.removeprefix("order:")))
            for row in rows
            if row.thing.startswith("order:") and row.thing.removeprefix("order:").isdecimal()
        ]
        return found, rows[-1].seq if rows else after

    # ---- out

    def add(self, seq: int, order_id: int, kind: str, public_id: str, body: bytes, now: datetime) -> bool:
        """Queues a piece of news; False when it was before. Raises Unreadable when the order's key is gone."""
        row: dict[str, Any] = {"public_id": public_id, "seq": seq, "order_id": order_id, "kind": kind}
        row |= {"state": "queued", "created_at": now, "due_at": now, "attempts": 0, "status": ""}
        row["body"] = seal(self._papers.key(order_id), body, event_place(public_id))
        return self.connection.execute(NEW_EVENT[self.connection.dialect.name], row).scalar_one_or_none() is not None

    def is_due(self, now: datetime) -> bool:
        free = or_(EVENT.c.claimed_until.is_(None), EVENT.c.claimed_until <= now)
        wanted = select(EVENT.c.id).where(EVENT.c.state == "queued", EVENT.c.due_at <= now, free).limit(1)
        return self.connection.execute(wanted).first() is not None

    def due(self, now: datetime, until: datetime, limit: int) -> list[Told]:
        """What is to be sent, oldest first, now ours until then. What can't be opened any more is given up."""
        rows = self.connection.execute(CLAIM, {"now": now, "until": until, "most": limit}).all()
        found = []
        for row in sorted(rows, key=lambda one: one.id):
            try:
                body = unseal(self._papers.key(row.order_id), row.body, event_place(row.public_id))
            except Unreadable:
                self.settle(row.id, "failed", "erased")
                continue
            found.append(Told(row.id, row.public_id, row.order_id, row.kind, body, row.created_at, row.attempts))
        return found

    def settle(self, event_id: int, state: str, status: str) -> None:
        """`state`: taken or failed."""
        mine = update(EVENT).where(EVENT.c.id == event_id, EVENT.c.state == "queued")
        self.connection.execute(mine.values(state=state, status=status, claimed_until=None))

    def again_at(self, event_id: int, at: datetime, status: str) -> None:
        """The other side didn't take it; it is tried again then."""
        mine = update(EVENT).where(EVENT.c.id == event_id, EVENT.c.state == "queued")
        self.connection.execute(mine.values(due_at=at, status=status, claimed_until=None))

    def of_order(self, order_id: int) -> list[tuple[str, str, int, str]]:
        """(kind, state, attempts, status) of an order's news, oldest first."""
        wanted = select(EVENT.c.kind, EVENT.c.state, EVENT.c.attempts, EVENT.c.status)
        rows = self.connection.execute(wanted.where(EVENT.c.order_id == order_id).order_by(EVENT.c.seq))
        return [tuple(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many pieces of news are queued, taken, failed."""
        by_state = select(EVENT.c.state, func.count().label("rows")).group_by(EVENT.c.state)
        return {row.state: row.rows for row in self.connection.execute(by_state)}

    # ---- in

    def taken(self, key: str) -> Taken | None:
        """What came under this idempotency key before."""
        wanted = select(KEY.c.digest, KEY.c.status, KEY.c.answer).where(KEY.c.key_hash == self._hashed(key))
        row = self.connection.execute(wanted).one_or_none()
        return Taken(*row) if row else None

    def keep(self, key: str, order_id: int, taken: Taken, now: datetime) -> None:
        """Keeps what was answered under this key."""
        row = {"key_hash": self._hashed(key), "order_id": order_id, "at": now, **taken._asdict()}
        self.connection.execute(KEY.insert(), row)

    # ---- forgetting

    def forget(self, before: datetime, limit: int = 500) -> int:
        """Takes away news that were settled and made before then, and keys of before then; how many rows went."""
        gone = 0
        for rows, at, more in ((EVENT, EVENT.c.created_at, [EVENT.c.state != "queued"]), (KEY, KEY.c.at, [])):
            key = rows.c.id if rows is EVENT else rows.c.key_hash
            old = select(key).where(at < before, *more).limit(limit)
            gone += self.connection.execute(delete(rows).where(key.in_(old))).rowcount
        return gone

    def _hashed(self, key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()


def new_public_id() -> str:
    """A name for a piece of news: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def event_place(public_id: str) -> str:
    return f"webhook_event.body:{public_id}"
