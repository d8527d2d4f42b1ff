"""What all tests share: both databases, a clock that can be turned, and keys."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from storage.crypto import Keyring
from storage.engine import Database
from tests.postgres import NoPostgres, TemporaryPostgres

if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 2 * 1024**3:
    # In memory where there is some: thousands of commits wait for a disk otherwise, and no test asks about the disk.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: nearly half of a test's time is waiting for something."""
    return (os.cpu_count() or 1) + 1


class Clock:
    """A clock that stands still until it is turned: clock() is now, clock.turn(hours=2) lets time pass."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.new()


@pytest.fixture(scope="session")
def postgres() -> Iterator[TemporaryPostgres]:
    """One PostgreSQL server for the whole session."""
    try:
        server = TemporaryPostgres()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres: TemporaryPostgres, keyring: Keyring) -> str:
    """A database with all tables; `database_url` empties it for every test, which is ten times as quick as a copy."""
    name = postgres.create()
    Database.open(postgres.url(name), keyring).close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A file with all tables and no rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "clausebot.db"
    Database.open(f"sqlite:///{path}", keyring).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with all tables, on each kind of database in turn."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "clausebot.db")
        yield f"sqlite:///{path}"
    else:
        server, name = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_database")
        if not server.tables(name) >= set(SQLModel.metadata.tables):  # A test took some away.
            server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
            Database.open(server.url(name), request.getfixturevalue("keyring")).close()
        server.empty(name)
        yield server.url(name)


@pytest.fixture
def database(database_url: str, keyring: Keyring) -> Iterator[Database]:
    with Database.open(database_url, keyring) as opened:
        yield opened
