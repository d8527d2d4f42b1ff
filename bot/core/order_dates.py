"""An order's dates: when it is due, when the clock has to look at it again, how long a hold lasts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.core.contacts import Contact
from bot.core.order_guards import WARN_BEFORE
from bot.core.order_moves import State
from knowledge.deadlines import Deadlines, Due, Refused
from knowledge.rights import Right, rights
from storage.stores.orders import Order

HOLD = timedelta(hours=72)
HOLD_LONG = timedelta(days=7)
"""Where a contact is not older than 30 days: who took over an account changes its contacts first."""
UNVERIFIED_FOR = timedelta(days=7)
"""How long an unverified request waits for its proof."""
CLOSE_AFTER = timedelta(days=14)
"""Between an answer and the closing of the order: time to say that something is missing."""


def hold_for(contacts: Sequence[Contact], now: datetime) -> timedelta:
    """How long a deletion waits after its approval."""
    return HOLD if all(contact.is_settled(now) for contact in contacts) else HOLD_LONG


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
        times += [milestone.at for milestone in due.milestones if milestone.percent > order.reached][:1]
    elif order.reached < 100:
        times.append(now + timedelta(days=1))
    if order.hold_until is not None and order.hold_over_at is None:
        times.append(order.hold_until - WARN_BEFORE if order.warned_at is None else order.hold_until)
    return min(times, default=None)
