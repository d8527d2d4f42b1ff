"""Numbers and hashes of the audit trail: every entry once, whenever it is seen, and equal on both databases."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import text

from storage.chain import FIRST, LINK, TRAIL, Head, canonical, chain, entries, head, is_behind
from storage.chain_check import verify
from storage.crypto import Keyring
from storage.engine import Database
from tests.conftest import Clock
from tests.postgres import TemporaryPostgres

ODD = [
    "".join(map(chr, range(1, 32))) + '"\\/\x7f\x80\u2028\u2029',
    "第五条 \U0001f600 e\u0301 \ufeff",
    '{"not": ["json"]}',
    "",
    "x" * 5_000,
]


def note(database: Database, clock: Clock, *details: str) -> None:
    with database.work() as work:
        for detail in details:
            work.trail.add(clock(), "staff:1", "reviewed", "order:7", detail)


def chain_all(database: Database, clock: Clock) -> int:
    with database.work() as work:
        return chain(work, clock())


def seen(database: Database) -> tuple[int, int, str]:
    verdict = verify(database.read, ())
    return verdict.seen, verdict.waiting, verdict.broken.says if verdict.broken else ""


def test_an_empty_trail_fits(database: Database, clock: Clock) -> None:
    assert seen(database) == (0, 0, "")
    with database.read() as work:
        assert head(work) == Head(0, FIRST)
        assert not is_behind(work, clock())


def test_entries_get_numbers_and_hashes_in_order(database: Database, clock: Clock) -> None:
    clock.turn(microseconds=1200)
    note(database, clock, "first", "second")
    assert chain_all(database, clock) == 2
    note(database, clock, "third")
    assert chain_all(database, clock) == 1
    before, found = FIRST, list(entries(database.read, page=2))
    for entry in found:
        line = canonical(
            entry.seq, entry.id, "2026-03-02 09:30:00.001200", "staff:1", "reviewed", "order:7", entry.detail
        )
        before = hashlib.sha256(before + line).digest()
        assert entry.hash == before
    assert [(entry.seq, entry.detail) for entry in found] == [(1, "first"), (2, "second"), (3, "third")]
    with database.read() as work:
        assert head(work) == Head(3, before)


def test_the_canonical_text_is_as_the_page_says() -> None:
    written = canonical(1, 17, "2026-03-02 09:30:00.000000", "bot", "erased", "person:4", '"第"')
    assert written == '[1,17,"2026-03-02 09:30:00.000000","bot","erased","person:4","\\"第\\""]'.encode()


def test_a_chain_that_is_up_to_date_gets_nothing(database: Database, clock: Clock) -> None:
    note(database, clock, "first")
    assert chain_all(database, clock) == 1
    assert chain_all(database, clock) == 0
    with database.read() as work:
        assert not is_behind(work, clock())
    note(database, clock, "second")
    with database.read() as work:
        assert is_behind(work, clock())
    assert seen(database) == (1, 1, "")


def test_a_pass_chains_no_more_than_its_limit(database: Database, clock: Clock) -> None:
    note(database, clock, *"abcde")
    for expected in (2, 2, 1, 0):
        with database.work() as work:
            assert chain(work, clock(), limit=2) == expected
    assert seen(database) == (5, 0, "")


@pytest.mark.parametrize("odd", ODD, ids=["control", "unicode", "json", "empty", "long"])
def test_the_database_writes_the_same_text_as_python(database: Database, clock: Clock, odd: str) -> None:
    """verify looks at what the database writes first; where that differs it would be slow, not wrong."""
    from storage.chain_check import _page

    with database.work() as work:
        work.trail.add(clock.turn(microseconds=1), odd, odd, odd, odd)
        chain(work, clock())
    page = _page(database.read, None, 10)
    assert page is not None
    [written] = page.written
    assert written == canonical(1, 1, "2026-03-02 09:30:00.000001", odd, odd, odd, odd)
    assert seen(database) == (1, 0, "")


def test_a_nul_is_chained_too(database: Database, clock: Clock) -> None:
    """PostgreSQL keeps none."""
    if database.facts.kind != "sqlite":
        pytest.skip("PostgreSQL's text has no NUL")
    note(database, clock, "one\0two")
    chain_all(database, clock)
    assert seen(database) == (1, 0, "")


@pytest.mark.parametrize("texts", [lambda right: [b"[1, 2]"] * len(right), lambda right: right[1:], lambda _: []])
def test_where_the_database_cannot_write_the_text_python_decides(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, texts: Callable[[list[bytes]], list[bytes]]
) -> None:
    from storage import chain_check

    note(database, clock, *ODD)
    chain_all(database, clock)
    as_it_is = chain_check._page

    def otherwise(*asked: Any) -> chain_check._Page | None:
        """As another version of the database might write it, or not at all."""
        page = as_it_is(*asked)
        return page and page._replace(written=texts(page.written))

    monkeypatch.setattr(chain_check, "_page", otherwise)
    assert seen(database) == (len(ODD), 0, "")


def test_an_entry_that_is_seen_late_is_not_skipped(database: Database, clock: Clock) -> None:
    """On PostgreSQL a transaction that began earlier may commit later: its entries have smaller ids."""
    if database.facts.kind != "postgresql":
        pytest.skip("SQLite lets in one writer at a time")
    late = database.work()
    work = late.__enter__()
    work.trail.add(clock(), "staff:1", "opened", "order:1", "late")
    note(database, clock, "early", "earlier")
    assert chain_all(database, clock) == 2
    late.__exit__(None, None, None)
    with database.read() as reading:
        assert is_behind(reading, clock.turn(minutes=1))
    assert chain_all(database, clock) == 1
    assert [(entry.seq, entry.id) for entry in entries(database.read)] == [(1, 2), (2, 3), (3, 1)]
    assert seen(database) == (3, 0, "")


def test_an_entry_that_is_seen_late_while_nobody_chains_is_found_later(database: Database, clock: Clock) -> None:
    if database.facts.kind != "postgresql":
        pytest.skip("SQLite lets in one writer at a time")
    late = database.work()
    work = late.__enter__()
    work.trail.add(clock(), "staff:1", "opened", "order:1", "late")
    note(database, clock, "early")
    chain_all(database, clock)
    late.__exit__(None, None, None)
    clock.turn(days=1)
    assert chain_all(database, clock) == 0
    assert seen(database) == (1, 1, "")
    with database.work() as work:
        assert chain(work, clock(), thorough=True) == 1
    assert seen(database) == (2, 0, "")


def test_an_entry_put_in_under_an_old_date_is_never_chained(database: Database, clock: Clock) -> None:
    for _ in range(3):
        note(database, clock, "a", "b")
        chain_all(database, clock)
        clock.turn(hours=1)
    with database.work() as work:
        old = {"id": 0, "at": Clock()(), "actor": "staff:1", "action": "approved", "thing": "order:1", "detail": ""}
        work.connection.execute(TRAIL.insert(), old)
    with database.work() as work:
        assert chain(work, clock(), thorough=True) == 0
    assert "entry 0 has no place" in seen(database)[2]


def test_an_id_that_a_failed_move_used_up_leaves_no_gap_in_the_numbers(database: Database, clock: Clock) -> None:
    def move_that_fails() -> None:
        with database.work() as work:
            work.trail.add(clock(), "bot", "opened", "order:1")
            raise RuntimeError("the move failed")

    note(database, clock, "first")
    with pytest.raises(RuntimeError):
        move_that_fails()
    note(database, clock, "second")
    chain_all(database, clock)
    assert [entry.seq for entry in entries(database.read)] == [1, 2]
    assert seen(database) == (2, 0, "")


def test_while_one_chains_another_does_not(database: Database, clock: Clock) -> None:
    if database.facts.kind != "postgresql":
        pytest.skip("SQLite lets in one writer at a time")
    note(database, clock, "first")
    with database.work() as one:
        assert chain(one, clock()) == 1
        with database.work() as other:
            assert chain(other, clock()) == 0
    assert seen(database) == (1, 0, "")


CHANGES = [
    "UPDATE trail SET detail = 'other' WHERE id = 1",
    "DELETE FROM trail WHERE id = 1",
    "DELETE FROM trail",
    "UPDATE trail_link SET trail_id = 9 WHERE seq = 1",
    "DELETE FROM trail_link WHERE seq = 2",
]
REPLACING = [
    "INSERT OR REPLACE INTO trail (id, at, actor, action, thing, detail) VALUES (1, '2026-03-02', '', '', '', '')",
    "INSERT OR IGNORE INTO trail (id, at, actor, action, thing, detail) VALUES (1, '2026-03-02', '', '', '', '')",
    "REPLACE INTO trail_link (seq, trail_id, hash) VALUES (1, 9, x'00')",
    "REPLACE INTO trail_link (seq, trail_id, hash) VALUES (9, 1, x'00')",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_refuses_changes(database: Database, clock: Clock, statement: str) -> None:
    note(database, clock, "first", "second")
    chain_all(database, clock)
    with pytest.raises(IntegrityError, match="the audit trail is append-only"), database.work() as work:
        work.connection.execute(text(statement))
    assert seen(database) == (2, 0, "")


@pytest.mark.parametrize("statement", REPLACING)
def test_sqlite_refuses_to_replace(database: Database, clock: Clock, statement: str) -> None:
    if database.facts.kind != "sqlite":
        pytest.skip("a way of SQLite")
    note(database, clock, "first", "second")
    chain_all(database, clock)
    with pytest.raises(IntegrityError, match="append-only"), database.work() as work:
        work.connection.execute(text(statement))
    assert seen(database) == (2, 0, "")


def test_postgresql_lets_its_owner_truncate_neither(
    postgres: TemporaryPostgres, keyring: Keyring, request: pytest.FixtureRequest
) -> None:
    """As an installation runs: the role owns its database and is no superuser."""
    name = postgres.create()
    request.addfinalizer(lambda: postgres.drop(name))
    postgres.sql("DROP ROLE IF EXISTS keeper")
    postgres.sql("CREATE ROLE keeper LOGIN")
    postgres.sql(f"ALTER DATABASE {name} OWNER TO keeper")
    postgres.sql("ALTER SCHEMA public OWNER TO keeper", name)
    url = postgres.url(name).replace("postgres@", "keeper@")
    with Database.open(url, keyring) as database:
        clock = Clock()
        note(database, clock, "first")
        chain_all(database, clock)
        for table in (TRAIL, LINK):
            with pytest.raises(ProgrammingError, match="permission denied"), database.work() as work:
                work.connection.execute(text(f"TRUNCATE {table.name}"))
        assert seen(database) == (1, 0, "")


def test_a_thing_knows_its_places(database: Database, clock: Clock) -> None:
    note(database, clock, "first")
    chain_all(database, clock)
    note(database, clock, "second")
    with database.read() as work:
        places = work.trail.places("order:7")
        assert {id: place.seq for id, place in places.items()} == {1: 1}
        assert places[1].hash == head(work).hash
        assert work.trail.places("order:8") == {}


def test_old_entries_are_chained_after_an_upgrade(database: Database, clock: Clock) -> None:
    note(database, clock, "years ago")
    clock.turn(days=900)
    assert chain_all(database, clock) == 1
    assert seen(database) == (1, 0, "")
    assert timedelta(days=900) == clock() - Clock()()
