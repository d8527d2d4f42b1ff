"""One step of the outbox: everything that waits to be written is written in one short transaction.

What ended is settled, the replies of new turns get their slots, and what is due is claimed; so a hundred messages
cost one commit. Synchronous: the sender calls it in a thread, one step at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from random import Random
from time import monotonic
from uuid import uuid4

from bot.core.channel import Channel
from bot.core.clock import Clock
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.message import Address
from bot.core.pace import AHEAD, Buckets
from storage.engine import Database
from storage.stores.claims import LANES, PASSIVE
from storage.stores.deliveries import Due
from storage.work import Work

GIVE_UP_AFTER = timedelta(hours=24)
"""A message that could not be delivered for so long is failed: by then it would only confuse."""
LOOK_EVERY = 1.0
"""Seconds. Another process's messages are found within this; our own wake us."""


class Fate(Enum):
    """What became of a delivery, where no error says it."""

    SENT = auto()
    PASSIVE = auto()
    """It went back in the answer to the push that brought the message."""
    UNTRIED = auto()


Outcome = Fate | TryLater | Unreachable | Refused


@dataclass(frozen=True, slots=True)
class Ended:
    """A claim that is over."""

    delivery: int
    claim: str
    outcome: Outcome
    attempts: int = 1
    lane: str = "interactive"


@dataclass(frozen=True, slots=True)
class Ask:
    """The replies of a turn, claimed at birth, that want to go out now."""

    deliveries: tuple[int, ...]
    claim: str
    address: Address


