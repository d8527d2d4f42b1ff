"""Transcripts of talks with the bot, which a privacy officer can read and a machine can play.

    # Whose data? Data of a hosted website is that customer's own.     what the transcript shows
    > delete my data                                                    the person says
    < Whose data is this about?                                         the bot says
      [1 My own Kenpai account | 2 A website or app hosted at Kenpai]   its choices
    ! outcome flow request_deletion                                     a fact about the turn
    ~ 91 days                                                           time passes, housekeeping runs
    ~ staff take                                                        the company does something (tests/company.py)
    @ Bo                                                                another speaker

The person can also `> (joins)`, `> (leaves)`, `> (photo)`, press a button `> [My own Kenpai account]` (the latest one
with that label, however old), write with escapes `> "a\\u202eb"`, or the same many times: `> "a" * 100000` is one long
message, `>x21 hello` is 21 messages at the same moment. {receipt} is the code of the latest answer.
`~ without the trained matcher` takes the trained files away: then the bot goes by the clauses' own words and asks back.
In what the bot says, `  — ` begins a citation, and a line `...` stands for any lines or replies, also none.

    python -m tests.talk FILE...            plays transcripts and shows where they differ
    python -m tests.talk FILE... --write    plays them and writes down what the bot says now: read it before you keep it
"""

import asyncio
import difflib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, pairwise
from pathlib import Path

from sqlmodel import col, func, select

from bot.channels.memory import MemoryChannel
from bot.core.assistant import Assistant
from bot.core.delivery import Sender
from bot.core.message import Address, Event, InboundMessage, Reply
from bot.core.receipts import ALPHABET
from bot.core.retention import forget_old
from bot.inbox import Inbox
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy
from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.conversations import Spoken
from storage.tables import Receipt
from tests.company import Company

ANYTHING = "..."
WITHOUT_MATCHER = "~ without the trained matcher"
BETWEEN_MESSAGES = timedelta(seconds=5)
"""How long a person of a transcript takes to write the next message; 20 a minute are allowed."""
_SAID = re.compile(r">x(?P<times>\d+) (?P<again>.*)|> ?(?P<plain>.*)")
_ESCAPED = re.compile(r'(?P<text>".*")(?: \* (?P<times>\d+))?')
_SPEAKER = re.compile(r"@ (?P<name>\S+)(?: \((?P<hint>[\w-]+)\))?")
_TIME = re.compile(r"~ (?P<amount>\d+) (?P<unit>second|minute|hour|day)s?")


class Broken(Exception):
    """A transcript that doesn't come out as it is written; the message shows how, with line numbers."""


@dataclass(slots=True)
class Part:
    """Something done (a line that begins with > ~ or @, or a comment), what the bot is to say then, and facts."""

    line: int
    done: str
    replies: list[str] = field(default_factory=list)
    facts: list[tuple[int, str]] = field(default_factory=list)
    ending: list[str] = field(default_factory=list)
    """Comments and empty lines after it, kept when a transcript is written anew."""


def parts_of(text: str, name: str = "") -> list[Part]:
    """The parts of a transcript; the first holds its opening comment. Raises Broken for a line of no known kind."""
    parts = [Part(0, "")]
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith((">", "~", "@")):
            parts.append(Part(number, line.rstrip()))
        elif line.startswith(("< ", "  ")) or line.strip() == ANYTHING:
            parts[-1].replies.append(line.rstrip())
        elif line.startswith("! "):
            parts[-1].facts.append((number, line[2:].strip()))
        elif not line.strip() or line.startswith("#"):
            parts[-1].ending.append(line.rstrip())
        else:
            raise Broken(f"{name}:{number}: a line begins with > < ! ~ @ # or two spaces, not like this: {line!r}")
    return parts


