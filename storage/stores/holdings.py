"""What is held on one person, table by table: what a request for access has to show (privacy.5.1, PIPL 45)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, func, null, or_, select

from storage.crypto import unseal
from storage.stores.deliveries import body_place
from storage.stores.people import Known
from storage.tables import (
    Bucket,
    Delivery,
    Person,
    Quarantine,
    Receipt,
    Seen,
    Trail,
    Turn,
    WeChatWindow,
    WorkOrder,
)
from storage.tables.common import table

BUCKET, DELIVERY, PERSON, QUARANTINE = table(Bucket), table(Delivery), table(Person), table(Quarantine)
RECEIPT, SEEN, TRAIL = table(Receipt), table(Seen), table(Trail)
TURN, WINDOW, ORDER = table(Turn), table(WeChatWindow), table(WorkOrder)

SHOWN = ("person", "person_key", "conversation", "turn", "delivery", "receipt", "seen", "quarantine", "trail", "wechat_window",
         "bucket", "binding", "binding_offer", "verification", "verification_tally", "enquiry",
         "work_order", "work_order_key", "work_order_remark", "work_order_attachment", "work_order_tick", "work_order_stop",
         "result", "result_part", "webhook_event", "webhook_key")  # fmt: skip
"""The tables that hold something on a person who talks to the bot. /mydata names every one of them that has a row."""
NAMES_NOBODY = {
    "wechat_token": "the account's own token",
    "trail_link": "checksums of the trail",
    "wechat_nonce": "WeChat's random numbers",
    "portal_nonce": "random numbers of the company's portal",
    "account": "the company's list of customers; nothing in it says who of them talks to the bot",
    "account_key": "of that list",
    "account_contact": "of that list",
    "vouch": "what staff say of a contact on that list",
    "steady_clock": "how much time has passed",
    "webhook_cursor": "how far the trail was read for the company's system",
    "staff": "the company's own people; nothing in it says who of them talks to the bot",
}
"""The tables that hold nothing on a person who talks to the bot, and why."""


class Count(NamedTuple):
    """How many rows of a table, and the times of the oldest and newest where rows have one."""

    rows: int
    oldest: datetime | None
    newest: datetime | None


class Told(NamedTuple):
    """A message to the person, `body` unsealed. `cause` is what it answers to, `state` how far it got."""

    at: datetime
    cause: str
    state: str
    body: bytes


class Holdings:
    """What is held on one person."""

    def __init__(self, connection: Connection, known: Known) -> None:
        self.connection, self.known = connection, known

    def counts(self) -> dict[str, Count]:
        """Every table of SHOWN."""
        return {name: self._count(name) for name in SHOWN}

    def deliveries_by_state(self) -> dict[str, int]:
        """How many messages to the person are queued, claimed, sent, unreachable, failed."""
        by_state = (
            select(DELIVERY.c.state, func.count().label("rows"))
            .where(self._mine("delivery"))
            .group_by(DELIVERY.c.state)
        )
        return {row.state: row.rows for row in self.connection.execute(by_state)}

    def rated(self) -> int:
        """How many messages the person rated the answer of."""
        wanted = select(func.count()).select_from(TURN).where(self._mine("turn"), TURN.c.rating != 0)
        return self.connection.execute(wanted).scalar_one()

    def receipts(self, turns: Sequence[int]) -> dict[int, list[str]]:
        """The codes of the receipts of these turns, by turn."""
        found: dict[int, list[str]] = {}
        wanted = select(RECEIPT.c.turn_id, RECEIPT.c.code).where(RECEIPT.c.turn_id.in_(turns), self._mine("receipt"))
        for turn, code in self.connection.execute(wanted.order_by(RECEIPT.c.at, RECEIPT.c.code)):
            found.setdefault(turn, []).append(code)
        return found

    def replies(self, turns: Sequence[int]) -> list[Told]:
        """The replies to these turns, oldest first. Raises Unreadable."""
        return self._told(DELIVERY.c.cause.in_([f"turn:{turn}" for turn in turns]))

    def unasked(self, since: datetime | None, until: datetime | None) -> list[Told]:
        """Messages to the person that answer to no turn, made from `since` on and before `until`, oldest first."""
        within: list[ColumnElement[bool]] = [DELIVERY.c.cause.not_like("turn:%")]
        within += [DELIVERY.c.created_at >= since] if since else []
        within += [DELIVERY.c.created_at < until] if until else []
        return self._told(*within)

    def time_of(self, turn: int) -> datetime | None:
        """When this turn of the person's was."""
        wanted = select(TURN.c.at).where(TURN.c.id == turn, self._mine("turn"))
        return self.connection.execute(wanted).scalar_one_or_none()

    def _told(self, *which: ColumnElement[bool]) -> list[Told]:
        rows = self.connection.execute(select(DELIVERY).where(self._mine("delivery"), *which).order_by(DELIVERY.c.id))
        key, person = self.known.key, self.known.id
        return [
            Told(
                row.created_at, row.cause, row.state, unseal(key, row.body, body_place(person, row.cause, row.ordinal))
            )
            for row in rows
        ]

    def _count(self, name: str) -> Count:
        rows: Table = PERSON.metadata.tables[name]
        if name == "verification_tally":
            # All of them as one, without times: how many there are hangs on whether the accounts asked for exist.
            any_of_them = select(rows.c.scope).where(self._mine(name)).limit(1)
            return Count(int(self.connection.execute(any_of_them).first() is not None), None, None)
        at = next((rows.c[time] for time in ("at", "created_at", "updated_at", "touched_at") if time in rows.c), None)
        times = (null(), null()) if at is None else (func.min(at, type_=at.type), func.max(at, type_=at.type))
        return Count(
            *self.connection.execute(select(func.count(), *times).select_from(rows).where(self._mine(name))).one()
        )

    def _mine(self, name: str) -> ColumnElement[bool]:
        """Which rows of a table are the person's."""
        me = self.known.id
        index: Select[tuple[str]] = select(PERSON.c.address_index).where(PERSON.c.id == me)
        turns = select(TURN.c.id).where(TURN.c.person_id == me)
        mine: dict[str, ColumnElement[bool]] = {
            "person": PERSON.c.id == me,
            "receipt": RECEIPT.c.turn_id.in_(turns),
            "seen": SEEN.c.turn_id.in_(turns),
            "quarantine": QUARANTINE.c.sender_index == index.scalar_subquery(),
            "trail": or_(TRAIL.c.thing == f"person:{me}", TRAIL.c.actor == f"person:{me}"),
            "wechat_window": WINDOW.c.person == index.scalar_subquery(),
            "bucket": BUCKET.c.key.in_([f"{self.known.channel}:{kind}:{me}" for kind in ("person", "group")]),
        }
        if name in mine:
            return mine[name]
        rows: Table = PERSON.metadata.tables[name]
        if "order_id" in rows.c:
            return rows.c.order_id.in_(select(ORDER.c.id).where(ORDER.c.person_id == me))
        return rows.c.person_id == me
