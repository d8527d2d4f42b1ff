"""Where faults are played: a database, a file outside it that every effect is written to, and workers to be killed."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from bot.core.message import Reply
from storage.crypto import Keyring
from storage.engine import Database
from tests.postgres import DURABLE, TemporaryPostgres

CHANNEL = "file"
KILL_AFTER = (0.06, 0.8)
"""Seconds between a worker's being ready and its SIGKILL."""

READY_WITHIN = 60.0
"""Seconds until a worker must be ready."""


@dataclass(frozen=True)
class Plan:
    """What a worker is told, as JSON on its command line."""

    url: str
    keys: str
    effects: str
    socket: str = ""
    window: int = 30
    per_second: float = 200.0
    lease: float = 2.0
    call: float = 1.0
    latency: float = 0.005
    """Seconds the platform takes before it has a message, and again before it says so."""


@dataclass(frozen=True)
class Stage:
    """An empty database with all tables, and the file of effects."""

    plan: Plan
    database: Database

    def fill(self, persons: int, each: int) -> None:
        """Queues broadcasts: `each` to every person, the text of each its name ("12:0")."""
        now = datetime.now(UTC)
        for begin in range(0, persons, 500):
            with self.database.work() as work:
                for person in range(begin, min(begin + 500, persons)):
                    known = work.people.meet(CHANNEL, str(person), now, "en")
                    bodies = [json.dumps(Reply(f"{person}:{place}").as_data()).encode() for place in range(each)]
                    work.deliveries.add(known, "notice:1", bodies, now, lane="broadcast")

    def pending(self) -> int:
        with self.database.read() as work:
            return work.deliveries.pending(CHANNEL)

    def rows(self, sql: str) -> list[Any]:
        with self.database.read() as work:
            return list(work.connection.exec_driver_sql(sql).all())

    def effects(self) -> list[str]:
        """Every message that arrived, in order of arrival; a line cut off by a kill never arrived."""
        return Path(self.plan.effects).read_text().split("\n")[:-1]


@contextmanager
def stage(kind: str, **plan: Any) -> Iterator[Stage]:
    """A stage on "sqlite" or "postgresql"; the latter with fsync on."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = Keyring.new()
        keyring.write(Path(folder) / "keys.toml")
        (Path(folder) / "effects").touch()
        paths = {"keys": f"{folder}/keys.toml", "effects": f"{folder}/effects", "socket": f"{folder}/door"}
        with _address(kind, folder) as url, Database.open(url, keyring) as database:
            if kind == "postgresql" and (fsync := database_setting(database, "fsync")) != "on":
                raise RuntimeError(f"a kill run needs fsync=on, not {fsync}")
            yield Stage(Plan(url=url, **paths, **plan), database)


def database_setting(database: Database, name: str) -> str:
    with database.read() as work:
        return str(work.connection.exec_driver_sql(f"SHOW {name}").scalar_one())


@contextmanager
def _address(kind: str, folder: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/faults.db"
        return
    with TemporaryPostgres(DURABLE) as server:
        yield server.url(server.create())


class Nursery:
    """A process that has everything imported and forks workers from itself, so that a new one is ready at once."""

    def __init__(self, role: str, plan: Plan) -> None:
        command = [sys.executable, "-m", "tests.faults.worker", role, json.dumps(asdict(plan))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("open")

    def worker(self, number: int = 0) -> int:
        """A worker that is ready; its process id."""
        assert self._process.stdin
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return int(self._expect("ready").split()[1])

    def _expect(self, word: str) -> str:
        assert self._process.stdout
        # One that died before it was ready says nothing for ever, while its nursery lives on.
        is_there, _, _ = select.select([self._process.stdout], [], [], READY_WITHIN)
        line = self._process.stdout.readline() if is_there else ""
        if not line.startswith(word):
            raise RuntimeError(f"the worker said {line!r} instead of {word}")
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


class Killer:
    """Keeps `workers` alive and kills each of them at a random moment, `kills` times in all."""

    def __init__(self, nursery: Nursery, chance: random.Random, workers: int, kills: int) -> None:
        self._nursery, self._chance, self._left, self.kills = nursery, chance, kills, 0
        self._living = {number: self._start(number) for number in range(workers)}

    def tick(self) -> None:
        """Kills whose time has come; call it often."""
        for number, (pid, dies_at) in list(self._living.items()):
            if self._left and monotonic() >= dies_at:
                os.kill(pid, signal.SIGKILL)
                self._left -= 1
                self.kills += 1
                self._living[number] = self._start(number)

    @property
    def is_done(self) -> bool:
        return self._left == 0

    def tell(self, what: signal.Signals) -> None:
        """Sends a signal to the workers that live now."""
        for pid, _ in self._living.values():
            os.kill(pid, what)

    def end(self) -> None:
        """Asks the last workers to stop in good order."""
        self.tell(signal.SIGTERM)
        deadline = monotonic() + 15
        for pid, _ in self._living.values():
            while _lives(pid) and monotonic() < deadline:
                sleep(0.02)

    def _start(self, number: int) -> tuple[int, float]:
        return self._nursery.worker(number), monotonic() + self._chance.uniform(*KILL_AFTER)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def report(**figures: Any) -> dict[str, Any]:
    """The figures of a run with the commit they belong to; print them as one JSON line."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"commit": said.stdout.strip() or "unknown", "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", **figures}


def facts(database: Database) -> dict[str, str]:
    """How the database keeps what is committed. SIGKILL doesn't test fsync: what was written stays with the system."""
    kept = database.facts
    figures = {"database": kept.kind, "version": kept.version, "journal": kept.journal_mode, "sync": kept.synchronous}
    return figures | ({"fsync": database_setting(database, "fsync")} if kept.kind == "postgresql" else {})


__all__ = ["CHANNEL", "Killer", "Nursery", "Plan", "Stage", "facts", "replace", "report", "stage"]
