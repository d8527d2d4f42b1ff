"""T11: a deletion can be stopped. The hold lasts, everybody is told, each stop link works to the last second."""

from contextlib import suppress
from datetime import timedelta

import pytest

from bot.core.errors import NothingFound
from bot.core.order.dates import hold_for
from bot.core.orders import NotAllowed, Right, staff
from storage.engine import Database
from tests.conftest import Clock
from tests.orders import ANN, BEN, STEADY, Desk, contacts


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


def executed(desk: Desk, order_id: int) -> bool:
    """Whether it can be carried out now, and then is."""
    with desk.orders() as orders:
        order = orders.work.orders.of_id(order_id)
        assert order is not None
        try:
            return orders.execute(order, staff(BEN)).executed_at is not None
        except NotAllowed:
            return False


@pytest.mark.parametrize(
    ("ages", "hours"),
    [((99, 99), 72), ((31, 45), 72), ((99, 29), 168), ((30, 99), 168), ((99, 0), 168), ((99, -3), 168)],
)
def test_the_hold_is_a_week_where_a_contact_is_young(clock: Clock, ages: tuple[int, ...], hours: int) -> None:
    """Exactly thirty days old isn't older than thirty days; one from the future isn't old at all."""
    assert hold_for(contacts(clock(), *ages), STEADY, clock()) == timedelta(hours=hours)


@pytest.mark.parametrize(("days", "hours"), [(31, 72), (30, 168), (1, 168), (-1, 168), (None, 168)])
def test_the_hold_is_a_week_where_a_contact_went_or_nobody_knows(clock: Clock, days: int | None, hours: int) -> None:
    went = None if days is None else clock() - timedelta(days=days)
    assert hold_for(contacts(clock(), 99, 99), went, clock()) == timedelta(hours=hours)


@pytest.mark.parametrize("right", [Right.DELETION, Right.CLOSURE])
def test_every_contact_is_told_at_once_and_again_a_day_before(desk: Desk, right: Right) -> None:
    order = desk.held(right, (99, 50))
    assert [(kind, address, key) for kind, address, key, _ in desk.news.warned] == [
        ("email", "ada@mail.example.com", "hold_begun"),
        ("phone", "+8613800000001", "hold_begun"),
    ]
    desk.pass_time(hours=47, minutes=30)
    assert len(desk.news.warned) == 2
    desk.pass_time(minutes=30)
    assert [key for _, _, key, _ in desk.news.warned[2:]] == ["hold_ending", "hold_ending"]
    assert len({token for *_, token in desk.news.warned}) == 4
    assert desk.news.keys.count("hold_begun") == desk.news.keys.count("hold_ending") == 1
    assert order.hold_until == desk.clock() + timedelta(hours=24)


def test_nothing_is_deleted_while_nobody_can_be_told(desk: Desk) -> None:
    order = desk.open(Right.DELETION)
    with desk.orders() as orders:
        order = orders.propose(orders.take(order, ANN), ANN)
        with pytest.raises(NotAllowed, match="contacts_known"):
            orders.approve(order, BEN, [])


def test_the_hold_lasts_to_the_second(desk: Desk) -> None:
    order = desk.held()
    desk.pass_time(hours=71, minutes=59, seconds=59)
    assert not executed(desk, order.id)
    assert desk.news.alarms == []
    desk.clock.turn(seconds=1)
    assert desk.tick().holds_over == 1
    assert desk.news.alarms == [("hold_over", {})]
    assert executed(desk, order.id)
    assert "executed" in desk.news.keys


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_each_stop_link_works_one_second_before_the_end(desk: Desk, which: int) -> None:
    order = desk.held()
    desk.pass_time(hours=71, minutes=59, seconds=59)
    token = desk.news.warned[which][3]
    with desk.orders() as orders:
        assert orders.stoppable(token).state == "in_progress"  # The page only shows.
        stopped = orders.stop(token)
    assert (stopped.state, stopped.reason) == ("refused", "suspected_fraud")
    assert desk.news.alarms[-1] == ("stopped", {"via": ("email", "phone")[which % 2]})
    desk.pass_time(days=2)
    assert not executed(desk, order.id)
    with desk.orders() as orders:
        assert orders.stop(token).version == stopped.version  # Pressed twice.
        with pytest.raises(NotAllowed, match="unstopped"):
            orders.appeal(stopped, desk.alice)


