"""The database: opening it, and the transactions everything else happens in.

    with Database.open("sqlite:///clausebot.db", keyring) as database:
        with database.work() as work:
            person = work.people.meet("telegram", "42", now, "en")

SQLite and PostgreSQL look the same from here on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty

from storage import postgres, sqlite
from storage.crypto import Keyring
from storage.errors import Busy, CannotOpen
from storage.migrate import bring_up
from storage.sqlite import Writing, journal_for
from storage.work import Work
from storage.writers import Writers

__all__ = ["Database", "DatabaseFacts", "journal_for"]

PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
"""What passes by itself, or once there is room on the disk again."""
TRY_AGAIN = ("53100", "53200", "53300", "40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03")
"""SQLSTATEs of PostgreSQL that pass: disk full, memory full, too many connections, serialisation, deadlock, lock not had, statement cancelled, server stopping."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What was opened: "sqlite" or "postgresql", its version, how it keeps what is committed, and why so."""

    kind: str
    version: str
    journal_mode: str
    synchronous: str
    why: str


class Database:
    """One open database. Any number of threads may use it at once."""

    def __init__(self, writer: Engine, reader: Engine, facts: DatabaseFacts, keyring: Keyring) -> None:
        self._writer, self._reader, self.facts, self.keyring = writer, reader, facts, keyring
        self._writing = Writing(writer, facts.journal_mode) if facts.kind == "sqlite" else None
        self._writers = Writers(sqlite.PATIENCE, self._writing.begin) if self._writing else None

    @classmethod
    def open(cls, url: str, keyring: Keyring, *, migrate: bool = True) -> Self:
        """The database at this address, its tables up to date.

        Raises CannotOpen, SchemaTooNew, and SchemaTooOld where `migrate` is off and the tables are behind.
        """
        try:
            address = make_url(url)
        except ArgumentError as bad:
            raise CannotOpen(
                "DATABASE_URL: this is no database address; give one like sqlite:///clausebot.db or postgresql://host/name"
            ) from bad
        open_it = _open_sqlite if address.get_backend_name() == "sqlite" else _open_postgres
        with _plainly(address):
            return cls(*open_it(address, migrate), keyring)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One transaction that writes: committed at the end of the block, undone by an exception. Raises Busy.

        On SQLite the others wait meanwhile, and those who wrote just before are committed together with this block: do
        nothing slow inside, wait for nothing that somebody else may hold.
        """
        with _busy():
            if self._writers is not None:
                with self._writers.turn() as writing:
                    yield Work(writing.connection, self.keyring)
            else:
                with self._writer.connect() as connection:
                    yield from _transaction(connection, self.keyring)

    @contextmanager
    def together(self) -> Iterator[None]:
        """On SQLite, every work() of this thread in the block is committed when this returns, all in one. Raises Busy.

        Then nothing of any of them stays. On PostgreSQL, which commits many at once, each by itself as ever.
        """
        if self._writers is None:
            yield
        else:
            with _busy(), self._writers.together():
                yield

    @property
    def shares_commits(self) -> bool:
        """Whether there is one writer at a time, so that what waits had better be written together."""
        return self._writers is not None

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One transaction that only reads; a write in it fails. Raises Busy.

        On SQLite with the rollback journal a writer can't commit meanwhile: keep it short.
        """
        with _busy(), self._reader.connect() as connection:
            yield from _transaction(connection, self.keyring)

    def close(self) -> None:
        """Closes all connections. Opening again is a new Database."""
        if self._writing is not None:
            self._writing.close()
        self._reader.dispose()
        self._writer.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _open_sqlite(url: URL, migrate: bool) -> tuple[Engine, Engine, DatabaseFacts]:
    path, version = sqlite.file_of(url), sqlite3.sqlite_version_info
    journal = journal_for(version)
    with ExitStack() as when_it_fails:
        writer, reader = sqlite.writing(path, journal), sqlite.reading(path)
        when_it_fails.callback(writer.dispose)
        when_it_fails.callback(reader.dispose)
        with writer.connect() as connection:  # First of all: the journal mode changes only while nobody else is in.
            mode, synchronous = sqlite.safety(connection, journal)
        bring_up(reader, sqlite.migrating(path, journal), migrate)
        _try_writing(writer)
        when_it_fails.pop_all()
    return writer, reader, DatabaseFacts("sqlite", sqlite3.sqlite_version, mode, synchronous, sqlite.why(version))


def _open_postgres(url: URL, migrate: bool) -> tuple[Engine, Engine, DatabaseFacts]:
    engine = postgres.engine_for(postgres.address(url))
    with ExitStack() as when_it_fails:
        when_it_fails.callback(engine.dispose)
        bring_up(engine, engine, migrate)
        with engine.connect() as connection:
            fsync, commit = postgres.safety(connection)
            version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
        _try_writing(engine)
        when_it_fails.pop_all()
    why = f"an answered message is on disk (synchronous_commit={commit}, fsync={fsync})"
    if fsync != "on":
        why = f"synchronous_commit={commit}, but fsync={fsync}: a power cut may lose or damage everything"
    facts = DatabaseFacts("postgresql", version, "WAL", commit, why)
    return engine, engine.execution_options(postgresql_readonly=True), facts


def _try_writing(engine: Engine) -> None:
    """Fails now, rather than at the first message, where the folder or the server lets nobody write."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")


def _transaction(connection: Connection, keyring: Keyring) -> Iterator[Work]:
    with connection.begin():  # Busy comes here, before any work is done.
        yield Work(connection, keyring)


@contextmanager
def _busy() -> Iterator[None]:
    """Turns what passes by itself into Busy; other errors of the database go through."""
    try:
        yield
    except PoolEmpty as none_free:
        raise Busy("the database is busy: no free connection. Try again") from none_free
    except sqlite3.Error as error:
        # From a prepared statement, which speaks to the driver itself.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING:
            raise Busy("the database is busy or its disk full; nothing was written. Try again") from error
        raise
    except DBAPIError as error:
        if _passes(error):
            raise Busy("the database is busy or has just gone away; nothing was written. Try again") from error
        raise


def _passes(error: DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in PASSING
    state = getattr(cause, "sqlstate", None)
    # Without a state it is the connection itself that failed.
    return isinstance(error, OperationalError) and (state is None or state in TRY_AGAIN or error.connection_invalidated)


@contextmanager
def _plainly(url: URL) -> Iterator[None]:
    """Says in one sentence why a database can't be opened, and where to look."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
        if url.get_backend_name() == "sqlite":
            raise CannotOpen(
                f"{url.database}: the database can't be used: {cause}. Check the file and its folder, or DATABASE_URL"
            ) from error
        raise CannotOpen(
            f"DATABASE_URL: {url.render_as_string(hide_password=True)} can't be used: {cause}. Check that it runs"
        ) from error
