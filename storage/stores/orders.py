"""Work orders: found, listed, moved. A move is one conditional update that asks for the version it was decided on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.crypto import Keyring
from storage.errors import Conflict
from storage.stores.order_holds import OrderHolds
from storage.stores.order_papers import OrderPapers
from storage.tables import WorkOrder
from storage.tables.common import table

ORDER = table(WorkOrder)
LIVE_STATES = ("received", "verifying", "open", "in_progress")
OVER_STATES = ("answered", "closed", "refused", "withdrawn", "expired")
# Written out, not bound: a partial index is used only where its own condition is read in the query.
IS_LIVE: ColumnElement[bool] = literal_column("work_order.state IN ('received','verifying','open','in_progress')")
IS_OVER: ColumnElement[bool] = literal_column(
    "work_order.state IN ('answered','closed','refused','withdrawn','expired')"
)
IS_URGENT: ColumnElement[bool] = literal_column("work_order.urgent")
IS_HELD: ColumnElement[bool] = literal_column("work_order.hold_until IS NOT NULL AND work_order.executed_at IS NULL")
IS_PROPOSED: ColumnElement[bool] = literal_column(
    "work_order.proposed_by IS NOT NULL AND work_order.approved_by IS NULL"
)


class Order(NamedTuple):
    """One work order without what is sealed in it. See WorkOrder for the columns; times aware UTC."""

    id: int
    number: str
    person_id: int | None
    subject: str
    right: str
    ground: str
    state: str
    version: int
    language: str
    urgent: bool
    opened_at: datetime
    received_at: datetime
    due_at: datetime
    told_due_at: datetime
    hard_stop_at: datetime
    calendar: str
    extended: str
    paused_at: datetime | None
    paused_seconds: int
    reached: int
    next_at: datetime | None
    expires_at: datetime | None
    level: int
    code_proven_at: datetime | None
    checked_by: int | None
    proposed_by: int | None
    proposed_at: datetime | None
    approved_by: int | None
    approved_at: datetime | None
    hold_until: datetime | None
    hold_seen_until: float | None
    warned_at: datetime | None
    hold_over_at: datetime | None
    executed_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    stopped_at: datetime | None
    appealed_at: datetime | None
    refused_by: int | None
    reason: str | None
    assignee: int | None
    joined: bool = False
    """True where `open` found it instead of opening another one."""

    @property
    def is_live(self) -> bool:
        """Whether it still waits for something."""
        return self.state in LIVE_STATES

    @property
    def is_verified(self) -> bool:
        """Whether it left the pool of requests that nobody has proved yet."""
        return self.state not in ("received", "verifying")

    @property
    def thing(self) -> str:
        """Its name in the trail and as the cause of messages."""
        return f"order:{self.id}"

    def __repr__(self) -> str:
        return f"Order({self.number}, {self.right}, {self.state}, version={self.version})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders to list. What is None or empty doesn't matter. `after` is the last one of the page before."""

    states: Collection[str] = LIVE_STATES
    right: str | None = None
    assignee: int | None = None
    unassigned: bool = False
    person_id: int | None = None
    account_id: str | None = None
    number: str = ""
    """The beginning of a number: "KP-7M2D"."""
    ids: Collection[int] | None = None
    """Only these, by row id."""
    urgent: bool = False
    held: bool = False
    """Approved, and waiting for the end of the hold."""
    proposed: bool = False
    """Proposed, and waiting for a second person."""
    due_before: datetime | None = None
    after: Order | None = None


COLUMNS = tuple(ORDER.c[name] for name in Order._fields[:-1])
READ = select(*COLUMNS)
BY_NUMBER = READ.where(ORDER.c.number == bindparam("number"))
BY_ID = READ.where(ORDER.c.id == bindparam("order"))
LIVE_OF = READ.where(ORDER.c.subject == bindparam("subject"), ORDER.c["right"] == bindparam("right"), IS_LIVE)
OF_PERSON = READ.where(ORDER.c.person_id == bindparam("person")).order_by(ORDER.c.id.desc())
OF_SUBJECT = READ.where(ORDER.c.subject == bindparam("subject")).order_by(ORDER.c.id.desc())
TICKING = (
    READ.where(ORDER.c.next_at <= bindparam("now")).order_by(ORDER.c.next_at).limit(bindparam("most", type_=Integer))
)
OTHER_CALENDAR = (
    READ.where(
        or_(
            ORDER.c.calendar < bindparam("edition", type_=String), ORDER.c.calendar > bindparam("edition", type_=String)
        ),
        IS_LIVE,
    )
    .order_by(ORDER.c.id)
    .limit(bindparam("most", type_=Integer))
)
# Whichever of the two unique rules is hit, nothing goes in and the transaction goes on.
ADD = {
    "sqlite": sqlite.insert(ORDER).on_conflict_do_nothing().returning(*COLUMNS),
    "postgresql": postgresql.insert(ORDER).on_conflict_do_nothing().returning(*COLUMNS),
}


