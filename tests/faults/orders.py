"""T05a: the order machine is killed in the middle of its moves. State, trail and outbox always say the same.

python -m tests.faults.orders --orders 10000 --kills 500 --db both
"""

import argparse
import json
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import select, text

from bot.core.errors import Declined
from bot.core.message import Reply
from bot.core.order.clock import run_due
from bot.core.orders import Actor, Level, Order, Orders, Ports, Right, person, staff
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import Busy, CannotOpen, Conflict
from storage.stores.order_holds import STEADY as STEADY_CLOCK
from storage.work import Work
from tests.faults.stage import CHANNEL, Killer, Nursery, Plan, Stage, facts, report, stage
from tests.orders import STEADY, contacts, deadlines, hire

RIGHTS = (Right.ACCESS, Right.DELETION, Right.CORRECTION, Right.EXPLANATION)
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TOLD_OF = ("taken", "delivered", "executed", "answered", "refused", "withdrawn", "appealed", "approved", "warned")
"""Moves of which the person is told exactly once; of an approval only where a hold begins, of reminders the last."""

WRONG = {
    "version_not_trail": """
        SELECT count(*) FROM work_order o WHERE o.version <>
        (SELECT count(*) FROM trail t WHERE t.thing = 'order:' || o.id AND t.detail LIKE '%>%')""",
    "state_not_trail": """
        SELECT count(*) FROM work_order o WHERE NOT EXISTS (SELECT 1 FROM trail t WHERE t.thing = 'order:' || o.id
        AND t.detail LIKE '%>' || o.state || ' v' || o.version || '%')""",
    "trail_twice": """
        SELECT count(*) FROM (SELECT thing, action, detail FROM trail WHERE detail LIKE '%>%'
        GROUP BY thing, action, detail HAVING count(*) > 1) AS twice""",
    "moved_not_told": f"""
        SELECT abs((SELECT count(*) FROM delivery) - (SELECT count(*) FROM trail t JOIN work_order o
        ON t.thing = 'order:' || o.id WHERE t.detail LIKE '%>%'
        AND (t.action IN {TOLD_OF} OR (t.action = 'reminded' AND t.detail LIKE '% 100%'))
        AND (t.action <> 'approved' OR o."right" = 'deletion')))""",
    "done_without_two_staff": """
        SELECT count(*) FROM work_order WHERE (delivered_at IS NOT NULL OR executed_at IS NOT NULL)
        AND NOT (proposed_by <> approved_by AND level = 2 AND code_proven_at IS NOT NULL)""",
    "early": "SELECT count(*) FROM work_order WHERE executed_at < hold_until",
    "no_key": "SELECT count(*) FROM work_order o WHERE NOT EXISTS (SELECT 1 FROM work_order_key k WHERE k.order_id = o.id)",
}


def ports(work: Work, now: datetime, person_id: int) -> Ports:
    """The person is told by a row of the outbox, as in the real composition."""
    known = work.people.at(CHANNEL, str(person_id))
    assert known is not None

    def tell(order: Order, key: str, _values: Any) -> None:
        if key != "opened":
            body = json.dumps(Reply(key).as_data()).encode()
            work.deliveries.add(known, f"order:{order.id}:{order.version}:{key}", [body], now, lane="order")

    return Ports(tell=tell)


def fill(scene: Stage, count: int) -> None:
    """Opens `count` orders of as many accounts."""
    with scene.database.work() as work:
        hire(work, START, "ann", "ben", "cleo")
        who = work.people.meet(CHANNEL, "0", START, "en").id
    for begin in range(0, count, 250):
        with scene.database.work() as work:
            orders = Orders(work, START, deadlines())
            for number in range(begin, min(begin + 250, count)):
                right = RIGHTS[number % len(RIGHTS)]
                orders.open(
                    who, right, language="en", level=Level.PORTAL, account_id=f"K-{number}", code_proven_at=START
                )


def one_move(orders: Orders, order: Order, chance: random.Random, who: int) -> None:
    """Something that somebody might do now; most of it is sensible."""
    by, other = chance.sample((1, 2, 3), 2)
    tries = {
        "open": (
            *[lambda: orders.take(order, by)] * 8,
            lambda: orders.withdraw(order, who),
            lambda: orders.refuse(order, by, "other"),
        ),
        "in_progress": (
            lambda: orders.propose(order, by),
            lambda: orders.approve(order, other, contacts(orders.now, 99, 99), STEADY),
            lambda: orders.deliver(order, staff(by)),
            lambda: orders.execute(order, Actor("bot")),
            lambda: orders.answer(order, by),
            lambda: orders.release(order, by),
            lambda: orders.attach(order, staff(by), "x", "text/plain", b"x" * 500, internal=False),
        ),
        "refused": (lambda: orders.appeal(order, who), lambda: orders.remark(order, person(who), "why", internal=False)),
        "answered": (lambda: orders.close(order),),
    }  # fmt: skip
    some = tries.get(order.state)
    if some:
        chance.choice(some)()


