"""How long it takes to chain and to verify the audit trail.

    python -m tests.storage.bench_trail [entries] [database url | postgresql]

Default: 1,000,000 entries on a new SQLite file in the temporary folder; `postgresql` starts a throw-away server.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter, process_time

from storage.chain import TRAIL, chain, is_behind
from storage.chain_check import verify
from storage.crypto import Keyring
from storage.engine import Database
from tests.postgres import DURABLE, TemporaryPostgres

BEGIN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def fill(database: Database, count: int) -> None:
    """Writes entries as the program would, 10,000 a transaction."""
    for start in range(0, count, 10_000):
        rows = [
            {
                "at": BEGIN + timedelta(seconds=number),
                "actor": f"staff:{number % 40}",
                "action": "reviewed",
                "thing": f"order:{number // 12}",
                "detail": f"privacy.5.3 第{number % 7}步",
            }
            for number in range(start, min(start + 10_000, count))
        ]
        with database.work() as work:
            work.connection.execute(TRAIL.insert(), rows)


@contextmanager
def place(where: str) -> Iterator[str]:
    """The address of the database."""
    if where == "postgresql":
        with TemporaryPostgres(DURABLE) as server:
            yield server.url(server.create())
    elif where:
        yield where
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/trail.db"


def main() -> None:
    """Prints one line a figure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with place(sys.argv[2] if len(sys.argv) > 2 else "") as url, Database.open(url, Keyring.new()) as database:
        facts = database.facts
        print(f"{facts.kind} {facts.version}, {facts.journal_mode}, synchronous {facts.synchronous}, {count:,} entries")
        fill(database, count)
        now, done, longest, start = BEGIN + timedelta(seconds=count), 1, 0.0, perf_counter()
        while done:
            began = perf_counter()
            with database.work() as work:
                done = chain(work, now)
            longest = max(longest, perf_counter() - began)
        spent = perf_counter() - start
        print(f"chained   {spent:6.2f} s, {count / spent:,.0f} a second, longest pass {longest * 1000:.0f} ms")
        with database.work() as work:
            work.connection.exec_driver_sql("ANALYZE")  # As PostgreSQL does by itself within a minute.
        for _ in range(3):
            start, cpu = perf_counter(), process_time()
            verdict = verify(database.read, ())
            print(f"verified  {perf_counter() - start:6.2f} s, {process_time() - cpu:.2f} s of this process's CPU")
            assert verdict.broken is None
            assert (verdict.seen, verdict.waiting) == (count, 0)
        idle = []
        for _ in range(200):
            start = perf_counter()
            with database.read() as work:
                assert not is_behind(work, now + timedelta(hours=1))
            idle.append(perf_counter() - start)
        print(f"idle look {median(idle) * 1e6:6.0f} us (median of 200)")


if __name__ == "__main__":
    main()
