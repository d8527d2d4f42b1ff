"""What happens to orders by itself, when its time has come: reminders, the end of a hold, expiry, closing, a new calendar.

`run_due` may be called at any moment, by any number of processes: each thing is done once, because doing it moves the
time at which the order is looked at next, in the same transaction.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import OperationalError

from bot.core.order.dates import due_of, reached_by, wake_at
from bot.core.order.guards import WARN_BEFORE
from bot.core.order.moves import NotAllowed, State
from bot.core.orders import Orders, Ports
from knowledge.deadlines import Deadlines
from storage.engine import Database
from storage.stores.orders import Order
from storage.work import Work

CHUNK = 100
"""Orders of one transaction: some 50 ms, so that nobody waits for long."""
AGAIN_AFTER = timedelta(minutes=10)
"""When an order that could not be looked at is tried again."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Ran:
    """How many of each were done."""

    reminded: int = 0
    warned: int = 0
    holds_over: int = 0
    expired: int = 0
    closed: int = 0
    recounted: int = 0
    failed: int = 0
    """Orders that could not be looked at now; they are tried again in ten minutes."""


def run_due(
    database: Database, now: datetime, deadlines: Deadlines, ports: Callable[[Work], Ports], *, chunk: int = CHUNK
) -> Ran:
    """Does everything whose time has come by `now`. Call it every minute: a hold counts the time between two calls for an
    hour at most, so that a clock that jumps can't end it early. Raises Busy."""
    ran = Ran()
    with database.work() as work:
        work.orders.holds.look(now)
    for step in (_recount, _tick):
        while step(database, now, deadlines, ports, chunk, ran):
            pass
    return ran


def _tick(
    database: Database, now: datetime, deadlines: Deadlines, ports: Callable[[Work], Ports], chunk: int, ran: Ran
) -> bool:
    """Whether there may be more."""
    with database.work() as work:
        orders = Orders(work, now, deadlines, ports(work))
        found = work.orders.ticking(now, chunk)
        for order in found:
            if not _alone(work, order, ran, partial(_look_at, orders, order, ran)):
                work.orders.postpone(order.id, now + AGAIN_AFTER)
    return len(found) == chunk


def _alone(work: Work, order: Order, ran: Ran, what: Callable[[], object]) -> bool:
    """Does something about one order; where that fails, nothing of it is kept, and the others are not held up."""
    try:
        with work.connection.begin_nested():
            what()
    except OperationalError:
        raise
    except Exception as why:
        log.warning("order %s left alone: %s", order.id, type(why).__name__)
        ran.failed += 1
        return False
    return True


def _look_at(orders: Orders, order: Order, ran: Ran) -> None:
    """Everything whose time has come for one order; in the end it is looked at later, or never again."""
    now = orders.now
    if order.state == State.ANSWERED:
        orders.close(order)
        ran.closed += 1
        return
    if order.state == State.VERIFYING and order.expires_at is not None and order.expires_at <= now:
        orders.expire(order)
        ran.expired += 1
        return
    if order.hold_until is not None and order.hold_over_at is None:
        order = _hold(orders, order, ran)
    reached = reached_by(order, due_of(order, orders.deadlines, now), now)
    if reached > order.reached and (order.paused_at is None or reached == 100):
        order = orders.remind(order, reached)
        ran.reminded += 1
    due = due_of(order, orders.deadlines, now)
    next_at = wake_at(order, due, now)
    if next_at is not None and next_at <= now:  # A hold that the steady clock hasn't seen to its end.
        next_at = now + AGAIN_AFTER
    if next_at != order.next_at:
        orders.work.orders.postpone(order.id, next_at)


def _hold(orders: Orders, order: Order, ran: Ran) -> Order:
    now, until = orders.now, order.hold_until or orders.now
    if order.warned_at is None:
        if now < until - WARN_BEFORE:
            return order
        order = orders.warn_again(order)
        ran.warned += 1
        return order
    if now < until:
        return order
    try:
        order = orders.end_hold(order)
        ran.holds_over += 1
    except NotAllowed:
        log.info("order %s: the hold goes on until it has been seen to last", order.id)
    return order


def _recount(
    database: Database, now: datetime, deadlines: Deadlines, ports: Callable[[Work], Ports], chunk: int, ran: Ran
) -> bool:
    """Dates counted with an older calendar are counted again; the person is told an earlier one, never a later one."""
    done = 0
    with database.work() as work:
        orders = Orders(work, now, deadlines, ports(work))
        found = work.orders.of_other_calendar(deadlines.calendar.edition, chunk)
        for order in found:
            done += _alone(work, order, ran, partial(orders.recount, order))
    ran.recounted += done
    return len(found) == chunk and done > 0
