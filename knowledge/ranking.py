"""Ranks the clauses of any policy for a question, without anything curated: shared words and shared topics.

The command: `python -m knowledge rank clauses.jsonl questions.jsonl`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import BrokenFile
from knowledge.normal import normalise
from knowledge.search import ClauseIndex, Hit
from knowledge.spelling import Speller
from knowledge.topics import topics
from knowledge.vectors import Values, foremost
from knowledge.words import common_words, counts

CLAUSES_AT_MOST = 10
BRIDGE = 1.2
"""What a standard deviation of shared topics weighs against one of shared words."""
WORDS_WORTH = 5.0
"""BM25 sum of the best clause that counts as much as one unit of the privacy score."""


class Ranker:
    """Ranks texts (id -> heading and wording) of one language. Built once, read by any thread."""

    def __init__(self, texts: Mapping[str, str], language: str) -> None:
        self._index = ClauseIndex(texts, language)
        self._speller = Speller({**Speller.of(map(normalise, texts.values())).words, **common_words()})
        self._topics = topics(language)
        bridge = [self._topics.of_clause(normalise(text)) for text in texts.values()] if self._topics else []
        self._bridge: NDArray[np.float32] = np.array(bridge, dtype=np.float32)

    def rank(self, question: str, *, limit: int = CLAUSES_AT_MOST) -> list[Hit]:
        """The likeliest clauses, best first; the first one's score (0..1) says how sure it is that any answers.

        Empty when there is no clause, or when the question shares neither a word nor, with no topics, anything else.
        """
        question = self._speller.mended(normalise(question))
        words = self._index.sums(question)
        if self._topics is None or not len(words):
            return self._index.search(question, limit=limit)
        asked, privacy = self._topics.of_question(question)
        together = _standard(words) + BRIDGE * _standard(self._bridge @ asked)
        best = foremost(together, limit)
        sure = _chance(privacy + float(words.max()) / WORDS_WORTH - 1)
        fall = np.exp(together[best] - together[best[0]])
        return [Hit(self._index.ids[row], sure * float(share)) for row, share in zip(best, fall, strict=True)]


def rank_files(clauses: Path, questions: Path, out: TextIO) -> None:
    """Rank the clauses of one file for each question of another and write {"id", "clauses", "score"} lines.

    `clauses` holds lines {"id", "heading", "text"}, `questions` lines {"id", "text"}. Raises BrokenFile.
    """
    texts = {row["id"]: f"{row.get('heading') or ''}\n{row['text']}" for row in _rows(clauses)}
    han, latin = map(sum, zip(*(counts(text) for text in texts.values()), strict=True)) if texts else (0, 0)
    ranker = Ranker(texts, "zh" if han > latin else "en")
    for row in _rows(questions):
        hits = ranker.rank(row["text"])
        score = round(hits[0].score, 4) if hits else 0.0
        found = {"id": row["id"], "clauses": [hit.id for hit in hits], "score": score}
        out.write(json.dumps(found, ensure_ascii=False) + "\n")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as bad:
        raise BrokenFile(path, f"can't be read: {bad.strerror}", "Name a file of JSON lines") from bad
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                yield {"heading": row.get("heading"), "id": str(row["id"]), "text": str(row["text"])}
            except (ValueError, KeyError, TypeError, AttributeError) as bad:
                remedy = 'Write one JSON object a line with "id" and "text"'
                raise BrokenFile(path, f"line {number} is not understood: {bad}", remedy) from bad


def _standard(values: Values) -> Values:
    """`values` in standard deviations from their mean."""
    return np.asarray((values - values.mean()) / (values.std() + 1e-6), dtype=np.float32)


def _chance(score: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, score))))