@dataclass(frozen=True, slots=True)
class Halt:
    """The platform's wait for one person, or for everybody."""

    until: datetime
    person: tuple[int, Address] | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to send the first `len(waits)` replies of an ask, each after its seconds; the pump has the others."""

    person_id: int = 0
    waits: tuple[float, ...] = ()


@dataclass(slots=True)
class Step:
    """What a step gave us to do: `grants` by claim, and `due` with the seconds until each one's slot."""

    claim: str
    began: float
    """time.monotonic() of the instant that all seconds of this step count from."""
    grants: dict[str, Grant] = field(default_factory=dict)
    due: list[tuple[Due, float]] = field(default_factory=list)
    again_in: float = LOOK_EVERY


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take. A claim outlives any call, so nobody else sends what we are still sending."""

    lease: timedelta = timedelta(seconds=60)
    call: timedelta = timedelta(seconds=10)
    retry_first: timedelta = timedelta(seconds=1)
    retry_most: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        if self.lease < 2 * self.call:
            raise ValueError("a claim must outlive a call by far: lease >= 2 * call")


class Ledger:
    """The outbox of one channel."""

    def __init__(self, database: Database, channel: Channel, clock: Clock, times: Times, chance: Random) -> None:
        self._database, self._channel, self._clock = database, channel.name, clock
        self._times, self._chance = times, chance
        self.buckets = Buckets(channel.name, channel.limits)

    def look(self) -> float:
        """Seconds until something may be due, at most LOOK_EVERY. Only reads."""
        now = self._clock()
        with self._database.read() as work:
            if work.deliveries.is_due(self._channel, LANES, now):
                return 0.0
            return self._next(work, LANES, now)

    def went_passively(self, message_key: str) -> int | None:
        """How many of the first replies to this message went back in the answer to a push; None: not yet known."""
        with self._database.read() as work:
            if (mark := work.conversations.turn_of(message_key)) is None:
                return 0
            causes = [message_key, f"turn:{mark.turn_id}"]
            return None if work.deliveries.is_in_hand(causes) else work.deliveries.went_passively(causes)

    def step(
        self,
        ended: Sequence[Ended],
        asks: Sequence[Ask] = (),
        halts: Sequence[Halt] = (),
        room: Mapping[str, int] | None = None,
        free: int = 0,
    ) -> Step:
        """Settles, grants and claims, in this order. Raises StorageError: then nothing of it happened.

        At most `free` are claimed, and of each lane at most its `room`.
        """
        with self._database.work() as work:
            now, step = self._clock(), Step(uuid4().hex, monotonic())
            self._settle(work, ended, now)
            for halt in halts:
                self.buckets.halt(work, halt.until, halt.person)
            if asks:
                self._grant(work, asks, now, step)
            for lane, most in (room or {}).items():
                if (most := min(most, free - len(step.due))) > 0:
                    self._claim(work, lane, most, now, step)
        return step

    def _next(self, work: Work, lanes: Sequence[str], now: datetime) -> float:
        due = work.deliveries.next_due(self._channel, lanes, now)
        return min(LOOK_EVERY, (due - now).total_seconds()) if due else LOOK_EVERY

    def _settle(self, work: Work, ended: Sequence[Ended], now: datetime) -> None:
        for fate, reason in ((Fate.SENT, None), (Fate.PASSIVE, PASSIVE)):
            work.deliveries.settle_sent([(e.delivery, e.claim) for e in ended if e.outcome is fate], now, reason)
        work.deliveries.give_back([(e.delivery, e.claim, now) for e in ended if e.outcome is Fate.UNTRIED])
        for one in ended:
            match one.outcome:
                case TryLater() as later:
                    again_at = now + self._wait(later, one.attempts)
                    long_ago = now - GIVE_UP_AFTER
                    work.deliveries.retry(
                        one.delivery, one.claim, again_at, maybe_repeat=later.unsure, unless_from_before=long_ago
                    )
                case Unreachable(reason=reason):
                    work.deliveries.settle(one.delivery, one.claim, "unreachable", now, reason)
                case Refused(reason=reason):
                    work.deliveries.settle(one.delivery, one.claim, "failed", now, reason)

    def _wait(self, failure: TryLater, attempts: int) -> timedelta:
        """The platform's own wait, or longer when this was not the first try: doubling, with jitter."""
        first, most = self._times.retry_first, self._times.retry_most
        back_off: timedelta = min(first * 2 ** min(attempts - 1, 16) * self._chance.uniform(0.75, 1.25), most)
        return max(failure.after, back_off, first)

    def _grant(self, work: Work, asks: Sequence[Ask], now: datetime, step: Step) -> None:
        standing = work.deliveries.standing([ask.deliveries[0] for ask in asks])
        untried, going = list[tuple[int, str, datetime]](), dict[int, Ask]()
        for ask in asks:
            first = standing.get(ask.deliveries[0])
            step.grants[ask.claim] = Grant()
            if first is None or first.claim != ask.claim or first.claimed_until is None:
                continue
            if now + self._times.call > first.claimed_until:
                continue  # Too late to be sure that nobody else begins: the claim ends, and the pump takes it.
            if first.is_behind or first.person_id in going:
                untried += [(one, ask.claim, now) for one in ask.deliveries]
            else:
                going[first.person_id] = ask
        lane = self.buckets.of_lane("interactive")
        place = 0
        while going:
            waits = self.buckets.take_each(work, {person: ask.address for person, ask in going.items()}, now)
            soon = [person for person in going if waits[person] <= AHEAD]
            slots = work.pace.take_several(lane.key, lane.rate, lane.burst, len(soon), now, AHEAD)
            slot_of = dict(zip(soon, slots, strict=False))
            still = dict[int, Ask]()
            for person, ask in going.items():
                if person in slot_of:
                    before = step.grants[ask.claim].waits
                    step.grants[ask.claim] = Grant(person, (*before, max(waits[person], slot_of[person])))
                    if place + 1 < len(ask.deliveries):
                        still[person] = ask
                else:
                    again_at = now + timedelta(seconds=max(waits[person], AHEAD))
                    untried += [(one, ask.claim, again_at) for one in ask.deliveries[place:]]
            going, place = still, place + 1
        work.deliveries.give_back(untried)

    def _claim(self, work: Work, lane: str, room: int, now: datetime, step: Step) -> None:
        bucket = self.buckets.of_lane(lane)
        slots_free = work.pace.room(bucket.key, bucket.rate, bucket.burst, now, AHEAD)
        most = min(room, slots_free)
        if most == 0:
            step.again_in = min(step.again_in, AHEAD / 2)
            return
        until = now + self._times.lease
        found = work.deliveries.due(self._channel, now, most, step.claim, until, lanes=(lane,))
        people = {one.person.id: Address(self._channel, one.user) for one in found}
        waits = self.buckets.take_each(work, people, now)
        soon = [one for one in found if waits[one.person.id] <= AHEAD]
        slots = work.pace.take_several(bucket.key, bucket.rate, bucket.burst, len(soon), now, AHEAD) if soon else []
        step.due += [(one, max(wait, waits[one.person.id])) for one, wait in zip(soon, slots, strict=False)]
        later = [one for one in found if waits[one.person.id] > AHEAD] + soon[len(slots) :]
        work.deliveries.give_back(
            [(one.id, step.claim, now + timedelta(seconds=max(waits[one.person.id], AHEAD))) for one in later]
        )
        if len(found) < most:
            step.again_in = min(step.again_in, self._next(work, (lane,), now))
        elif most == slots_free:  # There may be more: half of the reserve is sent until we come again.
            step.again_in = min(step.again_in, AHEAD / 2)
