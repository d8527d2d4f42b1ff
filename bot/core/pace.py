"""How fast a channel may be sent to: which bucket a lane draws from, who waits when the platform says so, and the
even spacing of one process's own sends.

The buckets are rows of the database (storage/stores/pace.py), so the pace holds for all workers together. A slot is
reserved at most AHEAD seconds before it comes: what a crash or a halt wastes is a quarter of a second's worth.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from bot.core.channel import Limits
from bot.core.errors import TryLater
from bot.core.message import Address
from storage.work import Work

AHEAD = 0.25
"""Seconds a slot may be reserved before it comes."""
SPACED_BELOW = 200.0
"""Messages a second. Slower buckets are spaced evenly in the process too; above, timers are too coarse for it."""
LEAD = 0.03
"""Seconds that such a slot is used after its time, always: a commit takes up to so long, and the spacing stays even."""
TOO_LATE = 0.04
"""Seconds after which such a slot is let go: used late, it would fall together with those of other workers. Below one
slot of 24/s, so no 1,000 ms hold more than 25 sends of that bucket and 5 of 4/s, whatever the workers' loops do."""
CLOSEST = 0.98
"""The least space between two sends of a bucket, in slots: a process that was held up doesn't catch up in a bunch."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A shared pace: its row, and slots a second. A rested bucket gives `burst` at once."""

    key: str
    rate: float
    burst: int = 1


class Buckets:
    """The buckets of one channel."""

    def __init__(self, channel: str, limits: Limits) -> None:
        self._channel, self._limits = channel, limits
        self._shared = Bucket(f"{channel}:live", limits.per_second)
        self._own = {lane: Bucket(f"{channel}:{lane}", rate) for lane, rate in limits.lanes.items()}

    def of_lane(self, lane: str) -> Bucket:
        """What the sends of this lane draw from."""
        return self._own.get(lane, self._shared)

    def of_person(self, person_id: int, address: Address) -> Bucket | None:
        """What the sends to this person draw from; None where the platform doesn't mind. Named by row id only."""
        limits = self._limits
        if limits.is_group(address):
            rate = min(limits.per_address, limits.per_group_minute / 60)
            return Bucket(f"{self._channel}:group:{person_id}", rate)
        if isfinite(limits.per_address):
            return Bucket(f"{self._channel}:person:{person_id}", limits.per_address, limits.address_burst)
        return None

    def take_each(self, work: Work, people: dict[int, Address], now: datetime) -> dict[int, float]:
        """Takes a slot to each of these persons: seconds until it comes. One beyond AHEAD is not taken."""
        waits = dict.fromkeys(people, 0.0)
        alike = defaultdict[tuple[float, int], dict[str, int]](dict)
        for person_id, address in people.items():
            if bucket := self.of_person(person_id, address):
                alike[bucket.rate, bucket.burst][bucket.key] = person_id
        for (rate, burst), keys in alike.items():
            taken = work.pace.take_each(list(keys), rate, burst, now, AHEAD)
            waits |= {keys[key]: wait for key, wait in taken.items()}
        return waits

    def halt(self, work: Work, until: datetime, person: tuple[int, Address] | None) -> None:
        """Nothing goes out before then, to this person or, without one, to anybody. Holds for all workers."""
        if person is None:
            held: list[Bucket | None] = [self._shared, *self._own.values()]
        else:
            held = [self.of_person(*person)]
        for bucket in held:
            if bucket is not None:
                work.pace.halt(bucket.key, bucket.rate, bucket.burst, until)


class Suspicion:
    """Finds out whom a wait is for that the platform gave without saying so.

    It was that one person's when somebody else was reached by a later send; it is everyone's when somebody else was
    told to wait as well, and nobody reached between.
    """

    def __init__(self) -> None:
        self._told: tuple[int, float] | None = None

    def reached(self, began: float) -> None:
        """A send that began at this moment arrived."""
        if self._told and began >= self._told[1]:
            self._told = None

    def is_for_everyone(self, person_id: int, failure: TryLater, now: float) -> bool:
        """Whether this wait is everyone's."""
        if failure.halts is not None or failure.unsure:
            return failure.halts == "everyone"
        before, self._told = self._told, (person_id, now)
        return before is not None and before[0] != person_id


class Slots:
    """Waiting for one's slot, in one process. An interruption ends all waits at once."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._asleep: set[asyncio.Future[bool]] = set()
        self._waiting: dict[str, int] = defaultdict(int)

    def waiting(self, bucket: Bucket) -> int:
        """How many wait for a slot of this bucket."""
        return self._waiting[bucket.key]

    async def come(self, bucket: Bucket, at: float) -> bool:
        """Returns at the event loop's time `at`, or as soon after as the spacing allows. False: the slot is lost."""
        loop, is_spaced = asyncio.get_running_loop(), bucket.rate < SPACED_BELOW
        at += LEAD if is_spaced else 0.0
        self._waiting[bucket.key] += 1
        try:
            while (now := loop.time()) < (when := max(at, self._next.get(bucket.key, 0.0))):
                asleep: asyncio.Future[bool] = loop.create_future()
                alarm = loop.call_at(when, _wake, asleep)
                self._asleep.add(asleep)
                try:
                    if not await asleep:
                        return False
                finally:
                    self._asleep.discard(asleep)
                    alarm.cancel()
        finally:
            self._waiting[bucket.key] -= 1
        if is_spaced:
            if now - at > TOO_LATE:
                return False
            self._next[bucket.key] = now + CLOSEST / bucket.rate
        return True

    def interrupt(self) -> None:
        """Ends all waits: their slots are not used."""
        for asleep in self._asleep:
            if not asleep.done():
                asleep.set_result(False)


def _wake(asleep: asyncio.Future[bool]) -> None:
    if not asleep.done():
        asleep.set_result(True)