class OrderStore:
    """All work orders. Writes no trail: whoever moves an order does, in the same transaction."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    @cached_property
    def papers(self) -> OrderPapers:
        """What is sealed: the account, what was asked, remarks, files."""
        return OrderPapers(self.connection, self.keyring)

    @cached_property
    def holds(self) -> OrderHolds:
        """Stop links, and the steady clock."""
        return OrderHolds(self.connection, self.papers)

    def account_subject(self, account_id: str) -> str:
        """The subject of verified orders of this account."""
        return f"account:{self.account_index(account_id)}"

    def account_index(self, account_id: str) -> str:
        """The blind index of an account; the same as the staff table has."""
        return self.keyring.blind("account", account_id)

    # ---- finding

    def get(self, number: str, *, hold: bool = False) -> Order | None:
        """The order of this number. `hold`: nobody else moves it until the commit."""
        return self._one(BY_NUMBER.with_for_update() if hold else BY_NUMBER, {"number": number})

    def of_id(self, order_id: int, *, hold: bool = False) -> Order | None:
        return self._one(BY_ID.with_for_update() if hold else BY_ID, {"order": order_id})

    def live_of(self, subject: str, right: str) -> Order | None:
        """The one order under way for this subject and right."""
        return self._one(LIVE_OF, {"subject": subject, "right": right})

    def of_person(self, person_id: int, limit: int = 50) -> list[Order]:
        """The person's orders, newest first."""
        return self._all(OF_PERSON.limit(limit), {"person": person_id})

    def of_account(self, account_id: str, limit: int = 50) -> list[Order]:
        """The account's verified orders, newest first."""
        return self._all(OF_SUBJECT.limit(limit), {"subject": self.account_subject(account_id)})

    def search(self, wanted: Wanted, limit: int = 50) -> list[Order]:
        """A page of orders, the earliest due first."""
        found = READ.where(*self._conditions(wanted)).order_by(ORDER.c.due_at, ORDER.c.id).limit(limit)
        return self._all(found, {})

    def due(self, before: datetime, limit: int = 50) -> list[Order]:
        """Orders under way that are due before then, the earliest first."""
        return self.search(Wanted(due_before=before), limit)

    def ticking(self, now: datetime, limit: int) -> list[Order]:
        """Orders for which the clock has something to do; those that another process holds are left to it."""
        return self._all(TICKING.with_for_update(skip_locked=True), {"now": now, "most": limit})

    def of_other_calendar(self, edition: str, limit: int) -> list[Order]:
        """Orders under way whose date was counted with another edition of the calendar."""
        return self._all(OTHER_CALENDAR.with_for_update(skip_locked=True), {"edition": edition, "most": limit})

    # ---- writing

    def add(self, account_id: str | None, body: bytes, **values: Any) -> Order | None:
        """A new order; None when the number is taken or the subject has one of this right under way."""
        row = self.connection.execute(ADD[self.connection.dialect.name], values).one_or_none()
        if row is None:
            return None
        order = Order(*row)
        self.papers.begin(order.id)
        sealed = self.papers.sealed(order.id, account_id, body)
        if sealed:
            self.connection.execute(update(ORDER).where(ORDER.c.id == order.id).values(**sealed))
        return order

    def change(self, order: Order, **values: Any) -> Order:
        """The order with these values, one version on. Raises Conflict where it isn't as it was read."""
        done = (
            update(ORDER)
            .where(ORDER.c.id == order.id, ORDER.c.version == order.version, ORDER.c.state == order.state)
            .values(version=order.version + 1, **values)
            .returning(*COLUMNS)
        )
        row = self.connection.execute(done).one_or_none()
        if row is None:
            raise Conflict(f"order {order.id} was moved meanwhile; read it again")
        return Order(*row)

    def postpone(self, order_id: int, next_at: datetime | None) -> None:
        """When the clock looks at the order again; no move."""
        self.connection.execute(update(ORDER).where(ORDER.c.id == order_id).values(next_at=next_at))

    # ---- within

    def _conditions(self, wanted: Wanted) -> list[ColumnElement[bool]]:
        states = tuple(wanted.states)
        if set(states) == set(LIVE_STATES):
            found: list[ColumnElement[bool]] = [IS_LIVE]
        elif set(states) == set(OVER_STATES):
            found = [IS_OVER]
        elif states:
            found = [ORDER.c.state.in_(states) if len(states) > 1 else ORDER.c.state == states[0]]
            for all_of_them, condition in ((LIVE_STATES, IS_LIVE), (OVER_STATES, IS_OVER)):
                if set(states) < set(all_of_them):
                    found.append(condition)
        else:
            found = []
        equal = {"right": wanted.right, "assignee": wanted.assignee, "person_id": wanted.person_id}
        found += [ORDER.c[name] == value for name, value in equal.items() if value is not None]
        if wanted.unassigned:
            found.append(ORDER.c.assignee.is_(None))
        if wanted.account_id is not None:
            found.append(ORDER.c.subject == self.account_subject(wanted.account_id))
        if wanted.ids is not None:
            found.append(ORDER.c.id.in_(wanted.ids))
        if wanted.number:
            found.append(and_(ORDER.c.number >= wanted.number, ORDER.c.number < wanted.number + "~"))
        found += [
            condition
            for is_wanted, condition in (
                (wanted.urgent, IS_URGENT),
                (wanted.held, IS_HELD),
                (wanted.proposed, IS_PROPOSED),
            )
            if is_wanted
        ]
        if wanted.due_before is not None:
            found.append(ORDER.c.due_at <= wanted.due_before)
        if wanted.after is not None:
            found.append(tuple_(ORDER.c.due_at, ORDER.c.id) > (wanted.after.due_at, wanted.after.id))
        return found

    def _one(self, statement: Any, row: dict[str, Any]) -> Order | None:
        found = self.connection.execute(statement, row).one_or_none()
        return Order(*found) if found else None

    def _all(self, statement: Any, row: dict[str, Any]) -> list[Order]:
        return [Order(*one) for one in cast(Sequence[Any], self.connection.execute(statement, row).all())]
