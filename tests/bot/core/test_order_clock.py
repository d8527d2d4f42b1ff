"""What happens by itself: once, in time, and whatever goes wrong with one order doesn't hold up the others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.order.clock import run_due
from bot.core.order.dates import due_of, look_by
from bot.core.orders import Level, Order, Ports, Right
from knowledge.deadlines import Deadlines, WorkingCalendar, load_rules, official_calendar
from storage.engine import Database
from tests.conftest import Clock
from tests.orders import ANN, Desk, deadlines
from tests.storage.threads import race


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


def test_staff_are_reminded_at_50_and_80_and_it_escalates_at_100_per_cent(desk: Desk) -> None:
    order = desk.open()
    whole = order.due_at - order.received_at
    for percent, key in ((50, "reminder"), (80, "reminder"), (100, "escalation")):
        at = order.received_at + whole * percent / 100
        desk.clock.now = at - timedelta(seconds=2)
        assert desk.tick().reminded == 0
        desk.clock.now = at + timedelta(seconds=2)
        assert desk.tick().reminded == 1
        assert desk.tick().reminded == 0
        assert desk.news.alarms[-1] == (key, {"percent": str(percent)})
    assert desk.news.keys == ["opened", "reminder"]


def test_whoever_slept_over_two_reminders_gets_the_last_one(desk: Desk) -> None:
    order = desk.open()
    desk.clock.now = order.due_at + timedelta(days=1)
    assert desk.tick().reminded == 1
    assert desk.news.alarms == [("escalation", {"percent": "100"})]


def test_two_that_run_at_once_do_everything_once(desk: Desk) -> None:
    orders = [desk.open(account_id=f"K-{number}") for number in range(30)]
    desk.clock.now = orders[0].received_at + (orders[0].due_at - orders[0].received_at) * 0.6
    ran = race(*[lambda: desk.tick()] * 4)
    assert sum(one.reminded for one in ran if not isinstance(one, Exception)) == 30
    assert [key for key, _ in desk.news.alarms] == ["reminder"] * 30
    assert {desk.now(order).version for order in orders} == {2}


def test_one_that_fails_does_not_hold_up_the_others(desk: Desk) -> None:
    orders = [desk.open(account_id=f"K-{number}") for number in range(3)]
    bad = orders[1].id

    def alarm(order: Order, *_: object) -> None:
        if order.id == bad:
            raise RuntimeError("no such address")

    desk.clock.now = orders[0].received_at + (orders[0].due_at - orders[0].received_at) * 0.6
    ran = run_due(desk.database, desk.clock(), deadlines(), lambda _: Ports(alarm=alarm))
    assert (ran.reminded, ran.failed) == (2, 1)
    assert [desk.now(order).reached for order in orders] == [50, 0, 50]
    assert len(desk.trail(orders[1])) == 1
    desk.clock.turn(minutes=10)
    assert desk.tick().reminded == 1


def test_more_orders_than_a_chunk_are_all_looked_at(desk: Desk) -> None:
    orders = [desk.open(account_id=f"K-{number}") for number in range(7)]
    desk.clock.now = orders[0].due_at
    ran = run_due(desk.database, desk.clock(), deadlines(), lambda _: desk.news.ports, chunk=2)
    assert ran.reminded == 7


def test_a_new_calendar_counts_again_and_tells_only_earlier_days(desk: Desk) -> None:
    order = desk.open()
    calendar = official_calendar()
    week = {order.received_at.date() + timedelta(days=day) for day in range(1, 8)}
    less_work = replace(calendar, days_off=calendar.days_off | week)
    more_work = replace(calendar, make_up_days=calendar.make_up_days | {day for day in week if day.weekday() > 4})

    def counted_with(calendar: WorkingCalendar) -> int:
        again = Deadlines(load_rules("cn"), calendar)
        return run_due(desk.database, desk.clock(), again, lambda _: desk.news.ports).recounted

    assert counted_with(less_work) == 1
    assert desk.now(order).told_due_at == order.told_due_at
    assert desk.news.keys == ["opened"]
    assert counted_with(more_work) == 1
    earlier = desk.now(order).told_due_at
    assert earlier < order.told_due_at
    assert counted_with(more_work) == 0
    assert counted_with(calendar) == 1
    assert desk.now(order).told_due_at == earlier
    assert desk.news.keys == ["opened", "due_moved"]


def test_what_is_done_is_closed_after_two_weeks(desk: Desk) -> None:
    order = desk.held(Right.CORRECTION)
    with desk.orders() as orders:
        orders.answer(order, ANN)
    desk.turn(days=14)
    closed = desk.now(order)
    assert (closed.state, closed.next_at) == ("closed", None)


def test_a_paused_order_is_looked_at_each_day_and_reminds_of_nothing_before_its_end(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        paused = orders.pause(order, ANN, "Which years?")
    desk.turn(days=14)
    assert desk.news.alarms == []
    assert due_of(desk.now(paused), deadlines(), desk.clock()).due_at > order.due_at


def test_an_order_whose_person_was_erased_is_still_worked_in_time(desk: Desk) -> None:
    order = desk.open()
    with desk.database.work() as work:
        work.people.forget(desk.alice)
    desk.clock.now = order.due_at
    assert desk.tick().reminded == 1


def security_report(desk: Desk) -> Order:
    return desk.open(Right.SECURITY, level=Level.CHANNEL, account_id=None, code_proven_at=None)


def test_staff_are_reminded_of_a_first_look_long_before_the_answer_is_due(desk: Desk) -> None:
    order = security_report(desk)
    assert order.due_at - order.received_at > timedelta(days=15)
    for hours, key, percent in ((12, "look_reminder", "50"), (19.2, "look_reminder", "80"), (24, "look_missed", "100")):
        desk.clock.now = order.received_at + timedelta(hours=hours) - timedelta(seconds=2)
        assert desk.tick().reminded == 0
        desk.clock.turn(seconds=4)
        assert desk.tick().reminded == 1
        assert desk.tick().reminded == 0
        assert desk.news.alarms[-1] == (key, {"percent": percent, "by": "2026-03-03T17:30+08:00"})
    assert desk.news.keys == ["opened", "look_missed"]  # Once, and only when it was missed.
    desk.clock.now = order.received_at + (order.due_at - order.received_at) * 0.6
    assert desk.tick().reminded == 1
    assert desk.news.alarms[-1] == ("reminder", {"percent": "50"})


def test_who_takes_it_has_looked_and_only_the_answer_is_reminded_of(desk: Desk) -> None:
    order = security_report(desk)
    desk.clock.turn(hours=13)
    assert desk.tick().reminded == 1
    with desk.orders() as orders:
        taken = orders.take(desk.now(order), ANN)
    desk.clock.turn(days=2)
    assert desk.tick().reminded == 0
    assert look_by(taken) is None
    with desk.orders() as orders:
        orders.release(desk.now(order), ANN)
    assert desk.tick().reminded == 1  # Nobody has it again, and the time is over.
    assert desk.news.alarms[-1][0] == "look_missed"
    assert [detail for _, action, detail in desk.trail(order) if action == "reminded"] == [
        "open>open v2  first look 50%",
        "open>open v5  first look 100%",
    ]


def test_a_report_that_the_clock_slept_over_is_reminded_of_by_the_last_milestone(desk: Desk) -> None:
    order = security_report(desk)
    desk.clock.now = order.due_at
    assert desk.tick().reminded == 1
    assert desk.news.alarms[-1] == ("escalation", {"percent": "100"})


def test_other_rights_have_no_first_look(desk: Desk) -> None:
    order = desk.open()
    assert look_by(order) is None
    assert order.next_at == order.received_at + (order.due_at - order.received_at + timedelta(seconds=1)) / 2
