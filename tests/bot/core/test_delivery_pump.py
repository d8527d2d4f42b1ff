"""The pump: lanes, pace, waits of the platform, back-off, and an end in good order."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from random import Random
from time import monotonic

import pytest
from sqlalchemy import text

from bot.channels.memory import UNLIMITED, MemoryChannel
from bot.core.assistant import Taken
from bot.core.channel import Lane, Limits, Receipt
from bot.core.clock import Clock, system_clock
from bot.core.delivery import Sender
from bot.core.errors import DeliveryError, TryLater, Unreachable
from bot.core.ledger import Times
from bot.core.message import Address, Reply
from storage.engine import Database
from storage.errors import Busy

QUICK = Times(timedelta(seconds=1), timedelta(seconds=0.2), timedelta(seconds=0.05), timedelta(seconds=0.5))


class Slow(MemoryChannel):
    """Takes its time, notes when a message came and how many were being sent at once; `script` fails by text."""

    def __init__(self, limits: Limits = UNLIMITED, takes: float = 0.0) -> None:
        super().__init__("memory", limits)
        self.takes, self.came = takes, list[tuple[float, str, str]]()
        self.script: dict[str, list[DeliveryError]] = {}
        self.at_once = self.most_at_once = 0

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.came.append((monotonic(), address.user, reply.text))
        try:
            if failures := self.script.get(address.user):
                raise failures.pop(0)
            await asyncio.sleep(self.takes)
            return await super().send(address, reply, lane)
        finally:
            self.at_once -= 1

    def texts(self) -> list[str]:
        return [text for _, _, text in self.came]


def queue(database: Database, user: str, *texts: str, lane: str = "interactive", clock: Clock = system_clock) -> None:
    with database.work() as work:
        known = work.people.meet("memory", user, clock(), "en")
        bodies = [json.dumps(Reply(text).as_data()).encode() for text in texts]
        work.deliveries.add(known, f"{lane}:{'.'.join(texts)}", bodies, clock(), lane=lane)


def own(database: Database, user: str, *texts: str, clock: Clock = system_clock) -> tuple[Taken, Address]:
    """Replies of a turn, as the assistant leaves them: claimed by whoever took the message."""
    with database.work() as work:
        known = work.people.meet("memory", user, clock(), "en")
        bodies = [json.dumps(Reply(text).as_data()).encode() for text in texts]
        claim = f"claim of {'.'.join(texts)}"
        ids = work.deliveries.add(known, f"turn:{claim}", bodies, clock(), claim, clock() + timedelta(seconds=60))
    return Taken(tuple(Reply(text) for text in texts), tuple(ids), claim), Address("memory", user)


def rows(database: Database, what: str = "state, attempts, maybe_repeat") -> list[tuple]:
    with database.read() as work:
        return [tuple(row) for row in work.connection.execute(text(f"SELECT {what} FROM delivery ORDER BY id"))]


async def until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110  what is waited for is in the database
            await asyncio.sleep(0.01)


class Running:
    """A pump that runs inside the block."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender

    async def __aenter__(self) -> Sender:
        self._task = asyncio.create_task(self.sender.run())
        await until(lambda: self.sender.is_running)
        return self.sender

    async def __aexit__(self, *_: object) -> None:
        await self.sender.stop()
        await self._task


def sender_of(database: Database, channel: MemoryChannel, **settings) -> Sender:
    return Sender(database, channel, system_clock, **{"times": QUICK, "chance": Random(1), **settings})


async def test_answers_go_before_orders_and_orders_before_broadcasts(database):
    for user, lane in (("1", "broadcast"), ("2", "order"), ("3", "interactive")):
        queue(database, user, lane, lane=lane)
    channel = Slow(Limits(4096, per_second=1000, per_address=1, address_burst=1))
    async with Running(sender_of(database, channel)):
        await until(lambda: len(channel.came) == 3)
    assert channel.texts() == ["interactive", "order", "broadcast"]


async def test_a_broadcast_takes_nothing_of_the_pace_of_answers(database):
    for number in range(10):
        queue(database, f"b{number}", "broadcast", lane="broadcast")
    channel = Slow(Limits(4096, per_second=100, lanes={"broadcast": 1}))
    async with Running(sender_of(database, channel)):
        await until(lambda: "broadcast" in channel.texts())
        queue(database, "someone", "answer")
        await until(lambda: "answer" in channel.texts())
    assert len(channel.came) <= 4


