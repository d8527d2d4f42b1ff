"""The table of accounts: what an import changes, what it leaves, and that nothing lies there in the clear."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from storage.stores.accounts import AccountLine, ContactLine, Kept, Plan
from tests.conftest import Clock
from tests.storage.threads import race

PHONE, MAIL = ContactLine("phone", "+8613800000001"), ContactLine("email", "ada@mail.example.com")
EARLY, LATE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)


def put(database: Database, now: datetime, *lines: AccountLine) -> Plan:
    with database.work() as work:
        work.accounts.one_import_at_a_time()
        plan = work.accounts.plan(lines, now)
        work.accounts.apply(plan, now)
    return plan


def kept(database: Database, id: str = "K-1") -> Kept:
    with database.read() as work:
        found = work.accounts.get(id)
    assert found is not None
    return found


def ages(database: Database) -> dict[str, datetime]:
    return {contact.kind: contact.since for contact in kept(database).contacts}


def test_a_second_import_of_the_same_changes_nothing(database: Database, clock: Clock) -> None:
    line = AccountLine("K-1", (PHONE, MAIL))
    first = put(database, clock(), line)
    before = kept(database)
    again = put(database, clock.turn(days=1), line)
    assert (len(first.new), len(again.new), again.changed, again.same) == (1, 0, 0, 1)
    assert kept(database) == before


def test_a_contact_that_stays_keeps_its_age_and_a_new_one_begins_now(database: Database, clock: Clock) -> None:
    begun = clock()
    put(database, begun, AccountLine("K-1", (PHONE, MAIL)))
    plan = put(database, clock.turn(days=40), AccountLine("K-1", (PHONE, ContactLine("email", "new@mail.example.com"))))
    assert plan.changed == 1
    assert ages(database) == {"phone": begun, "email": clock()}


@pytest.mark.parametrize(("said", "counts"), [(EARLY, LATE), (LATE + timedelta(days=3), LATE + timedelta(days=3))])
def test_a_contact_that_stays_never_grows_older_by_a_list(
    database: Database, clock: Clock, said: datetime, counts: datetime
) -> None:
    """A later date means that it was taken off and put on again; an earlier one would make a new contact look old."""
    put(database, clock(), AccountLine("K-1", (PHONE._replace(since=LATE),)))
    put(database, clock.turn(days=1), AccountLine("K-1", (PHONE._replace(since=said),)))
    assert ages(database) == {"phone": counts}


def test_a_changed_contact_has_the_age_that_the_list_says(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE,)))
    put(database, clock.turn(days=1), AccountLine("K-1", (ContactLine("phone", "+8613800000002", LATE),)))
    assert ages(database) == {"phone": LATE}


def test_the_table_remembers_when_a_contact_went(database: Database, clock: Clock) -> None:
    """It is nowhere to be seen afterwards; a list may name a later change, never an earlier one."""
    begun, renewed = clock(), PHONE._replace(value="+8613800000002", since=EARLY)
    put(database, begun, AccountLine("K-1", (PHONE, MAIL)))
    assert kept(database).contacts_changed_at == begun, "what was before the first list nobody knows"
    put(database, clock.turn(days=1), AccountLine("K-1", (PHONE, MAIL), contacts_changed_at=EARLY))
    assert kept(database).contacts_changed_at == begun
    gone = clock.turn(days=40)
    assert put(database, gone, AccountLine("K-1", (PHONE,))).changed == 1
    put(database, clock.turn(days=1), AccountLine("K-1", (PHONE,)))
    assert kept(database).contacts_changed_at == gone
    replaced = clock.turn(days=1)
    put(database, replaced, AccountLine("K-1", (renewed,)))
    assert kept(database).contacts_changed_at == replaced
    told = replaced + timedelta(hours=5)
    assert put(database, clock.turn(days=1), AccountLine("K-1", (renewed,), contacts_changed_at=told)).changed == 1
    assert kept(database).contacts_changed_at == told


def test_the_first_list_may_say_when_a_contact_went(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE,), contacts_changed_at=EARLY))
    assert kept(database).contacts_changed_at == EARLY


def test_a_contact_that_is_not_listed_any_more_is_gone(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE, MAIL)))
    put(database, clock(), AccountLine("K-1", (MAIL,)))
    assert list(ages(database)) == ["email"]
    with database.read() as work:
        assert work.accounts.with_contact("phone", PHONE.value) == []


def test_an_account_closes_and_opens_again(database: Database, clock: Clock) -> None:
    seen = []
    for closed in (False, True, True, False):
        plan = put(database, clock(), AccountLine("K-1", (PHONE,), closed))
        seen.append((kept(database).closed, plan.changed))
    assert seen == [(False, 0), (True, 1), (True, 0), (False, 1)]


def test_numbers_may_change_hands_in_one_import(database: Database, clock: Clock) -> None:
    other = ContactLine("phone", "+8613800000002")
    put(database, clock(), AccountLine("K-1", (PHONE,)), AccountLine("K-2", (other,)))
    put(database, clock(), AccountLine("K-1", (other,)), AccountLine("K-2", (PHONE,)))
    with database.read() as work:
        assert [a.account_id for a in work.accounts.with_contact("phone", PHONE.value)] == ["K-2"]


def test_accounts_that_are_not_listed_stay_until_they_are_taken_away(database: Database, clock: Clock) -> None:
    put(database, clock(), *[AccountLine(f"K-{n}", (ContactLine("phone", f"+861380000000{n}"),)) for n in range(1, 6)])
    now = clock.turn(days=1)
    put(database, now, AccountLine("K-2", ()), AccountLine("K-4", ()))
    with database.work() as work:
        assert work.accounts.count_listed_before(now) == 3
        assert [work.accounts.forget_listed_before(now, 2) for _ in range(3)] == [2, 1, 0]
    with database.read() as work:
        assert [bool(work.accounts.get(f"K-{n}")) for n in range(1, 6)] == [False, True, False, True, False]
        assert work.connection.execute(text("SELECT count(*) FROM account_key")).scalar_one() == 2


def test_an_erased_account_leaves_no_row(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE, MAIL)))
    with database.work() as work:
        assert [work.accounts.forget("K-1"), work.accounts.forget("K-1")] == [True, False]
    with database.read() as work:
        for name in ("account", "account_key", "account_contact"):
            assert work.connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0


def test_nothing_lies_in_the_clear(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1-plainly-visible", (PHONE, MAIL)))
    with database.read() as work:
        rows = [work.connection.execute(text(f"SELECT * FROM {name}")).all() for name in ("account", "account_contact")]
    everything = repr(rows).encode() + b"".join(bytes(v) for t in rows for r in t for v in r if isinstance(v, bytes))
    assert len(everything) > 300
    assert not [word for word in (b"plainly", b"13800000001", b"ada@", b"mail.example") if word in everything]


def test_a_contact_moved_to_another_account_does_not_open(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE,)), AccountLine("K-2", ()))
    with database.work() as work:
        work.connection.execute(text("UPDATE account_contact SET account_id = (SELECT max(id) FROM account)"))
    with database.read() as work, pytest.raises(Unreadable):
        work.accounts.with_contact("phone", PHONE.value)


def test_without_the_wrapping_key_an_account_does_not_open(database: Database, clock: Clock) -> None:
    put(database, clock(), AccountLine("K-1", (PHONE,)))
    with database.work() as work:
        work.connection.execute(text("UPDATE account_key SET key_id = 'k9'"))
    with database.read() as work, pytest.raises(KeyMissing):
        work.accounts.get("K-1")


def test_another_keyring_finds_nobody(database_url: str, keyring: Keyring, clock: Clock) -> None:
    with Database.open(database_url, keyring) as database:
        put(database, clock(), AccountLine("K-1", (PHONE,)))
    with Database.open(database_url, Keyring.new()) as database, database.read() as work:
        assert work.accounts.get("K-1") is None


def test_the_figures_are_of_what_is_there(database: Database, clock: Clock) -> None:
    with database.read() as work:
        assert work.accounts.counts(clock()).listed_at is None
    put(database, clock(), AccountLine("K-1", (PHONE._replace(since=EARLY), MAIL)), AccountLine("K-2", (PHONE,), True))
    with database.read() as work:
        counts = work.accounts.counts(clock() - timedelta(days=30))
    assert counts == (1, 1, {"email": 1, "phone": 2}, {"phone": 1}, 1, clock())


def test_two_imports_at_once_come_to_one_account(database: Database, clock: Clock) -> None:
    line = AccountLine("K-1", (PHONE, MAIL))
    plans = race(*[lambda: put(database, clock(), line)] * 4)
    assert sorted(len(plan.new) for plan in plans if isinstance(plan, Plan)) == [0, 0, 0, 1]
    assert len(kept(database).contacts) == 2


def test_lines_and_plans_print_nothing_of_the_list(database: Database, clock: Clock) -> None:
    line = AccountLine("K-1-secret", (PHONE, MAIL))
    plan = put(database, clock(), line)
    said = repr([line, PHONE, plan, kept(database, "K-1-secret")])
    assert not [word for word in ("secret", "13800000001", "ada@") if word in said]
