"""Which move a work order can make, from where, by whom, and on what conditions: one table, as data.

Every move goes through this table; every condition has a name (see order_guards). The database repeats those that
proof and two staff hang on (storage/tables/orders.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.core.errors import Declined
from knowledge.rights import Level, RightRule
from storage.stores.orders import Order


class NotAllowed(Declined):
    """The order can't make that move. `why` is "state", "actor", or the name of the condition that isn't met."""

    wording = "order_not_allowed"

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def __str__(self) -> str:
        return f"not allowed: {self.why}"


class State(StrEnum):
    """Where an order is. RECEIVED lasts no longer than the transaction that opens it."""

    RECEIVED = "received"
    VERIFYING = "verifying"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    CLOSED = "closed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why an order was refused. Each has words for the person."""

    SUSPECTED_FRAUD = "suspected_fraud"
    INSUFFICIENT_VERIFICATION = "insufficient_verification"
    NO_MATCH = "no_match"
    NOT_COVERED = "not_covered"
    OUTSIDE_JURISDICTION = "outside_jurisdiction"
    TOO_MANY_REQUESTS = "too_many_requests"
    OTHER = "other"


class Event(StrEnum):
    """What happens to an order."""

    OPENED = "opened"
    PROVED = "proved"
    PAPERS_CAME = "papers_came"
    PAPERS_CHECKED = "papers_checked"
    TAKEN = "taken"
    RELEASED = "released"
    ASSIGNED = "assigned"
    CHECKED = "checked"
    PROPOSED = "proposed"
    SENT_BACK = "sent_back"
    APPROVED = "approved"
    WARNED = "warned"
    HOLD_OVER = "hold_over"
    EXECUTED = "executed"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    EXPIRED = "expired"
    EXTENDED = "extended"
    PAUSED = "paused"
    RESUMED = "resumed"
    RECOUNTED = "recounted"
    REMINDED = "reminded"
    APPEALED = "appealed"
    APPEALED_UNPROVEN = "appealed_unproven"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moves: kind "staff", "person", "link" (whoever holds a stop link), "clock" or "bot"; id where there is one."""

    kind: str
    id: int | None = None
    via: str = ""
    """Of a link: the kind of contact it went to."""

    def __str__(self) -> str:
        rest = self.via or ("" if self.id is None else str(self.id))
        return f"{self.kind}:{rest}" if rest else self.kind


CLOCK, BOT = Actor("clock"), Actor("bot")


def staff(id: int) -> Actor:
    return Actor("staff", id)


def person(id: int) -> Actor:
    return Actor("person", id)


@dataclass(frozen=True, slots=True)
class Act:
    """One move under way: what the conditions look at. What costs a look at the database is asked only where needed."""

    order: Order
    rule: RightRule
    actor: Actor
    now: datetime
    reason: str | None
    has_portal: bool
    contacts: int
    is_owner: bool
    offered: tuple[Level, datetime | None, bool] | None
    """Proof that has come: level, when the code was right, whether an account is named."""
    seen: Callable[[], float]
    has_papers: Callable[[], bool]
    is_own_account: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table. `target` None: the state stays. `guards` are looked at in this order."""

    sources: frozenset[State]
    target: State | None
    actors: frozenset[str]
    guards: tuple[str, ...] = ()


VERIFYING, OPEN, WORKED = State.VERIFYING, State.OPEN, State.IN_PROGRESS
ANSWERED, REFUSED = State.ANSWERED, State.REFUSED
_LIVE = (VERIFYING, OPEN, WORKED)


def _move(*sources: State, to: State | None = None, by: str, given: str = "") -> Move:
    return Move(frozenset(sources), to, frozenset(by.split()), tuple(given.split()))


TABLE = MappingProxyType(
    {
        # Proof
        Event.PROVED: _move(VERIFYING, to=OPEN, by="person", given="enough"),
        Event.PAPERS_CAME: _move(VERIFYING, by="bot"),
        Event.PAPERS_CHECKED: _move(VERIFYING, to=OPEN, by="staff", given="papers_there fresh_eyes"),
        Event.CHECKED: _move(OPEN, WORKED, by="staff", given="check_counts unchecked fresh_eyes not_own_account"),
        # Work
        Event.TAKEN: _move(OPEN, to=WORKED, by="staff", given="not_own_account"),
        Event.RELEASED: _move(WORKED, to=OPEN, by="staff"),
        Event.ASSIGNED: _move(OPEN, WORKED, to=WORKED, by="staff"),
        # Two staff
        Event.PROPOSED: _move(
            WORKED, by="staff", given="two_staff_right proven unproposed not_checker fresh_eyes not_own_account"
        ),
        Event.SENT_BACK: _move(WORKED, by="staff", given="proposed unapproved"),
        Event.APPROVED: _move(
            WORKED, by="staff", given="proposed unapproved second_person not_checker contacts_known not_own_account"
        ),
        Event.WARNED: _move(OPEN, WORKED, by="clock", given="on_hold unwarned"),
        Event.HOLD_OVER: _move(OPEN, WORKED, by="clock", given="on_hold hold_by_wall hold_by_steady hold_warned"),
        # The end
        Event.DELIVERED: _move(WORKED, to=ANSWERED, by="staff bot", given="discloses approved not_own_account"),
        Event.EXECUTED: _move(
            WORKED,
            to=ANSWERED,
            by="staff bot",
            given="alters approved hold_by_wall hold_by_steady hold_warned not_own_account",
        ),
        Event.ANSWERED: _move(OPEN, WORKED, to=ANSWERED, by="staff", given="words_suffice not_own_account"),
        Event.REFUSED: _move(*_LIVE, to=REFUSED, by="staff", given="known_reason fresh_eyes not_own_account"),
        Event.WITHDRAWN: _move(*_LIVE, to=State.WITHDRAWN, by="person", given="owner"),
        Event.STOPPED: _move(OPEN, WORKED, to=REFUSED, by="link"),
        Event.EXPIRED: _move(VERIFYING, to=State.EXPIRED, by="clock", given="expiry_come"),
        Event.CLOSED: _move(ANSWERED, to=State.CLOSED, by="staff clock"),
        # Dates
        Event.EXTENDED: _move(*_LIVE, by="staff"),
        Event.PAUSED: _move(*_LIVE, by="staff", given="running"),
        Event.RESUMED: _move(*_LIVE, by="staff bot person", given="paused"),
        Event.RECOUNTED: _move(*_LIVE, by="clock"),
        Event.REMINDED: _move(*_LIVE, by="clock"),
        # A second look
        Event.APPEALED: _move(REFUSED, to=OPEN, by="person", given="owner unstopped first_appeal in_time"),
        Event.APPEALED_UNPROVEN: _move(REFUSED, to=VERIFYING, by="person", given="owner first_appeal in_time"),
    }
)
"""Every move but the first, OPENED, which makes the order."""
