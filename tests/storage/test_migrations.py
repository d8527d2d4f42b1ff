"""The steps of the database: equal to the tables, safe to run at once, and never backwards."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlmodel import SQLModel

from storage import migrate
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import CannotOpen, SchemaTooNew, SchemaTooOld
from tests.conftest import Clock


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
    else:
        server = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)


def schema(connection: Connection) -> set[tuple[Any, ...]]:
    """Everything the database itself knows of its tables, down to checks and partial indexes."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"))
        return {(kind, name, " ".join((sql or "").replace("\n", " ").split())) for kind, name, sql in rows}
    parts = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes "
        "WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    )
    return {tuple(row) for part in parts for row in connection.execute(text(part))}


def test_the_steps_make_what_the_tables_say(empty_url: str, keyring: Keyring) -> None:
    Database.open(empty_url, keyring).close()
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    engine.dispose()


def test_the_steps_make_the_very_schema_of_the_tables(
    empty_url: str, keyring: Keyring, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Stricter than the comparison by alembic, which doesn't look at checks."""
    Database.open(empty_url, keyring).close()
    if empty_url.startswith("sqlite"):
        other_url = f"sqlite:///{tmp_path}/other.db"
    else:
        server = request.getfixturevalue("postgres")
        name = server.create()
        request.addfinalizer(lambda: server.drop(name))
        other_url = server.url(name)
    stepped, made = create_engine(empty_url), create_engine(other_url)
    SQLModel.metadata.create_all(made)
    with stepped.connect() as one, made.connect() as other:
        assert schema(one) == schema(other)
        assert len(schema(one)) > 15
    stepped.dispose()
    made.dispose()


def test_a_difference_would_be_seen(empty_url: str, keyring: Keyring) -> None:
    Database.open(empty_url, keyring).close()
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE trail ADD COLUMN more VARCHAR"))
        difference = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    assert [step[0] for step in difference] == ["remove_column"]
    engine.dispose()


def test_the_newest_step_is_the_one_alembic_sees() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration())
    assert scripts.get_heads() == [migrate.steps()[-1]]
    assert sorted(step.revision for step in scripts.walk_revisions()) == migrate.steps()


def test_a_start_with_nothing_to_do_leaves_alembic_alone(tmp_path: Path, keyring: Keyring) -> None:
    keyring.write(tmp_path / "keys.toml")
    Database.open(f"sqlite:///{tmp_path}/c.db", keyring).close()
    program = OPEN_IT + "print('alembic' in sys.modules)"
    assert _run(program, f"sqlite:///{tmp_path}/c.db", tmp_path / "keys.toml").split()[-1] == "False"


def test_three_processes_that_start_at_once_are_fine(empty_url: str, keyring: Keyring, tmp_path: Path) -> None:
    keyring.write(tmp_path / "keys.toml")
    program = OPEN_IT + "print('open')"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_url, str(tmp_path / "keys.toml")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    assert [process.communicate(timeout=90)[0] for process in started] == ["open\n"] * 3
    with Database.open(empty_url, keyring) as database, database.read() as work:
        versions = work.connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert versions == [migrate.steps()[-1]]


def test_a_newer_database_is_refused_and_left_alone(empty_url: str, keyring: Keyring, clock: Clock) -> None:
    with Database.open(empty_url, keyring) as database, database.work() as work:
        work.trail.add(clock(), "bot", "opened", "x:1")
        work.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNew, match=r"9999.*newer program"):
        Database.open(empty_url, keyring)
    with pytest.raises(SchemaTooNew):
        Database.open(empty_url, keyring, migrate=False)
    engine = _plain(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM trail")).scalar_one() == 1
    engine.dispose()


def test_an_older_database_is_only_reported_where_asked(empty_url: str, keyring: Keyring) -> None:
    with pytest.raises(SchemaTooOld, match=migrate.steps()[-1]):
        Database.open(empty_url, keyring, migrate=False)
    Database.open(empty_url, keyring).close()
    Database.open(empty_url, keyring, migrate=False).close()


def test_a_database_of_somebody_else_is_refused_whole(empty_url: str, keyring: Keyring) -> None:
    """It has a table of one of our names, half way down the step: nothing of ours may be left in it."""
    engine = _plain(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE turn (theirs INTEGER)"))
    with pytest.raises(CannotOpen, match="exists"):
        Database.open(empty_url, keyring)
    with engine.connect() as connection:
        assert {row[0] for row in schema(connection)} <= {"turn", "table"}
        assert len(schema(connection)) == 1
    engine.dispose()


OPEN_IT = """
import sys
from pathlib import Path
from storage.crypto import Keyring
from storage.engine import Database
Database.open(sys.argv[1], Keyring.read(Path(sys.argv[2]))).close()
"""


def _run(program: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _plain(url: str) -> Engine:
    return create_engine(url)
