"""What is kept of work orders, and when it goes: what was said soon, what was decided after three years."""

from datetime import datetime, timedelta

from bot.core.order.moves import State
from storage.engine import Database
from storage.work import Work

EMPTIED_AFTER = timedelta(days=90)
"""What is sealed for an order (what was asked, remarks, files, contacts) goes so long after its end (privacy.7.2)."""
FORGOTTEN_AFTER = timedelta(days=3 * 366)
"""Number, dates and decision go after three years, as the records of PIPL 56."""


def kept_for_case(work: Work, person_id: int) -> tuple[str, ...]:
    """Numbers of the person's orders that are not at their end. While there is one, erasing must leave the person's row
    and key (or nobody could be answered) and these orders, and say so; everything else goes."""
    waiting = (order for order in work.orders.of_person(person_id) if order.is_live or order.state == State.ANSWERED)
    return tuple(order.number for order in waiting)


def forget_of(work: Work, person_id: int) -> int:
    """Erases what is sealed for the person's orders that have ended; how many. Part of erasing the person."""
    return work.orders.papers.empty_of(person_id)


def forget_old(database: Database, now: datetime, *, chunk: int = 500) -> tuple[int, int]:
    """Erases what is sealed for orders that ended long ago or whose person was erased, and in the end the orders: how
    many of each. Safe to run twice."""
    emptied = gone = 0
    while True:
        with database.work() as work:
            papers = work.orders.papers
            some = papers.empty_before(now - EMPTIED_AFTER, chunk), papers.forget_before(now - FORGOTTEN_AFTER, chunk)
        emptied, gone = emptied + some[0], gone + some[1]
        if not any(some):
            return emptied, gone
