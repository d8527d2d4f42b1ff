"""Work orders: a person's request from receipt to its end, and what was decided, by whom, on what proof.

The checks repeat the rules of bot/core/order/moves.py in the database itself, so that no mistake in the program
can record a result without proof and two staff.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime

_LIVE = "state IN ('received','verifying','open','in_progress')"
LIVE = text(_LIVE)
OVER = text("state IN ('answered','closed','refused','withdrawn','expired')")
NOBODY = text(f"assignee IS NULL AND {_LIVE}")
URGENT = text(f"urgent AND {_LIVE}")
HELD = text(f"hold_until IS NOT NULL AND executed_at IS NULL AND {_LIVE}")
PROPOSED = text(f"proposed_by IS NOT NULL AND approved_by IS NULL AND {_LIVE}")

PROVEN = "(level = 2 AND code_proven_at IS NOT NULL) OR (level = 1 AND checked_by IS NOT NULL)"
APPROVED = "proposed_by IS NOT NULL AND approved_by IS NOT NULL"
CHECKS = {
    "state": "state IN ('received','verifying','open','in_progress','answered','closed','refused','withdrawn','expired')",
    "level": "level IN (0,1,2)",
    "two_staff": "proposed_by <> approved_by",
    "checker_proposes": "checked_by <> proposed_by",
    "checker_approves": "checked_by <> approved_by",
    "approved_unproposed": "approved_by IS NULL OR proposed_by IS NOT NULL",
    "proposed_unproven": f"proposed_by IS NULL OR {PROVEN}",
    "delivered_unproven": f"delivered_at IS NULL OR ({APPROVED} AND ({PROVEN}))",
    "executed_unproven": f"executed_at IS NULL OR ({APPROVED} AND ({PROVEN}))",
    "delivers": "delivered_at IS NULL OR \"right\" IN ('access','portability')",
    "executes": "executed_at IS NULL OR \"right\" IN ('deletion','closure','correction')",
    "hold": "executed_at IS NULL OR \"right\" = 'correction'"
    " OR (hold_until IS NOT NULL AND hold_until > approved_at AND executed_at >= hold_until)",
    "stopped": "stopped_at IS NULL OR (state = 'refused' AND executed_at IS NULL AND delivered_at IS NULL)",
    "refused": "state <> 'refused' OR reason IS NOT NULL",
    "told": "due_at <= told_due_at",
    "ended": "ended_at IS NOT NULL OR state IN ('received','verifying','open','in_progress')",
}


class WorkOrder(SQLModel, table=True):
    """One request. `version` counts its moves; every move asks for the version that was read."""

    __tablename__ = "work_order"
    __table_args__ = (
        *(CheckConstraint(rule, name=name) for name, rule in CHECKS.items()),
        Index("uq_work_order_one_live", "subject", "right", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_work_order_live", "due_at", "id", sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_work_order_right", "right", "due_at", "id", sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_work_order_state", "state", "due_at", "id"),
        Index("ix_work_order_assignee", "assignee", "due_at", "id", sqlite_where=LIVE, postgresql_where=LIVE),
        Index("ix_work_order_urgent", "due_at", "id", sqlite_where=URGENT, postgresql_where=URGENT),
        Index("ix_work_order_held", "due_at", "id", sqlite_where=HELD, postgresql_where=HELD),
        Index("ix_work_order_proposed", "due_at", "id", sqlite_where=PROPOSED, postgresql_where=PROPOSED),
        *(
            Index(f"ix_work_order_{name}", *columns, "due_at", "id", sqlite_where=which, postgresql_where=which)
            for name, columns, which in (
                ("state_assignee", ("state", "assignee"), LIVE),
                ("nobody", (), NOBODY),
                ("nobody_state", ("state",), NOBODY),
                ("held_right", ("right",), HELD),
                ("proposed_right", ("right",), PROPOSED),
                ("over_right", ("right",), OVER),
                ("over_assignee", ("assignee",), OVER),
            )
        ),
        Index("ix_work_order_calendar", "calendar", sqlite_where=LIVE, postgresql_where=LIVE),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="SET NULL", index=True)
    """Who asked. Empty once the person was erased; number, dates and decision stay."""
    subject: str = Field(index=True)
    """Of whose order no second one of the same right may be under way: a blind index of the account for a verified one,
    the person for one that needs no account, and the person apart ("unverified:") for one that isn't verified."""
    right: str
    ground: str = ""
    state: str
    version: int = 1
    language: str
    urgent: bool = False
    opened_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    """Where the deadline counts from: the receipt, or an appeal."""
    due_at: datetime = Field(sa_type=UtcDateTime)
    told_due_at: datetime = Field(sa_type=UtcDateTime)
    """The date the person was told; `due_at` is never after it."""
    hard_stop_at: datetime = Field(sa_type=UtcDateTime)
    calendar: str
    """Edition of the calendar that the date was counted with."""
    extended: str = ""
    """Rules that were extended, by blanks."""
    paused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    paused_seconds: int = 0
    """Of pauses that are over."""
    reached: int = 0
    """The last milestone that staff were reminded of: 0; 50, 80, 100 per cent of the time to the answer; before them 5, 8
    and 10 for as much of the time to a first look (bot/core/order/dates.py)."""
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    """When the clock has something to do here."""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When an unverified request goes; empty once it is verified or papers have come."""
    level: int
    code_proven_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    checked_by: int | None = Field(default=None, foreign_key="staff.id")
    proposed_by: int | None = Field(default=None, foreign_key="staff.id")
    proposed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_by: int | None = Field(default=None, foreign_key="staff.id")
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    hold_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    hold_seen_until: float | None = None
    """The hold is over only when the steady clock, too, has come to this many seconds."""
    warned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the contacts were told the second time, a day before the hold ends."""
    hold_over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    executed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    appealed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refused_by: int | None = Field(default=None, foreign_key="staff.id")
    """Who refused it; somebody else decides an appeal."""
    reason: str | None = None
    assignee: int | None = Field(default=None, foreign_key="staff.id")
    account: bytes | None = None
    """The company's name for the account, sealed with the order's key. Of an unverified one: only what was claimed."""
    body: bytes | None = None
    """What was asked, sealed with the order's key."""


