"""SQLite: how a file is made, opened and kept safe.

Two engines on one file: the writing one opens every transaction with BEGIN IMMEDIATE (a plain BEGIN that reads first
loses to whoever writes first, or loses their change), the reading one can't write at all.
"""

import os
import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, Pool, QueuePool, create_engine, event

from storage.errors import CannotOpen

PATIENCE = 3.0
"""Seconds that anybody waits for somebody else's transaction; below the 4.5 s in which WeChat wants its answer."""
OLDEST = (3, 35, 0)
"""The first version with RETURNING (sqlite.org, release log 2021-03-12)."""


def journal_for(version: tuple[int, int, int]) -> str:
    """The journal mode that is safe with this SQLite: "WAL", or "PERSIST" where WAL can lose a commit.

    From 3.7.0 to 3.51.2 a commit that races a checkpoint on another connection can be lost; fixed in 3.51.3 and
    carried back to 3.44.6 and 3.50.7 (sqlite.org/wal.html, "The WAL-reset bug"). Of the rollback journals, PERSIST
    writes a zeroed head where TRUNCATE cuts the file and lets the next commit grow it again: a quarter of a turn.
    """
    if version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0):
        return "WAL"
    return "PERSIST"


def empty_journal(connection: Connection, journal: str) -> None:
    """Takes the pages of earlier transactions off the disk: what was erased must not lie on in the journal.

    Does what it can: while somebody reads, a journal can't be emptied; the next erasure or retention run tries again.
    """
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    if journal == "WAL":
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    for mode in ("DELETE", journal):  # Leaving PERSIST for DELETE deletes the file (sqlite.org, PRAGMA journal_mode).
        raw.execute(f"PRAGMA journal_mode={mode}")


def why(version: tuple[int, int, int]) -> str:
    """The reason for that choice, in a sentence."""
    if journal_for(version) == "WAL":
        return "this SQLite has the fix of the WAL-reset bug, so readers and the writer need not wait for each other"
    return "this SQLite has the WAL-reset bug (fixed in 3.51.3, 3.50.7 and 3.44.6), so the rollback journal is used"


def file_of(url: URL) -> Path:
    """The file behind a SQLite address, made if it was missing, readable by its owner alone. Raises CannotOpen."""
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise CannotOpen(
            "DATABASE_URL: this SQLite address names no file. Give one, as in sqlite:////var/lib/clausebot/clausebot.db"
        )
    if sqlite3.sqlite_version_info < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise CannotOpen(f"SQLite {sqlite3.sqlite_version} is too old; {oldest} or newer is needed, or PostgreSQL")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives its journal the mode of the database file, so this one line covers both.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as bad:
        raise CannotOpen(
            f"{path}: the database can't be written: {bad.strerror}. Check the folder, or set DATABASE_URL"
        ) from bad
    return path


def writing(path: Path, journal: str) -> Engine:
    """The engine that writes: one connection, and the caller lets in one thread at a time."""
    engine = _engine(path, QueuePool, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        _set_journal(path, connection, journal)
        # What is deleted is overwritten: an erased person's key must not lie on in a free page.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reading(path: Path) -> Engine:
    """The engine that reads; a write through it fails."""
    engine = _engine(path, QueuePool, pool_size=8, max_overflow=8, pool_timeout=PATIENCE)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def migrating(path: Path, journal: str) -> Engine:
    """The engine of the migrations. Foreign keys are off (a table that is rebuilt would take its children along)."""
    engine = _engine(path, NullPool, connect_args={"timeout": 30.0})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        _set_journal(path, connection, journal)
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def set_patience(connection: Connection, seconds: float) -> None:
    """How long this connection's next transaction may wait for other processes."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute(f"PRAGMA busy_timeout={max(1, round(seconds * 1000))}")


def safety(connection: Connection, journal: str) -> tuple[str, str]:
    """(journal mode, synchronous) as the database reports them. Raises CannotOpen when a setting didn't take."""
    seen = {
        name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    }
    wanted = {"journal_mode": journal.lower(), "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    for name, value in wanted.items():
        if seen[name] != value:
            raise CannotOpen(f"DATABASE_URL: SQLite refused {name}={value} and stays at {seen[name]}")
    return journal, "FULL"


def _engine(path: Path, pool: type[Pool], connect_args: dict[str, Any] | None = None, **settings: Any) -> Engine:
    return create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=pool,
        # isolation_level None: the driver opens no transactions of its own, the "begin" events above do.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": PATIENCE, **(connect_args or {})},
        hide_parameters=True,
        **settings,
    )


def _set_journal(path: Path, connection: sqlite3.Connection, journal: str) -> None:
    """Sets the journal mode; going to or from WAL needs the file alone, which SQLite doesn't wait for by itself."""
    end = monotonic() + PATIENCE
    while True:
        try:
            mode = connection.execute(f"PRAGMA journal_mode={journal}").fetchone()[0]
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            mode = "busy"
        if mode == journal.lower():
            return
        if monotonic() > end:
            connection.close()
            raise CannotOpen(
                f"{path}: another program holds the database and its journal mode can't become {journal}. "
                "Stop the other program first"
            )
        sleep(0.02)
