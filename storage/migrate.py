"""Bringing the tables up to date: forward only, all steps in one transaction, one process at a time.

python -m storage.migrate "Add work orders"     drafts the next step from what the tables say now
python -m storage.migrate -                     runs the missing steps of the database whose address stands on standard input
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, inspect, text

from storage.errors import SchemaTooNew, SchemaTooOld

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x636C_6175_7365
"""Number of the PostgreSQL advisory lock ("clause")."""


def steps() -> list[str]:
    """Names of all steps, oldest first ("0001"), as their files are called. Costs no import of alembic."""
    found = (re.match(r"(\d{4})_\w+\.py$", file.name) for file in (FOLDER / "versions").iterdir())
    return sorted(match[1] for match in found if match)


def bring_up(reader: Engine, migrator: Engine, migrate: bool) -> None:
    """Runs the steps that the database lacks. Raises SchemaTooNew, and SchemaTooOld where `migrate` is off."""
    with reader.connect() as connection:
        if not _lacks(connection):
            return
    if not migrate:
        raise SchemaTooOld(
            f"the database lacks migrations up to {steps()[-1]}; start the program once with the rights to change tables"
        )
    with migrator.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        if _lacks(connection):  # Another process may have run them while we waited.
            _run(connection)


def bring_up_apart(url: str) -> None:
    """Runs the missing steps in a process of its own: what alembic takes, 8 MB, a server would keep for ever.

    Says nothing of a failure: whoever opens the database next meets the same, and can tell what it is.
    """
    # The address goes through a pipe: it may hold a password, and a command line is everybody's to read.
    command = [sys.executable, "-m", "storage.migrate", "-"]
    subprocess.run(command, input=url, text=True, capture_output=True, check=False)  # noqa: S603  Our own program.


def _lacks(connection: Connection) -> bool:
    """True when steps are missing. Raises SchemaTooNew."""
    known, at = steps(), None
    if inspect(connection).has_table("alembic_version"):
        at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    if at is not None and at not in known:
        raise SchemaTooNew(
            f"the database is at version {at} and this program knows versions up to {known[-1]}: "
            "a newer program has been here. Run that one, or restore a backup made before it"
        )
    return at != known[-1]


def _run(connection: Connection) -> None:
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise RuntimeError(f"a migration broke references from {sorted({row[0] for row in broken})}")


def configuration() -> "Config":
    """Where the steps are; works from an installed package, without a settings file."""
    # Imported here, as in _run: a start with nothing to do is quicker without alembic.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def draft(message: str) -> None:
    """Writes the next step from the difference between the steps so far and the tables as they are now."""
    from alembic import command

    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/draft.db")
        with engine.begin() as connection:
            _run(connection)
            config = configuration()
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True, rev_id=f"{int(steps()[-1]) + 1:04d}")
        engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m storage.migrate "What changes", or - to run the steps')
    if sys.argv[1] == "-":
        from storage.crypto import Keyring
        from storage.engine import Database

        Database.open(sys.stdin.read(), Keyring.new()).close()
    else:
        draft(sys.argv[1])
