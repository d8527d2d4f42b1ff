"""Caps over all chats together: counted in the database, over in silence, told to staff once; connected chats aside."""

from datetime import timedelta

import pytest

from bot.core import flood
from bot.core.flood import CODES_AN_HOUR, LOOKUPS_A_MINUTE, Flood
from storage.engine import Database
from tests.conftest import Clock

STAFF = "privacy-desk@mail.example.com"


def looked_up(database: Database, clock: Clock, times: int, mailbox: str = "") -> int:
    """How many of so many look-ups are let through at this moment."""
    with database.work() as work:
        return sum(Flood(mailbox).may_look_up(work, clock()) for _ in range(times))


def test_no_minute_sees_more_look_ups_than_the_cap(database: Database, clock: Clock) -> None:
    clock_ends = clock() + timedelta(minutes=1)
    let = looked_up(database, clock, 500)
    while clock() < clock_ends:
        clock.turn(seconds=5)
        let += looked_up(database, clock, 500)
    assert LOOKUPS_A_MINUTE * 0.9 <= let <= LOOKUPS_A_MINUTE
    clock.turn(minutes=2)
    assert looked_up(database, clock, 500) == LOOKUPS_A_MINUTE // 2


def test_no_hour_sees_more_codes_than_the_cap(database: Database, clock: Clock) -> None:
    let = 0
    for _ in range(61):
        with database.work() as work:
            let += sum(Flood().may_send_code(work, clock()) for _ in range(20))
        clock.turn(minutes=1)
    assert CODES_AN_HOUR * 0.9 <= let <= CODES_AN_HOUR


def test_staff_are_told_of_a_flood_once_and_again_where_it_goes_on(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "LOOKUPS_A_MINUTE", 2)
    mails = []
    for _ in range(3):
        looked_up(database, clock, 50, STAFF)
        clock.turn(minutes=25)
        with database.read() as work:
            there = work.people.at("email", STAFF)
            assert there is not None
            mails.append(len(work.deliveries.history(there)))
    assert mails == [1, 1, 1]
    clock.turn(minutes=25)
    looked_up(database, clock, 50, STAFF)
    with database.read() as work:
        there = work.people.at("email", STAFF)
        assert there is not None
        mail = work.deliveries.history(there)[0]
        assert len(work.deliveries.history(there)) == 2
        told = [entry.detail for entry in work.trail.of_thing("accounts") if entry.action == "alarm flood"]
    assert told == ["look-ups", "look-ups"]
    assert b"2 look-ups a minute" in mail.body
