"""What is sealed for an order: the account, what was asked, remarks, files; and what staff ticked off.

Each order has a data key of its own: staff read an order after the chat was erased, and taking the key away makes
everything of the order unreadable at once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from storage.crypto import Keyring, seal, unseal
from storage.errors import Unreadable
from storage.stores.people import ERASED
from storage.tables import WorkOrder, WorkOrderAttachment, WorkOrderKey, WorkOrderRemark, WorkOrderStop, WorkOrderTick
from storage.tables.common import table

ORDER, KEY = table(WorkOrder), table(WorkOrderKey)
REMARK, FILE, TICK, STOP = (
    table(WorkOrderRemark),
    table(WorkOrderAttachment),
    table(WorkOrderTick),
    table(WorkOrderStop),
)
COMPANY = "company"
"""Whose files came in from the company's own system (docs/webhooks.md)."""
ENDED = ("answered", "closed", "refused", "withdrawn", "expired")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said on an order. `internal`: among staff."""

    id: int
    at: datetime
    actor: str
    internal: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on an order, without its content. `paper`: shows who asks."""

    id: int
    at: datetime
    actor: str
    internal: bool
    paper: bool
    media_type: str
    size: int
    name: str = field(repr=False)


class OrderPapers:
    """Everything of an order that is for few eyes."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring
        self._keys: dict[int, bytes] = {}

    def begin(self, order_id: int) -> None:
        """Makes the key of a new order."""
        key, key_id, wrapped = self.keyring.new_data_key()
        self.connection.execute(KEY.insert(), {"order_id": order_id, "key_id": key_id, "wrapped": wrapped})
        self._keys[order_id] = key

    def key(self, order_id: int) -> bytes:
        """The order's data key. Raises Unreadable when it was taken away, KeyMissing."""
        if order_id not in self._keys:
            row = self.connection.execute(select(KEY).where(KEY.c.order_id == order_id)).one_or_none()
            if row is None:
                raise Unreadable(f"what was sealed for order {order_id} was erased")
            self._keys[order_id] = self.keyring.unwrap(row.key_id, row.wrapped)
        return self._keys[order_id]

    # ---- the account and what was asked

    def sealed(self, order_id: int, account_id: str | None, body: bytes) -> dict[str, bytes]:
        """The sealed columns of an order, those that there is something for."""
        values = {}
        if account_id is not None:
            values["account"] = seal(self.key(order_id), account_id.encode(), f"work_order.account:{order_id}")
        if body:
            values["body"] = seal(self.key(order_id), body, f"work_order.body:{order_id}")
        return values

    def account(self, order_id: int) -> str | None:
        """The company's name for the account; of an unverified order only what was claimed. Raises Unreadable."""
        found = self._column(order_id, "account")
        return found.decode() if found else None

    def body(self, order_id: int) -> bytes:
        """What was asked; b"" where there is nothing. Raises Unreadable."""
        return self._column(order_id, "body")

    # ---- remarks

    def add_remark(self, order_id: int, now: datetime, actor: str, text: str, *, internal: bool) -> int:
        place = token_hex(8)
        row = {"order_id": order_id, "place": place, "at": now, "actor": actor, "internal": internal}
        row["text"] = seal(self.key(order_id), text.encode("utf-8", "replace"), f"work_order_remark.text:{place}")
        return int(self.connection.execute(REMARK.insert().returning(REMARK.c.id), row).scalar_one())

    def remarks(self, order_id: int, *, for_person: bool = False) -> list[Remark]:
        """What was said on the order, oldest first; `for_person`: without what staff say among themselves."""
        wanted = select(REMARK).where(REMARK.c.order_id == order_id).order_by(REMARK.c.id)
        rows = self.connection.execute(wanted.where(REMARK.c.internal.is_(False)) if for_person else wanted)
        return [
            Remark(
                row.id,
                row.at,
                row.actor,
                row.internal,
                unseal(self.key(order_id), row.text, f"work_order_remark.text:{row.place}").decode(),
            )
            for row in rows
        ]

    # ---- files

    def add_file(
        self,
        order_id: int,
        now: datetime,
        actor: str,
        name: str,
        media_type: str,
        body: bytes,
        *,
        internal: bool,
        paper: bool = False,
    ) -> int:
        key, place = self.key(order_id), token_hex(8)
        row = {
            "order_id": order_id,
            "place": place,
            "at": now,
            "actor": actor,
            "internal": internal,
            "paper": paper,
            "media_type": media_type,
            "size": len(body),
            "name": seal(key, name.encode("utf-8", "replace"), f"work_order_attachment.name:{place}"),
            "body": seal(key, body, f"work_order_attachment.body:{place}"),
        }
        return int(self.connection.execute(FILE.insert().returning(FILE.c.id), row).scalar_one())

    def files(self, order_id: int, *, for_person: bool = False) -> list[Attachment]:
        """The order's files, oldest first; `for_person`: those that staff or the company's system put there for them."""
        columns = (column for column in FILE.c if column.name != "body")
        wanted = select(*columns).where(FILE.c.order_id == order_id).order_by(FILE.c.id)
        if for_person:
            by_company = or_(FILE.c.actor.like("staff:%"), FILE.c.actor == COMPANY)
            wanted = wanted.where(FILE.c.internal.is_(False), by_company)
        return [
            Attachment(
                row.id,
                row.at,
                row.actor,
                row.internal,
                row.paper,
                row.media_type,
                row.size,
                unseal(self.key(order_id), row.name, f"work_order_attachment.name:{row.place}").decode(),
            )
            for row in self.connection.execute(wanted)
        ]

    def content(self, order_id: int, file_id: int) -> bytes:
        """What is in a file of this order. Raises Unreadable, also where there is none."""
        wanted = select(FILE.c.place, FILE.c.body).where(FILE.c.order_id == order_id, FILE.c.id == file_id)
        row = self.connection.execute(wanted).one_or_none()
        if row is None:
            raise Unreadable(f"order {order_id} has no file {file_id}")
        return unseal(self.key(order_id), row.body, f"work_order_attachment.body:{row.place}")

    def take_away_papers(self, order_id: int) -> int:
        """Deletes the papers that showed who asks; how many."""
        self.connection.info[ERASED] = True
        gone = delete(FILE).where(FILE.c.order_id == order_id, FILE.c.paper.is_(True))
        return self.connection.execute(gone).rowcount

    # ---- checklist

    def tick(self, order_id: int, item: str, staff_id: int, now: datetime) -> bool:
        """Ticks an item off; False when it was ticked off before."""
        row = {"order_id": order_id, "item": item, "staff_id": staff_id, "at": now}
        there = select(TICK.c.item).where(TICK.c.order_id == order_id, TICK.c.item == item)
        if self.connection.execute(there).one_or_none():
            return False
        self.connection.execute(TICK.insert(), row)
        return True

    def untick(self, order_id: int, item: str) -> bool:
        """Takes a tick back; False when there was none."""
        return (
            self.connection.execute(delete(TICK).where(TICK.c.order_id == order_id, TICK.c.item == item)).rowcount == 1
        )

    def ticks(self, order_id: int) -> dict[str, int]:
        """Ticked items, and who ticked each."""
        rows = self.connection.execute(select(TICK.c.item, TICK.c.staff_id).where(TICK.c.order_id == order_id))
        return {row.item: row.staff_id for row in rows}

    # ---- forgetting

    def empty(self, order_ids: Collection[int]) -> None:
        """Erases what is sealed for these orders, and their keys; numbers, dates and decisions stay."""
        if not order_ids:
            return
        self.connection.info[ERASED] = True
        for rows in (REMARK, FILE, STOP, KEY):
            self.connection.execute(delete(rows).where(rows.c.order_id.in_(order_ids)))
        self.connection.execute(update(ORDER).where(ORDER.c.id.in_(order_ids)).values(account=None, body=None))

    def empty_of(self, person_id: int) -> int:
        """Erases what is sealed for the person's orders that have ended; how many."""
        return self._empty_where([ORDER.c.person_id == person_id], 10_000)

    def empty_before(self, at: datetime, limit: int = 500) -> int:
        """Erases what is sealed for orders that ended before then, or whose person was erased; how many."""
        return self._empty_where([(ORDER.c.ended_at < at) | ORDER.c.person_id.is_(None)], limit)

    def forget_before(self, at: datetime, limit: int = 500) -> int:
        """Takes away whole orders that ended before then, at most `limit`; how many."""
        old = select(ORDER.c.id).where(ORDER.c.ended_at < at).order_by(ORDER.c.ended_at).limit(limit)
        self.connection.info[ERASED] = True
        return self.connection.execute(delete(ORDER).where(ORDER.c.id.in_(old))).rowcount

    # ---- within

    def _empty_where(self, which: list[Any], limit: int) -> int:
        kept = select(KEY.c.order_id).join(ORDER, ORDER.c.id == KEY.c.order_id)
        wanted = kept.where(ORDER.c.state.in_(ENDED), *which).order_by(ORDER.c.ended_at).limit(limit)
        ids = list(self.connection.execute(wanted).scalars())
        self.empty(ids)
        return len(ids)

    def _column(self, order_id: int, name: str) -> bytes:
        sealed = self.connection.execute(select(ORDER.c[name]).where(ORDER.c.id == order_id)).scalar_one_or_none()
        return unseal(self.key(order_id), sealed, f"work_order.{name}:{order_id}") if sealed else b""
