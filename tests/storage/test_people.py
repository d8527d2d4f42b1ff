"""Who talks to the bot, and that an erased person is erased."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select, text

from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from storage.stores.people import PERSON_KEY
from tests.conftest import Clock
from tests.storage.threads import race


def test_a_person_met_twice_is_the_same(database: Database, clock: Clock) -> None:
    with database.work() as work:
        first = work.people.meet("telegram", "42", clock(), "en")
    with database.work() as work:
        assert work.people.meet("telegram", "42", clock.turn(days=1), "zh") == first
        assert work.people.at("telegram", "42") == first
        assert work.people.count() == 1


def test_the_same_name_on_another_channel_is_another_person(database: Database, clock: Clock) -> None:
    with database.work() as work:
        one = work.people.meet("telegram", "42", clock(), "en")
        other = work.people.meet("wechat", "42", clock(), "zh")
        assert (one.id, one.key) != (other.id, other.key)
        assert work.people.at("web", "42") is None


@pytest.mark.parametrize("user", ["42", "微信用户", "a" * 500, "half a pair \ud83d", "nul \0 inside"])
def test_an_address_comes_back_as_it_was(database: Database, clock: Clock, user: str) -> None:
    with database.work() as work:
        person = work.people.meet("telegram", user, clock(), "en")
    with database.read() as work:
        assert work.people.address(person) == user
        assert work.people.at("telegram", user) == person


def test_an_address_is_nowhere_in_the_clear(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.people.meet("telegram", "plainly-visible-name", clock(), "en")
        rows = work.connection.execute(text("SELECT * FROM person, person_key")).all()
    assert rows
    assert "plainly-visible-name" not in repr([tuple(map(str, map(_bytes, row))) for row in rows])


def test_the_key_of_a_person_is_not_printed(database: Database, clock: Clock) -> None:
    with database.work() as work:
        person = work.people.meet("telegram", "42", clock(), "en")
    assert repr(person.key) not in repr(person)


def test_touching_changes_what_is_given_and_nothing_else(database: Database, clock: Clock) -> None:
    with database.work() as work:
        person = work.people.meet("telegram", "42", clock(), "en")
        work.people.touch(person.id, clock.turn(hours=1), language="zh", language_chosen=True)
        work.people.touch(person.id, clock.turn(hours=1), reachable=False)
        now = work.people.at("telegram", "42")
    assert now is not None
    assert (now.language, now.language_chosen, now.reachable) == ("zh", True, False)
    assert now.first_seen == person.first_seen


def test_people_long_silent_are_found_longest_first(database: Database, clock: Clock) -> None:
    with database.work() as work:
        ids = [work.people.meet("web", user, clock.turn(days=1), "en").id for user in "abcd"]
        assert work.people.idle_since(clock()) == ids[:3]
        assert work.people.idle_since(clock(), limit=2) == ids[:2]
        work.people.touch(ids[0], clock.turn(days=1))
        assert work.people.idle_since(clock()) == ids[1:]


def test_two_threads_that_meet_a_person_at_once_get_the_same(database: Database, clock: Clock) -> None:
    def meet(user: str) -> tuple[int, bytes]:
        with database.work() as work:
            person = work.people.meet("telegram", user, clock(), "en")
            return person.id, person.key

    for user in map(str, range(20)):
        one, other = race(lambda user=user: meet(user), lambda user=user: meet(user))
        assert not isinstance(one, Exception), one
        assert one == other
    with database.read() as work:
        assert work.people.count() == 20


def test_forgetting_takes_everything_but_the_receipt(database: Database, clock: Clock) -> None:
    with database.work() as work:
        gone, kept = (work.people.meet("telegram", user, clock(), "en") for user in ("1", "2"))
        for person in (gone, kept):
            turn = work.conversations.add_turn(person, clock(), "hello", "answered")
            work.conversations.add_receipt(f"R{person.id}", clock(), "kenpai", "1", "sum", ["privacy.1"], "en", turn)
            work.conversations.save_state(person, b"{}", 0, clock())
            work.deliveries.add(person, f"turn:{turn}", [b"hi"], clock())
    with database.work() as work:
        work.people.forget(gone.id)
    with database.read() as work:
        assert work.people.at("telegram", "1") is None
        for table in ("person", "person_key", "conversation", "turn", "delivery"):
            left = work.connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert left == 1, table
        receipt = work.conversations.receipt(f"R{gone.id}")
        assert receipt is not None
        assert (receipt.turn_id, receipt.person_id, receipt.clauses) == (None, None, ("privacy.1",))
        with pytest.raises(Unreadable, match="erased"):
            work.people.address(gone)
        assert work.people.address(kept) == "2"


def test_an_erased_person_who_writes_again_is_new(database: Database, clock: Clock) -> None:
    with database.work() as work:
        before = work.people.meet("telegram", "1", clock(), "en")
        work.people.forget(before.id)
        after = work.people.meet("telegram", "1", clock(), "en")
    assert after.id > before.id
    assert after.key != before.key


def test_rows_whose_key_was_erased_stay_shut_and_make_room(database: Database, clock: Clock) -> None:
    """What an old backup brings back of an erased person: rows, but no data key."""
    with database.work() as work:
        person = work.people.meet("telegram", "1", clock(), "en")
        work.conversations.add_turn(person, clock(), "hello", "answered")
        work.connection.execute(text("DELETE FROM person_key"))
    with database.work() as work:
        assert work.people.at("telegram", "1") is None
        again = work.people.meet("telegram", "1", clock(), "en")
        assert again.id != person.id
        assert work.conversations.turns(again, 10) == []
        assert work.people.count() == 1


def test_a_wrapping_key_that_is_not_in_the_key_file_is_named(database_url: str, clock: Clock, keyring: Keyring) -> None:
    with Database.open(database_url, keyring) as database, database.work() as work:
        work.people.meet("telegram", "1", clock(), "en")
    other = Keyring("k2", {"k2": b"2" * 32}, keyring.index, keyring.signing)
    with (
        Database.open(database_url, other) as database,
        pytest.raises(KeyMissing, match="'k1'"),
        database.read() as work,
    ):
        work.people.at("telegram", "1")


def test_two_wrapping_keys_are_in_use_while_one_replaces_the_other(
    database_url: str, clock: Clock, keyring: Keyring
) -> None:
    with Database.open(database_url, keyring) as database, database.work() as work:
        old = work.people.meet("telegram", "1", clock(), "en")
    both = Keyring("k2", {**keyring.wrapping, "k2": b"2" * 32}, keyring.index, keyring.signing)
    with Database.open(database_url, both) as database, database.work() as work:
        new = work.people.meet("telegram", "2", clock(), "en")
        assert work.people.at("telegram", "1") == old
        ids = work.connection.execute(text("SELECT key_id FROM person_key ORDER BY person_id")).scalars()
        assert list(ids) == ["k1", "k2"]
        assert work.people.at("telegram", "2") == new


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"), database.work() as work:
        work.people.meet("telegram", "1", datetime(2026, 1, 1), "en")  # noqa: DTZ001
    with database.read() as work:
        assert work.people.count() == 0


def test_times_come_back_aware_and_to_the_microsecond(database: Database, clock: Clock) -> None:
    at = clock.turn(microseconds=123_456)
    with database.work() as work:
        work.people.meet("telegram", "1", at, "en")
    with database.read() as work:
        person = work.people.at("telegram", "1")
    assert person is not None
    assert person.first_seen == at
    assert person.first_seen.utcoffset() == timedelta(0)


def test_an_erased_person_leaves_nothing_in_the_sqlite_file(tmp_path: Path, keyring: Keyring, clock: Clock) -> None:
    path = tmp_path / "c.db"
    with Database.open(f"sqlite:///{path}", keyring) as database:
        with database.work() as work:
            person = work.people.meet("telegram", "1", clock(), "en")
            sealed = work.connection.execute(text("SELECT wrapped FROM person_key")).scalar_one()
        assert sealed in path.read_bytes()
        with database.work() as work:
            work.people.forget(person.id)
        assert all(sealed not in file.read_bytes() for file in tmp_path.iterdir())


def _bytes(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("journal", ["PERSIST", "WAL"])
def test_nothing_of_an_erased_person_lies_on_in_the_journal(
    tmp_path: Path, keyring: Keyring, clock: Clock, monkeypatch: pytest.MonkeyPatch, journal: str
) -> None:
    monkeypatch.setattr("storage.engine.journal_for", lambda version: journal)
    with Database.open(f"sqlite:///{tmp_path}/clausebot.db", keyring) as database:
        with database.work() as work:
            person = work.people.meet("web", "somebody", clock(), "en")
            wrapped = bytes(work.connection.execute(select(PERSON_KEY.c.wrapped)).scalar_one())
        with database.work() as work:
            work.people.touch(person.id, clock.turn(hours=2))
        with database.work() as work:
            work.people.forget(person.id)
        assert not any(wrapped in path.read_bytes() for path in tmp_path.iterdir())
        assert database.facts.journal_mode.upper() == journal
