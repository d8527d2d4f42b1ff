"""Opening the database, and what a transaction promises."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import text

from storage import engine
from storage.crypto import Keyring
from storage.engine import Database, journal_for
from storage.errors import Busy, CannotOpen
from storage.postgres import PATIENCE as postgres_patience
from storage.sqlite import PATIENCE
from storage.work import Work
from tests.conftest import Clock
from tests.postgres import TemporaryPostgres
from tests.storage.threads import race

HASTE = 0.4
"""Seconds that a test waits to see somebody give up."""


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 6, 23), "PERSIST"),
        ((3, 7, 0), "PERSIST"),
        ((3, 40, 1), "PERSIST"),
        ((3, 44, 5), "PERSIST"),
        ((3, 44, 6), "WAL"),
        ((3, 45, 0), "PERSIST"),
        ((3, 49, 9), "PERSIST"),
        ((3, 50, 6), "PERSIST"),
        ((3, 50, 7), "WAL"),
        ((3, 51, 0), "PERSIST"),
        ((3, 51, 2), "PERSIST"),
        ((3, 51, 3), "WAL"),
        ((3, 52, 0), "WAL"),
        ((4, 0, 0), "WAL"),
    ],
)
def test_wal_is_used_only_where_it_loses_nothing(version: tuple[int, int, int], mode: str) -> None:
    assert journal_for(version) == mode


class TestOpening:
    def test_the_facts_say_how_it_keeps_what_is_committed(self, database: Database) -> None:
        facts = database.facts
        if facts.kind == "sqlite":
            assert facts.version == sqlite3.sqlite_version
            assert facts.journal_mode == journal_for(sqlite3.sqlite_version_info)
            assert facts.synchronous == "FULL"
        else:
            assert (facts.kind, facts.synchronous) == ("postgresql", "on")
        assert facts.why

    def test_the_settings_of_sqlite_took(self, sqlite: Database) -> None:
        wanted = {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
        with sqlite.work() as work:
            connection = work.connection
            assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted} == wanted
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == sqlite.facts.journal_mode.lower()

    def test_a_new_file_and_its_folder_are_made_for_the_owner_alone(self, tmp_path: Path, keyring: Keyring) -> None:
        path = tmp_path / "new" / "folder" / "c.db"
        with Database.open(f"sqlite:///{path}", keyring) as database, database.work() as work:
            work.trail.add(Clock()(), "bot", "opened", "x:1")
            assert [file.stat().st_mode & 0o777 for file in path.parent.iterdir()] == [0o600] * len(
                list(path.parent.iterdir())
            )

    @pytest.mark.parametrize(
        "url",
        ["sqlite://", "sqlite:///:memory:", "no address", "mysql://host/name", "postgresql+asyncpg://host/name"],
    )
    def test_an_address_of_another_kind_is_refused_by_name(self, url: str, keyring: Keyring) -> None:
        with pytest.raises(CannotOpen, match="DATABASE_URL"):
            Database.open(url, keyring)

    def test_a_folder_that_can_not_be_made_is_named(self, tmp_path: Path, keyring: Keyring) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(CannotOpen, match=r"file/c\.db.*DATABASE_URL"):
            Database.open(f"sqlite:///{tmp_path}/file/c.db", keyring)

    def test_a_folder_in_place_of_the_file_is_named(self, tmp_path: Path, keyring: Keyring) -> None:
        with pytest.raises(CannotOpen, match=f"{tmp_path}.*directory"):
            Database.open(f"sqlite:///{tmp_path}", keyring)

    def test_a_file_that_is_no_database_is_left_as_it_is(self, tmp_path: Path, keyring: Keyring) -> None:
        path = tmp_path / "letter.txt"
        path.write_text("Dear customer, " * 100)
        with pytest.raises(CannotOpen, match=r"letter\.txt.*not a database"):
            Database.open(f"sqlite:///{path}", keyring)
        assert path.read_text() == "Dear customer, " * 100

    def test_a_file_one_may_not_write_is_named(self, keyring: Keyring, unprivileged_folder: Path) -> None:
        path = unprivileged_folder / "c.db"
        Database.open(f"sqlite:///{path}", keyring).close()
        path.chmod(0o400)
        with pytest.raises(CannotOpen, match=r"c\.db.*[Pp]ermission"):
            Database.open(f"sqlite:///{path}", keyring)

    def test_a_folder_one_may_not_write_is_named(self, keyring: Keyring, unprivileged_folder: Path) -> None:
        Database.open(f"sqlite:///{unprivileged_folder}/c.db", keyring).close()
        for journal in unprivileged_folder.glob("c.db-*"):
            journal.unlink()  # As after restoring a copy: SQLite has to make a new one, and can't.
        unprivileged_folder.chmod(0o500)
        with pytest.raises(CannotOpen, match=r"c\.db"):
            Database.open(f"sqlite:///{unprivileged_folder}/c.db", keyring)

    def test_a_server_that_is_not_there_is_named_without_its_password(self, tmp_path: Path, keyring: Keyring) -> None:
        with pytest.raises(CannotOpen, match="can't be used") as refused:
            Database.open(f"postgresql://someone:secret-word@/name?host={tmp_path}", keyring)
        assert "secret-word" not in str(refused.value)

    def test_a_server_that_forgets_commits_is_told_not_to(self, postgres: TemporaryPostgres, keyring: Keyring) -> None:
        name = postgres.create()
        postgres.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with Database.open(postgres.url(name), keyring) as database, database.work() as work:
            shown = work.connection.exec_driver_sql("SHOW synchronous_commit").scalar()
            assert (shown, database.facts.synchronous) == ("on", "on")
        postgres.drop(name)

    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
    def test_a_server_is_found_by_any_usual_scheme(
        self, postgres: TemporaryPostgres, postgres_database: str, keyring: Keyring, scheme: str
    ) -> None:
        url = postgres.url(postgres_database).replace("postgresql+psycopg", scheme)
        with Database.open(url, keyring) as database, database.read() as work:
            assert work.people.count() == 0


class TestWork:
    def test_what_was_done_is_kept(self, database_url: str, keyring: Keyring, clock: Clock) -> None:
        with Database.open(database_url, keyring) as database, database.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
        with Database.open(database_url, keyring) as database, database.read() as work:
            assert work.trail.count() == 1

    def test_reading_can_not_write(self, database: Database, clock: Clock) -> None:
        with pytest.raises(DBAPIError, match=r"(?i)read-?only"), database.read() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
        with database.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
            assert work.trail.count() == 1

    def test_what_is_not_committed_is_not_read(self, database: Database, clock: Clock) -> None:
        with database.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
            with database.read() as other:
                assert other.trail.count() == 0

    def test_an_error_says_nothing_of_the_values(self, database: Database, clock: Clock) -> None:
        with pytest.raises(DBAPIError) as refused, database.work() as work:
            work.connection.execute(
                text("INSERT INTO trail (at, actor, action, thing, detail) VALUES (NULL, :a, '', '', '')"),
                {"a": "personal-words"},
            )
        assert "personal-words" not in str(refused.value).split("DETAIL")[0]

    def test_a_process_that_dies_inside_leaves_nothing(
        self, database: Database, database_url: str, tmp_path: Path, keyring: Keyring, clock: Clock
    ) -> None:
        keyring.write(tmp_path / "keys.toml")
        program = (
            "import os, sys; from pathlib import Path; from datetime import datetime, UTC\n"
            "from storage.crypto import Keyring; from storage.engine import Database\n"
            "with Database.open(sys.argv[1], Keyring.read(Path(sys.argv[2]))).work() as work:\n"
            "    for number in range(2000): work.trail.add(datetime.now(UTC), 'bot', 'opened', f'x:{number}')\n"
            "    os._exit(9)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, database_url, str(tmp_path / "keys.toml")], timeout=60)
        assert done.returncode == 9
        with database.work() as work:
            assert work.trail.count() == 0
            work.trail.add(clock(), "bot", "opened", "x:1")


class TestManyAtOnce:
    def test_no_update_is_lost_on_sqlite(self, sqlite: Database) -> None:
        """Read, add one, write: the default of the driver loses most of these."""
        with sqlite.work() as work:
            work.connection.execute(text("INSERT INTO bucket VALUES ('n', 0)"))

        def add(_: int) -> None:
            for _ in range(10):
                with sqlite.work() as work:
                    connection = work.connection
                    n = connection.execute(text("SELECT full_at FROM bucket")).scalar_one()
                    connection.execute(text("UPDATE bucket SET full_at = :n"), {"n": n + 1})

        assert race(*(lambda number=number: add(number) for number in range(8))) == [None] * 8
        with sqlite.read() as work:
            assert work.connection.execute(text("SELECT full_at FROM bucket")).scalar_one() == 80

    def test_work_inside_work_is_refused_at_once(self, sqlite: Database) -> None:
        with pytest.raises(RuntimeError, match="already writing"), sqlite.work(), sqlite.work():
            pass
        with sqlite.work() as work:
            assert work.trail.count() == 0

    def test_another_program_that_holds_the_file_makes_it_busy(self, hasty: Database, tmp_path: Path) -> None:
        other = sqlite3.connect(tmp_path / "clausebot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        start = monotonic()
        with pytest.raises(Busy, match="Try again"), hasty.work():
            pass
        assert HASTE <= monotonic() - start < HASTE + 2
        other.execute("ROLLBACK")
        other.close()
        with hasty.work() as work:
            assert work.trail.count() == 0

    def test_a_reader_that_stays_makes_the_commit_busy_and_nothing_is_kept(
        self, hasty: Database, tmp_path: Path, clock: Clock
    ) -> None:
        """With the rollback journal a commit waits for readers."""
        if hasty.facts.journal_mode != "PERSIST":
            pytest.skip("with WAL readers don't hold up the writer")
        other = sqlite3.connect(tmp_path / "clausebot.db", isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM trail").fetchone()
        with pytest.raises(Busy), hasty.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
        other.close()
        with hasty.work() as work:
            assert work.trail.count() == 0
            work.trail.add(clock(), "bot", "opened", "x:1")

    def test_a_server_that_stops_in_between_makes_it_busy_once(
        self, postgres: TemporaryPostgres, keyring: Keyring, clock: Clock
    ) -> None:
        def interrupted(database: Database) -> None:
            with database.work() as work:
                work.trail.add(clock(), "bot", "opened", "x:1")
                postgres.restart()
                work.trail.add(clock(), "bot", "opened", "x:2")

        name = postgres.create()
        with Database.open(postgres.url(name), keyring) as database:
            with pytest.raises(Busy):
                interrupted(database)
            with database.work() as work:
                assert work.trail.count() == 0
        postgres.drop(name)

    def test_a_statement_that_never_ends_makes_it_busy(self, postgres: TemporaryPostgres, keyring: Keyring) -> None:
        name = postgres.create()
        with Database.open(postgres.url(name), keyring) as database, pytest.raises(Busy), database.work() as work:
            work.connection.exec_driver_sql("SELECT pg_sleep(20)")
        postgres.drop(name)


class TestTogether:
    """Writers of one process that wait for one another are committed at once on SQLite."""

    @pytest.fixture(autouse=True)
    def no_haste(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However busy the machine is, whoever waits goes into the same transaction."""
        monkeypatch.setattr("storage.writers.OPEN_AT_MOST", 30.0)

    def test_each_part_is_kept_whole_or_not_at_all(self, sqlite: Database, clock: Clock) -> None:
        def write(number: int) -> None:
            with sqlite.work() as work:
                work.trail.add(clock(), "bot", "opened", f"x:{number}")
                if number % 3 == 0:
                    raise KeyError(number)
                work.trail.add(clock(), "bot", "closed", f"x:{number}")

        ended = race(*(lambda number=number: write(number) for number in range(24)))
        assert [isinstance(one, KeyError) for one in ended] == [number % 3 == 0 for number in range(24)]
        with sqlite.read() as work:
            rows = work.connection.execute(text("SELECT thing FROM trail ORDER BY id")).scalars().all()
        assert sorted(rows) == sorted(f"x:{number}" for number in range(24) if number % 3 for _ in range(2))

    def test_a_group_is_one_commit_in_the_order_of_arrival(self, sqlite: Database, clock: Clock) -> None:
        statements = list[str]()
        with sqlite.work() as work:
            raw = work.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(statements.append)
        self._one_after_another(sqlite, *(lambda work: None for _ in range(5)), clock=clock)
        with sqlite.read() as work:
            assert work.connection.execute(text("SELECT thing FROM trail ORDER BY id")).scalars().all() == [
                f"x:{number}" for number in range(5)
            ]
        assert [one for one in statements if one.startswith(("BEGIN", "COMMIT"))] == ["BEGIN IMMEDIATE", "COMMIT"]

    def test_a_commit_that_fails_is_told_to_all_and_keeps_nothing(
        self, hasty: Database, tmp_path: Path, clock: Clock
    ) -> None:
        if hasty.facts.journal_mode != "PERSIST":
            pytest.skip("with WAL readers don't hold up the writer")
        reader = sqlite3.connect(tmp_path / "clausebot.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM trail").fetchone()
        ended = self._one_after_another(hasty, *(lambda work: None for _ in range(3)), clock=clock)
        assert [type(one) for one in ended] == [Busy] * 3
        reader.close()
        with hasty.work() as work:
            assert work.trail.count() == 0
            work.trail.add(clock(), "bot", "opened", "x:1")

    def test_prepared_statements_are_taken_back_with_their_part(self, sqlite: Database, clock: Clock) -> None:
        def wrong(work: Work) -> None:
            work.conversations.mark_seen("telegram:1", clock())
            raise KeyError

        def right(work: Work) -> None:
            work.conversations.mark_seen("telegram:1", clock())

        ended = self._one_after_another(sqlite, lambda work: None, wrong, right, clock=clock)
        assert [type(one) for one in ended] == [type(None), KeyError, type(None)]
        with sqlite.read() as work:
            assert work.conversations.turn_of("telegram:1") is not None

    def test_an_erasure_among_others_empties_the_journal_before_it_is_done(
        self, sqlite: Database, tmp_path: Path, clock: Clock
    ) -> None:
        if sqlite.facts.journal_mode != "PERSIST":
            pytest.skip("with WAL there is no such file")
        with sqlite.work() as work:
            person = work.people.meet("telegram", "42", clock(), "en").id
        assert (tmp_path / "clausebot.db-journal").exists()
        ended = self._one_after_another(sqlite, lambda work: work.people.forget(person), lambda work: None, clock=clock)
        assert ended == [None, None]
        assert not (tmp_path / "clausebot.db-journal").exists()

    def test_a_process_that_dies_before_the_commit_leaves_nothing_of_any(
        self, tmp_path: Path, sqlite_template: Path, keyring: Keyring
    ) -> None:
        (tmp_path / "clausebot.db").write_bytes(sqlite_template.read_bytes())
        keyring.write(tmp_path / "keys.toml")
        program = (
            "import os, sys, time; from pathlib import Path; from datetime import datetime, UTC\n"
            "from threading import Event, Thread\n"
            "from storage.crypto import Keyring; from storage.engine import Database\n"
            "database, inside = Database.open(sys.argv[1], Keyring.read(Path(sys.argv[2]))), Event()\n"
            "def first():\n"
            "    with database.work() as work:\n"
            "        work.trail.add(datetime.now(UTC), 'bot', 'opened', 'x:1'); inside.set()\n"
            "        while not database._writers._waiting: time.sleep(0.001)\n"
            "    print('acknowledged', flush=True)\n"
            "Thread(target=first).start(); inside.wait()\n"
            "with database.work() as work:\n"
            "    work.trail.add(datetime.now(UTC), 'bot', 'opened', 'x:2')\n"
            "    assert work.trail.count() == 2; time.sleep(0.1)\n"
            "    os._exit(9)\n"
        )
        address = f"sqlite:///{tmp_path}/clausebot.db"
        command = [sys.executable, "-c", program, address, str(tmp_path / "keys.toml")]
        done = subprocess.run(command, timeout=60, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (9, "")
        with Database.open(address, keyring) as database, database.read() as work:
            assert work.trail.count() == 0

    def _one_after_another(
        self, database: Database, *blocks: Callable[[Work], None], clock: Clock
    ) -> list[Exception | None]:
        """Each writes a line of the trail and does its block, the first only when all others wait; how each ended."""
        writers = database._writers
        assert writers is not None

        def write(number: int) -> None:
            while number and (writers._inside is None or len(writers._waiting) < number - 1):
                sleep(0.001)
            with database.work() as work:
                while number == 0 and len(writers._waiting) < len(blocks) - 1:
                    sleep(0.001)
                work.trail.add(clock(), "bot", "opened", f"x:{number}")
                blocks[number](work)

        return race(*(lambda number=number: write(number) for number in range(len(blocks))))


class TestWal:
    """How it runs with a SQLite that has the fix; this machine's may not."""

    @pytest.fixture
    def wal(self, tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
        monkeypatch.setattr(engine, "journal_for", lambda version: "WAL")
        with Database.open(f"sqlite:///{tmp_path}/w.db", keyring) as database:
            yield database

    def test_readers_do_not_hold_up_the_writer(self, wal: Database, clock: Clock) -> None:
        assert (wal.facts.journal_mode, wal.facts.synchronous) == ("WAL", "FULL")
        with wal.read() as before:
            assert before.trail.count() == 0
            with wal.work() as work:
                work.trail.add(clock(), "bot", "opened", "x:1")
            assert before.trail.count() == 0
        with wal.read() as after:
            assert after.trail.count() == 1

    def test_its_files_are_for_the_owner_alone(self, wal: Database, tmp_path: Path, clock: Clock) -> None:
        with wal.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        assert modes == {"w.db": 0o600, "w.db-wal": 0o600, "w.db-shm": 0o600}

    def test_an_older_sqlite_takes_the_file_back_to_the_rollback_journal(
        self, wal: Database, tmp_path: Path, keyring: Keyring, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with wal.work() as work:
            work.trail.add(clock(), "bot", "opened", "x:1")
        monkeypatch.setattr(engine, "journal_for", lambda version: "PERSIST")
        monkeypatch.setattr("storage.sqlite.PATIENCE", 0.2)
        with pytest.raises(CannotOpen, match="another program holds"):
            Database.open(f"sqlite:///{tmp_path}/w.db", keyring)
        wal.close()
        with Database.open(f"sqlite:///{tmp_path}/w.db", keyring) as database, database.read() as work:
            assert work.trail.count() == 1
            assert work.connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal"


def test_writers_wait_their_turn_and_a_late_one_gives_up(hasty: Database) -> None:
    """Queue and database together take no longer than the patience of one."""
    entered, go = Event(), Event()

    def hold() -> None:
        with hasty.work():
            entered.set()
            go.wait(30)

    holder = Thread(target=hold)
    holder.start()
    entered.wait(10)
    start = monotonic()
    try:
        with pytest.raises(Busy, match="queue"), hasty.work():
            pass
    finally:
        go.set()
        holder.join()
    assert HASTE <= monotonic() - start < HASTE + 2


def test_nobody_waits_longer_than_wechat_does() -> None:
    """It cuts the connection after 5 s; half a second is ours."""
    assert PATIENCE == postgres_patience == 3.0


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> Iterator[Database]:
    (tmp_path / "clausebot.db").write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{tmp_path}/clausebot.db", keyring) as database:
        yield database


@pytest.fixture
def hasty(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """A SQLite file whose writers give up sooner than in earnest."""
    monkeypatch.setattr("storage.sqlite.PATIENCE", HASTE)
    (tmp_path / "clausebot.db").write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{tmp_path}/clausebot.db", keyring) as database:
        yield database


@pytest.fixture
def unprivileged_folder() -> Iterator[Path]:
    """A folder of our own, in which root too has to respect the modes of files."""
    if os.name != "posix":
        pytest.skip("modes of files are a matter of Unix")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            folder.chmod(0o700)
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)
