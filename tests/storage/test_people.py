"""Who talks to the bot, and that an erased person is erased."""

import pytest

from storage.engine import Database


def test_a_person_met_twice_is_the_same(database, clock):
    with database.work() as work:
        first = work.people.meet("telegram", "42", clock(), "en")
    with database.work() as work:
        assert work.people.meet("telegram", "42", clock.turn(days=1), "zh") == first
        assert work.people.count() == 1
