"""How fast the outbox is worked off, on both databases: python -m tests.bench.channels [sqlite|postgresql|webhooks ...]

Three runs each, messages counted where they arrive (a channel in the same process that takes them at once):
the engine alone; 1,000 a second sustained with the ledger and each person's own pace, CPU of the process; and
Telegram's default pace, with the most arrivals in any sliding 1,000 ms. The machine may be shared: CPU seconds
tell more than the clock. Another stand-in is measured with its own adapter by tests/acceptance.
"""

import asyncio
import json
import os
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from time import monotonic, process_time

from bot.channels.memory import MemoryChannel
from bot.core.channel import Lane, Limits, Receipt
from bot.core.clock import system_clock
from bot.core.delivery import WINDOW, Sender
from bot.core.message import Address, Reply
from storage.crypto import Keyring
from storage.engine import Database
from tests.bench import webhooks
from tests.postgres import DURABLE, TemporaryPostgres

TEXT = "A plain answer of about the usual length. " * 8
ALONE = Limits(4096, per_second=1e6, per_address=inf)
SUSTAINED = Limits(4096, per_second=1000, per_address=1, address_burst=1)
TELEGRAM = Limits(4096, per_second=4, lanes={"broadcast": 24}, per_address=1, address_burst=1)


class Counting(MemoryChannel):
    """Takes every message at once and notes when."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits=limits)
        self.arrivals: list[float] = []

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        self.arrivals.append(monotonic())
        return Receipt()


def run(kinds: list[str]) -> None:
    """Prints one line a run, after one on the database."""
    for kind in kinds:
        with _address(kind) as url, Database.open(url, Keyring.new()) as database:
            kept = database.facts
            print(
                f"{kept.kind} {kept.version}, journal {kept.journal_mode}, synchronous {kept.synchronous}, window {WINDOW}"
            )
            _report("engine alone", *_play(database, ALONE, {"broadcast": 12_000}))
            _report("1,000/s configured", *_play(database, SUSTAINED, {"broadcast": 15_000}))
            seen, *spent = _play(database, TELEGRAM, {"broadcast": 480, "interactive": 80})
            _report("default pace (24/s + 4/s)", seen, *spent)
            most = max(bisect_left(seen, at + 1.0) - place for place, at in enumerate(seen))
            print(f"  most arrivals in any 1,000 ms: {most} (allowed 30)", flush=True)


def _play(database: Database, limits: Limits, queued: dict[str, int]) -> tuple[list[float], float, float]:
    """(moments of arrival, seconds of CPU, seconds) of sending so many of each lane, one to a person."""
    _fill(database, queued)
    channel = Counting(limits)

    async def play() -> tuple[float, float]:
        sender, total = Sender(database, channel, system_clock), sum(queued.values())
        cpu, began = process_time(), monotonic()
        pump = asyncio.create_task(sender.run())
        while len(channel.arrivals) < total:  # noqa: ASYNC110  a bell would be rung once for each message
            await asyncio.sleep(0.05)
        spent = process_time() - cpu, monotonic() - began
        await sender.stop()
        await pump
        return spent

    cpu, seconds = asyncio.run(play())
    return channel.arrivals, cpu, seconds


def _fill(database: Database, queued: dict[str, int]) -> None:
    body, now, run_name = json.dumps(Reply(TEXT).as_data()).encode(), datetime.now(UTC), os.urandom(4).hex()
    for lane, total in queued.items():
        for begin in range(0, total, 500):
            with database.work() as work:
                for number in range(begin, min(begin + 500, total)):
                    known = work.people.meet("memory", f"{run_name}.{lane}.{number}", now, "en")
                    work.deliveries.add(known, f"notice:{run_name}", [body], now, lane=lane)


def _report(name: str, arrivals: list[float], cpu: float, seconds: float) -> None:
    total = len(arrivals)
    print(
        f"  {name}: {total} messages in {seconds:.1f} s = {total / seconds:.0f}/s; {cpu:.2f} s CPU = {cpu / seconds:.0%} of a core, "
        f"{cpu / total * 1e6:.0f} us a message, {total / cpu:.0f} per CPU second",
        flush=True,
    )


@contextmanager
def _address(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"
    else:
        with TemporaryPostgres(DURABLE) as server:
            yield server.url(server.create())


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["sqlite", "postgresql", "webhooks"]
    if wanted[0] == "webhooks":
        webhooks.main(wanted[1:])
    else:
        run([kind for kind in wanted if kind != "webhooks"])
        if "webhooks" in wanted:
            webhooks.main([])
