"""T05a, what orders tell: the program is killed while it moves orders, makes packages, writes to contacts and sends.

  python -m tests.faults.notices --orders 2000 --kills 200 --db both
  python -m tests.faults.notices --orders 200 --kills 40 --naive     mails queued after the commit: it must be found

Every contact of an account must get every notice: of a hold, of its coming end, of a package; and so must the chat. What
arrives is counted at the receiver, in a file outside. One that arrives twice was flagged, and each kill makes at most
`window` of them on each of the two channels. Every link that arrived must work.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from math import inf
from random import Random
from time import monotonic, sleep
from typing import Any

import structlog
from sqlalchemy import text

from bot.channels.memory import MemoryChannel
from bot.core import announcing
from bot.core.accounts import Account, MemoryDirectory
from bot.core.announcing import Announcing
from bot.core.channel import Lane, Limits, Receipt
from bot.core.clock import system_clock
from bot.core.codes import Codes
from bot.core.contacts import Contact, Kind
from bot.core.delivery import Sender
from bot.core.errors import Declined
from bot.core.ledger import Times
from bot.core.message import Address, Reply
from bot.core.order.clock import run_due
from bot.core.orders import Actor, Level, Order, Orders, Right, staff
from bot.core.voice import Voice
from bot.request_desk import ports_of, reach_of
from bot.settings import Settings
from intents.wording import Wording
from knowledge.library import load_policy
from storage.engine import Database
from storage.errors import Busy, Conflict
from storage.stores.order_holds import STEADY
from storage.stores.results import Made, hashed
from storage.work import Work
from tests.faults import orders as moving
from tests.faults.stage import CHANNEL, Killer, Nursery, Plan, Stage, facts, report, stage
from tests.orders import deadlines, hire

RIGHTS = (Right.ACCESS, Right.DELETION)
START = moving.START - timedelta(days=365)
"""Their hours pass quickly; the clock of what is sent is the real one, and must stay ahead."""
STEP = timedelta(minutes=20)
PUBLIC = "https://privacy.example.com"
LINK = re.compile(rf"{PUBLIC}/(stop|result)/(\S+)")
MAILS = 2
"""Addresses of each account."""

WRONG = {
    "holds_untold": f"""
        SELECT abs((SELECT count(*) FROM delivery WHERE channel = 'email' AND cause LIKE '%v%hold%') - {MAILS} *
        (SELECT count(*) FROM trail t JOIN work_order o ON t.thing = 'order:' || o.id
         WHERE o."right" = 'deletion' AND t.action IN ('approved', 'warned')))""",
    "delivered_without_package": """
        SELECT count(*) FROM work_order o WHERE o.delivered_at IS NOT NULL AND 1 <>
        (SELECT count(*) FROM result r WHERE r.order_id = o.id AND r.state IN ('waiting', 'ready'))""",
    "packages_untold": f"""
        SELECT abs((SELECT count(*) FROM delivery WHERE cause LIKE 'result:%') - {MAILS} *
        (SELECT count(*) FROM result WHERE state = 'ready'))""",
    "announced_twice": """
        SELECT count(*) FROM (SELECT thing FROM trail WHERE action = 'result announced'
        GROUP BY thing HAVING count(*) > 1) AS twice""",
    "half_packages": """
        SELECT count(*) FROM result r WHERE r.state = 'ready' AND (r.size = 0 OR r.parts <>
        (SELECT count(*) FROM result_part p WHERE p.result_id = r.id))""",
}


MAILS_SO_FAR = "SELECT count(*) FROM delivery WHERE channel = 'email'"
STILL_WAITING = """
    SELECT (SELECT count(*) FROM delivery WHERE state IN ('queued', 'claimed')) +
    (SELECT count(*) FROM result WHERE state = 'waiting')"""


class Mailbox(MemoryChannel):
    """A receiver outside: a message has arrived once its line is in the file, whoever dies afterwards."""

    def __init__(self, name: str, plan: Plan) -> None:
        super().__init__(name, Limits(100_000, per_second=plan.per_second, per_address=inf))
        self._file, self._latency = os.open(plan.effects, os.O_WRONLY | os.O_APPEND), plan.latency

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        await asyncio.sleep(self._latency)
        links = [list(found) for found in LINK.findall(reply.text)]
        line = json.dumps([self.name, address.user, _digest(reply.text), links])
        os.write(self._file, f"{line}\n".encode())
        await asyncio.sleep(self._latency)
        return Receipt()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _mails(number: str, now: datetime) -> tuple[Contact, ...]:
    return tuple(Contact(Kind.EMAIL, f"{name}{number}@mail.example.com", now) for name in ("ada", "bea")[:MAILS])


class Directory(MemoryDirectory):
    """Every account has two addresses, on file for long."""

    def get(self, account_id: str) -> Account | None:
        return Account(account_id, _mails(account_id.removeprefix("K-"), START - timedelta(days=400)))


class Naive(Announcing):
    """A mutant: the link is made in one transaction, the mails are queued in the next."""

    def _see_to(self, made: Made) -> None:
        self._untold = list[tuple[Any, ...]]()
        super()._see_to(made)
        sleep(0.02)
        with self._database.work() as work:
            for what in self._untold:
                super()._tell(work, *what)

    def _tell(self, work: Work, *what: Any) -> None:
        self._untold.append(what)


class Program:
    """What one process does: moves orders, lets time pass, makes packages. Another thread than the one that sends."""

    def __init__(self, database: Database, wording: Wording, policy: Any, number: int, naive: bool) -> None:
        self.database, self.chance = database, Random(number * 7919 + int(monotonic() * 1e6))
        voices = {name: Voice(wording, policy, name) for name in wording.languages}
        settings = Settings(smtp_host="mail.example.com", smtp_from="privacy@example.com", public_url=PUBLIC)
        self._ports = ports_of(settings, Codes.of(database.keyring), voices.__getitem__)
        with database.read() as work:
            self.most = int(work.connection.exec_driver_sql("SELECT max(id) FROM work_order").scalar_one())
            self.now: datetime = work.connection.execute(STEADY.select()).one().at
        # Their days are over in seconds; the links are tried in the end.
        vars(announcing)["KEPT_FOR"] = timedelta(days=3650)
        self._announcing = (Naive if naive else Announcing)(
            database,
            Directory(),
            lambda: self.now,
            voices.__getitem__,
            reach=reach_of(settings),
            company=dict(policy.name),
            result_url=f"{PUBLIC}/result/",
        )

    def step(self, *, moves: bool) -> None:
        """A few moves, and whatever is due. Raises Busy."""
        self.now += STEP
        if moves:
            with self.database.work() as work:
                orders = Orders(work, self.now, deadlines(), self._ports(work, self.now))
                for _ in range(self.chance.randint(1, 4)):
                    order = work.orders.of_id(self.chance.randint(1, self.most))
                    assert order is not None
                    with suppress(Declined, Conflict):
                        one_move(orders, order, self.chance)
            if self.chance.random() < 0.2:
                run_due(self.database, self.now, deadlines(), lambda work: self._ports(work, self.now))
        self._announcing.run_due()


def one_move(orders: Orders, order: Order, chance: Random) -> None:
    """What staff would do next; seldom they refuse instead, and the person appeals, so that a hold comes twice."""
    by, other = chance.sample((1, 2, 3), 2)
    if order.state == "open":
        orders.take(order, by)
    elif order.state == "refused" and order.person_id is not None:
        orders.appeal(order, order.person_id)
    elif order.state != "in_progress":
        return
    elif order.proposed_by is None:
        orders.propose(order, by)
    elif order.approved_by is None:
        orders.approve(
            order, other, _mails(str(order.id - 1), orders.now - timedelta(days=99)), START - timedelta(days=400)
        )
    elif chance.random() < 0.05:
        orders.refuse(order, by, "other", "invented")
    elif order.right == "access":
        orders.deliver(order, staff(by))
    else:
        orders.execute(order, Actor("bot"))


def fill(scene: Stage, count: int) -> None:
    """Opens `count` orders, each of an account and a chat of its own."""
    with scene.database.work() as work:
        hire(work, START, "ann", "ben", "cleo")
        work.orders.holds.look(START)
    for begin in range(0, count, 250):
        with scene.database.work() as work:
            orders = Orders(work, START, deadlines())
            for number in range(begin, min(begin + 250, count)):
                who = work.people.meet(CHANNEL, str(number), START, "en").id
                proof: dict[str, Any] = {"level": Level.PORTAL, "account_id": f"K-{number}", "code_proven_at": START}
                order = orders.open(who, RIGHTS[number % len(RIGHTS)], language="en", **proof)
                assert order.id == number + 1
                if order.right == Right.ACCESS:
                    orders.attach(order, staff(1), "x", "text/plain", b"x" * 500, internal=False)


async def worker(plan: Plan, database: Database, program: Program, ready: str) -> None:
    """Works until it is killed. Told SIGUSR1 it moves nothing more; told SIGTERM it ends in good order."""
    lease = Times(lease=timedelta(seconds=plan.lease), call=timedelta(seconds=plan.call))
    senders = [
        Sender(database, Mailbox(name, plan), system_clock, times=lease, window=plan.window)
        for name in ("email", CHANNEL)
    ]
    loop, moves, going = asyncio.get_running_loop(), [True], [True]
    loop.add_signal_handler(signal.SIGUSR1, moves.clear)
    loop.add_signal_handler(signal.SIGTERM, going.clear)
    running = [asyncio.ensure_future(sender.run()) for sender in senders]
    await asyncio.sleep(0)
    os.write(1, ready.encode())
    while going:
        with suppress(Busy):
            await asyncio.to_thread(program.step, moves=bool(moves))
        for sender in senders:
            sender.wake()
        if not moves:
            await asyncio.sleep(0.05)
    await asyncio.gather(*(sender.stop() for sender in senders))
    await asyncio.gather(*running)


class NoticesNursery(Nursery):
    """Forks processes that do everything."""

    def __init__(self, plan: Plan, naive: bool) -> None:
        command = [sys.executable, "-m", "tests.faults.notices", "--worker", json.dumps(asdict(plan))]
        command += ["--naive"] if naive else []
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("open")


def _nursery(plan: Plan, naive: bool) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    wording, policy = Wording.load(), load_policy("kenpai")
    deadlines()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("open", flush=True)
    for line in sys.stdin:
        if os.fork():
            continue
        os.close(0)
        with moving.opened(plan) as database:
            while True:
                with suppress(Busy):
                    program = Program(database, wording, policy, int(line), naive)
                    break
            asyncio.run(worker(plan, database, program, f"ready {os.getpid()} {line.strip()}\n"))
        os._exit(0)


def wrong(scene: Stage) -> dict[str, int]:
    """How often each invariant is broken now."""
    while True:
        with suppress(Busy), scene.database.read() as work:
            return {name: int(work.connection.execute(text(sql)).scalar_one()) for name, sql in WRONG.items()}


def run(
    kind: str,
    orders: int,
    kills: int,
    workers: int = 1,
    seed: int = 1,
    window: int = 30,
    naive: bool = False,
    patience: float = 3600.0,
) -> dict[str, Any]:
    """Kills the workers `kills` times, then lets the last ones finish; what was queued, and what arrived."""
    began, broken = monotonic(), dict.fromkeys(WRONG, 0)
    with stage(kind, window=window, per_second=1000.0, lease=2.0, call=1.0) as scene:
        fill(scene, orders)
        with NoticesNursery(scene.plan, naive) as nursery:
            killer, seen = Killer(nursery, Random(seed), workers, kills), 0
            try:
                while not killer.is_done and monotonic() - began < patience:
                    sleep(0.01)
                    killer.tick()
                    if killer.kills > seen:
                        seen = killer.kills
                        broken = {name: max(count, broken[name]) for name, count in wrong(scene).items()}
                while _count(scene, MAILS_SO_FAR) <= orders / 4 and monotonic() - began < patience:
                    sleep(0.2)  # On a busy machine a worker's life is short; the run must be worth it.
                killer.tell(signal.SIGUSR1)
                while _count(scene, STILL_WAITING) and monotonic() - began < patience:
                    sleep(0.2)
            finally:
                killer.end()
        broken = {name: max(count, broken[name]) for name, count in wrong(scene).items()}
        late = scene.rows("SELECT max(at) FROM steady_clock")[0][0]
        return report(
            test="T05a notices",
            seed=seed,
            **facts(scene.database),
            orders=orders,
            workers=workers,
            window=window,
            naive=naive,
            kills=killer.kills,
            allowed=2 * window * killer.kills,
            **_figures(scene, orders),
            **broken,
            last_hour=str(late)[:16],
            seconds=round(monotonic() - began, 1),
        )


def _count(scene: Stage, sql: str) -> int:
    while True:
        with suppress(Busy):
            return int(scene.rows(sql)[0][0])


def _figures(scene: Stage, count: int) -> dict[str, Any]:
    """What was queued against what arrived, message by message, and the links tried."""
    arrived, queued, flagged = (Counter[tuple[str, str, str]]() for _ in range(3))
    links = set[tuple[str, str]]()
    for line in scene.effects():
        channel, user, digest, found = json.loads(line)
        arrived[channel, user, digest] += 1
        links |= {(what, token) for what, token in found}
    flags = {row[0] for row in scene.rows("SELECT id FROM delivery WHERE maybe_repeat")}
    for channel, user in _receivers(count):
        with scene.database.read() as work:
            known = work.people.at(channel, user)
            for sent in work.deliveries.history(known, limit=1_000) if known else ():
                name = channel, user, _digest(Reply.from_data(json.loads(sent.body)).text)
                queued[name] += 1
                flagged[name] += sent.id in flags
    opens = {
        "stop": {row[0] for row in scene.rows("SELECT token_hash FROM work_order_stop")},
        "result": {row[0] for row in scene.rows("SELECT token_hash FROM result WHERE state = 'ready'")},
    }
    repeated = arrived - queued
    return {
        "queued": queued.total(),
        "mails": sum(times for (channel, *_), times in queued.items() if channel == "email"),
        "lost": (queued - arrived).total(),
        "repeats": repeated.total(),
        "repeats_unflagged": sum(not flagged[name] for name in repeated),
        "flagged": flagged.total(),
        "strange": sum(name not in queued for name in arrived),
        "most_to_one": max((arrived[name] for name in queued if queued[name] == 1), default=0),
        "links": len(links),
        "dead_links": sum(hashed(token) not in opens[what] for what, token in links),
        "links_untold": sum(map(len, opens.values())) - len(links),
    }


def _receivers(count: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        yield CHANNEL, str(number)
        yield from (("email", contact.value) for contact in _mails(str(number), START))


def holds(seen: dict[str, Any]) -> bool:
    """Whether nothing was lost or told wrongly, repeats were flagged and few, and the run was worth it."""
    none = (*WRONG, "lost", "repeats_unflagged", "strange", "dead_links", "links_untold")
    few = max(seen["repeats"], seen["flagged"]) <= seen["allowed"]
    return all(seen[name] == 0 for name in none) and few and seen["kills"] > 0 and seen["mails"] > seen["orders"] / 4


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults.notices", description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1, help="processes at once; SQLite is made for one")
    parser.add_argument("--window", type=int, default=30, help="claims of a worker on one channel")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--db", choices=("sqlite", "postgres", "postgresql", "both"), default="both")
    parser.add_argument("--naive", action="store_true", help="mails are queued after the commit of their link")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        _nursery(Plan(**json.loads(asked.worker)), asked.naive)
        return 0
    kept = True
    for kind in {"both": ("sqlite", "postgresql"), "sqlite": ("sqlite",)}.get(asked.db, ("postgresql",)):
        seen = run(kind, asked.orders, asked.kills, asked.workers, asked.seed, asked.window, asked.naive)
        kept = kept and holds(seen)
        print(json.dumps({**seen, "holds": holds(seen)}), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
