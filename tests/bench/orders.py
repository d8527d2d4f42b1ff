"""How long staff wait for a list with very many orders open, and how long a move takes.

    python -m tests.bench.orders --orders 100000 --db both

Each figure is over `--times` calls with changing arguments, in a transaction of its own; p99 is what is promised. The last
column is the p99 of the processor's time of this process: on SQLite all there is but the disk, whoever else is at work.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from time import perf_counter, thread_time
from typing import Any

from sqlalchemy import text

from bot.core.numbers import number_of
from bot.core.orders import Level, Orders, Right
from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.orders import ORDER, Order, Wanted
from tests.orders import deadlines, hire
from tests.postgres import DURABLE, TemporaryPostgres

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PROMISED_MS = 50
ACCOUNTS, STAFF = 100_000, 20
STRICT = {Right.ACCESS, Right.PORTABILITY, Right.CORRECTION, Right.DELETION, Right.CLOSURE}
DESTROYS = {Right.DELETION, Right.CLOSURE}
ENDED = ("answered", "closed", "refused", "withdrawn", "expired")


def fill(database: Database, count: int) -> None:
    """`count` open orders of all rights, received over two weeks, a tenth of them proposed, a fifth on hold where the right
    destroys; and half as many that have ended. A copy of a real one each."""
    chance, rights = random.Random(1), list(Right)
    with database.work() as work:
        hire(work, START, *(f"staff {number}" for number in range(STAFF)))
        people = [work.people.meet("bench", str(number), START, "en").id for number in range(500)]
        one = Orders(work, START, deadlines()).open(
            people[0], Right.ACCESS, language="en", level=Level.PORTAL, account_id="K-x", code_proven_at=START
        )
    numbers, total = random.Random(2), count * 3 // 2

    def subject(number: int) -> str:
        return f"account:{database.keyring.blind('account', f'K-{number}')}"

    for begin in range(0, total, 2_000):
        rows = []
        for number in range(begin, min(begin + 2_000, total)):
            received = START + timedelta(seconds=chance.randrange(14 * 86_400))
            due = received + timedelta(days=15)
            state = "closed" if number >= count else chance.choice(("open", "in_progress", "in_progress", "verifying"))
            row = {name: value for name, value in one._asdict().items() if name not in ("id", "joined")}
            row |= {"number": number_of([numbers.randrange(32) for _ in range(7)]), "subject": subject(number)}
            row |= {"person_id": people[number % 500], "right": rights[number % 11].value, "state": state}
            row |= {"received_at": received, "opened_at": received, "due_at": due, "told_due_at": due}
            row |= {"next_at": received + timedelta(days=7), "urgent": rights[number % 11] is Right.SECURITY}
            row |= {"assignee": chance.randint(1, STAFF) if state == "in_progress" else None}
            row |= {"ended_at": received if state == "closed" else None}
            if state == "in_progress" and rights[number % 11] in STRICT:
                row |= _signed(chance, row, holds=rights[number % 11] in DESTROYS)
            rows.append(row)
        with database.work() as work:
            work.connection.execute(ORDER.insert(), rows)
    with database.work() as work:
        work.connection.execute(text("ANALYZE"))


def _signed(chance: random.Random, row: dict[str, Any], *, holds: bool) -> dict[str, Any]:
    """What staff have signed of an order so far."""
    at, (one, other) = row["received_at"], chance.sample(range(1, STAFF + 1), 2)
    proposed, kind = {"proposed_by": one, "proposed_at": at}, chance.random()
    if kind < 0.2 and holds:
        hold = {"approved_by": other, "approved_at": at, "hold_until": at + timedelta(days=3), "hold_seen_until": 1e9}
        return proposed | hold
    none = dict.fromkeys(("approved_by", "approved_at", "hold_until", "hold_seen_until"))
    return (proposed if kind < 0.3 else {"proposed_by": None, "proposed_at": None}) | none


def asked(database: Database) -> dict[str, Callable[[random.Random], object]]:
    """What staff and the clock ask for."""

    def search(wanted: Callable[[random.Random], Wanted]) -> Callable[[random.Random], object]:
        def run(chance: random.Random) -> object:
            with database.read() as work:
                return work.orders.search(wanted(chance))

        return run

    def ticking(chance: random.Random) -> object:
        with database.work() as work:
            return work.orders.ticking(START + timedelta(days=7, seconds=chance.randrange(86_400)), 100)

    def due(chance: random.Random) -> object:
        with database.read() as work:
            return work.orders.due(START + timedelta(days=15, seconds=chance.randrange(14 * 86_400)))

    def by_number(_chance: random.Random) -> object:
        with database.read() as work:
            return work.orders.get("KP-0000-0000")

    with database.read() as work:
        pages = work.orders.search(Wanted(), 5_000)
    rights = [right.value for right in Right]

    def after(chance: random.Random) -> Order:
        return chance.choice(pages)

    return {
        "list, first page": search(lambda _: Wanted()),
        "list, a later page": search(lambda chance: Wanted(after=after(chance))),
        "list of one staff member": search(lambda chance: Wanted(assignee=chance.randint(1, STAFF + 1))),
        "list of what nobody has": search(lambda _: Wanted(unassigned=True)),
        "list of one right": search(lambda chance: Wanted(right=chance.choice(rights))),
        "list of one state": search(lambda chance: Wanted(states=(chance.choice(("open", "verifying", "refused")),))),
        "right and staff member": search(
            lambda chance: Wanted(right=chance.choice(rights), assignee=chance.randint(1, STAFF))
        ),
        "urgent, held, proposed": search(
            lambda chance: Wanted(**{chance.choice(("urgent", "held", "proposed")): True})
        ),
        "held, of one right": search(lambda chance: Wanted(held=True, right=chance.choice(rights))),
        "in progress, and nobody has it": search(lambda _: Wanted(states=("in_progress",), unassigned=True)),
        "unproven, and somebody has it": search(
            lambda chance: Wanted(states=("verifying",), assignee=chance.randint(1, STAFF))
        ),
        "ended, of one staff member": search(lambda chance: Wanted(states=ENDED, assignee=chance.randint(1, STAFF))),
        "ended, of one right": search(lambda chance: Wanted(states=ENDED, right=chance.choice(rights))),
        "search by account": search(lambda chance: Wanted(account_id=f"K-{chance.randrange(ACCOUNTS)}")),
        "search by beginning of number": search(
            lambda chance: Wanted(number=f"KP-{chance.choice('0123456789ABCDEF')}7")
        ),
        "search by person": search(lambda chance: Wanted(person_id=chance.randint(1, 500))),
        "search by number": by_number,
        "due before a day": due,
        "due for the clock": ticking,
    }


def run(kind: str, url: str, orders: int, times: int) -> bool:
    """Prints the figures; whether all are within what is promised."""
    good = True
    with Database.open(url, Keyring.new()) as database:
        began = perf_counter()
        fill(database, orders)
        facts = database.facts
        head = {
            "database": facts.kind,
            "version": facts.version,
            "journal": facts.journal_mode,
            "sync": facts.synchronous,
        }
        print(json.dumps({**head, "open orders": orders, "filled in s": round(perf_counter() - began, 1)}), flush=True)
        for name, ask in asked(database).items():
            chance, taken, spent = random.Random(3), list[float](), list[float]()
            for _ in range(times):
                start, cpu = perf_counter(), thread_time()
                ask(chance)
                spent.append((thread_time() - cpu) * 1000)
                taken.append((perf_counter() - start) * 1000)
            cuts, work = quantiles(taken, n=100), quantiles(spent, n=100)
            good = good and cuts[98] <= PROMISED_MS
            said = f"p50 {cuts[49]:6.2f} ms   p99 {cuts[98]:6.2f} ms   of the processor {work[98]:6.2f} ms"
            print(f"{kind:10} {name:32} {said}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.bench.orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
    chosen = parser.parse_args()
    good = True
    if chosen.db != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            good = run("sqlite", f"sqlite:///{folder}/bench.db", chosen.orders, chosen.times)
    if chosen.db != "sqlite":
        with TemporaryPostgres(DURABLE) as server:
            good = run("postgresql", server.url(server.create()), chosen.orders, chosen.times) and good
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
