"""Guessing and telling accounts apart, scaled to half a minute. Full size: python -m tests.faults.guessing, .enumeration"""

import pytest

from tests.faults import enumeration, guessing
from tests.postgres import NoPostgres, binaries


def test_two_hundred_guesses_at_once_are_compared_exactly_as_often_as_allowed() -> None:
    figures = guessing.run("sqlite", codes=2, parallel=200)
    assert guessing.holds(figures), figures


def test_a_counter_that_reads_and_then_writes_would_be_found() -> None:
    """Shown where it breaks: on SQLite one writer at a time makes even that one count right."""
    try:
        binaries()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    figures = guessing.run("postgresql", codes=2, parallel=60, naive=True)
    assert not guessing.holds(figures), figures


def test_an_account_that_exists_is_not_told_from_none() -> None:
    figures = enumeration.run("sqlite", each=120)
    # At 120 and 120 two samples of one kind differ by 0.21 in one run of a hundred; a busy machine blurs more.
    assert enumeration.holds(figures, gap_most=0.005, d_most=0.35), figures


def test_five_milliseconds_more_would_be_found() -> None:
    assert not enumeration.holds(enumeration.run("sqlite", each=60, leak=0.005), d_most=0.35)
