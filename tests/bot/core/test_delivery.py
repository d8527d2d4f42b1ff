"""Sending what the outbox holds: a reply arrives once, in order, and what went wrong is settled as what it was."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.channels.memory import MemoryChannel
from bot.core.assistant import CLAIM_FOR
from bot.core.channel import Lane, Receipt
from bot.core.clock import Clock
from bot.core.delivery import Sender
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from storage.engine import Database
from tests.bot.conftest import Person


@pytest.fixture
def channel() -> MemoryChannel:
    return MemoryChannel()


@pytest.fixture
def sender(database: Database, channel: MemoryChannel, clock: Clock) -> Sender:
    return Sender(database, channel, clock)


def rows(database: Database) -> list[tuple]:
    """(state, reason, attempts, maybe_repeat) of each delivery, in order."""
    with database.read() as work:
        wanted = text("SELECT state, reason, attempts, maybe_repeat FROM delivery ORDER BY id")
        return [(state, why, n, bool(again)) for state, why, n, again in work.connection.execute(wanted)]


def heads(channel: MemoryChannel) -> list[str]:
    return [reply.text.split()[0] for reply in channel.delivered["alice"]]


async def test_the_replies_of_a_turn_arrive_in_order_and_are_settled(alice, database, channel, sender):
    taken = alice.take("/forget")
    await sender.send_own(taken, alice.address)
    assert channel.delivered["alice"] == list(taken.replies)
    assert rows(database) == [("sent", None, 1, False)] * 2
    assert await sender.sweep() == 0


async def test_an_erased_person_is_told_though_nothing_is_kept(alice, database, channel, sender):
    alice("/forget")
    taken = alice.take("yes")
    await sender.send_own(taken, alice.address)
    assert heads(channel) == ["Done."]
    assert rows(database) == []


async def test_what_must_wait_is_tried_again_when_its_time_has_come(alice, database, channel, sender, clock):
    channel.failures.append(TryLater(timedelta(seconds=30)))
    taken = alice.take("/help")
    await sender.send_own(taken, alice.address)
    assert rows(database) == [("queued", None, 1, False)]
    assert await sender.sweep() == 0
    clock.turn(seconds=30)
    assert await sender.sweep() == 1
    assert channel.delivered["alice"] == list(taken.replies)
    assert rows(database) == [("sent", None, 2, False)]


async def test_what_stands_behind_a_waiting_reply_waits_too_and_is_no_repeat(alice, database, channel, sender, clock):
    channel.failures.append(TryLater(timedelta(seconds=30)))
    taken = alice.take("/forget")
    await sender.send_own(taken, alice.address)
    assert await sender.sweep() == 0
    clock.turn(seconds=30)
    while await sender.sweep():
        pass
    assert channel.delivered["alice"] == list(taken.replies)
    assert rows(database) == [("sent", None, 2, False), ("sent", None, 1, False)]


@pytest.mark.parametrize(
    ("failure", "state"), [(Unreachable("blocked"), "unreachable"), (Refused("too_long"), "failed")]
)
async def test_what_can_never_arrive_is_settled_with_its_reason(
    alice, database, channel, sender, clock, failure, state
):
    channel.failures.append(failure)
    await sender.send_own(alice.take("/help"), alice.address)
    assert rows(database) == [(state, failure.reason, 1, False)]
    clock.turn(days=1)
    assert await sender.sweep() == 0


async def test_what_a_crash_left_is_swept_up_and_flagged(alice, database, channel, sender, clock):
    taken = alice.take("/help")
    assert await sender.sweep() == 0  # Still claimed by whoever took the message.
    clock.now += CLAIM_FOR
    assert await sender.sweep() == 1
    assert channel.delivered["alice"] == list(taken.replies)
    assert rows(database) == [("sent", None, 2, True)]


async def test_who_comes_too_late_settles_nothing(alice, database, channel, sender, clock):
    taken = alice.take("/help")
    clock.now += CLAIM_FOR
    channel.failures.append(Unreachable("blocked"))
    await sender.sweep()
    await sender.send_own(taken, alice.address)
    assert rows(database)[0][:2] == ("unreachable", "blocked")


async def test_a_channels_own_mistake_costs_no_message_and_may_repeat_it(alice, database, clock):
    class Faulty(MemoryChannel):
        async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
            await super().send(address, reply, lane)
            if len(self.delivered["alice"]) == 1:
                raise ConnectionResetError
            return Receipt()

    channel = Faulty()
    sender = Sender(database, channel, clock)
    await sender.send_own(alice.take("/help"), alice.address)
    assert rows(database) == [("queued", None, 1, True)]
    clock.turn(minutes=2)
    assert await sender.sweep() == 1
    assert rows(database) == [("sent", None, 2, True)]


async def test_a_sweep_serves_its_own_channel_only(alice, database, clock):
    alice.take("/help")
    clock.now += CLAIM_FOR
    assert await Sender(database, MemoryChannel("elsewhere"), clock).sweep() == 0


async def test_two_sweeps_at_once_send_once(alice, bob, database, channel, sender, clock):
    import asyncio

    alice.take("/help")
    bob.take("/help")
    clock.now += CLAIM_FOR
    assert sum(await asyncio.gather(sender.sweep(), Sender(database, channel, clock).sweep())) == 2
    assert [len(channel.delivered[user]) for user in ("alice", "bob")] == [1, 1]


async def test_replies_shown_in_place_are_settled_as_sent(alice, database, sender):
    sender.mark_shown(alice.take("/forget"))
    assert rows(database) == [("sent", None, 1, False)] * 2
    assert await sender.sweep() == 0


async def test_a_repeated_message_settles_nothing(alice: Person, database, sender):
    message = alice.message("/help")
    alice.assistant.take(message)
    sender.mark_shown(alice.assistant.take(message))
    assert rows(database)[0][0] == "claimed"
