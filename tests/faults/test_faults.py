"""The fault runs, scaled to two minutes in all. Full size: python -m tests.faults --help"""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import full, kill, memory, shuffled, stall, storms, updates
from tests.postgres import NoPostgres, binaries


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        try:
            binaries()
        except NoPostgres as reason:
            pytest.skip(str(reason))
    return str(request.param)


def test_a_broadcast_survives_the_killing_of_its_workers(kind: str) -> None:
    figures = kill.run(kind, deliveries=200, kills=3, workers=2 if kind == "postgresql" else 1, patience=40, lease=1.0)
    assert kill.holds(figures), figures


def test_an_acknowledged_message_has_one_effect_though_the_program_is_killed(kind: str) -> None:
    figures = updates.run(kind, updates=90, kills=2, patience=40, lease=1.0)
    assert updates.holds(figures), figures


def test_repeated_shuffled_and_edited_updates_have_one_effect_each_and_edits_none() -> None:
    figures = shuffled.run(people=8)
    assert shuffled.holds(figures), figures


def test_a_storm_of_faults_loses_nothing_and_is_met_politely(kind: str) -> None:
    figures = storms.mixed(kind, persons=8)
    assert storms.mixed_holds(figures), figures


def test_the_default_pace_stays_below_a_strict_platforms_limit(kind: str) -> None:
    figures = storms.pace(kind, seconds=3)
    assert storms.pace_holds(figures), figures


def test_one_limited_person_does_not_hold_up_the_others() -> None:
    figures = storms.one_limited("sqlite", persons=40)
    assert storms.one_limited_holds(figures), figures


def test_a_stalled_database_makes_no_answer_later_than_wechat_waits(kind: str) -> None:
    figures = stall.run(kind, per_second=20.0)
    assert stall.holds(figures), figures


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another program's limits can be set on Linux alone")
def test_a_full_disk_loses_nothing_acknowledged_and_heals() -> None:
    figures = full.run("limit", seconds=3.0, per_second=8.0)
    assert full.holds(figures), figures


def test_a_line_is_fitted_through_what_comes_after_the_warm_up() -> None:
    rising = [(minute, 100.0 + minute if minute >= 4 else 50.0) for minute in range(17)]
    first, last, slope = memory.fitted(rising)
    assert (round(first), round(last), round(slope, 6)) == (104, 116, 1.0)


GOOD: dict[str, tuple[Callable[[Any], bool], dict[str, Any], list[dict[str, Any]]]] = {
    "kill": (
        kill.holds,
        {"lost": 0, "repeats_unflagged": 0, "out_of_order": 0, "sent": 9, "deliveries": 9}
        | {"repeats": 2, "flagged": 3, "allowed": 30},
        [{"lost": 1}, {"repeats_unflagged": 1}, {"out_of_order": 1}, {"repeats": 31}, {"flagged": 31}, {"sent": 8}],
    ),
    "updates": (
        updates.holds,
        {"updates": 9, "acknowledged": 9, "lost": 0, "double_effects": 0, "repeats_unflagged": 0, "out_of_order": 0}
        | {"repeats": 2, "allowed": 30},
        [{"acknowledged": 8}, {"lost": 1}, {"double_effects": 1}, {"repeats_unflagged": 1}, {"repeats": 31}],
    ),
    "stall": (
        stall.holds,
        {"ms_latest": 4400.0, "pushes": 9, "is_quiet": True, "cut_off": 0, "given_up_by_wechat": 0}
        | {"unanswered": 0, "repeats": 0},
        [{"ms_latest": 4501.0}, {"pushes": 0}, {"is_quiet": False}, {"cut_off": 1}, {"unanswered": 1}, {"repeats": 1}],
    ),
    "full": (
        full.holds,
        {"refused_telegram": 3, "refused_wechat": 0, "unanswered": 0, "broadcast_lost": 0, "lives": True}
        | {"integrity": "ok", "healed_after": 6.0},
        [
            {"refused_telegram": 0},
            {"unanswered": 1},
            {"broadcast_lost": 1},
            {"lives": False},
            {"integrity": "*** in database main ***"},
            {"healed_after": None},
            {"healed_after": 61.0},
        ],
    ),
    "memory": (
        memory.holds,
        {"verdict": "flat", "lives": True, "turns": 9, "said": 9, "unanswered": 0},
        [
            {"verdict": "growing"},
            {"verdict": "overloaded"},
            {"lives": False},
            {"turns": 8},
            {"turns": 10},
            {"unanswered": 1},
        ],
    ),
    "shuffled": (
        shuffled.holds,
        {"turns": 9, "said": 9, "presses": 3, "pressed": 3, "refused": 0, "quarantined": 0, "lives": True},
        [
            {"turns": 10},
            {"turns": 8},
            {"pressed": 4},
            {"pressed": 0, "presses": 0},
            {"refused": 1},
            {"quarantined": 1},
            {"lives": False},
        ],
    ),
}


@pytest.mark.parametrize("run", GOOD)
def test_a_run_that_breaks_the_promise_is_seen(run: str) -> None:
    """The judges themselves: good figures, and each way in which they can be bad."""
    holds, good, breaches = GOOD[run]
    assert holds(good)
    for broken in breaches:
        assert not holds(good | broken), broken
