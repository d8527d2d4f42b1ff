"""A pace that all processes keep together."""

from datetime import datetime, timedelta

import pytest

from storage.engine import Database
from tests.conftest import Clock
from tests.storage.threads import race


def test_a_burst_goes_at_once_and_then_the_pace_is_kept(database: Database, clock: Clock) -> None:
    with database.work() as work:
        waits = [work.pace.take("telegram", 4, 3, clock()) for _ in range(6)]
    assert waits == pytest.approx([0, 0, 0, 0.25, 0.5, 0.75], abs=1e-5)


def test_go_is_exactly_zero(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert [work.pace.take("k", 3, 30, clock.turn(microseconds=7)) for _ in range(30)] == [0.0] * 30


def test_rest_brings_the_burst_back_and_no_more(database: Database, clock: Clock) -> None:
    with database.work() as work:
        for _ in range(5):
            work.pace.take("k", 1, 2, clock())
        clock.turn(hours=1)
        assert [work.pace.take("k", 1, 2, clock()) for _ in range(3)] == pytest.approx([0, 0, 1], abs=1e-5)


def test_a_slot_too_far_ahead_is_not_taken(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert [work.pace.take("k", 1, 1, clock(), ahead=0) for _ in range(3)] == pytest.approx([0, 1, 1], abs=1e-5)
        clock.turn(seconds=1)
        assert work.pace.take("k", 1, 1, clock(), ahead=0) == 0
        assert work.pace.take("k", 1, 1, clock(), ahead=1) == pytest.approx(1, abs=1e-5)
        assert work.pace.take("k", 1, 1, clock(), ahead=1) == pytest.approx(2, abs=1e-5)


def test_each_key_has_its_own(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert [work.pace.take(key, 1, 1, clock()) for key in "abab"] == pytest.approx([0, 0, 1, 1], abs=1e-5)


def test_a_halt_holds_for_everybody_and_spends_the_burst(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.pace.halt("k", 2, 5, clock() + timedelta(seconds=30))
    with database.work() as work:
        assert work.pace.take("k", 2, 5, clock(), ahead=1) == pytest.approx(30, abs=1e-5)
        clock.turn(seconds=30)
        assert [work.pace.take("k", 2, 5, clock()) for _ in range(2)] == pytest.approx([0, 0.5], abs=1e-5)


def test_a_shorter_halt_does_not_end_a_longer_one(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.pace.halt("k", 1, 1, clock() + timedelta(seconds=30))
        work.pace.halt("k", 1, 1, clock() + timedelta(seconds=3))
        assert work.pace.take("k", 1, 1, clock(), ahead=1) == pytest.approx(30, abs=1e-5)


def test_threads_share_the_slots(database: Database, clock: Clock) -> None:
    def take(_: int) -> list[float]:
        waits = []
        for _ in range(10):
            with database.work() as work:
                waits.append(work.pace.take("k", 10, 1, clock()))
        return waits

    results = race(*(lambda number=number: take(number) for number in range(4)))
    waits = sorted(wait for result in results if isinstance(result, list) for wait in result)
    assert waits == pytest.approx([number / 10 for number in range(40)], abs=1e-5)


def test_a_rested_bucket_is_forgotten_and_a_busy_one_kept(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.pace.take("rested", 1, 1, clock())
        clock.turn(minutes=1)
        work.pace.take("busy", 0.001, 1, clock())
        assert work.pace.forget_before(clock()) == 1
        assert work.pace.take("busy", 0.001, 1, clock(), ahead=0) > 0


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with database.work() as work, pytest.raises(ValueError, match="without a zone"):
        work.pace.take("k", 1, 1, datetime(2026, 1, 1))  # noqa: DTZ001


def test_several_slots_are_taken_at_once_and_none_too_far_ahead(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert work.pace.room("k", 10, 1, clock(), 0.25) == 3
        assert work.pace.take_several("k", 10, 1, 2, clock(), 0.25) == pytest.approx([0, 0.1], abs=1e-5)
        assert work.pace.room("k", 10, 1, clock(), 0.25) == 1
        assert work.pace.take_several("k", 10, 1, 9, clock(), 0.25) == pytest.approx([0.2], abs=1e-5)
        assert work.pace.take_several("k", 10, 1, 9, clock(), 0.25) == []
        assert work.pace.room("k", 10, 1, clock(), 0.25) == 0
        clock.turn(seconds=1)
        assert work.pace.take_several("k", 10, 3, 9, clock(), 0.0) == [0.0] * 3


def test_several_slots_are_those_that_single_takes_would_get(database: Database, clock: Clock) -> None:
    with database.work() as work:
        single = [work.pace.take("single", 7, 3, clock()) for _ in range(6)]
        assert work.pace.take_several("several", 7, 3, 6, clock(), 10.0) == pytest.approx(single, abs=1e-5)
        assert work.pace.take("several", 7, 3, clock()) == pytest.approx(
            work.pace.take("single", 7, 3, clock()), abs=1e-5
        )


def test_many_buckets_give_a_slot_each(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert work.pace.take_each([], 1, 1, clock(), 0.25) == {}
        assert work.pace.take_each(["b", "a"], 1, 1, clock(), 0.25) == {"a": 0.0, "b": 0.0}
        waits = work.pace.take_each(["a", "c"], 1, 1, clock(), 0.25)
        assert waits == pytest.approx({"a": 1.0, "c": 0.0}, abs=1e-5)
        # What was too far ahead was not taken.
        assert work.pace.take_each(["a"], 1, 1, clock.turn(seconds=1), 0.25) == {"a": 0.0}
        assert (
            work.pace.take_each(["d"], 1, 2, clock(), 0.25)
            == work.pace.take_each(["d"], 1, 2, clock(), 0.25)
            == {"d": 0.0}
        )


def test_threads_share_slots_taken_several_at_once(database: Database, clock: Clock) -> None:
    def take(_: int) -> list[float]:
        waits = list[float]()
        for _ in range(5):
            with database.work() as work:
                waits += work.pace.take_several("k", 10, 1, 2, clock(), 60.0)
                work.pace.take_each(["x", "y", "z"], 10, 1, clock(), 60.0)
        return waits

    results = race(*(lambda number=number: take(number) for number in range(4)))
    waits = sorted(wait for result in results if isinstance(result, list) for wait in result)
    assert waits == pytest.approx([number / 10 for number in range(40)], abs=1e-5)
