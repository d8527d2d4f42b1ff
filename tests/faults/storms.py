"""T04: a platform that refuses, hangs, breaks and limits. Polite (P05), complete, and nobody silently unreached (P06)."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from math import inf
from random import Random
from time import monotonic
from typing import Any

from sqlalchemy import text

from bot.channels.memory import MemoryChannel
from bot.core.channel import Lane, Limits, Receipt
from bot.core.clock import system_clock
from bot.core.delivery import Sender
from bot.core.errors import TryLater, Unreachable
from bot.core.ledger import Times
from bot.core.message import Address, Reply
from storage.engine import Database
from tests.faults.stage import CHANNEL, Stage, facts, report, stage

TIMES = Times(timedelta(seconds=2), timedelta(seconds=0.5), timedelta(seconds=0.1), timedelta(seconds=1))
"""Waits at a tenth of their size and less."""
TOLD = 0.5
"""Seconds of a scripted 429."""
SHARES = {"told to wait": 0.3, "broken": 0.2, "blocked": 0.05, "answer lost": 0.03, "hangs": 0.01}
"""Of all calls. "answer lost" and "hangs" take the message and don't say so; "broken" takes nothing."""
STRICT = 30
"""Messages in any 1,000 ms that the strict platform allows."""


class Stormy(MemoryChannel):
    """A platform with seeded faults that notes when everything arrived and who came while told to wait."""

    def __init__(self, chance: Random, shares: dict[str, float], limits: Limits) -> None:
        super().__init__(CHANNEL, limits)
        self._chance, self._shares = chance, shares
        self._wait_until: dict[str, float] = {}
        self.blocked = set[str]()
        self.faults, self.impolite = Counter[str](), 0
        self.arrivals: list[tuple[float, str]] = []

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        now = monotonic()
        self.impolite += now < self._wait_until.get(address.user, 0.0)
        await asyncio.sleep(0.002)
        match self._fault(address):
            case "told to wait":
                self._wait_until[address.user] = monotonic() + TOLD
                raise TryLater(timedelta(seconds=TOLD), halts="person")
            case "broken":
                raise TryLater(timedelta(0))
            case "blocked":
                self.blocked.add(address.user)
                raise Unreachable("403")
            case "answer lost":
                self.arrivals.append((monotonic(), reply.text))
                raise ConnectionResetError
            case "hangs":
                self.arrivals.append((monotonic(), reply.text))
                await asyncio.sleep(60)
        self.arrivals.append((monotonic(), reply.text))
        return Receipt()

    def _fault(self, address: Address) -> str:
        if address.user in self.blocked:
            return "blocked"
        roll = self._chance.random()
        for name, share in self._shares.items():
            if (roll := roll - share) < 0:
                self.faults[name] += 1
                return name
        return ""


class Strict(MemoryChannel):
    """A platform that answers 429 to everybody once a 31st message comes within 1,000 ms."""

    def __init__(self, limits: Limits, sharing: "Strict | None" = None) -> None:
        super().__init__(CHANNEL, limits)
        self.arrivals: list[tuple[float, str]] = sharing.arrivals if sharing else []
        self.refused = 0

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        now = monotonic()
        self.arrivals.append((now, reply.text))
        if len(self.arrivals) - bisect_left(self.arrivals, (now - 1.0, "")) > STRICT:
            self.refused += 1
            raise TryLater(timedelta(seconds=1))
        await asyncio.sleep(0.1)
        return Receipt()


class OneLimited(Stormy):
    """A platform that tells one person to wait, whenever they are written to, and says nothing of for whom it is."""

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        if address.user == "0":
            raise TryLater(timedelta(seconds=TOLD))
        return await super().send(address, reply, lane)


def mixed(kind: str, persons: int, seed: int = 1) -> dict[str, Any]:
    """Three messages to each person through all faults at once."""
    began, each = monotonic(), 3
    with stage(kind) as scene:
        scene.fill(persons, each)
        channel = Stormy(Random(seed), SHARES, Limits(4096, per_second=300, per_address=20, address_burst=1))
        asyncio.run(_run(scene, [channel], lambda: scene.pending() == 0, seed))
        arrived = Counter(text for _, text in channel.arrivals)
        names = "CAST(person_id - 1 AS TEXT) || ':' || CAST(ordinal AS TEXT)"
        state = dict(scene.rows(f"SELECT {names}, state FROM delivery"))
        flagged = {row[0] for row in scene.rows(f"SELECT {names} FROM delivery WHERE maybe_repeat")}
        reasons = {row[0] for row in scene.rows("SELECT DISTINCT reason FROM delivery WHERE state = 'unreachable'")}
        marked = {str(row[0]) for row in scene.rows("SELECT id - 1 FROM person WHERE NOT reachable")}
        repeated = {name for name, times in arrived.items() if times > 1}
        unsure = channel.faults["answer lost"] + channel.faults["hangs"]
        return report(
            test="T04 mixed",
            seed=seed,
            **facts(scene.database),
            deliveries=persons * each,
            calls=dict(channel.faults),
            states=dict(Counter(state.values())),
            silently_lost=sum(
                (end == "sent" and not arrived[name]) or end not in ("sent", "unreachable")
                for name, end in state.items()
            ),
            repeats=sum(arrived.values()) - len(arrived),
            allowed=unsure,
            repeats_unflagged=len(repeated - flagged),
            flagged=len(flagged),
            sent_inside_retry_after=channel.impolite,
            unreachable_unmarked=len(channel.blocked ^ marked),
            reasons=sorted(reasons),
            seconds=round(monotonic() - began, 1),
        )