class WorkOrderKey(SQLModel, table=True):
    """The wrapped data key of one order; gone, nothing sealed for the order opens."""

    __tablename__ = "work_order_key"

    order_id: int = Field(primary_key=True, foreign_key="work_order.id", ondelete="CASCADE")
    key_id: str
    wrapped: bytes


class WorkOrderRemark(SQLModel, table=True):
    """Something said on an order: by the person, or by staff, for the person or among themselves."""

    __tablename__ = "work_order_remark"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    place: str
    """A random name that its text is sealed to."""
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    """person:4, staff:2."""
    internal: bool
    text: bytes


class WorkOrderAttachment(SQLModel, table=True):
    """A file on an order. A paper shows who asks; it goes as soon as it was checked."""

    __tablename__ = "work_order_attachment"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    place: str
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    internal: bool
    paper: bool = False
    media_type: str
    size: int
    """Bytes, unsealed."""
    name: bytes
    body: bytes


class WorkOrderTick(SQLModel, table=True):
    """An item of the checklist that a staff member has gone through."""

    __tablename__ = "work_order_tick"

    order_id: int = Field(primary_key=True, foreign_key="work_order.id", ondelete="CASCADE")
    item: str = Field(primary_key=True)
    staff_id: int = Field(foreign_key="staff.id")
    at: datetime = Field(sa_type=UtcDateTime)


class WorkOrderStop(SQLModel, table=True):
    """A stop link that was sent to one contact of the account; the link itself is kept nowhere."""

    __tablename__ = "work_order_stop"

    token_hash: str = Field(primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    kind: str
    """email, phone, wechat, telegram."""
    contact: bytes
    """Where it went, sealed with the order's key."""
    sent_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SteadyClock(SQLModel, table=True):
    """How much time has really passed while somebody looked: a wall clock may jump, this one can't."""

    __tablename__ = "steady_clock"

    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    """When it was looked at last, by the wall clock."""
    seconds: float
    """How much has passed by then, each look counting for an hour at most."""