class Stage:
    """Where a transcript is played: the whole assistant, a database of its own, a clock that is turned."""

    def __init__(self, database: Database) -> None:
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
        self._numbers, self._codes, self._seen_codes = count(1), count(1), list[str]()
        self._database, self._channel = database, MemoryChannel()
        self._sender = Sender(database, self._channel, self.clock)
        self._speaker, self._hint = "someone", ""
        policy, _, wording = understanding()
        self._company = Company(database, policy, wording, self.clock)
        self._inbox = self._open(understanding()[1])

    def _open(self, recogniser: Recogniser) -> Inbox:
        policy, _, wording = understanding()
        assistant = Assistant(
            self._database,
            policy,
            recogniser,
            wording,
            self.clock,
            codes=self._new_code,
            requests=self._company.requests,
        )
        return Inbox(assistant, {self._channel.name: self._sender}, in_place=frozenset())

    def clock(self) -> datetime:
        return self.now

    def close(self) -> None:
        self._inbox.close()

    async def do(self, line: str) -> list[Reply]:
        """Does what the line says; what the bot answers to it. Raises Broken."""
        if found := _SPEAKER.fullmatch(line):
            self._speaker, self._hint = found["name"], found["hint"] or ""
            return []
        if line == WITHOUT_MATCHER:
            self.close()
            self._inbox = self._open(Recogniser(understanding()[0], {}))
            return []
        if found := _TIME.fullmatch(line):
            self.now += timedelta(**{f"{found['unit']}s": int(found["amount"])})
            forget_old(self._database, self.now)
            self._company.tick()
            await self._company.go_on()
            return await self._news()
        if line.startswith("~ "):
            return await self._do_at_company(line[2:])
        if found := _SAID.fullmatch(line):
            if found["times"]:
                return [reply for _ in range(int(found["times"])) for reply in await self._say(found["again"])]
            self.now += BETWEEN_MESSAGES
            return await self._say(found["plain"])
        raise Broken(f"nobody can do this: {line!r}")

    async def _do_at_company(self, what: str) -> list[Reply]:
        requests = self._company.requests
        if not await self._company.do(what):
            raise Broken(f"the company can't do this: {what!r}; tests/company.py lists what it can")
        if self._company.requests is not requests:
            self.close()
            self._inbox = self._open(understanding()[1])
        return await self._news()

    async def _news(self) -> list[Reply]:
        """What reaches the speaker unasked."""
        delivered = self._channel.delivered[self._speaker]
        before = len(delivered)
        while await self._sender.sweep():  # One message of a person at a time.
            pass
        return delivered[before:]

    async def _say(self, said: str) -> list[Reply]:
        delivered = self._channel.delivered[self._speaker]
        before, text = len(delivered), ""
        choice = event = media = None
        if said in ("(joins)", "(leaves)"):
            event = Event.JOINED if said == "(joins)" else Event.LEFT
        elif found := re.fullmatch(r"\((\w+)\)", said):
            media = found[1]
        elif found := re.fullmatch(r"\[(.+)\]", said):
            choice = self._button(found[1])
        elif found := _ESCAPED.fullmatch(said):
            text = json.loads(found["text"]) * int(found["times"] or 1)
        else:
            text = said.replace("{receipt}", self._seen_codes[-1] if self._seen_codes else "")
            for name, value in self._company.placeholders.items():
                text = text.replace(f"{{{name}}}", value)
        sender = Address(self._channel.name, self._speaker)
        number = str(next(self._numbers))
        await self._inbox.put(InboundMessage(sender, text, number, self.now, choice, event, media, self._hint or None))
        replies = delivered[before:]
        self._seen_codes += [reply.receipt for reply in replies if reply.receipt]
        await self._company.go_on()
        return replies

    def _button(self, label: str) -> str:
        for reply in reversed(self._channel.delivered[self._speaker]):
            for choice in reply.choices:
                if choice.label == label:
                    return choice.value
        raise Broken(f"{self._speaker} was never shown a button {label!r}")

    def _new_code(self) -> str:
        number = next(self._codes)
        digits = [ALPHABET[number // 32**place % 32] for place in range(4)]
        return "T3ST-" + "".join(reversed(digits))

    def draw(self, replies: Iterable[Reply]) -> list[str]:
        """Replies as the lines of a transcript."""
        lines: list[str] = []
        for reply in replies:
            text = [line.strip() for line in reply.text.splitlines() if line.strip()]
            lines += [f"< {text[0]}" if text else "<", *(f"  {line}" for line in text[1:])]
            for citation in reply.citations:
                version = f", version {citation.version}" if reply.language == "en" else f"，{citation.version}版"
                lines.append(f"  — {citation.label}{version if citation.version else ''}")
            if reply.choices:
                lines.append("  [" + " | ".join(f"{n} {c.label}" for n, c in enumerate(reply.choices, 1)) + "]")
        for code in self._seen_codes:
            lines = [line.replace(code, "{receipt}") for line in lines]
        return self._company.masked(lines)

    def is_so(self, fact: str) -> str:
        """ "" when the fact holds, else how it really is. Raises Broken for a fact that can't be looked up."""
        kind, _, wanted = fact.partition(" ")
        look_up: dict[str, Callable[[], str]] = {
            "outcome": self._outcome,
            "stored": lambda: json.dumps(self._last().text, ensure_ascii=False),
            "nothing": lambda: "stored" if self._knows_nothing() else "there is something stored",
            "turns": lambda: str(len(self._turns())),
            "receipts": self._receipts,
            "language": self._language,
            "rating": self._rating,
            "quarantined": self._quarantined,
            "mailed": lambda: self._company.mailed,
        }
        if kind not in look_up:
            raise Broken(f"no fact is called {kind!r}; there are {', '.join(look_up)}")
        really = look_up[kind]()
        fits = really == wanted or (kind == "outcome" and f"{really} ".startswith(f"{wanted} "))
        return "" if fits else f"{kind} {really}"

    def _turns(self) -> Sequence[Spoken]:
        with self._database.read() as work:
            known = work.people.at(self._channel.name, self._speaker)
            return work.conversations.turns(known, limit=1000) if known else []

    def _last(self) -> Spoken:
        if turns := self._turns():
            return turns[0]
        raise Broken(f"nothing of {self._speaker} is stored")

    def _rating(self) -> str:
        rated = next((turn for turn in self._turns() if turn.rating), self._last())
        return " ".join(filter(None, (str(rated.rating), rated.rating_reason)))

    def _outcome(self) -> str:
        last = self._last()
        return " ".join(filter(None, (last.outcome, last.intent, *last.clauses)))

    def _knows_nothing(self) -> bool:
        with self._database.read() as work:
            return work.people.at(self._channel.name, self._speaker) is None

    def _receipts(self) -> str:
        with self._database.read() as work:
            return str(work.connection.execute(select(func.count(col(Receipt.code)))).scalar_one())

    def _language(self) -> str:
        with self._database.read() as work:
            known = work.people.at(self._channel.name, self._speaker)
            return known.language if known else "unknown"

    def _quarantined(self) -> str:
        with self._database.read() as work:
            return str(work.quarantine.count())


@cache
def understanding() -> tuple[PolicyVersion, Recogniser, Wording]:
    """What every stage shares: the policy, what people mean, what the bot says."""
    policy = load_policy("kenpai")
    return policy, Recogniser.load(policy), Wording.load()


def play(path: Path, database: Database) -> None:
    """Plays the transcript. Raises Broken with every difference in it."""
    problems: list[str] = []
    for part, really, untrue in _played(path, database):
        if not fits(part.replies, really):
            problems.append(f"{path}:{part.line}: {part.done}\n" + _difference(part.replies, really))
        problems += [_untrue(path, *one) for one in untrue]
    if problems:
        raise Broken("\n".join(problems))


def recorded(path: Path, database: Database) -> str:
    """The transcript with what the bot says now. Parts that still fit stay as they are, with their `...`.

    Facts are the author's claims and never written: raises Broken when one of them isn't so.
    """
    lines: list[str] = []
    problems: list[str] = []
    for part, really, untrue in _played(path, database):
        problems += [_untrue(path, *one) for one in untrue]
        lines += [part.done] if part.done else []
        lines += part.replies if fits(part.replies, really) else abridged(really)
        lines += [f"! {fact}" for _, fact in part.facts]
        lines += part.ending
    if problems:
        raise Broken("\n".join(problems))
    return "\n".join(lines).rstrip() + "\n"


def _played(path: Path, database: Database) -> Iterator[tuple[Part, list[str], list[tuple[int, str, str]]]]:
    """Each part, the lines the bot really said, and the facts that aren't so as (line, fact, how it is)."""
    stage = Stage(database)
    try:
        with asyncio.Runner() as runner:
            for part in parts_of(path.read_text(encoding="utf-8"), str(path)):
                try:
                    really = stage.draw(runner.run(stage.do(part.done))) if part.done else []
                    untrue = [(line, fact, so) for line, fact in part.facts if (so := stage.is_so(fact))]
                except Broken as broken:
                    raise Broken(f"{path}:{part.line}: {broken}") from broken
                yield part, really, untrue
    finally:
        stage.close()


def fits(expected: Sequence[str], really: Sequence[str]) -> bool:
    """Whether the lines are the expected ones, where `...` stands for any number of them."""
    if not expected:
        return not really
    if expected[0].strip() == ANYTHING:
        return any(fits(expected[1:], really[skipped:]) for skipped in range(len(really) + 1))
    return bool(really) and expected[0] == really[0] and fits(expected[1:], really[1:])


def abridged(lines: Sequence[str]) -> list[str]:
    """What a transcript keeps: of an answer that rests on a clause only the first line, because clauses are worded
    and checked elsewhere; everything else in full."""
    kept: list[str] = []
    for reply in _replies(lines):
        cited = next((n for n, line in enumerate(reply) if line.startswith("  — ")), 0)
        kept += [reply[0], f"  {ANYTHING}", *reply[cited:]] if cited > 2 else reply
    return kept


def _replies(lines: Sequence[str]) -> Iterator[list[str]]:
    starts = [n for n, line in enumerate(lines) if line.startswith("<")]
    for start, end in pairwise([*starts, len(lines)]):
        yield list(lines[start:end])


def _untrue(path: Path, line: int, fact: str, really: str) -> str:
    return f"{path}:{line}: ! {fact}\n  but really: {really}"


def _difference(expected: Sequence[str], really: Sequence[str]) -> str:
    changed = list(difflib.ndiff(expected, abridged(really)))
    return "\n".join(line for line in changed if not line.startswith("?"))


def main(arguments: Sequence[str]) -> int:
    """Plays or writes transcripts; 1 when one of them differs."""
    write = "--write" in arguments
    failed = 0
    for path in (Path(argument) for argument in arguments if not argument.startswith("-")):
        with (
            tempfile.TemporaryDirectory() as folder,
            Database.open(f"sqlite:///{folder}/talk.db", Keyring.new()) as database,
        ):
            try:
                if write:
                    path.write_text(recorded(path, database), encoding="utf-8")
                else:
                    play(path, database)
            except Broken as broken:
                failed = 1
                print(broken)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