def mixed_holds(figures: dict[str, Any]) -> bool:
    return (
        figures["silently_lost"] == figures["repeats_unflagged"] == figures["unreachable_unmarked"] == 0
        and figures["sent_inside_retry_after"] == 0
        and figures["repeats"] <= figures["allowed"]
        and figures["flagged"] <= figures["allowed"]
        and figures["reasons"] in (["403"], [])
    )


def pace(kind: str, seconds: float, workers: int = 2, seed: int = 1) -> dict[str, Any]:
    """Telegram's default pace, a broadcast and answers at once, several workers, before a strict platform."""
    began = monotonic()
    limits = Limits(4096, per_second=4, lanes={"broadcast": 24}, per_address=1, address_burst=1)
    with stage(kind) as scene:
        scene.fill(round(30 * seconds) + 30, 1)
        with scene.database.work() as work:  # Every fifth person waits for an answer, too.
            work.connection.execute(text("UPDATE delivery SET lane = 'interactive' WHERE person_id % 5 = 0"))
        channels = [Strict(limits)]
        channels += [Strict(limits, channels[0]) for _ in range(workers - 1)]
        started = monotonic()
        cpu = asyncio.run(_run(scene, list(channels), lambda: monotonic() - started > seconds, seed))
        arrivals = [at for at, _ in channels[0].arrivals]
        most = max((bisect_left(arrivals, at + 1.0) - place for place, at in enumerate(arrivals)), default=0)
        span = arrivals[-1] - arrivals[0]
        return report(
            test="T04 pace",
            seed=seed,
            **facts(scene.database),
            workers=workers,
            arrivals=len(arrivals),
            per_second=round(len(arrivals) / span, 1),
            most_in_1000_ms=most,
            allowed=STRICT,
            refused=sum(channel.refused for channel in channels),
            cpu_seconds=cpu,
            seconds=round(monotonic() - began, 1),
        )


def pace_holds(figures: dict[str, Any]) -> bool:
    return figures["most_in_1000_ms"] <= STRICT and figures["refused"] == 0 and figures["per_second"] > 20


def one_limited(kind: str, persons: int, seed: int = 1) -> dict[str, Any]:
    """How much later the others get theirs because one person is limited: the same broadcast without and with."""
    began, ended = monotonic(), list[float]()
    limits = Limits(4096, per_second=100, per_address=inf)
    for channel in (Stormy(Random(seed), {}, limits), OneLimited(Random(seed), {}, limits)):
        with stage(kind) as scene:
            scene.fill(persons, 1)
            started = monotonic()

            def is_done(scene: Stage = scene, channel: Stormy = channel) -> bool:
                return len(channel.arrivals) >= persons - isinstance(channel, OneLimited)

            asyncio.run(_run(scene, [channel], is_done, seed))
            ended.append(max(at for at, _ in channel.arrivals) - started)
            kept = facts(scene.database)
    return report(
        test="T04 one limited",
        seed=seed,
        **kept,
        persons=persons,
        without=round(ended[0], 2),
        beside=round(ended[1], 2),
        retry_after=TOLD,
        seconds=round(monotonic() - began, 1),
    )


def one_limited_holds(figures: dict[str, Any]) -> bool:
    """Less than the wait itself is lost; the tenth of promises.md is read off the figures, machines being noisy."""
    return figures["beside"] - figures["without"] < TOLD


async def _run(scene: Stage, channels: list[MemoryChannel], is_done: Callable[[], bool], seed: int) -> float:
    """Runs a pump for each channel, each on a database of its own as in a process of its own; CPU seconds."""
    from time import process_time

    begin = process_time()
    async with AsyncExitStack() as open_ones:
        senders = []
        for number, channel in enumerate(channels):
            database = scene.database if number == 0 else Database.open(scene.plan.url, scene.database.keyring)
            if number:
                open_ones.callback(database.close)
            senders.append(Sender(database, channel, system_clock, times=TIMES, chance=Random(seed)))
        pumps = [asyncio.create_task(sender.run()) for sender in senders]
        while not await asyncio.to_thread(is_done):  # noqa: ASYNC110  what is waited for is in the database
            await asyncio.sleep(0.05)
        await asyncio.gather(*(sender.stop() for sender in senders))
        await asyncio.gather(*pumps)
    return round(process_time() - begin, 2)
