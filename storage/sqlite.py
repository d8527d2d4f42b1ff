"""SQLite: how a file is made, opened and kept safe.

Two engines on one file: the writing one opens every transaction with BEGIN IMMEDIATE (a plain BEGIN that reads first
loses to whoever writes first, or loses their change), the reading one can't write at all.
"""

import logging
import math
import os
import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, NullPool, Pool, QueuePool, create_engine, event

from storage.errors import CannotOpen
from storage.stores.people import ERASED

PATIENCE = 3.0
"""Seconds that anybody waits for somebody else's transaction; below the 4.5 s in which WeChat wants its answer."""
OLDEST = (3, 35, 0)
"""The first version with RETURNING (sqlite.org, release log 2021-03-12)."""

log = logging.getLogger(__name__)


def journal_for(version: tuple[int, int, int]) -> str:
    """The journal mode that is safe with this SQLite: "WAL", or "PERSIST" where WAL can lose a commit.

    From 3.7.0 to 3.51.2 a commit that races a checkpoint on another connection can be lost; fixed in 3.51.3 and
    carried back to 3.44.6 and 3.50.7 (sqlite.org/wal.html, "The WAL-reset bug"). Of the rollback journals, PERSIST
    writes a zeroed head where TRUNCATE cuts the file and lets the next commit grow it again: a quarter of a turn.
    """
    if version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0):
        return "WAL"
    return "PERSIST"


def empty_journal(connection: sqlite3.Connection, journal: str) -> None:
    """Takes the pages of earlier transactions off the disk: what was erased must not lie on in the journal.

    Does what it can: while somebody reads, a journal can't be emptied; the next erasure or retention run tries again.
    """
    if journal == "WAL":
        steps = ["PRAGMA wal_checkpoint(TRUNCATE)"]
    else:  # Leaving PERSIST for DELETE deletes the file (sqlite.org, PRAGMA journal_mode).
        steps = ["PRAGMA journal_mode=DELETE", f"PRAGMA journal_mode={journal}"]
    for step in steps:
        try:
            connection.execute(step)
        except sqlite3.OperationalError as refused:
            # The transaction is committed: whatever is wrong now must not look as if it were not.
            log.warning("journal not emptied: %s", refused)


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
    """The engine that writes: one connection, and the caller lets in one thread at a time.

    It opens a transaction where none is open yet; `Writing` opens its own before.
    """
    engine = _engine(path, QueuePool, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        _set_journal(path, connection, journal)
        # What is deleted is overwritten: an erased person's key must not lie on in a free page.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        raw = connection.connection.dbapi_connection
        if not (isinstance(raw, sqlite3.Connection) and raw.in_transaction):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class Writing:
    """The one connection that writes, and the transaction open on it. Several threads may use it one after another.

    Begins and ends are the driver's own: a turn is so short that SQLAlchemy's would be a tenth of it.
    """

    def __init__(self, engine: Engine, journal: str) -> None:
        self.connection, self._journal = engine.connect(), journal
        raw = self.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        self._raw: sqlite3.Connection = raw
        self._patience: float = PATIENCE

    def begin(self, patience: float) -> Self:
        """Opens a transaction. It, and later its commit, waits `patience` seconds at most for other processes. Raises what SQLite does."""
        # In steps, so that it is told anew only when it has changed by something.
        if (patience := math.ceil(patience * 10) / 10) != self._patience:
            self._raw.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
            self._patience = patience
        self._raw.execute("BEGIN IMMEDIATE")
        return self

    def mark(self) -> None:
        """Whatever comes now can be undone by itself."""
        self._raw.execute("SAVEPOINT part")

    def keep(self) -> None:
        """Ends the part that began with the mark."""
        self._raw.execute("RELEASE part")

    def undo(self) -> None:
        """Takes back what came since the mark. Raises when SQLite has taken back everything."""
        self._raw.execute("ROLLBACK TO part")
        self._raw.execute("RELEASE part")

    def commit(self) -> None:
        """Writes it to the disk; after an erasure, takes the earlier pages off it too. Raises when nothing was kept."""
        try:
            self._raw.commit()
        except BaseException:
            self._raw.rollback()
            raise
        if self.connection.info.pop(ERASED, False):
            empty_journal(self._raw, self._journal)

    def roll_back(self) -> None:
        """Takes back everything."""
        self._raw.rollback()

    def close(self) -> None:
        """Closes the connection, and takes back what is still open on it."""
        self.connection.close()


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
