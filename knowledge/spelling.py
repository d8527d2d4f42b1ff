"""Mends mistyped English words towards words that are known, so that one slip of a finger doesn't hide a question."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

LATIN_WORD = re.compile(r"[a-z]{4,24}")
MENDED_AT_MOST = 8
"""Unknown words that are looked at in one text; text with more of them is no typo."""
LONG = 8
"""Letters from which a word may hold two slips, not one. A slip: a letter too many, missing, wrong, or swapped."""


class Speller:
    """Knows words and how often they occur; a word that occurs once is known, but nothing is mended towards it."""

    def __init__(self, words: Mapping[str, int]) -> None:
        self._times = dict(sorted(words.items()))
        self._by_length: dict[int, list[str]] = {}
        for word in sorted(words):
            if words[word] > 1 and len(word) >= 3 and word.isascii() and word.isalpha():
                self._by_length.setdefault(len(word), []).append(word)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Speller":
        """A speller that knows the words of normalised texts."""
        return cls(Counter(word for text in texts for word in set(re.findall(r"[a-z]+", text))))

    def mended(self, text: str) -> str:
        """A normalised text with its unknown words replaced by the nearest known ones, where one is near enough."""
        unknown = [word for word in dict.fromkeys(LATIN_WORD.findall(text)) if word not in self._times]
        nearest = {word: self._nearest(word) for word in unknown[:MENDED_AT_MOST]}
        return LATIN_WORD.sub(lambda found: nearest.get(found[0], found[0]), text) if nearest else text

    @property
    def words(self) -> Mapping[str, int]:
        """The words known, in order, and how many texts had them."""
        return self._times

    def _nearest(self, word: str) -> str:
        slips = 2 if len(word) >= LONG else 1
        near = [w for size in range(len(word) - slips, len(word) + slips + 1) for w in self._by_length.get(size, ())]
        found = process.extract(word, near, scorer=OSA.distance, score_cutoff=slips, limit=None)
        return min(found, key=lambda hit: (hit[1], -self._times[hit[0]], hit[0]))[0] if found else word
