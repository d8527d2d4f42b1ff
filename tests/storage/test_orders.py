"""Work orders in the database: it refuses by itself what the program must never do; two at once do a thing once."""

from collections import Counter
from datetime import datetime, timedelta
from threading import BoundedSemaphore

import pytest
from sqlalchemy import CheckConstraint, text
from sqlalchemy.exc import IntegrityError

from bot.core.orders import Level, NotAllowed, Order, Right, staff
from storage.engine import Database
from storage.errors import Busy, Conflict
from storage.stores.orders import ORDER
from storage.tables.orders import CHECKS
from tests.conftest import Clock
from tests.orders import ANN, BEN, CLEO, DORA, Desk
from tests.storage.threads import race

WRONG = {
    "state": {"state": "deleted", "ended_at": "now"},
    "level": {"level": 3, "proposed_by": None},
    "two_staff": {"approved_by": ANN},
    "checker_proposes": {"checked_by": ANN},
    "checker_approves": {"approved_by": BEN, "checked_by": BEN},
    "approved_unproposed": {"proposed_by": None, "approved_by": BEN},
    "proposed_unproven": {"code_proven_at": None},
    "delivered_unproven": {"delivered_at": "now", "approved_by": None},
    "executed_unproven": {"executed_at": "now", "right": "correction", "approved_by": None},
    "delivers": {"delivered_at": "now", "approved_by": BEN, "right": "deletion"},
    "executes": {"executed_at": "now", "approved_by": BEN, "hold_until": "before", "approved_at": "long before"},
    "hold": {
        "executed_at": "now",
        "approved_by": BEN,
        "approved_at": "before",
        "hold_until": "later",
        "right": "deletion",
    },
    "stopped": {"stopped_at": "now"},
    "refused": {"state": "refused", "ended_at": "now"},
    "told": {"due_at": "far"},
    "ended": {"state": "answered"},
}
"""For each check of the database, what breaks it and nothing else. The order: access, proposed by Ann."""
MORE_WRONG = {
    "no code": {"delivered_at": "now", "approved_by": BEN, "code_proven_at": None},
    "channel alone": {"proposed_by": ANN, "level": 0},
    "contact unchecked": {"level": 1},
    "one staff": {"delivered_at": "now"},
    "hold not set": {"executed_at": "now", "approved_by": BEN, "approved_at": "before", "right": "closure"},
    "hold of nothing": {
        **{"executed_at": "now", "approved_by": BEN, "right": "deletion"},
        **{"approved_at": "before", "hold_until": "before"},
    },
    "stopped and done": {
        **{"stopped_at": "now", "state": "refused", "reason": "other", "ended_at": "now"},
        **{"delivered_at": "now", "approved_by": BEN},
    },
}


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


def proposed(desk: Desk) -> Order:
    order = desk.open()
    with desk.orders() as orders:
        return orders.propose(orders.take(order, ANN), ANN)


def values(wrong: dict[str, object], now: datetime) -> dict[str, object]:
    times = {"now": 0, "before": -1, "long before": -100, "later": 1, "far": 1000}
    is_time = {name for name in wrong if name.endswith("_at") or name == "hold_until"}
    return {
        name: now + timedelta(days=times[str(value)]) if name in is_time and value is not None else value
        for name, value in wrong.items()
    }


@pytest.mark.parametrize("name", sorted({**WRONG, **MORE_WRONG}))
def test_the_database_refuses_by_itself(desk: Desk, name: str) -> None:
    order = proposed(desk)
    wrong = values({**WRONG, **MORE_WRONG}[name], desk.clock())
    with pytest.raises(IntegrityError), desk.database.work() as work:
        work.connection.execute(ORDER.update().where(ORDER.c.id == order.id).values(**wrong))


def test_every_check_has_something_that_breaks_it_alone() -> None:
    named = {str(one.name) for one in ORDER.constraints if isinstance(one, CheckConstraint)}
    assert {f"ck_work_order_{name}" for name in WRONG} == named
    assert set(WRONG) == set(CHECKS)


