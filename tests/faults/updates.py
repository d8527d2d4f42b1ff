"""T01: updates while the program that takes them is killed. Every acknowledged message has exactly one effect."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Any

from tests.faults.stage import Killer, Nursery, facts, report, stage

QUESTION = "How long do you keep my data?"
CHATS = 16
"""Chats under way at once; each has its updates in order, the next one after the last was acknowledged."""
EACH = 6
"""Updates of one chat; below the flood limit."""
REPEATED = 0.1
"""The share of updates that come again though they were acknowledged."""


def run(
    kind: str, updates: int, kills: int, workers: int = 1, seed: int = 1, patience: float = 600.0, lease: float = 2.0
) -> dict[str, Any]:
    """Sends `updates` as Telegram does, again until acknowledged; effects are counted by receipt in the file outside."""
    began, chats = monotonic(), max(1, updates // EACH)
    with stage(kind, per_second=2000.0, lease=lease, call=lease / 2) as scene:
        with Nursery("door", scene.plan) as nursery:
            killer = Killer(nursery, Random(seed), workers, kills)
            platform = Platform(scene.plan.socket, workers, chats, Random(seed + 1))
            asyncio.run(_play(platform, killer, scene.pending, monotonic() + patience))
            killer.end()
        lines = [line.split(" ", 1) for line in scene.effects()]
        # An answer arrives as its receipt; an apology, for a turn that failed and lies in quarantine, as its words.
        arrived = Counter((user, said) for user, said in lines if " " not in said)
        apologies = Counter(user for user, said in lines if " " in said)
        held = Counter(key.split(":")[1] for (key,) in scene.rows("SELECT key FROM quarantine"))
        effects = Counter(user for user, _ in arrived) + held
        rows = scene.rows(
            "SELECT receipt.code, turn.id, delivery.maybe_repeat FROM receipt JOIN turn ON turn.id = receipt.turn_id "
            "JOIN seen ON seen.turn_id = turn.id JOIN delivery ON delivery.cause IN ('turn:' || turn.id, seen.key)"
        )
        flagged, turn_of = {code for code, _, again in rows if again}, {code: turn for code, turn, _ in rows}
        came = [(user, turn_of.get(code, 0)) for user, code in arrived]  # In the order in which each came first.
        per_user: dict[str, list[int]] = {}
        for user, turn in came:
            per_user.setdefault(user, []).append(turn)
        repeated = {code for (_, code), times in arrived.items() if times > 1}
        return report(
            test="T01 updates",
            seed=seed,
            **facts(scene.database),
            updates=chats * EACH,
            workers=workers,
            kills=killer.kills,
            acknowledged=platform.acknowledged,
            sent_again=platform.sent_again,
            quarantined=held.total(),
            lost=sum(max(0, EACH - effects[str(chat)]) for chat in range(chats)) + (held - apologies).total(),
            double_effects=sum(max(0, effects[str(chat)] - EACH) for chat in range(chats)),
            repeats=sum(arrived.values()) - len(arrived) + (apologies - held).total(),
            repeats_unflagged=len(repeated - flagged),
            flagged=len(flagged),
            allowed=(CHATS + scene.plan.window) * killer.kills,
            out_of_order=sum(turns != sorted(turns) for turns in per_user.values()),
            seconds=round(monotonic() - began, 1),
        )


def holds(figures: dict[str, Any]) -> bool:
    """Whether the promises P01 and P02 were kept."""
    return (
        figures["acknowledged"] == figures["updates"]
        and figures["lost"] == figures["double_effects"] == figures["repeats_unflagged"] == figures["out_of_order"] == 0
        and figures["repeats"] <= figures["allowed"]
    )


class Platform:
    """Keeps each chat's updates in order and sends one again until it was acknowledged, and now and then afterwards."""

    def __init__(self, socket: str, doors: int, chats: int, chance: Random) -> None:
        self._socket, self._doors, self._chance = socket, doors, chance
        self._left = list(range(chats))
        self.acknowledged = self.sent_again = 0

    async def play(self) -> None:
        await asyncio.gather(*(self._chats() for _ in range(CHATS)))

    async def _chats(self) -> None:
        while self._left:
            chat = self._left.pop()
            for number in range(EACH):
                update = {"id": f"{chat}:{number}", "user": str(chat), "text": QUESTION}
                await self._until_acknowledged(update)
                self.acknowledged += 1
                if self._chance.random() < REPEATED:
                    self.sent_again += 1
                    await self._until_acknowledged(update)

    async def _until_acknowledged(self, update: dict[str, str]) -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                path = f"{self._socket}{self._chance.randrange(self._doors)}"
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(f"{json.dumps(update)}\n".encode())
                    if (await reader.readline()).decode().strip() == update["id"]:
                        return
                finally:
                    writer.close()
            await asyncio.sleep(0.02)


async def _play(platform: Platform, killer: Killer, pending: Any, end: float) -> None:
    playing = asyncio.create_task(platform.play())
    while monotonic() < end and not (playing.done() and killer.is_done and not await asyncio.to_thread(pending)):
        await asyncio.to_thread(killer.tick)
        await asyncio.sleep(0.005 if not (playing.done() and killer.is_done) else 0.1)
    playing.cancel()
    with suppress(asyncio.CancelledError):
        await playing
