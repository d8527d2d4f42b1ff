"""Topics bridge the words of a question and the words of a clause that nobody has brought together yet.

Two small linear models share a vocabulary of stems and concepts: which topic a question is about, and which topic a
sentence of a policy is about. A third says whether a question is about privacy at all. They are trained on how people
ask about a policy that has been curated (knowledge.topic_training), and serve every other policy.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.vectors import Space, Values, Weights, softmax
from knowledge.words import terms

FOLDER = Path(__file__).parent / "trained"
WEIGHT_PARTS = ("small", "scale", "intercept")
ASKED_SHARPNESS = 4.0
"""A question is short and about one thing ..."""
SAID_SHARPNESS = 1.0
"""... a clause's sentence may be about several."""


def topic_features(text: str, language: str) -> tuple[Counter[str], ...]:
    """The terms of a normalised text and the pairs of its concepts: one family."""
    found = terms(text, language)
    concepts = sorted({term for term in found if term.startswith("#")})
    return (Counter([*found, *(a + b for a, b in combinations(concepts, 2))]),)


@dataclass(frozen=True, slots=True)
class Topics:
    """`asked` and `said` map features to topics, `privacy` to one score: above 0 the question is about privacy."""

    language: str
    space: Space
    asked: Weights
    said: Weights
    privacy: Weights

    def of_question(self, text: str) -> tuple[Values, float]:
        """Square roots of a normalised question's probabilities, float32 (topics,), and its privacy score."""
        vector = self._vector(text)
        return np.sqrt(softmax(self.asked.outputs(*vector), ASKED_SHARPNESS)), float(self.privacy.outputs(*vector)[0])

    def of_clause(self, text: str) -> Values:
        """Square roots of a normalised clause's probabilities, float32 (topics,)."""
        return np.sqrt(softmax(self.said.outputs(*self._vector(text)), SAID_SHARPNESS))

    def _vector(self, text: str) -> tuple[NDArray[np.int32], Values]:
        return self.space.vector(topic_features(text, self.language), (1.0,))

    def save(self) -> Path:
        """Write the models of the language; returns the file."""
        path = _file(self.language)
        path.parent.mkdir(exist_ok=True)
        parts = {"asked": self.asked, "said": self.said, "privacy": self.privacy}
        arrays = {f"{name}_{part}": getattr(weights, part) for name, weights in parts.items() for part in WEIGHT_PARTS}
        with path.open("wb") as file:
            np.savez_compressed(file, vocabulary=self.space.packed(), rarity=self.space.rarity, **arrays)
        return path


@cache
def topics(language: str) -> Topics | None:
    """The bundled models of a language; None when there are none."""
    if not _file(language).exists():
        return None
    with _file(language).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        space = Space.unpacked(file["vocabulary"], file["rarity"])
        asked, said, privacy = (
            Weights(*(file[f"{name}_{part}"] for part in WEIGHT_PARTS)) for name in ("asked", "said", "privacy")
        )
        return Topics(language, space, asked, said, privacy)


def _file(language: str) -> Path:
    return FOLDER / f"topics_{language}.npz"