def worker(plan: Plan, number: int, ready: str) -> None:
    """Moves orders until it is killed or told to stop. Its hours pass quickly, so that holds come to their end."""
    chance, going = random.Random(number * 7919 + int(monotonic() * 1e6)), [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    with opened(plan) as database:
        while True:
            with suppress(Busy):
                most, late, who = _begin(database)
                break
        now = late or START
        print(ready, end="", flush=True)
        while going:
            now += timedelta(minutes=20)
            with suppress(Busy):
                _some_moves(database, now, chance, most, who)


def _begin(database: Database) -> tuple[int, datetime | None, int]:
    """The last order, how late it is, and who asks."""
    with database.read() as work:
        most = int(work.connection.exec_driver_sql("SELECT max(id) FROM work_order").scalar_one())
        late = work.connection.execute(select(STEADY_CLOCK.c.at)).scalar_one_or_none()
        known = work.people.at(CHANNEL, "0")
    assert known is not None
    return most, late, known.id


def _some_moves(database: Database, now: datetime, chance: random.Random, most: int, who: int) -> None:
    if chance.random() < 0.1:
        run_due(database, now, deadlines(), partial(ports, now=now, person_id=0))
    with database.work() as work:
        orders = Orders(work, now, deadlines(), ports(work, now, 0))
        for _ in range(chance.randint(1, 4)):
            order = work.orders.of_id(1 + int(most * chance.random() ** 4))  # Some of them get far.
            assert order is not None
            with suppress(Declined, Conflict):
                one_move(orders, order, chance, who)


def opened(plan: Plan) -> Database:
    """The database, as soon as whoever holds it lets go."""
    while True:
        with suppress(CannotOpen):
            return Database.open(plan.url, Keyring.read(Path(plan.keys)), migrate=False)


class OrdersNursery(Nursery):
    """Forks workers that move orders."""

    def __init__(self, plan: Plan) -> None:
        command = [sys.executable, "-m", "tests.faults.orders", "--worker", json.dumps(asdict(plan))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("open")


def wrong(scene: Stage) -> dict[str, int]:
    """How often each invariant is broken now."""
    while True:
        with suppress(Busy), scene.database.read() as work:
            return {name: int(work.connection.execute(text(sql)).scalar_one()) for name, sql in WRONG.items()}


def unlike(scene: Stage) -> int:
    """How many moves and messages don't belong together, one by one."""
    with scene.database.read() as work:
        rows = work.connection.execute(
            text(
                'SELECT t.thing, t.detail, o."right", t.action FROM trail t JOIN work_order o '
                "ON t.thing = 'order:' || o.id WHERE t.detail LIKE '%>%'"
            )
        ).all()
        causes = work.connection.execute(text("SELECT cause FROM delivery")).scalars().all()
    moved = {
        (thing.split(":")[1], detail.split(" v")[1].split()[0])
        for thing, detail, right, action in rows
        if (action in TOLD_OF or (action == "reminded" and "100%" in detail))
        and (action != "approved" or right == "deletion")
    }
    return len(moved ^ {tuple(cause.split(":")[1:3]) for cause in causes})


def run(
    kind: str, orders: int, kills: int, workers: int = 1, seed: int = 1, patience: float = 3600.0
) -> dict[str, Any]:
    """Kills the workers `kills` times and looks at every order after each kill."""
    began, broken, looks = monotonic(), dict.fromkeys(WRONG, 0), 0
    with stage(kind) as scene:
        fill(scene, orders)
        filled = monotonic() - began
        with OrdersNursery(scene.plan) as nursery:
            killer, seen = Killer(nursery, random.Random(seed), workers, kills), 0
            try:
                # One look a kill; where two die at once, one look is for both.
                while not killer.is_done and monotonic() - began < patience:
                    sleep(0.01)
                    killer.tick()
                    if killer.kills > seen:
                        seen, looks = killer.kills, looks + 1
                        broken = {name: max(count, broken[name]) for name, count in wrong(scene).items()}
            finally:
                killer.end()
        broken = {name: max(count, broken[name]) for name, count in wrong(scene).items()}
        states = dict(scene.rows("SELECT state, count(*) FROM work_order GROUP BY state"))
        ((moves,),) = scene.rows("SELECT count(*) FROM trail")
        ((done,),) = scene.rows(
            "SELECT count(*) FROM work_order WHERE executed_at IS NOT NULL OR delivered_at IS NOT NULL"
        )
        return report(
            test="T05a orders",
            seed=seed,
            **facts(scene.database),
            orders=orders,
            workers=workers,
            kills=killer.kills,
            looks=looks,
            moves=moves,
            results=done,
            states=states,
            **broken,
            unlike=unlike(scene),
            seconds_filling=round(filled, 1),
            seconds=round(monotonic() - began, 1),
        )


def holds(seen: dict[str, Any]) -> bool:
    """Whether nothing was broken, and the run was worth it."""
    return all(seen[name] == 0 for name in (*WRONG, "unlike")) and seen["kills"] > 0 and seen["moves"] > seen["orders"]


def _nursery(plan: Plan) -> None:
    import os

    deadlines()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("open", flush=True)
    for line in sys.stdin:
        if os.fork():
            continue
        os.close(0)
        worker(plan, int(line), f"ready {os.getpid()} {line.strip()}\n")
        os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults.orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1, help="processes at once; SQLite is made for one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--db", choices=("sqlite", "postgres", "postgresql", "both"), default="both")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        _nursery(Plan(**json.loads(asked.worker)))
        return 0
    kept = True
    kinds = {"both": ("sqlite", "postgresql"), "sqlite": ("sqlite",)}.get(asked.db, ("postgresql",))
    for kind in kinds:
        seen = run(kind, asked.orders, asked.kills, asked.workers, asked.seed)
        kept = kept and holds(seen)
        print(json.dumps({**seen, "holds": holds(seen)}), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
