"""How many turns a second the store can take, and how long one takes.

    python -m tests.storage.bench [turns] [database url]

Each turn is one transaction: person found, state read, 1 turn, 1 receipt, 1 key seen, 1 delivery, 1 trail entry,
state written, commit. Default: 2,000 turns on a new SQLite file in the temporary folder.
"""

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from threading import Thread
from time import perf_counter

from storage.crypto import Keyring
from storage.engine import Database
from storage.work import Work

STATE = b'{"flow": null, "topic": "privacy.5.3", "choices": ["1", "2", "3"]}'
REPLY = b'{"text": "' + b"A plain answer of about the usual length. " * 8 + b'", "choices": []}'


def one_turn(work: Work, user: str, number: int) -> None:
    now = datetime.now(UTC)
    if work.conversations.turn_of(f"bench:{number}"):
        return
    person = work.people.meet("bench", user, now, "en")
    state = work.conversations.state(person)
    clauses = ("privacy.5.3", "privacy.5.4")
    turn = work.conversations.add_turn(person, now, "How do I have my data deleted?", "answered", None, clauses, 0.8)
    work.conversations.add_receipt(f"R{number}", now, "kenpai", "2023-12-15", "0" * 64, clauses, "en", turn)
    work.conversations.mark_seen(f"bench:{number}", now, turn)
    work.deliveries.add(person, f"turn:{turn}", [REPLY], now, f"c{number}", now + timedelta(seconds=60))
    work.trail.add(now, f"person:{person.id}", "answered", f"turn:{turn}")
    work.conversations.save_state(person, STATE, state.version, now)


def settle(work: Work, _user: str, number: int) -> None:
    work.deliveries.settle(number + 201, f"c{number}", "sent", datetime.now(UTC))


def timed(database: Database, numbers: range, what: Callable[[Work, str, int], None]) -> list[float]:
    """Milliseconds of each transaction."""
    taken = []
    for number in numbers:
        start = perf_counter()
        with database.work() as work:
            what(work, f"user{number % 200}", number)
        taken.append((perf_counter() - start) * 1000)
    return taken


def report(name: str, taken: list[float], seconds: float) -> None:
    cuts = quantiles(taken, n=100)
    print(
        f"{name}: {len(taken) / seconds:.0f} commits/s, p50 {cuts[49]:.2f} ms, p95 {cuts[94]:.2f}, p99 {cuts[98]:.2f}"
    )


def main(turns: int, url: str) -> None:
    with Database.open(url, Keyring.new()) as database:
        print(database.facts)
        timed(database, range(-200, 0), one_turn)
        start = perf_counter()
        report("1 thread", timed(database, range(turns), one_turn), perf_counter() - start)
        start, all_taken = perf_counter(), list[float]()
        parts = [range(turns + turns * part // 4, turns + turns * (part + 1) // 4) for part in range(4)]
        threads = [Thread(target=lambda part=part: all_taken.extend(timed(database, part, one_turn))) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report("4 threads", all_taken, perf_counter() - start)
        start = perf_counter()
        report("settling alone", timed(database, range(turns), settle), perf_counter() - start)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 2_000,
            sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/bench.db",
        )