async def test_the_pace_is_kept_evenly(database):
    for number in range(11):
        queue(database, str(number), "x", lane="broadcast")
    channel = Slow(Limits(4096, lanes={"broadcast": 20}))
    async with Running(sender_of(database, channel)):
        await until(lambda: len(channel.came) == 11)
    times = [at for at, _, _ in channel.came]
    assert times[-1] - times[0] >= 0.4  # 0.5, less how late the first was sent.
    assert max(sum(1 for at in times if begin <= at < begin + 0.1) for begin in times) <= 4  # 3, and one that was late.


async def test_one_person_is_not_written_to_faster_than_their_own_pace(database):
    queue(database, "1", "a", "b", "c")
    queue(database, "2", "other")
    channel = Slow(Limits(4096, per_address=2, address_burst=1))
    async with Running(sender_of(database, channel)):
        await until(lambda: len(channel.came) == 4)
    times = [at for at, user, _ in channel.came if user == "1"]
    assert [text for _, user, text in channel.came if user == "1"] == ["a", "b", "c"]
    assert (
        min(after - before for before, after in pairwise(times)) >= 0.3
    )  # 0.5, less how late the one before was sent.
    assert rows(database) == [("sent", 1, False)] * 4


async def test_a_group_has_a_pace_of_its_own(database, clock):
    queue(database, "-100", "a", "b", clock=clock)
    channel = Slow(Limits(4096, is_group=lambda address: address.user.startswith("-")))
    sender = Sender(database, channel, clock)
    assert [await sender.sweep(), await sender.sweep()] == [1, 0]
    clock.turn(seconds=3)
    assert await sender.sweep() == 1


async def test_a_persons_wait_is_theirs_alone(database):
    queue(database, "1", "slow down", "after it")
    channel = Slow()
    channel.script["1"] = [TryLater(timedelta(seconds=0.5), halts="person")]
    async with Running(sender_of(database, channel)):
        await until(lambda: len(channel.came) == 1)
        for number in range(2, 6):
            queue(database, str(number), "others")
        await until(lambda: channel.texts().count("others") == 4)
        assert channel.texts().count("slow down") == 1
        await until(lambda: len(channel.came) == 7)
    told, again = (at for at, _, text in channel.came if text == "slow down")
    assert again - told >= 0.5
    assert channel.texts()[-2:] == ["slow down", "after it"]


async def test_everyones_wait_holds_every_worker(database, clock):
    for number in range(3):
        queue(database, str(number), "x", clock=clock)
    channel, other = (
        Slow(Limits(4096, per_second=4, lanes={"broadcast": 24})),
        Slow(Limits(4096, lanes={"broadcast": 24})),
    )
    channel.script["0"] = [TryLater(timedelta(seconds=30), halts="everyone")]
    assert await Sender(database, channel, clock).sweep() >= 1
    queue(database, "9", "news", lane="broadcast", clock=clock)
    came = len(channel.came)
    clock.turn(seconds=29)
    assert await Sender(database, other, clock).sweep() == 0
    clock.turn(seconds=1.1)
    assert await Sender(database, other, clock).sweep() >= 1
    assert came <= 3


async def test_two_persons_told_to_wait_in_a_row_are_everyone(database, clock):
    channel = Slow()
    sender = Sender(database, channel, clock)
    for user in ("1", "2"):
        channel.script[user] = [TryLater(timedelta(seconds=30))]
        await sender.send_own(*own(database, user, user, clock=clock))
    await sender.send_own(*own(database, "3", "3", clock=clock))
    assert channel.texts() == ["1", "2"]
    clock.turn(seconds=31)
    assert await sender.sweep() == 3


async def test_one_told_to_wait_between_others_reached_is_alone(database, clock):
    channel = Slow()
    sender = Sender(database, channel, clock)
    for user in ("1", "2", "3", "4"):
        channel.script[user] = [TryLater(timedelta(seconds=30))] if user in "13" else []
        await sender.send_own(*own(database, user, user, clock=clock))
    assert channel.texts() == ["1", "2", "3", "4"]


