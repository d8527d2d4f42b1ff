"""Finds clauses by their own words: what a policy gets before anybody wrote how people ask.

BM25 (Robertson and Zaragoza, 2009) over stems or characters and concepts. A search costs what its words' postings cost.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.normal import normalise
from knowledge.vectors import foremost
from knowledge.words import terms

SATURATION = 1.2
"""BM25's k1: how soon a word's repetitions stop counting."""
LENGTH = 0.6
"""BM25's b: how much a long clause pays for its length, 0..1."""
HALF_SURE = 12.0
"""BM25 sum at which a hit's score is 0.5."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A clause found. `score`: 0..1, grows with the weight of the words shared."""

    id: str
    score: float


class ClauseIndex:
    """An index over texts (id -> heading and wording) in one language; built once, read by any thread."""

    def __init__(self, texts: Mapping[str, str], language: str) -> None:
        self.ids = tuple(texts)
        self.language = language
        counts = [Counter(terms(normalise(text), language)) for text in texts.values()]
        sizes = np.array([sum(count.values()) for count in counts], dtype=np.float32)
        mean = float(sizes.mean()) if len(sizes) and sizes.any() else 1.0
        holders: dict[str, list[tuple[int, int]]] = {}
        for row, count in enumerate(counts):
            for term, times in count.items():
                holders.setdefault(term, []).append((row, times))
        self._postings = {term: self._weighed(rows, sizes, mean) for term, rows in holders.items()}

    def _weighed(
        self, holders: list[tuple[int, int]], sizes: NDArray[np.float32], mean: float
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows that hold a term and what it is worth there."""
        rows = np.array([row for row, _ in holders], dtype=np.int32)
        times = np.array([times for _, times in holders], dtype=np.float32)
        rarity = math.log(1 + (len(sizes) - len(rows) + 0.5) / (len(rows) + 0.5))
        worth = times * (SATURATION + 1) / (times + SATURATION * (1 - LENGTH + LENGTH * sizes[rows] / mean))
        return rows, (rarity * worth).astype(np.float32)

    def sums(self, question: str) -> NDArray[np.float32]:
        """BM25 sum of every text for a question, float32 (texts,)."""
        totals = np.zeros(len(self.ids), dtype=np.float32)
        for term in set(terms(normalise(question), self.language)):
            if term in self._postings:
                rows, worth = self._postings[term]
                totals[rows] += worth
        return totals

    def search(self, question: str, *, limit: int = 10) -> list[Hit]:
        """The texts that share words with `question`, best first, at most `limit`; none when no word is shared."""
        totals = self.sums(question)
        best = foremost(totals, limit)
        return [Hit(self.ids[row], float(totals[row] / (totals[row] + HALF_SURE))) for row in best if totals[row] > 0]
