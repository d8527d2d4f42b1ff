"""An assistant that knows a few questions by heart, so that no test here hangs on how well the matcher guesses."""

from collections.abc import Iterator
from itertools import count

import pytest

from bot.core.assistant import Assistant, Taken
from bot.core.clock import Clock
from bot.core.message import Address, Event, InboundMessage, Reply
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy
from storage.engine import Database
from storage.stores.conversations import Spoken

BY_HEART = {
    "privacy.7.2": ["How long do you keep my data?", "你们会保存我的信息多久？"],
    "privacy.6.3": ["Can I block cookies?"],
    "privacy.3.1": ["Who do you share my data with?"],
    "pipl.49": ["May relatives see the data of the dead?"],
}
"""Anything else is asked back, by the clauses' own words, or not covered when it shares no word with them."""


@pytest.fixture(scope="session")
def policy() -> PolicyVersion:
    return load_policy("kenpai")


@pytest.fixture(scope="session")
def wording() -> Wording:
    return Wording.load()


@pytest.fixture
def recogniser(policy: PolicyVersion) -> Recogniser:
    recogniser = Recogniser(policy, {})
    recogniser.add_taught(BY_HEART)
    return recogniser


class Person:
    """Somebody who talks to an assistant: person("hello") is what it says back."""

    _numbers = count(1)

    def __init__(self, assistant: Assistant, clock: Clock, user: str = "alice") -> None:
        self.assistant, self.clock, self.address = assistant, clock, Address("memory", user)

    def message(self, text: str = "", **more: str | Event | None) -> InboundMessage:
        return InboundMessage(self.address, text, f"m{next(self._numbers)}", self.clock(), **more)

    def take(self, text: str = "", **more: str | Event | None) -> Taken:
        return self.assistant.take(self.message(text, **more))

    def __call__(self, text: str = "", **more: str | Event | None) -> tuple[Reply, ...]:
        return self.take(text, **more).replies

    def press(self, label: str, shown: tuple[Reply, ...]) -> tuple[Reply, ...]:
        """Presses the button with that label on the replies shown."""
        values = {choice.label: choice.value for reply in shown for choice in reply.choices}
        return self(choice=values[label])

    def turns(self, database: Database) -> list[Spoken]:
        """What is kept of the talk, newest first."""
        with database.read() as work:
            known = work.people.at(self.address.channel, self.address.user)
            return work.conversations.turns(known, limit=1000) if known else []


@pytest.fixture
def assistant(
    database: Database, policy: PolicyVersion, recogniser: Recogniser, wording: Wording, clock: Clock
) -> Assistant:
    return Assistant(database, policy, recogniser, wording, clock)


@pytest.fixture
def alice(assistant: Assistant, clock: Clock) -> Person:
    return Person(assistant, clock)


@pytest.fixture
def bob(assistant: Assistant, clock: Clock) -> Person:
    return Person(assistant, clock, "bob")


@pytest.fixture
def sqlite_database(sqlite_template, tmp_path, keyring) -> Iterator[Database]:
    """For tests of rules that no database has a part in."""
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{path}", keyring) as opened:
        yield opened
