"""The words a flow is written in.

A flow is a generator that reads as a dialogue:

    def flow() -> Script[None]:
        whose = yield from choose("whose", Whose)
        if whose is Whose.CHAT:
            return (yield from say("chat"))
        yield from cite("privacy.5.3", "privacy.5.3.1")

It yields steps and is given their outcomes. The core keeps the outcomes by step name in a journal and, at the next
message, plays the flow again from the start with them: so a flow survives restarts and any number of processes.
Rules that keep replay honest: step names are unique in a flow and stay while journals are open; a flow reads no clock,
no database and no randomness, it yields a step for it.
"""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")
Option = TypeVar("Option", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Say:
    """Something the bot says: the wording `key` of this flow, filled with `values`."""

    key: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cite:
    """Clauses or law articles shown in one message, each with its citation."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Show:
    """A work order of the person's, drawn with where it stands. `number` as it is kept."""

    number: str


@dataclass(frozen=True, slots=True)
class Choose:
    """A question with named options; its outcome is the option's name. `labels` where the wording can't know them."""

    step: str
    options: tuple[str, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A question answered in own words; its outcome is those words, masked and cut, "" when the person has none."""

    step: str


@dataclass(frozen=True, slots=True)
class Prove:
    """The person shows who they are as far as `right` needs. Its outcome is how far they got: "portal", "contact" or
    "none". What they type meanwhile is written down nowhere."""

    step: str
    right: str


@dataclass(frozen=True, slots=True)
class Do:
    """An effect that happens once, in the transaction of its journal entry; its outcome is what the effect returns."""

    step: str
    effect: str
    arguments: dict[str, str] = field(default_factory=dict)


Waiting = Choose | Ask | Prove
"""What a flow can wait at."""
Step = Say | Cite | Show | Waiting | Do
Script = Generator[Step, Any, Outcome]
"""What a flow returns to its caller when it ends is `Outcome`."""


class YesNo(StrEnum):
    """The two options of `confirm`."""

    YES = "yes"
    NO = "no"


def say(key: str, **values: str) -> Script[None]:
    """Says the wording `key`."""
    yield Say(key, values)


def cite(*ids: str) -> Script[None]:
    """Shows clauses or law articles with their citations."""
    yield Cite(ids)


def choose(step: str, options: type[Option]) -> Script[Option]:
    """Asks the person to pick one of `options`; returns the picked one."""
    picked = yield Choose(step, tuple(option.value for option in options))
    return options(picked)


def choose_among(step: str, options: type[Option], open_now: Collection[str]) -> Script[Option]:
    """Asks the person to pick one of those `options` that are open to them now."""
    picked = yield Choose(step, tuple(option.value for option in options if option.value in open_now))
    return options(picked)


def pick(step: str, labelled: Mapping[str, str]) -> Script[str]:
    """Asks the person to pick one of things that only the store knows: option -> label."""
    picked: str = yield Choose(step, tuple(labelled), tuple(labelled.values()))
    return picked


def ask(step: str) -> Script[str]:
    """Asks for the person's own words."""
    words: str = yield Ask(step)
    return words


def prove(step: str, right: str) -> Script[str]:
    """Has the person show who they are."""
    level: str = yield Prove(step, right)
    return level


def show(number: str) -> Script[None]:
    """Shows a work order."""
    yield Show(number)


def confirm(step: str) -> Script[bool]:
    """Asks yes or no; True for yes."""
    return (yield from choose(step, YesNo)) is YesNo.YES


def do(step: str, effect: str, **arguments: str) -> Script[str]:
    """Makes `effect` happen once; returns what it reports."""
    result: str = yield Do(step, effect, arguments)
    return result
