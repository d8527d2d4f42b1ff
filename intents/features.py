"""A text as a sparse vector: which letter groups and words it has, each weighted by how rare it is.

English: letters 2-5 inside words, stems alone and in pairs. Chinese: characters 1-3.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.normal import normalise
from knowledge.words import stem, words

READ_AT_MOST = 2_000
"""Characters of a message that are read: nobody's question is longer, and reading must stay quick."""
LETTERS = range(2, 6)
CHARACTERS = range(1, 4)


def readable(text: str) -> str:
    """The part of `text` that is read, in its matching form."""
    return normalise(text[:READ_AT_MOST])[:READ_AT_MOST]


def families(text: str, language: str) -> tuple[Counter[str], ...]:
    """Counts of the features in a normalised text, one counter a family (see the module). Word features start with "="."""
    if language == "zh":
        padded = f" {text} "
        return (Counter(padded[i : i + n] for n in CHARACTERS for i in range(len(padded) - n + 1)),)
    found = [stem(word) for word in words(text)]
    letters = Counter(
        padded[i : i + n]
        for padded in (f" {word} " for word in words(text))
        for n in LETTERS
        for i in range(len(padded) - n + 1)
    )
    pairs = (f"={a} {b}" for a, b in zip(found, found[1:], strict=False))
    return letters, Counter([*(f"={word}" for word in found), *pairs])


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """Which feature is which column, and how much it weighs (`rarity`, float32 of shape (columns,))."""

    language: str
    columns: Mapping[str, int]
    rarity: NDArray[np.float32]

    @classmethod
    def over(cls, texts: Sequence[str], language: str, *, at_least: int, at_most: int) -> "FeatureSpace":
        """The features of normalised `texts` that occur in `at_least` of them; the `at_most` commonest."""
        holders: Counter[str] = Counter()
        for text in texts:
            for family in families(text, language):
                holders.update(family.keys())
        kept = sorted((f for f, n in holders.items() if n >= at_least), key=lambda f: (-holders[f], f))[:at_most]
        seen = np.array([holders[f] for f in kept], dtype=np.float64)
        rarity = (1 + np.log((1 + len(texts)) / (1 + seen))).astype(np.float32)
        return cls(language, {feature: column for column, feature in enumerate(kept)}, rarity)

    def vector(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Columns and values of a normalised text; each family has length 1. Both empty when nothing is known."""
        columns: list[NDArray[np.int32]] = []
        values: list[NDArray[np.float32]] = []
        for family in families(text, self.language):
            known = [(self.columns[f], n) for f, n in family.items() if f in self.columns]
            if known:
                pairs = np.array(known, dtype=np.int32)
                weight = (1 + np.log(pairs[:, 1])).astype(np.float32) * self.rarity[pairs[:, 0]]
                columns.append(pairs[:, 0])
                values.append(weight / np.float32(np.linalg.norm(weight)))
        if not columns:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        return np.concatenate(columns), np.concatenate(values)

    def names(self) -> Iterable[str]:
        """Features in column order."""
        return self.columns.keys()