def test_a_stop_works_after_the_hold_until_it_is_carried_out(desk: Desk) -> None:
    first, second = desk.held(), desk.held(Right.CLOSURE)
    desk.pass_time(hours=73)
    with desk.orders() as orders:
        assert orders.stop(desk.news.warned[0][3]).state == "refused"
    assert not executed(desk, first.id)
    assert executed(desk, second.id)
    with desk.orders() as orders, pytest.raises(NotAllowed, match="state"):
        orders.stop(desk.news.warned[2][3])


def test_a_made_up_token_stops_nothing(desk: Desk) -> None:
    desk.held()
    for token in ("", "x", desk.news.warned[0][3][:-1], desk.news.warned[0][3] + "A", "\ud800"):
        with desk.orders() as orders, pytest.raises(NothingFound):
            orders.stop(token)
    with desk.database.read() as work:
        rows = work.connection.exec_driver_sql("SELECT * FROM work_order_stop").all()
    assert desk.news.warned[0][3] not in str(rows)
    assert "ada@mail" not in str(rows)


@pytest.mark.parametrize("hours", [72, 80, 24 * 365])
def test_a_clock_that_jumps_ahead_ends_no_hold(desk: Desk, hours: int) -> None:
    order = desk.held()
    desk.pass_time(hours=1)
    desk.clock.turn(hours=hours)
    for _ in range(3):
        desk.tick()
    assert not executed(desk, order.id)
    desk.pass_time(hours=69)  # One hour before and one, at most, from the jump.
    assert not executed(desk, order.id)
    desk.pass_time(hours=2)
    assert executed(desk, order.id)


def test_a_clock_that_goes_back_only_makes_the_hold_longer(desk: Desk) -> None:
    order = desk.held()
    desk.pass_time(hours=60)
    desk.clock.turn(hours=-48)
    desk.pass_time(hours=20)
    assert not executed(desk, order.id)
    desk.pass_time(hours=40)
    assert executed(desk, order.id)


def test_a_late_second_notice_makes_the_hold_longer(desk: Desk) -> None:
    """The program stood still over the time of the notice: a day must still pass after it."""
    order = desk.held()
    desk.pass_time(hours=40)
    desk.clock.turn(hours=31)
    desk.tick()
    assert len(desk.news.warned) == 4
    desk.pass_time(hours=23)
    assert not executed(desk, order.id)
    desk.pass_time(hours=31)
    assert executed(desk, order.id)


def test_withdrawing_ends_the_hold(desk: Desk) -> None:
    order = desk.held()
    with desk.orders() as orders:
        orders.withdraw(order, desk.alice)
    desk.pass_time(hours=80)
    assert len(desk.news.warned) == 2
    assert not executed(desk, order.id)


def test_a_correction_needs_no_hold(desk: Desk) -> None:
    order = desk.held(Right.CORRECTION)
    assert order.hold_until is None
    assert executed(desk, order.id)


def test_whoever_dies_while_executing_has_executed_nothing(desk: Desk) -> None:
    order = desk.held()
    desk.pass_time(hours=73)
    order = desk.now(order)
    with suppress(KeyboardInterrupt), desk.orders() as orders:
        orders.execute(order, staff(BEN))
        raise KeyboardInterrupt
    assert desk.now(order).executed_at is None
    assert [action for _, action, _ in desk.trail(order)][-1] == "hold_over"
    assert executed(desk, order.id)
    assert not executed(desk, order.id)
