"""PostgreSQL: how a connection is made so that what is committed is kept, and nobody waits for long."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from storage.errors import CannotOpen

PATIENCE = 3.0
"""Seconds a statement, a lock or a free connection is waited for."""
DURABLE = ("on", "remote_apply")
"""Values of synchronous_commit that keep an acknowledged commit through a crash (PostgreSQL, "Asynchronous Commit")."""
SETTINGS = (
    f"SET statement_timeout = '{PATIENCE:g}s'",
    f"SET lock_timeout = '{PATIENCE:g}s'",
    "SET idle_in_transaction_session_timeout = '30s'",
    # A weaker value may come from the role or the server; a stronger one is left alone.
    "SELECT set_config('synchronous_commit', 'on', false) "
    f"WHERE current_setting('synchronous_commit') NOT IN {DURABLE}",
)


def address(url: URL) -> URL:
    """The address with the driver we use. Raises CannotOpen when another one is asked for."""
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise CannotOpen(f"DATABASE_URL: {url.drivername} is not supported; use postgresql:// or sqlite://")
    return url.set(drivername="postgresql+psycopg")


def engine_for(url: URL) -> Engine:
    """A pool of connections. Raises CannotOpen when the driver is missing."""
    try:
        engine = create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_size=8,
            max_overflow=8,
            pool_timeout=PATIENCE,
            pool_pre_ping=True,
            connect_args={"connect_timeout": int(PATIENCE), "application_name": "clausebot"},
            hide_parameters=True,
        )
    except (ModuleNotFoundError, ArgumentError) as missing:
        raise CannotOpen("DATABASE_URL: PostgreSQL needs its driver; install clausebot[postgres]") from missing

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            for setting in SETTINGS:
                cursor.execute(setting)
        connection.commit()

    return engine


def safety(connection: Connection) -> tuple[str, str]:
    """(fsync, synchronous_commit) as the server reports them. Raises CannotOpen when commits may be lost."""
    fsync, commit = (
        connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")
    )
    if commit not in DURABLE:
        raise CannotOpen(
            f"DATABASE_URL: the server keeps synchronous_commit={commit}, so answers could be lost; set it to on"
        )
    return fsync, commit
