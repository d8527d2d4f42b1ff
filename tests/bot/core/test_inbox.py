"""The door between channels and core."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from threading import Lock

import pytest

from bot.channels.memory import MemoryChannel
from bot.core.assistant import Along, Assistant, Taken
from bot.core.clock import Clock
from bot.core.delivery import Sender
from bot.core.errors import TryLater, Unreachable
from bot.core.message import InboundMessage
from bot.inbox import Inbox
from storage.engine import Database
from tests.bot.conftest import Person


@pytest.fixture
def channel() -> MemoryChannel:
    return MemoryChannel()


@pytest.fixture
def inbox(assistant: Assistant, database: Database, channel: MemoryChannel, clock: Clock) -> Iterator[Inbox]:
    inbox = Inbox(assistant, {"memory": Sender(database, channel, clock)}, in_place=frozenset())
    yield inbox
    inbox.close()


async def test_replies_are_sent_after_the_commit(
    inbox: Inbox, alice: Person, channel: MemoryChannel, database: Database
):
    replies = await inbox.put(alice.message("/help"))
    assert channel.delivered["alice"] == list(replies)
    with database.read() as work:
        assert work.deliveries.pending("memory") == 0


async def test_a_repeated_message_is_answered_but_not_sent_again(inbox: Inbox, alice: Person, channel: MemoryChannel):
    message = alice.message("/help")
    first = await inbox.put(message)
    assert list(await inbox.put(message)) == list(first)
    assert len(channel.delivered["alice"]) == 1


async def test_a_person_nobody_can_reach_is_no_error(inbox: Inbox, alice: Person, channel: MemoryChannel):
    channel.failures += [Unreachable("blocked"), TryLater(timedelta(seconds=1))]
    assert await inbox.put(alice.message("/help"))
    assert await inbox.put(alice.message("/help"))
    assert channel.delivered["alice"] == []


async def test_a_channel_that_shows_replies_itself_is_not_sent_them(
    assistant: Assistant, database: Database, channel: MemoryChannel, clock: Clock, alice: Person
):
    inbox = Inbox(assistant, {"memory": Sender(database, channel, clock)}, in_place=frozenset({"memory"}))
    assert await inbox.put(alice.message("/help"))
    inbox.close()
    assert channel.delivered["alice"] == []
    with database.read() as work:
        assert work.deliveries.pending("memory") == 0


async def test_messages_of_one_person_are_answered_in_order(inbox: Inbox, alice: Person, channel: MemoryChannel):
    said = ["/forget", "no", "/help", "/privacy", "/mydata"]
    answers = await asyncio.gather(*(inbox.put(alice.message(text)) for text in said))
    assert channel.delivered["alice"] == [reply for replies in answers for reply in replies]
    assert answers[1][0].text == "Nothing was erased."


async def test_one_turn_at_a_time_for_a_person_and_many_for_many(
    database: Database, policy, recogniser, wording, channel: MemoryChannel, clock: Clock
):
    class Watched(Assistant):
        guard, running, most, overlaps = Lock(), list[str](), 0, 0

        def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
            with self.guard:
                self.overlaps += message.sender.user in self.running
                self.running.append(message.sender.user)
                self.most = max(self.most, len(self.running))
            try:
                return super().take(message, along)
            finally:
                with self.guard:
                    self.running.remove(message.sender.user)

    assistant = Watched(database, policy, recogniser, wording, clock)
    inbox = Inbox(assistant, {"memory": Sender(database, channel, clock)}, in_place=frozenset())
    people = [Person(assistant, clock, name) for name in ("alice", "bob", "carol", "dave")]
    await asyncio.gather(*(inbox.put(person.message("/help")) for _ in range(3) for person in people))
    inbox.close()
    assert assistant.overlaps == 0
    assert (assistant.most > 1) is not assistant.shares_commits, "where one commit serves many, one thread takes them"
    assert [len(channel.delivered[person.address.user]) for person in people] == [3] * 4
