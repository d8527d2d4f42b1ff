"""Measures a recogniser on label files: JSON lines with id, lang, text, kind (policy, none, intent), gold, also_ok.

A clause counts as right when it equals a gold or also_ok clause, or is its parent or child. Rows whose text stands
among the phrasings the recogniser learned from are left out.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from opencc import OpenCC

from intents.examples import examples
from intents.features import readable
from intents.recogniser import Outcome, Recogniser, Recognition, akin
from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile

OFF_TOPIC = "smalltalk_abuse"
"""The intent that is also right for what has nothing to do with privacy."""
SCORE_BANDS = (0.0, 0.2, 0.5, 0.8, 0.9, 1.01)


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
    def is_right(self) -> bool:
        """The outcome is the right one, and what it names first is, too."""
        match self.found.outcome:
            case Outcome.INTENT:
                return self.found.intent in self.row.intents
            case Outcome.NOT_COVERED:
                return self.row.kind == "none"
            case _:
                return self.row.kind == "policy" and self.top_is_right

    @property
    def is_trap(self) -> bool:
        """A question that looks like a command."""
        return self.row.style == "trap" and self.row.kind != "intent"

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
        return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))

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
    """The figures of one label file. `left_out`: rows that stand among the phrasings. `misses`: (right, taken)."""

    name: str
    judged: tuple[Judged, ...]
    left_out: int
    misses: tuple[tuple[str, str], ...] = ()

    def figures(self) -> dict[str, Share]:
        """Every figure of FIGURES that the file has rows for."""
        found = {}
        for name, (kind, counts) in FIGURES.items():
            rows = [j for j in self.judged if (j.is_trap if kind == "trap" else j.row.kind == kind)]
            if rows:
                found[name] = Share(sum(map(counts, rows)), len(rows))
        return found

    def by_score(self) -> dict[str, Share]:
        """How often the outcome was right, by the score it had: whether the score tells the truth."""
        bands = {f"score {low:.1f} to {high:.1f}": (low, high) for low, high in pairwise(SCORE_BANDS)}
        found = {}
        for name, (low, high) in bands.items():
            rows = [judged for judged in self.judged if low <= judged.found.score < high]
            found[name] = Share(sum(judged.is_right for judged in rows), len(rows))
        return {name: share for name, share in found.items() if share.of}

    def as_data(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        figures = {
            name: {"share": share.value, "hits": share.hits, "of": share.of, "interval": share.interval}
            for name, share in self.figures().items()
        }
        found: dict[str, Any] = {"file": self.name, "rows": len(self.judged), "left_out": self.left_out}
        return found | {"figures": figures} | ({"misses": _counted(self.misses)} if self.misses else {})


def score(
    path: Path, policy: PolicyVersion, *, texts: Path | None = None, traditional: bool = False, misses: bool = False
) -> Report:
    """The report on one label file. `traditional`: its Chinese rows alone, asked in Traditional characters. `texts`: a
    file with the texts of rows that hold labels only."""
    learned = {example.text for language in policy.languages for example in examples(policy, language)}
    rows = read_rows(path, texts)
    unseen = [row for row in rows if readable(row.text) not in learned]
    if traditional:
        unseen = [replace(row, text=_converter().convert(row.text)) for row in unseen if row.language == "zh"]
    judged = judge(unseen, Recogniser.load(policy))
    return Report(path.stem, judged, len(rows) - len(unseen), tuple(_misses(judged)) if misses else ())


def judge(rows: Sequence[Row], recogniser: Recogniser) -> tuple[Judged, ...]:
    """What the recogniser makes of each row; it finds the language out by itself."""
    return tuple(Judged(row, recogniser.recognise(row.text)) for row in rows)


def table(report: Report) -> str:
    """The report as a person reads it: one figure a line, with its 95 % interval."""
    lines = [f"{report.name}: {len(report.judged)} rows ({report.left_out} more stand among the phrasings: left out)"]
    lines += [f"  {name:<36}{share}" for name, share in report.figures().items()]
    lines += [f"  right with {name:<25}{share}" for name, share in report.by_score().items()]
    lines += [f"  {times:>3} x  {miss}" for miss, times in _counted(report.misses).items()]
    return "\n".join(lines)


def read_rows(path: Path, texts: Path | None = None) -> list[Row]:
    """The rows of a label file, with the texts of another where it holds labels only. Raises BrokenFile."""
    said = {line["id"]: {"text": line["text"]} for line in _lines(texts)} if texts else {}
    try:
        return [_row({**said.get(line["id"], {}), **line}) for line in _lines(path)]
    except (KeyError, TypeError) as bad:
        remedy = "Each line needs id, lang, text, kind and style; --texts names a file with the texts of rows without"
        raise BrokenFile(path, f"is no label file: {bad!r}", remedy) from bad


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as bad:
        raise BrokenFile(path, f"can't be read: {bad.strerror}", "Name a label file") from bad
    except ValueError as bad:
        raise BrokenFile(path, f"is no file of JSON lines: {bad}", "Write one JSON object a line") from bad


def _misses(judged: Iterable[Judged]) -> Iterator[tuple[str, str]]:
    """(what was right, what was taken for it) of every row whose first reading is wrong; "-" is nothing."""
    for j in judged:
        covered = j.found.outcome in (Outcome.ANSWERED, Outcome.ASK_BACK)
        taken = j.found.intent or (j.found.clauses[0] if covered else "-")
        right = j.row.clauses if j.row.kind == "policy" else j.row.intents or ("-",)
        if taken not in right and not (covered and j.top_is_right):
            yield right[0], taken


def _counted(misses: Iterable[tuple[str, str]]) -> dict[str, int]:
    return {f"{right} taken for {took}": times for (right, took), times in Counter(misses).most_common()}


@cache
def _converter() -> OpenCC:
    return OpenCC("s2t")


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