async def test_each_further_failure_waits_longer_and_never_beyond_the_most(database, clock):
    channel = Slow()
    channel.script["1"] = [TryLater(timedelta(0), unsure=True) for _ in range(9)]
    queue(database, "1", "x", clock=clock)
    sender = Sender(database, channel, clock, chance=Random(3))
    waits = []
    for _ in range(9):
        assert await sender.sweep() == 1
        began = clock()
        while not await _is_due(database, clock):
            clock.turn(seconds=0.25)
        waits.append((clock() - began).total_seconds())
    assert all(0.75 <= wait / min(2**tries, 60) <= 1.5 for tries, wait in enumerate(waits[:6]))
    assert max(waits) <= 60.25
    assert rows(database) == [("queued", 9, True)]


async def _is_due(database: Database, clock: Clock) -> bool:
    with database.read() as work:
        return work.deliveries.is_due("memory", ("interactive",), clock())


async def test_after_a_day_of_trying_a_message_has_failed(database, clock):
    channel = Slow()
    channel.script["1"] = [TryLater(timedelta(hours=23)), TryLater(timedelta(hours=23))]
    queue(database, "1", "x", clock=clock)
    sender = Sender(database, channel, clock)
    assert await sender.sweep() == 1
    clock.turn(hours=24)
    assert await sender.sweep() == 1
    assert rows(database, "state, reason, attempts") == [("failed", "too old", 2)]


async def test_who_can_not_be_reached_is_marked_so_with_the_reason(database, clock):
    channel = Slow()
    channel.script["1"] = [Unreachable("43004")]
    queue(database, "1", "x", clock=clock)
    await Sender(database, channel, clock).sweep()
    assert rows(database, "state, reason") == [("unreachable", "43004")]
    with database.read() as work:
        known = work.people.at("memory", "1")
        assert known
        assert not known.reachable
        assert known.first_seen == clock()


async def test_a_call_without_an_answer_is_cut_off_and_flagged(database):
    class Hanging(Slow):
        async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
            self.takes = 0.0 if self.came else 60.0
            return await super().send(address, reply, lane)

    queue(database, "1", "x")
    channel = Hanging()
    async with Running(sender_of(database, channel)):
        await until(lambda: rows(database) == [("sent", 2, True)])
    assert channel.came[1][0] - channel.came[0][0] >= 0.2


async def test_what_a_worker_claims_stays_within_its_window(database):
    for number in range(40):
        queue(database, str(number), "x")
    channel = Slow(takes=0.03)
    async with Running(sender_of(database, channel, window=7)):
        await until(lambda: len(channel.came) == 40)
    assert channel.most_at_once == 7


async def test_several_workers_share_the_work_and_send_once(database):
    for number in range(60):
        queue(database, str(number), f"{number}a", f"{number}b", lane="broadcast")
    channels = [Slow(takes=0.002) for _ in range(3)]
    async with (
        Running(sender_of(database, channels[0])),
        Running(sender_of(database, channels[1])),
        Running(sender_of(database, channels[2])),
    ):
        await until(lambda: sum(len(channel.came) for channel in channels) >= 120)
    came = sorted((at, text) for channel in channels for at, _, text in channel.came)
    assert sorted(text for _, text in came) == sorted(f"{n}{part}" for n in range(60) for part in "ab")
    assert rows(database) == [("sent", 1, False)] * 120


async def test_stopping_ends_what_is_under_way_and_gives_back_the_rest_unflagged(database):
    for number in range(30):
        queue(database, str(number), "x", lane="broadcast")
    channel = Slow(Limits(4096, lanes={"broadcast": 40}), takes=0.15)
    sender = sender_of(database, channel)
    task = asyncio.create_task(sender.run())
    await until(lambda: channel.at_once > 0)
    began = monotonic()
    await sender.stop()
    await task
    assert monotonic() - began < 2
    tried = len(channel.came)
    assert channel.at_once == 0
    assert 0 < tried < 30
    assert sorted(rows(database)) == sorted([("sent", 1, False)] * tried + [("queued", 0, False)] * (30 - tried))


