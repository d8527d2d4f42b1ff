"""Measures a recogniser on label files: JSON lines with id, lang, text, kind (policy, none, intent), gold, also_ok, style.

A clause counts as right when it equals a gold or also_ok clause, or is its parent or child. Rows whose text stands
among the phrasings the recogniser learned from are left out.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from intents.features import readable
from intents.recogniser import Outcome, Recogniser, Recognition, akin

OFF_TOPIC = "smalltalk_abuse"
"""The intent that is also right for what has nothing to do with privacy."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled question. `gold` and `also_ok`: clause ids; `intents`: those that count as right."""

    id: str
    language: str
    text: str
    kind: str
    style: str
    clauses: tuple[str, ...]
    intents: tuple[str, ...]

    def allows(self, clause: str) -> bool:
        """Whether `clause` is a right answer here."""
        return any(akin(clause, right) for right in self.clauses)


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what the recogniser made of it."""

    row: Row
    found: Recognition

    @property
    def top_is_right(self) -> bool:
        return any(self.row.allows(clause) for clause in self.found.clauses[:1])

    @property
    def is_among_three(self) -> bool:
        return any(self.row.allows(clause) for clause in self.found.clauses[:3])

    @property
    def is_helped(self) -> bool:
        """The right clause is answered, or stands among the choices."""
        answered = self.found.outcome is Outcome.ANSWERED and self.top_is_right
        return answered or (self.found.outcome is Outcome.ASK_BACK and self.is_among_three)

    @property
    def is_misled(self) -> bool:
        return self.found.outcome is Outcome.ANSWERED and not self.top_is_right

    @property
    def is_commanded(self) -> bool:
        """Taken for a command; small talk is none."""
        return self.found.outcome is Outcome.INTENT and self.found.intent != OFF_TOPIC

    @property
    def is_invented(self) -> bool:
        """Answered or acted upon although nothing covers it."""
        return self.found.outcome is Outcome.ANSWERED or self.is_commanded


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of` rows, with the 95 % interval after Wilson (1927)."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if not self.of:
            return math.nan, math.nan
        z, n, p = 1.96, self.of, self.value
        middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.value:6.1%} [{low:.0%}, {high:.0%}] ({self.hits}/{self.of})"


FIGURES: dict[str, tuple[str, Callable[[Judged], bool]]] = {
    "right, or right among the choices": ("policy", lambda j: j.is_helped),
    "answered wrongly": ("policy", lambda j: j.is_misled),
    "asked back": ("policy", lambda j: j.found.outcome is Outcome.ASK_BACK),
    "right on top": ("policy", lambda j: j.top_is_right),
    "right among the first three": ("policy", lambda j: j.is_among_three),
    "questions taken for commands": ("policy", lambda j: j.is_commanded),
    "questions turned down": ("policy", lambda j: j.found.outcome is Outcome.NOT_COVERED),
    "not covered, answered all the same": ("none", lambda j: j.is_invented),
    "not covered, asked back": ("none", lambda j: j.found.outcome is Outcome.ASK_BACK),
    "intents right": ("intent", lambda j: j.found.outcome is Outcome.INTENT and j.found.intent in j.row.intents),
    "traps kept as questions": ("trap", lambda j: not j.is_commanded),
}
"""Figure -> the rows it is taken over, and when a row counts."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one label file. `left_out`: rows that were among the phrasings."""

    name: str
    judged: tuple[Judged, ...]
    left_out: int

    def figures(self) -> dict[str, Share]:
        """Every figure of FIGURES that the file has rows for."""
        found = {}
        for name, (kind, counts) in FIGURES.items():
            rows = [j for j in self.judged if j.row.kind == kind or (kind == "trap" and j.row.style == "trap" and j.row.kind != "intent")]
            if rows:
                found[name] = Share(sum(map(counts, rows)), len(rows))
        return found

    def __str__(self) -> str:
        lines = [f"{self.name}: {len(self.judged)} rows, {self.left_out} left out"]
        return "\n".join(lines + [f"  {name:36} {share}" for name, share in self.figures().items()])


def read_rows(path: Path) -> list[Row]:
    """The rows of a label file. Raises KeyError for a row that lacks a key."""
    return [_row(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def evaluate(files: Iterable[Path], recogniser: Recogniser, *, known: Iterable[str] = ()) -> list[Report]:
    """One report a file. `known`: the texts the recogniser learned from."""
    learned = {readable(text) for text in known}
    reports = []
    for path in files:
        rows = read_rows(path)
        unseen = [row for row in rows if readable(row.text) not in learned]
        reports.append(Report(path.stem, judge(unseen, recogniser), len(rows) - len(unseen)))
    return reports


def judge(rows: Sequence[Row], recogniser: Recogniser) -> tuple[Judged, ...]:
    """What the recogniser makes of each row, the language being known as it is in a conversation."""
    return tuple(Judged(row, recogniser.recognise(row.text, language=row.language)) for row in rows)


def _row(data: dict[str, Any]) -> Row:
    also = data.get("also_intent") or ()
    intents = (data.get("intent"), *([also] if isinstance(also, str) else also))
    if data["kind"] == "none" and data["style"] == "far":
        intents = (OFF_TOPIC,)
    return Row(
        id=data["id"],
        language=data["lang"],
        text=data["text"],
        kind=data["kind"],
        style=data["style"],
        clauses=(*data.get("gold", ()), *data.get("also_ok", ())),
        intents=tuple(intent for intent in intents if intent),
    )
