"""Texts as sparse vectors, and weights kept as bytes: what the small linear models share.

A text's features come in families (letters, words, ...). Each feature weighs the more, the fewer texts have it
(TF-IDF with damped counts), and each family is brought to a fixed length, so that none drowns another.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.int32]
Values = NDArray[np.float32]
Families = Sequence[Counter[str]]


class Space:
    """Which feature is which column, and what it weighs: `rarity`, float32 (columns,).

    Features are found by 64 bits that tell them apart: that two of 60,000 share them is less likely than one in a billion.
    A dictionary of the features took 13 MB for two languages; this takes 2, and no longer.
    """

    def __init__(self, features: Sequence[str], rarity: Values) -> None:
        self.rarity = rarity
        self._names = packed("\n".join(features))
        hashes = _hashes(features)
        self._order = np.argsort(hashes).astype(np.int32)
        # The last is no feature's: behind all of them there is still something to compare with.
        self._hashes = np.append(hashes[self._order], np.iinfo(np.int64).max)

    @property
    def columns(self) -> Mapping[str, int]:
        """Every feature and its column, in their order. Made anew: for training and checks."""
        return {feature: column for column, feature in enumerate(_lines(self._names))}

    @classmethod
    def over(cls, texts: Iterable[Families], *, at_least: int, at_most: int) -> "Space":
        """The features that `at_least` so many texts have; of these the `at_most` commonest."""
        holders: Counter[str] = Counter()
        total = 0
        for families in texts:
            total += 1
            for family in families:
                holders.update(family.keys())
        kept = sorted((f for f, n in holders.items() if n >= at_least), key=lambda f: (-holders[f], f))[:at_most]
        seen = np.array([holders[f] for f in kept], dtype=np.float64)
        rarity = 1 + np.log((1 + total) / (1 + seen))
        return cls(kept, rarity.astype(np.float32))

    def vector(self, families: Families, shares: Sequence[float]) -> tuple[Columns, Values]:
        """Columns and values of a text; `shares` are the lengths of its families. Empty when nothing in it is known."""
        # All families at once: a call of numpy costs more than the few features of one.
        hashes = _hashes([feature for family in families for feature in family])
        times = np.fromiter(chain.from_iterable(family.values() for family in families), np.float32, len(hashes))
        places = self._hashes.searchsorted(hashes)
        known = self._hashes[places] == hashes
        columns = self._order[places[known]]
        values: Values = (1 + np.log(times[known])) * self.rarity[columns]
        known_before = np.append(0, np.cumsum(known))[[0, *accumulate(map(len, families))]]
        for (begin, end), share in zip(pairwise(known_before.tolist()), shares, strict=True):
            if begin < end:
                family = values[begin:end]
                family *= np.float32(share / np.sqrt(family @ family))
        return columns, values

    def packed(self) -> NDArray[np.uint8]:
        """The features in column order, as the bytes of one text."""
        return self._names

    @classmethod
    def unpacked(cls, features: NDArray[np.uint8], rarity: Values) -> "Space":
        """The space that `packed` wrote."""
        return cls(_lines(features), rarity)


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear map. `small`: int8 (features, outputs); `scale`, `intercept`: float32 (outputs,)."""

    small: NDArray[np.int8]
    scale: Values
    intercept: Values

    @classmethod
    def of(cls, coefficients: NDArray[np.float64], intercept: NDArray[np.float64]) -> "Weights":
        """`coefficients` (features, outputs) rounded to 255 steps an output."""
        scale = np.abs(coefficients).max(axis=0) / 127
        scale[scale == 0] = 1
        small = np.round(coefficients / scale).astype(np.int8)
        return cls(small, scale.astype(np.float32), intercept.astype(np.float32))

    def outputs(self, columns: Columns, values: Values) -> Values:
        """The map's outputs for a sparse vector, float32 (outputs,)."""
        sums: Values = values @ self.small[columns].astype(np.float32)
        return sums * self.scale + self.intercept


def softmax(scores: Values, sharpness: float) -> Values:
    """Probabilities along the last axis, the surer the larger `sharpness`."""
    grown = np.exp(sharpness * (scores - scores.max(axis=-1, keepdims=True)))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True), dtype=np.float32)


def foremost(scores: Values, limit: int) -> NDArray[np.intp]:
    """Places of the `limit` greatest scores, greatest first; equal ones in their order."""
    if limit < len(scores):
        places = np.flatnonzero(scores >= np.partition(scores, -limit)[-limit])
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")][:limit]


def packed(text: str) -> NDArray[np.uint8]:
    """The UTF-8 bytes of `text` as an array."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _lines(text: NDArray[np.uint8]) -> list[str]:
    return text.tobytes().decode().split("\n")


def _hashes(features: Collection[str]) -> NDArray[np.int64]:
    """64 bits a feature, the same within one process. Python's own hash sees only the bytes: "nm" and "浮" have the same."""
    hashes = np.fromiter(map(hash, features), np.int64, len(features))
    return hashes ^ np.fromiter(map(len, features), np.int64, len(features))