async def test_what_does_not_end_in_time_is_cut_off_and_flagged(database):
    queue(database, "1", "x")
    channel = Slow(takes=60)
    times = Times(timedelta(seconds=60), timedelta(seconds=10))
    sender = sender_of(database, channel, times=times)
    task = asyncio.create_task(sender.run())
    await until(lambda: channel.at_once == 1)
    await sender.stop(within=timedelta(seconds=0.1))
    await task
    assert rows(database) == [("queued", 1, True)]


async def test_the_request_sends_its_own_and_the_pump_settles(database):
    channel = Slow()
    async with Running(sender_of(database, channel)) as sender:
        sender.start_own(*own(database, "1", "a", "b"))
        await until(lambda: rows(database) == [("sent", 1, False)] * 2)
    assert channel.texts() == ["a", "b"]


async def test_a_reply_without_a_free_slot_is_left_to_the_pump(database, clock):
    channel = Slow(Limits(4096, per_second=2))
    sender = Sender(database, channel, clock)
    await sender.send_own(*own(database, "1", "first", clock=clock))
    await sender.send_own(*own(database, "2", "second", clock=clock))
    assert channel.texts() == ["first"]
    assert rows(database) == [("sent", 1, False), ("queued", 0, False)]
    clock.turn(seconds=0.5)
    assert await sender.sweep() == 1


async def test_a_reply_never_overtakes_an_older_one_of_its_person(database, clock):
    channel = Slow()
    channel.script["1"] = [TryLater(timedelta(seconds=30))]
    sender = Sender(database, channel, clock)
    await sender.send_own(*own(database, "1", "older", clock=clock))
    await sender.send_own(*own(database, "1", "newer", clock=clock))
    assert channel.texts() == ["older"]
    assert rows(database) == [("queued", 1, False), ("queued", 0, False)]
    clock.turn(seconds=30)
    while await sender.sweep():
        pass
    assert channel.texts() == ["older", "older", "newer"]


async def test_many_requests_share_a_transaction(database, monkeypatch):
    channel = Slow()
    sender = sender_of(database, channel)
    turns = [own(database, str(number), "x") for number in range(40)]
    steps, step = list[int](), sender._ledger.step

    def counted(ended, asks=(), *more):
        steps.append(len(asks))
        return step(ended, asks, *more)

    monkeypatch.setattr(sender._ledger, "step", counted)
    await asyncio.gather(*(sender.send_own(*turn) for turn in turns))
    assert len(channel.came) == 40
    assert sum(steps) == 40
    assert len(steps) < 20
    assert rows(database) == [("sent", 1, False)] * 40


async def test_a_busy_database_costs_nothing_but_time(database, monkeypatch):
    channel = Slow()
    sender = sender_of(database, channel)
    refusals, step = 3, sender._ledger.step

    def sometimes(*given):
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise Busy("try again")
        return step(*given)

    monkeypatch.setattr(sender._ledger, "step", sometimes)
    queue(database, "1", "x")
    async with Running(sender):
        await until(lambda: rows(database) == [("sent", 1, False)])
    assert channel.texts() == ["x"]


async def test_an_idle_pump_only_looks_and_seldom(database, monkeypatch):
    sender = sender_of(database, Slow())
    looks, writes, look, step = list[float](), list[float](), sender._ledger.look, sender._ledger.step
    monkeypatch.setattr(sender._ledger, "look", lambda: (looks.append(monotonic()), look())[1])
    monkeypatch.setattr(sender._ledger, "step", lambda *given: (writes.append(monotonic()), step(*given))[1])
    async with Running(sender):
        await asyncio.sleep(1.5)
    assert 1 <= len(looks) <= 4
    assert writes == []


async def test_what_is_queued_elsewhere_is_found_within_a_second(database):
    channel = Slow()
    async with Running(sender_of(database, channel)):
        await asyncio.sleep(0.1)
        queue(database, "1", "x")
        began = monotonic()
        await until(lambda: bool(channel.came))
        assert monotonic() - began < 1.5


def test_a_claim_must_outlive_a_call():
    with pytest.raises(ValueError, match="outlive"):
        Times(lease=timedelta(seconds=10), call=timedelta(seconds=10))
