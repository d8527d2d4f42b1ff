"""Replies that go back in the answer to the push itself, as WeChat wants them."""

import asyncio
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.channels.memory import MemoryChannel
from bot.core.assistant import CLAIM_FOR, Along, Assistant, Taken
from bot.core.delivery import Sender
from bot.core.message import InboundMessage
from bot.inbox import Inbox
from storage.errors import Busy
from tests.bot.core.test_delivery_pump import until

SOON = timedelta(seconds=3)


class Stalled(Assistant):
    """Takes as long as `stall` seconds, and fails `failures` times."""

    stall, failures = 0.0, 0

    def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
        time.sleep(self.stall)
        if self.failures:
            self.failures -= 1
            raise Busy("try again")
        return super().take(message, along)


@pytest.fixture
def channel() -> MemoryChannel:
    return MemoryChannel()


@pytest.fixture
def slow(database, policy, recogniser, wording, clock) -> Stalled:
    return Stalled(database, policy, recogniser, wording, clock)


@pytest.fixture
def sender(database, channel, clock) -> Sender:
    return Sender(database, channel, clock)


@pytest.fixture
def inbox(slow, sender):
    inbox = Inbox(slow, {"memory": sender}, in_place=frozenset())
    yield inbox
    inbox.close()


def rows(database) -> list[tuple]:
    with database.read() as work:
        wanted = text("SELECT state, reason, maybe_repeat FROM delivery ORDER BY id")
        return [(state, reason, bool(again)) for state, reason, again in work.connection.execute(wanted)]


async def test_the_first_reply_is_the_answer_and_is_not_sent(inbox, alice, channel, database):
    passive = await inbox.put_passive(alice.message("/help"), SOON)
    assert passive
    await passive.confirm()
    assert channel.delivered["alice"] == []
    assert rows(database) == [("sent", "passive", False)]


async def test_the_further_replies_follow_the_first(inbox, alice, channel, sender, database):
    passive = await inbox.put_passive(alice.message("/forget"), SOON)
    assert passive
    assert channel.delivered["alice"] == []
    assert await sender.sweep() == 0
    assert rows(database) == [("claimed", None, False)] * 2, "the rest waits for the answer"
    await passive.confirm()
    assert len(channel.delivered["alice"]) == 1
    assert channel.delivered["alice"][0] not in passive.replies
    assert rows(database) == [("sent", "passive", False), ("sent", None, False)]


async def test_an_answer_that_was_not_confirmed_is_sent_and_flagged(inbox, alice, channel, sender, database, clock):
    passive = await inbox.put_passive(alice.message("/help"), SOON)
    assert passive
    assert await sender.sweep() == 0
    clock.now += CLAIM_FOR
    assert await sender.sweep() == 1
    await passive.confirm()
    assert rows(database) == [("sent", None, True)]


async def test_an_answer_that_was_not_confirmed_is_sent_before_the_replies_behind_it(
    inbox, alice, channel, sender, database, clock
):
    passive = await inbox.put_passive(alice.message("/forget"), SOON)
    assert passive
    clock.now += CLAIM_FOR
    assert [await sender.sweep() for _ in range(3)] == [1, 1, 0]
    assert channel.delivered["alice"][0] == passive.replies[0]
    assert rows(database) == [("sent", None, True)] * 2


async def test_a_retry_gets_the_same_answer(inbox, alice, channel, database):
    message = alice.message("/help")
    first = await inbox.put_passive(message, SOON)
    assert first
    await first.confirm()
    again = await inbox.put_passive(message, SOON)
    assert again
    assert again.replies == first.replies
    assert (first.is_repeat, again.is_repeat) == (False, True)
    await again.confirm()
    assert rows(database) == [("sent", "passive", False)]
    assert channel.delivered["alice"] == []


async def test_a_retry_of_what_is_sent_by_itself_gets_no_answer(inbox, alice, channel, slow):
    message = alice.message("/help")
    slow.stall = 0.3
    with pytest.raises(TimeoutError):
        await inbox.put_passive(message, timedelta(seconds=0.05))
    assert await inbox.put_passive(message, SOON) is None
    await until(lambda: bool(channel.delivered["alice"]))
    assert len(channel.delivered["alice"]) == 1


async def test_what_is_late_is_not_acknowledged_and_sent_once_committed(inbox, alice, channel, slow, database):
    slow.stall = 1.5
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await inbox.put_passive(alice.message("/help"), timedelta(seconds=0.1))
    assert time.monotonic() - began < slow.stall
    await until(lambda: rows(database) == [("sent", None, False)])
    assert len(channel.delivered["alice"]) == 1


async def test_a_turn_that_fails_late_is_the_next_pushs_to_take(inbox, alice, channel, slow, database):
    slow.stall, slow.failures = 0.15, 1
    message = alice.message("/help")
    with pytest.raises(TimeoutError):
        await inbox.put_passive(message, timedelta(seconds=0.05))
    passive = await inbox.put_passive(message, SOON)
    assert passive
    await passive.confirm()
    assert rows(database) == [("sent", "passive", False)]
    assert channel.delivered["alice"] == []


async def test_a_turn_not_begun_in_time_is_never_begun(inbox, alice, slow, database):
    slow.stall = 0.4
    pushes = [inbox.put_passive(alice.message(text), timedelta(seconds=0.1)) for text in ("/help", "/privacy")]
    assert [type(one) for one in await asyncio.gather(*pushes, return_exceptions=True)] == [TimeoutError] * 2
    await until(lambda: rows(database) == [("sent", None, False)])
    await asyncio.sleep(0.5)
    assert len(rows(database)) == 1


async def test_a_turn_that_fails_in_time_is_the_callers_to_refuse(inbox, alice, slow):
    slow.failures = 1
    with pytest.raises(Busy):
        await inbox.put_passive(alice.message("/help"), SOON)


async def test_as_many_replies_go_together_as_fit_and_a_retry_gets_them_all(inbox, alice, channel, database):
    message = alice.message("/forget")
    passive = await inbox.put_passive(message, SOON, together=len)
    assert passive
    assert len(passive.replies) == 2
    await passive.confirm()
    again = await inbox.put_passive(message, SOON, together=len)
    assert again
    assert again.replies == passive.replies
    assert channel.delivered["alice"] == []
    assert rows(database) == [("sent", "passive", False)] * 2
