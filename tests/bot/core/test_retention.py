"""What is forgotten when, to the minute."""

from datetime import timedelta

import pytest

from bot.core.clock import Clock
from bot.core.retention import MESSAGE_KEYS, QUARANTINED, RECEIPTS, TALK, Forgotten, forget_old
from storage.engine import Database
from tests.bot.conftest import Person

QUESTION = "How long do you keep my data?"
MINUTE = timedelta(minutes=1)


def counts(database: Database, alice: Person, receipt: str, key: str) -> dict[str, bool]:
    """What of one talk is still there."""
    with database.read() as work:
        known = work.people.at("memory", "alice")
        return {
            "person": known is not None,
            "turns": bool(known and work.conversations.turns(known, limit=1)),
            "replies": bool(known and work.deliveries.history(known)),
            "receipt": work.conversations.receipt(receipt) is not None,
            "key": work.conversations.turn_of(key) is not None,
        }


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (timedelta(0), {"person", "turns", "replies", "receipt", "key"}),
        (MESSAGE_KEYS, {"person", "turns", "replies", "receipt", "key"}),
        (MESSAGE_KEYS + MINUTE, {"person", "turns", "replies", "receipt"}),
        (TALK, {"person", "turns", "replies", "receipt"}),
        (TALK + MINUTE, {"receipt"}),
        (RECEIPTS, {"receipt"}),
        (RECEIPTS + MINUTE, set()),
    ],
)
def test_each_kind_goes_at_its_limit(alice: Person, database: Database, clock: Clock, after: timedelta, left: set[str]):
    message = alice.message(QUESTION)
    receipt = alice.assistant.take(message).replies[0].receipt
    forget_old(database, clock() + after)
    there = counts(database, alice, receipt, message.key)
    assert {kind for kind, is_there in there.items() if is_there} == left


def test_who_keeps_writing_stays_known_and_old_turns_go(alice: Person, database: Database, clock: Clock):
    alice(QUESTION)
    clock.turn(days=60)
    alice("/help")
    clock.turn(days=40)
    forget_old(database, clock())
    assert [turn.text for turn in alice.turns(database)] == ["/help"]


def test_a_receipt_without_its_turn_names_nobody(alice: Person, database: Database, clock: Clock):
    receipt = alice(QUESTION)[0].receipt
    forget_old(database, clock.turn(days=91))
    with database.read() as work:
        basis = work.conversations.receipt(receipt)
    assert (basis.person_id, basis.turn_id) == (None, None)


def test_a_message_in_quarantine_goes_after_a_week(database: Database, clock: Clock):
    with database.work() as work:
        work.quarantine.put("memory:1", "memory", b"words", "RuntimeError", clock())
    forget_old(database, clock() + QUARANTINED)
    assert forget_old(database, clock() + QUARANTINED + MINUTE).quarantined == 1


def test_forgetting_twice_takes_nothing_more(alice: Person, database: Database, clock: Clock):
    alice(QUESTION)
    clock.turn(days=91)
    first = forget_old(database, clock())
    assert first.people == 1
    assert forget_old(database, clock()) == Forgotten()


def test_more_than_one_chunk_is_forgotten_in_one_go(database: Database, clock: Clock):
    with database.work() as work:
        for number in range(250):
            work.people.meet("memory", str(number), clock(), "en")
            work.quarantine.put(f"memory:{number}", "memory", b"words", "RuntimeError", clock())
    assert forget_old(database, clock.turn(days=8), chunk=100) == Forgotten(quarantined=250)
    assert forget_old(database, clock.turn(days=83), chunk=100) == Forgotten(people=250)


def test_erasing_the_silent_is_noted(alice: Person, database: Database, clock: Clock):
    alice(QUESTION)
    with database.read() as work:
        thing = f"person:{work.people.at('memory', 'alice').id}"
    forget_old(database, clock.turn(days=91))
    with database.read() as work:
        assert ("retention", "erased") in {(entry.actor, entry.action) for entry in work.trail.of_thing(thing)}
