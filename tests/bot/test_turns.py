"""The threads of turns: what waits is taken together, answered once committed, each with its slots."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event

import pytest

from bot.core.assistant import Along, Assistant, Taken
from bot.core.ledger import Ask, Step
from bot.core.message import InboundMessage
from bot.turns import Turns
from storage.errors import Busy
from tests.bot.conftest import Person
from tests.conftest import Clock


class Batches(Assistant):
    """Notes which messages were taken together; the first waits for `go`. `losing`: a commit fails."""

    go: Event
    losing = False

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.go, self.begun, self.batches = Event(), Event(), list[list[str]]()

    @contextmanager
    def together(self) -> Iterator[None]:
        self.batches.append([])
        with super().together():
            yield
        if self.losing:
            raise Busy("the disk is full")

    def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
        self.batches[-1].append(message.text)
        self.begun.set()
        self.go.wait(5)
        if message.text == "/privacy":
            raise RuntimeError("a mistake")
        return super().take(message, along)


@pytest.fixture
def batches(sqlite_database, policy, recogniser, wording, clock) -> Batches:
    return Batches(sqlite_database, policy, recogniser, wording, clock)


@pytest.fixture
def people(batches: Batches, clock: Clock) -> list[Person]:
    return [Person(batches, clock, name) for name in ("alice", "bob", "carol")]


async def started(turns: Turns, batches: Batches, messages: Sequence[InboundMessage], **how: object) -> list:
    """Takes the first, and while that is under way the others."""
    first = asyncio.create_task(turns.take(messages[0], **how))
    await asyncio.to_thread(batches.begun.wait, 5)
    others = [asyncio.create_task(turns.take(message, **how)) for message in messages[1:]]
    await asyncio.sleep(0.01)
    batches.go.set()
    return list(await asyncio.gather(first, *others, return_exceptions=True))


async def test_what_waits_meanwhile_is_taken_together(batches: Batches, people: list[Person]) -> None:
    turns, asked = Turns(batches), list[int]()

    def grant(asks: Sequence[Ask]) -> Step:
        asked.append(len(asks))
        return Step("claim", 0.0)

    results = await started(turns, batches, [person.message("/help") for person in people], asking=grant)
    turns.close()
    assert [len(batch) for batch in batches.batches] == [1, 2]
    assert asked == [1, 2]
    assert all(taken.replies and step is not None for taken, step in results)


async def test_a_mistake_in_one_costs_no_other(batches: Batches, people: list[Person]) -> None:
    turns = Turns(batches)
    texts = ("/help", "/privacy", "/mydata")
    results = await started(turns, batches, [p.message(text) for p, text in zip(people, texts, strict=True)])
    turns.close()
    assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]


async def test_nobody_is_answered_when_the_commit_fails(batches: Batches, people: list[Person]) -> None:
    turns, batches.losing = Turns(batches), True
    results = await started(turns, batches, [person.message("/help") for person in people])
    turns.close()
    assert [type(result) for result in results] == [Busy] * 3


async def test_no_slots_are_no_reason_to_lose_the_turn(batches: Batches, people: list[Person]) -> None:
    def grant(asks: Sequence[Ask]) -> Step:
        raise Busy("later")

    turns = Turns(batches)
    batches.go.set()
    taken, step = await turns.take(people[0].message("/help"), asking=grant)
    turns.close()
    assert taken.deliveries
    assert step is None


async def test_what_comes_too_late_is_not_begun(batches: Batches, people: list[Person]) -> None:
    turns = Turns(batches)
    with pytest.raises(TimeoutError):
        await turns.take(people[0].message("/help"), until=0.0)
    turns.close()
    assert batches.batches == [[]]
