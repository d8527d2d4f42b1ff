"""The fault runs, scaled to a minute in all. Full size: python -m tests.faults --help"""

import pytest

from tests.faults import kill, storms, updates
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


def test_a_storm_of_faults_loses_nothing_and_is_met_politely(kind: str) -> None:
    figures = storms.mixed(kind, persons=8)
    assert storms.mixed_holds(figures), figures


def test_the_default_pace_stays_below_a_strict_platforms_limit(kind: str) -> None:
    figures = storms.pace(kind, seconds=3)
    assert storms.pace_holds(figures), figures


def test_one_limited_person_does_not_hold_up_the_others() -> None:
    figures = storms.one_limited("sqlite", persons=40)
    assert storms.one_limited_holds(figures), figures


def test_a_run_that_breaks_the_promise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judges themselves: figures of a sender that notes "sent" before it sends, and of one that flags nothing."""
    good = {"lost": 0, "repeats_unflagged": 0, "out_of_order": 0, "sent": 9, "deliveries": 9}
    good |= {"repeats": 2, "flagged": 3, "allowed": 30}
    assert kill.holds(good)
    for broken in (
        {"lost": 1},
        {"repeats_unflagged": 1},
        {"out_of_order": 1},
        {"repeats": 31},
        {"flagged": 31},
        {"sent": 8},
    ):
        assert not kill.holds(good | broken)
