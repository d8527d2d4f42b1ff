"""Who did what, and what could not be taken."""

from datetime import timedelta

import pytest
from sqlmodel import text

from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from tests.conftest import Clock


def test_the_trail_of_a_thing_reads_oldest_first(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.trail.add(clock(), "bot", "opened", "order:1")
        work.trail.add(clock(), "bot", "opened", "order:2")
        work.trail.add(clock.turn(days=1), "staff:3", "closed", "order:1", "deletion done")
    with database.read() as work:
        trail = work.trail.of_thing("order:1")
        assert work.trail.count() == 3
    assert [(entry.actor, entry.action, entry.detail) for entry in trail] == [
        ("bot", "opened", ""),
        ("staff:3", "closed", "deletion done"),
    ]
    assert trail[1].at - trail[0].at == timedelta(days=1)


def test_the_trail_goes_with_its_transaction(database: Database, clock: Clock) -> None:
    def move_that_fails() -> None:
        with database.work() as work:
            work.trail.add(clock(), "bot", "opened", "order:1")
            raise RuntimeError("the move failed")

    with pytest.raises(RuntimeError):
        move_that_fails()
    with database.read() as work:
        assert work.trail.count() == 0


def test_a_message_in_quarantine_comes_back_whole(database: Database, clock: Clock) -> None:
    body = "你好 \0".encode() + bytes(range(256))
    with database.work() as work:
        work.quarantine.put("telegram:9", "telegram", body, "ValueError in reading", clock())
    with database.read() as work:
        held = work.quarantine.get("telegram:9")
        assert work.quarantine.get("telegram:10") is None
        assert work.quarantine.count() == 1
    assert held is not None
    assert tuple(held) == ("telegram:9", clock(), "telegram", body, "ValueError in reading")


def test_the_same_message_again_changes_nothing(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.quarantine.put("k", "telegram", b"first", "A", clock())
        work.quarantine.put("k", "telegram", b"second", "B", clock.turn(hours=1))
        held = work.quarantine.get("k")
    assert held is not None
    assert (held.body, held.error) == (b"first", "A")


def test_a_message_moved_to_another_row_does_not_open(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.quarantine.put("a", "telegram", b"first", "A", clock())
        work.connection.execute(text("UPDATE quarantine SET key = 'b'"))
        with pytest.raises(Unreadable):
            work.quarantine.get("b")


def test_a_key_that_is_not_in_the_key_file_is_named(database_url: str, keyring: Keyring, clock: Clock) -> None:
    with Database.open(database_url, keyring) as database, database.work() as work:
        work.quarantine.put("a", "telegram", b"first", "A", clock())
    lost = Keyring("k2", {"k2": b"2" * 32}, keyring.index, keyring.signing)
    with (
        Database.open(database_url, lost) as database,
        pytest.raises(KeyMissing, match="'k1'"),
        database.read() as work,
    ):
        work.quarantine.get("a")


def test_quarantine_ends(database: Database, clock: Clock) -> None:
    with database.work() as work:
        for key in "abc":
            work.quarantine.put(key, "telegram", b"x", "A", clock.turn(days=1))
        assert work.quarantine.forget_before(clock(), limit=1) == 1
        assert work.quarantine.forget_before(clock()) == 1
        assert work.quarantine.count() == 1
        assert work.quarantine.get("c") is not None
