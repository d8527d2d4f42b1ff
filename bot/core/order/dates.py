"""An order's dates: when it is due, when the clock has to look at it again, how long a hold lasts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.contacts import SETTLED_AFTER, Contact
from bot.core.order.guards import WARN_BEFORE
from bot.core.order.moves import State
from knowledge.deadlines import Deadlines, Due, Refused
from knowledge.deadlines.due import MILESTONES
from knowledge.rights import Right, RightRule, rights
from storage.stores.orders import Order

FIRST_LOOK = 10
"""`reached` of an order whose first look is overdue; 5 and 8 stand for 50 and 80 per cent of the time to it. Above
stand 50, 80 and 100 per cent of the time to the answer."""
HOLD = timedelta(hours=72)
HOLD_LONG = timedelta(days=7)
"""Where a contact is not older than 30 days: who took over an account changes its contacts first."""
UNVERIFIED_FOR = timedelta(days=7)
"""How long an unverified request waits for its proof."""
CLOSE_AFTER = timedelta(days=14)
"""Between an answer and the closing of the order: time to say that something is missing."""


def hold_for(contacts: Sequence[Contact], changed_at: datetime | None, now: datetime) -> timedelta:
    """How long a deletion waits after its approval. `changed_at`: when a contact of the account last changed or went;
    None: nobody knows, and then it may have been just now."""
    is_steady = changed_at is not None and now - changed_at > SETTLED_AFTER
    return HOLD if is_steady and all(contact.is_settled(now) for contact in contacts) else HOLD_LONG


def due_of(order: Order, deadlines: Deadlines, now: datetime) -> Due:
    """When the order is due, never later than told; of one that stands still, when it would be if it went on now."""
    due = deadlines.for_right(
        order.received_at,
        rights()[Right(order.right)].deadline,
        paused_for=timedelta(seconds=order.paused_seconds),
        extended=order.extended.split(),
        told=order.told_due_at,
    )
    if order.paused_at is None:
        return due
    longer = deadlines.paused(due, timedelta(seconds=order.paused_seconds) + max(now - order.paused_at, timedelta(0)))
    return due if isinstance(longer, Refused) else longer


def look_by(order: Order) -> datetime | None:
    """By when somebody of staff is to have a first look; None where that isn't aimed for, or somebody has taken it."""
    aim = rights()[Right(order.right)].first_look
    return order.received_at + aim.within if aim and order.state == State.OPEN else None


def first_reminder(rule: RightRule, due: Due) -> datetime:
    """The first milestone of an order that is opened now."""
    first = due.milestones[0]
    if rule.first_look is None:
        return first.at
    return min(first.at, due.received_at + rule.first_look.within * first.percent / 100)


def milestones(order: Order, due: Due) -> list[tuple[int, datetime]]:
    """What staff are reminded of, as (`reached`, when): shares of the time to a first look, then to the answer."""
    found = [(milestone.percent, milestone.at) for milestone in due.milestones]
    if by := look_by(order):
        length = by - order.received_at
        found += [(percent * FIRST_LOOK // 100, order.received_at + length * percent / 100) for percent in MILESTONES]
    return sorted(found)


def reached_by(order: Order, due: Due, now: datetime) -> int:
    """The last milestone that has passed, as the column `reached` counts them; 0 for none."""
    return max((mark for mark, at in milestones(order, due) if at <= now), default=0)


def columns_of(due: Due) -> dict[str, Any]:
    """The columns that hold a due date that the person is told."""
    return {
        "due_at": due.due_at,
        "told_due_at": due.due_at,
        "hard_stop_at": due.hard_stop,
        "calendar": due.calendar,
        "extended": " ".join(due.extended),
        "paused_seconds": int(due.paused_for.total_seconds()),
    }


def wake_at(order: Order, due: Due, now: datetime) -> datetime | None:
    """When the clock has something to do for this order; None: never again."""
    if order.state == State.ANSWERED:
        return (order.ended_at or now) + CLOSE_AFTER
    if not order.is_live:
        return None
    times = [order.expires_at] if order.expires_at else []
    if order.paused_at is None:
        times += [at for mark, at in milestones(order, due) if mark > order.reached][:1]
    elif order.reached < 100:
        times.append(now + timedelta(days=1))
    if order.hold_until is not None and order.hold_over_at is None:
        times.append(order.hold_until - WARN_BEFORE if order.warned_at is None else order.hold_until)
    return min(times, default=None)
