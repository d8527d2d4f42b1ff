"""Scripts of faults, the same for both platforms: at which call which fault, the same again for the same seed.

A rule in words:  <call> <fault> [name=value ...]
    sendMessage refuse:429 seconds=2 chance=0.05     5 % of the calls are refused, "retry after 2"
    sendMessage reset-after at=3,7                    the third and the seventh answer are lost, the message is not
    custom/send refuse:45015 person=oEXAMPLE...       WeChat's error codes, to one person
    update duplicate chance=0.1                       pushes to the bot are calls named "update" and "push"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Self

MOST_SECONDS = 600.0


class BadScript(ValueError):
    """A rule that can't be read; the message says which part."""


class Kind(StrEnum):
    """What goes wrong. Those from RESET_AFTER to SLOW happen to the answer: the call itself has its effect."""

    REFUSE = "refuse"
    """The platform's own refusal, `code`: an HTTP status of Telegram's or an errcode of WeChat's."""
    HTML = "html"
    """A gateway's page with status `code`, 502 by default."""
    GARBAGE = "garbage"
    """200 with a body that is no JSON."""
    RESET = "reset"
    """The connection is reset before anything happened."""
    HANG = "hang"
    """Nothing for `seconds` (60), then the connection ends; nothing happened."""
    RESET_AFTER = "reset-after"
    HANG_AFTER = "hang-after"
    CUT = "cut"
    """Half of the answer, then the end of the connection."""
    SLOW = "slow"
    """The answer drips over `seconds` (10)."""
    LATE = "late"
    """The whole answer, or the push, comes `seconds` (6) later."""
    DUPLICATE = "duplicate"
    """A push comes a second time although it was acknowledged."""
    SWAP = "swap"
    """A push comes after the one behind it."""


_BEFORE = (Kind.REFUSE, Kind.HTML, Kind.GARBAGE, Kind.RESET, Kind.HANG)
_SECONDS = {Kind.HANG: 60.0, Kind.HANG_AFTER: 60.0, Kind.SLOW: 10.0, Kind.LATE: 6.0, Kind.REFUSE: 1.0}
PUSHES = (Kind.LATE, Kind.DUPLICATE, Kind.SWAP)
"""What can happen to a push to the bot."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault at one call."""

    kind: Kind
    code: int = 0
    seconds: float = 0.0

    @property
    def has_effect(self) -> bool:
        """Whether the call does what it is for although its caller can't know."""
        return self.kind not in _BEFORE

    @classmethod
    def parse(cls, words: str, seconds: float | None = None) -> Self:
        name, _, code = words.partition(":")
        try:
            kind = Kind(name)
        except ValueError:
            raise BadScript(f"no fault {name!r}; there are {', '.join(Kind)}") from None
        if code and not code.lstrip("-").isdecimal():
            raise BadScript(f"{code!r} is no code")
        if kind is Kind.REFUSE and not code:
            raise BadScript("refuse needs a code: refuse:429")
        waits = _SECONDS.get(kind, 0.0) if seconds is None else seconds
        if not 0 <= waits <= MOST_SECONDS:
            raise BadScript(f"seconds={waits} is not between 0 and {MOST_SECONDS:.0f}")
        return cls(kind, int(code or (502 if kind is Kind.HTML else 0)), waits)


@dataclass(slots=True)
class Rule:
    """When a fault happens: at the calls numbered `at` (from 1), else by `chance`; at most `times` times."""

    call: str
    fault: Fault
    at: tuple[int, ...] = ()
    chance: float = 1.0
    times: int | None = None
    person: str = ""
    happened: int = field(default=0, compare=False)
    _seen: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, words: str) -> Self:
        """A rule in the words of this module's description. Raises BadScript."""
        parts = words.split()
        if len(parts) < 2:
            raise BadScript(f"{words!r}: a rule begins with a call and a fault")
        values = {}
        for part in parts[2:]:
            name, is_pair, value = part.partition("=")
            if not is_pair or name not in ("seconds", "at", "chance", "times", "person"):
                raise BadScript(f"{words!r}: what is {part!r}? There are seconds, at, chance, times and person")
            values[name] = value
        try:
            seconds = float(values["seconds"]) if "seconds" in values else None
            at = tuple(int(number) for number in values["at"].split(",")) if "at" in values else ()
            chance = float(values.get("chance", "1"))
            times = int(values["times"]) if "times" in values else None
        except ValueError as bad:
            raise BadScript(f"{words!r}: {bad}") from bad
        if not 0 <= chance <= 1:
            raise BadScript(f"{words!r}: chance is between 0 and 1")
        return cls(parts[0], Fault.parse(parts[1], seconds), at, chance, times, values.get("person", ""))

    def strikes(self, call: str, person: str, luck: "_Luck") -> bool:
        if self.call not in ("*", call) or (self.person and self.person != person):
            return False
        self._seen += 1
        if self.times is not None and self.happened >= self.times:
            return False
        struck = self._seen in self.at if self.at else luck(self._seen) < self.chance
        self.happened += struck
        return struck

    def in_words(self) -> str:
        """The rule as `parse` reads it."""
        code = f":{self.fault.code}" if self.fault.code else ""
        words = [self.call, f"{self.fault.kind}{code}", f"seconds={self.fault.seconds:g}"]
        words += [f"at={','.join(map(str, self.at))}"] if self.at else [f"chance={self.chance:g}"]
        words += [f"times={self.times}"] if self.times is not None else []
        words += [f"person={self.person}"] if self.person else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class _Luck:
    """A number in [0, 1) for the n-th call of a rule: it hangs on the seed alone, not on what other calls there were."""

    seed: int
    rule: str

    def __call__(self, number: int) -> float:
        digest = blake2b(f"{self.seed}/{self.rule}/{number}".encode(), digest_size=7).digest()
        return int.from_bytes(digest) / 2**56


class Script:
    """Rules in order; the first that strikes decides."""

    def __init__(self, rules: Sequence[Rule] = (), *, seed: int = 1) -> None:
        self.rules, self.seed = list(rules), seed

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """From {"seed": 1, "rules": ["sendMessage reset at=3"]}. Raises BadScript."""
        rules, seed = data.get("rules", []), data.get("seed", 1)
        if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules) or not isinstance(seed, int):
            raise BadScript('a script is {"seed": 1, "rules": ["sendMessage reset at=3"]}')
        return cls([Rule.parse(rule) for rule in rules], seed=seed)

    def as_data(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "rules": [rule.in_words() for rule in self.rules],
            "happened": [rule.happened for rule in self.rules],
        }

    def at(self, call: str, person: str = "") -> Fault | None:
        """The fault at this call, which counts as one more of its name."""
        if not self.rules:
            return None
        for number, rule in enumerate(self.rules):
            if rule.strikes(call, person, _Luck(self.seed, f"{number}/{rule.call}")):
                return rule.fault
        return None