@pytest.mark.parametrize("name", sorted(WRONG))
def test_without_the_check_it_would_go_in(desk: Desk, request: pytest.FixtureRequest, name: str) -> None:
    """So each check is what stops it, and no other one."""
    if desk.database.facts.kind == "sqlite":
        pytest.skip("a check can't be taken off a table of SQLite; tests/bot/core/test_order_paths.py leaves it out")
    order = proposed(desk)
    wrong = values(WRONG[name], desk.clock())
    with desk.database.work() as work:
        schema_as_it_was = work.connection.begin_nested()
        work.connection.execute(text(f"ALTER TABLE work_order DROP CONSTRAINT ck_work_order_{name}"))
        done = work.connection.execute(ORDER.update().where(ORDER.c.id == order.id).values(**wrong))
        assert done.rowcount == 1
        schema_as_it_was.rollback()  # The schema is the session's.


def test_of_two_hundred_approvals_at_once_one_counts_and_none_of_the_proposer(desk: Desk) -> None:
    """T07. The same order, as all of them read it: half of them by the proposer, in many sessions."""
    order = proposed(desk)
    door = BoundedSemaphore(40)  # PostgreSQL's connections.

    def approve(by: int) -> str:
        with door:
            try:
                with desk.orders() as orders:
                    orders.approve(order, by)
            except (NotAllowed, Conflict) as refused:
                return type(refused).__name__
            except Busy:
                return "Busy"
        return f"approved by {by}"

    tries = [(ANN, BEN, ANN, CLEO)[number % 4] for number in range(200)]
    came = Counter(race(*[lambda by=by: approve(by) for by in tries]))
    approvals = [name for name in came if str(name).startswith("approved")]
    assert len(approvals) == 1, came
    assert came[approvals[0]] == 1
    after = desk.now(order)
    assert after.approved_by in (BEN, CLEO)
    assert came["NotAllowed"] == 100
    assert [action for _, action, _ in desk.trail(order)].count("approved") == 1


def test_a_proposer_who_reads_anew_each_time_never_approves(desk: Desk) -> None:
    order = proposed(desk)

    def approve() -> bool:
        with desk.orders() as orders:
            fresh = orders.work.orders.of_id(order.id)
            assert fresh is not None
            try:
                return orders.approve(fresh, ANN).approved_by == ANN
            except NotAllowed:
                return False

    assert race(*[approve] * 20) == [False] * 20


def test_a_checker_who_races_to_propose_never_takes_both_parts(desk: Desk) -> None:
    order = desk.open(level=Level.CONTACT)
    with desk.orders() as orders:
        order = orders.check(orders.take(order, ANN), DORA)

    def part(by: int) -> object:
        with desk.orders() as orders:
            try:
                return orders.propose(order, by).proposed_by
            except (NotAllowed, Conflict) as refused:
                return type(refused)

    came = race(*[lambda by=by: part(by) for by in (DORA, ANN) * 10])
    assert came.count(ANN) == 1
    assert DORA not in came
    assert came.count(NotAllowed) == 10


def test_two_chats_that_open_the_same_at_once_get_one_order(desk: Desk) -> None:
    came = race(
        *[lambda person=person: desk.open(Right.DELETION, person=person) for person in (desk.alice, desk.bob) * 4]
    )
    orders = [one for one in came if isinstance(one, Order)]
    assert len(orders) == 8, came
    assert len({order.number for order in orders}) == 1
    assert [order.joined for order in orders].count(False) == 1


def test_a_stop_and_an_execution_at_once_one_of_them(desk: Desk) -> None:
    for number in range(5):
        desk.clock.turn(days=1)
        order = desk.held(Right.DELETION)
        token = desk.news.warned[-1][3]
        desk.pass_time(hours=73)
        order = desk.now(order)

        def stop(token: str = token) -> str:
            with desk.orders() as orders:
                return orders.stop(token).state

        def execute(order: Order = order) -> str:
            with desk.orders() as orders:
                return orders.execute(order, staff(BEN)).state

        came = race(stop, execute)
        done = [one for one in came if isinstance(one, str)]
        assert len(done) == 1, (number, came)
        after = desk.now(order)
        assert after.state == done[0]
        assert (after.stopped_at is None) != (after.executed_at is None)
