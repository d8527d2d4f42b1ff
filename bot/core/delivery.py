"""Sending what the outbox holds, at the pace that all workers share, and settling what became of it.

    sender = Sender(database, channel, clock)
    await sender.send_own(taken, address)      the replies of a turn, by the request that took the message
    await sender.run()                         the pump: whatever is due, until `stop`

The request that took a message sends its own replies at once if slots are free; what it leaves (no slot, a failure, a
crash) the pump sends. A delivery is claimed (committed), sent, and settled in the next step's transaction; a crash
between leaves a claim that ends by itself and comes back flagged `maybe_repeat`, for nobody knows whether it arrived.
At most `window` claims are held, so a crash repeats at most so many.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from random import Random
from time import monotonic
from typing import Any, TypeVar

import structlog

from bot.core.assistant import CLAIM_FOR, Taken
from bot.core.channel import Channel
from bot.core.clock import Clock
from bot.core.errors import Refused, TryLater
from bot.core.ledger import LOOK_EVERY, Ask, Ended, Fate, Ledger, Outcome, Step, Times
from bot.core.message import Address, Reply
from bot.core.pace import AHEAD
from bot.core.sending import Sending
from storage.engine import Database
from storage.errors import StorageError
from storage.stores.claims import LANES
from storage.stores.deliveries import Due

WINDOW = 400
"""Claims that one worker holds at most. At a slow pace it holds far fewer: those of the next quarter of a second."""
BROADCAST_SHARE = 0.5
"""The part of the window that broadcasts may fill, so that slow ones can't keep an answer waiting."""
SETTLE_WITHIN = 0.1
"""Seconds that an outcome waits for others to be settled with."""
SETTLE_AT = 0.25
"""The part of the window that is settled without waiting for more."""
DRAIN = timedelta(seconds=10)
"""How long what is under way may still take once the worker is told to stop."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Asked:
    ask: Ask
    answer: asyncio.Future[tuple[int, list[float], float]]
    """(person, times of the event loop to send at, when to begin no more)."""


class Sender:
    """Sends through one channel, settles in one database. Belongs to one event loop."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        clock: Clock,
        *,
        times: Times | None = None,
        window: int = WINDOW,
        chance: Random | None = None,
    ) -> None:
        self._channel, self._clock, self._window = channel, clock, window
        self._times = times or Times(lease=CLAIM_FOR)
        self._ledger = Ledger(database, channel, clock, self._times, chance or Random())  # noqa: S311  jitter, no secret
        self._sending = Sending(channel, clock, self._times, self.wake)
        self._asked, self._ended = list[_Asked](), list[Ended]()
        self._held: dict[str, int] = dict.fromkeys(LANES, 0)
        self._tasks = set[asyncio.Task[Any]]()
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self.is_running = False
        """Whether the pump runs here. Without it the replies of a turn are settled by whoever sends them."""

    # ---- the replies of a turn, by the request that took the message

    def start_own(self, taken: Taken, address: Address, granted: Step | None = None) -> None:
        """As `send_own`, without waiting for it. For where the pump runs: `stop` ends it properly."""
        self._start(self.send_own(taken, address, granted))

    def grant(self, asks: Sequence[Ask]) -> Step:
        """Gives the replies of turns their slots, in this thread's transaction. Synchronous. Raises StorageError."""
        return self._ledger.step((), asks)

    async def send_own(self, taken: Taken, address: Address, granted: Step | None = None) -> None:
        """Sends the replies of a turn just taken as far as slots are free now; the pump sends the others.

        `granted`: the step in which they got their slots, where that was done with the turn.
        """
        if not taken.deliveries:
            for reply in taken.replies:  # Of somebody who was just erased: nothing is kept, nothing can be repeated.
                await self._sending.at_once(address, reply, "interactive")
            return
        full = self._sending.is_stopping or sum(self._held.values()) >= self._window
        self._held["interactive"] += len(taken.deliveries)
        if full:
            for delivery in taken.deliveries:
                self._note(Ended(delivery, taken.claim, Fate.UNTRIED))
        else:
            await self._send_granted(taken, address, granted)
        if not self.is_running:
            await self._write_all()

    async def _send_granted(self, taken: Taken, address: Address, granted: Step | None) -> None:
        held = len(taken.deliveries)
        try:
            if granted is not None:
                person_id, times, until = self._answer(granted, taken.claim)
            else:
                person_id, times, until = await self._ask(Ask(taken.deliveries, taken.claim, address))
            bucket, goes_on = self._ledger.buckets.of_lane("interactive"), True
            for delivery, reply, at in zip(taken.deliveries, taken.replies, times, strict=False):
                outcome: Outcome = Fate.UNTRIED
                if goes_on:
                    outcome = await self._sending.at_slot(bucket, at, until, person_id, address, reply, "interactive")
                goes_on = goes_on and not isinstance(outcome, TryLater) and outcome is not Fate.UNTRIED
                held -= 1
                self._note(Ended(delivery, taken.claim, outcome))
        finally:
            self._held["interactive"] -= held  # Given back by the step, or left to the end of its claim.

    async def _ask(self, ask: Ask) -> tuple[int, list[float], float]:
        """Asks for slots, together with whoever else asks now: (person, times of the event loop, end of the claim)."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + (self._times.lease - self._times.call).total_seconds()
        while True:
            asked = _Asked(ask, loop.create_future())
            self._asked.append(asked)
            try:
                await self._write(until=asked.answer)
                return await asked.answer
            except StorageError as busy:
                log.warning("outbox busy", channel=self._channel.name, error=type(busy).__name__)
                if loop.time() > patience:
                    return 0, [], 0.0
                await asyncio.sleep(LOOK_EVERY / 5)

    def mark_shown(self, taken: Taken) -> None:
        """Settles replies that went back in the answer to the very request that brought the message. Synchronous."""
        self._ledger.step([Ended(delivery, taken.claim, Fate.SENT) for delivery in taken.deliveries])

    async def mark_passive(self, taken: Taken) -> None:
        """Settles replies as those that went back in the answer to a push; `went_passively` knows them again."""
        for delivery in taken.deliveries:
            self._held["interactive"] += 1
            self._note(Ended(delivery, taken.claim, Fate.PASSIVE))
        if not self.is_running:
            await self._write_all()

    def went_passively(self, message_key: str) -> int | None:
        """How many of the first replies to this message went back in the answer to a push; None: not yet known. Synchronous."""
        return self._ledger.went_passively(message_key)

    # ---- the pump

    async def run(self) -> None:
        """Sends what is due until `stop`; several workers may run at once. Sleeps when there is nothing to do."""
        self.is_running, self._sending.is_stopping = True, False
        try:
            while not self._sending.is_stopping:
                self._wake.clear()
                nap = await self._round()
                if not self._sending.is_stopping:
                    await _event_or(self._wake, nap)
        finally:
            if not self._sending.is_stopping:
                await self.stop()
            self.is_running = False

    async def stop(self, within: timedelta = DRAIN) -> None:
        """Claims nothing more, lets what is being sent end, gives back the rest unflagged. Takes `within` at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within.total_seconds()
        self._sending.stop()
        self._wake.set()
        while self._tasks and loop.time() < end:
            await asyncio.wait(self._tasks, timeout=end - loop.time())
        cut_off = list(self._tasks)
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        try:
            await self._write_all()
        except StorageError as busy:
            log.warning("claims left to end by themselves", channel=self._channel.name, error=type(busy).__name__)

    def wake(self) -> None:
        """Something was queued for this channel: the pump looks at once. Call it in the event loop."""
        self._wake.set()

    async def sweep(self) -> int:
        """Sends what is due now, once; how many were tried. For tests and tools: the pump does it by itself."""
        step = await self._write(claiming=True)
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._write_all()
        return len(step.due) if step else 0

    async def _round(self) -> float:
        """One step, or a look whether one is needed; seconds until the next."""
        try:
            if not self._ended and not self._asked and (nap := await asyncio.to_thread(self._ledger.look)) > 0:
                return nap
            step = await self._write(claiming=True)
            return step.again_in if step else 0.0
        except StorageError as busy:
            log.warning("outbox busy", channel=self._channel.name, error=type(busy).__name__)
            return LOOK_EVERY
        except Exception:
            # Whatever it was, a pump that stands still would leave everybody unanswered until a restart.
            log.exception("a step of the pump failed", channel=self._channel.name)
            return LOOK_EVERY

    async def _deliver(self, one: Due, claim: str, at: float, until: float) -> None:
        address = Address(self._channel.name, one.user)
        try:
            reply = Reply.from_data(json.loads(one.body))
        except (ValueError, TypeError, KeyError):
            outcome: Outcome = Refused("unreadable")
        else:
            bucket = self._ledger.buckets.of_lane(one.lane)
            outcome = await self._sending.at_slot(bucket, at, until, one.person.id, address, reply, one.lane)
        self._note(Ended(one.id, claim, outcome, one.attempts, one.lane))

    # ---- the ledger, one step at a time

    def _note(self, ended: Ended) -> None:
        """Keeps an outcome until the next step writes it, which comes soon."""
        self._ended.append(ended)
        if len(self._ended) >= self._window * SETTLE_AT:
            self._wake.set()
        elif self._soon is None and self.is_running:
            self._soon = asyncio.get_running_loop().call_later(SETTLE_WITHIN, self._settle_now)

    def _settle_now(self) -> None:
        self._soon = None
        self._wake.set()

    async def _write_all(self) -> None:
        """Writes what waits to be written. Raises StorageError."""
        while self._ended or self._sending.halts:
            await self._write()

    async def _write(self, *, until: asyncio.Future[Any] | None = None, claiming: bool = False) -> Step | None:
        """One step with everything that waits, after the one under way; None when that one has brought `until`."""
        async with self._writing:
            if not claiming and ((until and until.done()) or not (self._asked or self._ended or self._sending.halts)):
                return None
            # A step once begun is brought to its end, whoever is cancelled meanwhile: it may have claimed something.
            return await asyncio.shield(self._start(self._step(claiming)))

    async def _step(self, claiming: bool) -> Step:
        asked, self._asked = self._asked, []
        ended, self._ended = self._ended, []
        halts, self._sending.halts = self._sending.halts, []
        room, free = self._room(ended) if claiming and not self._sending.is_stopping else ({}, 0)
        try:
            asks = [one.ask for one in asked]
            step = await asyncio.to_thread(self._ledger.step, ended, asks, halts, room, free)
        except Exception as failure:
            self._ended[:0], self._sending.halts[:0] = ended, halts
            for one in asked:
                one.answer.set_exception(failure)
            raise
        now, until = self._span(step)
        for over in ended:
            self._held[over.lane] -= 1
        for one in asked:
            if not one.answer.done():
                one.answer.set_result(self._answer(step, one.ask.claim))
        for due, wait in step.due:
            self._held[due.lane] += 1
            self._start(self._deliver(due, step.claim, now + wait, until))
        return step

    def _span(self, step: Step) -> tuple[float, float]:
        """When a step began, in the event loop's time, and when nothing that it gave may be begun any more."""
        began = asyncio.get_running_loop().time() - (monotonic() - step.began)
        return began, began + (self._times.lease - self._times.call).total_seconds()

    def _answer(self, step: Step, claim: str) -> tuple[int, list[float], float]:
        """What a step granted to an ask: (person, times of the event loop, when to begin no more)."""
        grant, (began, until) = step.grants[claim], self._span(step)
        return grant.person_id, [began + wait for wait in grant.waits], until

    def _room(self, ended: Sequence[Ended]) -> tuple[dict[str, int], int]:
        """How many of each lane, and in all, may be claimed once `ended` is written."""
        over = Counter(one.lane for one in ended)
        free = self._window - sum(self._held.values()) + len(ended)
        room: dict[str, int] = {}
        for lane in LANES:
            bucket = self._ledger.buckets.of_lane(lane)
            # Slots that we could not use in time are not reserved anew.
            room[lane] = max(0, ceil(bucket.rate * AHEAD) + 1 - self._sending.slots.waiting(bucket))
        share = int(self._window * BROADCAST_SHARE)
        room["broadcast"] = min(room["broadcast"], share - self._held["broadcast"] + over["broadcast"])
        return room, free

    def _start(self, what: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _event_or(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
