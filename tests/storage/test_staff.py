"""The staff table: nothing provable lies there in the clear, a step counts once, and tries are counted in time."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from storage.stores.staff import FREE_TRIES, LOCKED_AT, WAITS, Member
from tests.conftest import Clock
from tests.storage.threads import race

SECRET = b"NOT4REALSECRETNOT4REALSECRET4321"


def add(database: Database, clock: Clock, name: str = "ada", account: str | None = None) -> Member:
    with database.work() as work:
        member = work.staff.add(name, ["officer", "admin"], "encoded", SECRET, clock(), account)
    assert member is not None
    return member


def again(database: Database, id: int) -> Member:
    with database.read() as work:
        member = work.staff.of_id(id)
    assert member is not None
    return member


def tried(database: Database, id: int, clock: Clock) -> bool:
    with database.work() as work:
        return work.staff.count_try(id, clock())


def test_a_member_is_found_by_name_with_roles(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    with database.read() as work:
        assert work.staff.named("ada") == ada
        assert work.staff.named("ben") is None
        assert work.staff.all() == [ada]
        assert work.staff.password_of(ada.id) == "encoded"
        assert work.staff.secret_of(ada.id) == SECRET
    assert (ada.roles, ada.active, ada.created_at) == ({"admin", "officer"}, True, clock())


def test_a_name_is_given_once(database: Database, clock: Clock) -> None:
    add(database, clock)
    with database.work() as work:
        assert work.staff.add("ada", [], "other", SECRET, clock()) is None
        assert work.staff.password_of(1) == "encoded"


def test_two_who_want_the_same_name_at_once_are_one(database: Database, clock: Clock) -> None:
    def want() -> Member | None:
        with database.work() as work:
            return work.staff.add("ada", [], "encoded", SECRET, clock())

    assert sum(member is not None for member in race(want, want, want, want)) == 1
    with database.read() as work:
        assert len(work.staff.all()) == 1


def test_the_secret_and_the_own_account_dont_lie_there_in_the_clear(
    database: Database, clock: Clock, keyring: Keyring
) -> None:
    ada = add(database, clock, account="K-10001")
    with database.read() as work:
        row = work.connection.execute(text("SELECT * FROM staff")).one()
    assert SECRET not in bytes(row.totp)
    assert "K-10001" not in str(row)
    assert ada.own_account == keyring.blind("account", "K-10001")


def test_a_secret_moved_to_another_member_doesnt_open(database: Database, clock: Clock) -> None:
    add(database, clock)
    ben = add(database, clock, "ben")
    with database.work() as work:
        work.connection.execute(text("UPDATE staff SET totp = (SELECT totp FROM staff WHERE name = 'ada')"))
    with database.read() as work, pytest.raises(Unreadable):
        work.staff.secret_of(ben.id)


def test_without_its_wrapping_key_the_secret_is_said_to_be_shut(
    database_url: str, database: Database, clock: Clock
) -> None:
    ada = add(database, clock)
    other = Keyring("k2", {"k2": bytes(32)}, bytes(32), bytes(32))
    with Database.open(database_url, other) as elsewhere, elsewhere.read() as work, pytest.raises(KeyMissing):
        work.staff.secret_of(ada.id)


def test_a_step_counts_once_and_makes_all_before_it_void(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    with database.work() as work:
        assert [work.staff.use_step(ada.id, step) for step in (100, 100, 99, 101)] == [True, False, False, True]


def test_of_two_hundred_who_use_a_step_at_once_one_succeeds(database: Database, clock: Clock) -> None:
    ada = add(database, clock)

    def use() -> bool:
        with database.work() as work:
            return work.staff.use_step(ada.id, 7)

    results = race(*[use] * 200)
    assert results.count(True) == 1
    assert results.count(False) == 199


def test_a_step_of_somebody_who_is_disabled_doesnt_count(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    with database.work() as work:
        work.staff.set_active(ada.id, False)
        assert not work.staff.use_step(ada.id, 5)
        assert not work.staff.count_try(ada.id, clock())


def test_the_waits_grow_and_hold_to_the_second(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    assert [tried(database, ada.id, clock) for _ in range(FREE_TRIES + 1)] == [True] * FREE_TRIES + [False]
    for wait in (*WAITS, WAITS[-1]):
        assert again(database, ada.id).waits_until(clock()) == clock() + wait
        clock.turn(seconds=wait.total_seconds() - 1)
        assert not tried(database, ada.id, clock)
        clock.turn(seconds=1)
        assert again(database, ada.id).waits_until(clock()) is None
        assert tried(database, ada.id, clock)
        assert not tried(database, ada.id, clock)


def test_a_try_that_doesnt_count_doesnt_make_the_wait_longer(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    for _ in range(FREE_TRIES):
        tried(database, ada.id, clock)
    clock.turn(seconds=10)
    assert not tried(database, ada.id, clock)
    assert again(database, ada.id).waits_until(clock()) == clock() + timedelta(seconds=20)


def test_two_hundred_tries_at_once_count_no_more_than_the_free_ones(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    results = race(*[lambda: tried(database, ada.id, clock)] * 200)
    assert results.count(True) == FREE_TRIES
    assert again(database, ada.id).failed == FREE_TRIES


def test_after_a_hundred_wrong_in_a_row_no_waiting_helps(database: Database, clock: Clock) -> None:
    ada = add(database, clock)
    counted = 0
    for _ in range(LOCKED_AT + 20):
        clock.turn(hours=2)
        counted += tried(database, ada.id, clock)
    assert counted == LOCKED_AT
    assert again(database, ada.id).is_locked
    with database.work() as work:
        work.staff.set_secret(ada, b"another")
    assert not again(database, ada.id).is_locked
    assert tried(database, ada.id, clock)
    with database.read() as work:
        assert work.staff.secret_of(ada.id) == b"another"


def test_a_right_step_begins_the_count_anew_and_a_right_password_gives_back_its_own_try(
    database: Database, clock: Clock
) -> None:
    ada = add(database, clock)
    tried(database, ada.id, clock)
    tried(database, ada.id, clock)
    with database.work() as work:
        work.staff.take_back_try(ada.id)
    assert again(database, ada.id).failed == 1
    with database.work() as work:
        work.staff.use_step(ada.id, 9)
        work.staff.take_back_try(ada.id)
    assert (again(database, ada.id).failed, again(database, ada.id).tried_at) == (0, None)


def test_what_is_changed_is_changed_for_one_member_only(database: Database, clock: Clock) -> None:
    ada, ben = add(database, clock), add(database, clock, "ben", "K-2")
    with database.work() as work:
        work.staff.set_roles(ada.id, ["auditor"])
        work.staff.set_password(ada.id, "new")
        work.staff.set_own_account(ada.id, "K-1")
        work.staff.renew_password(ada.id, "not the present one", "lost")
        work.staff.set_active(ada.id, False)
    with database.read() as work:
        assert work.staff.password_of(ada.id) == "new"
        assert work.staff.password_of(ben.id) == "encoded"
    changed = again(database, ada.id)
    assert (changed.roles, changed.active, changed.own_account is None) == ({"auditor"}, False, False)
    assert again(database, ben.id) == ben
