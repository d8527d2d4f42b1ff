"""What a message is about: one clause, a choice of clauses, nothing in the policy, or something to be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from intents.features import readable
from intents.language import detect
from intents.model import INTENT, Calibration, Model, probabilities
from knowledge.clause import PolicyVersion
from knowledge.search import ClauseIndex

CLAUSES_AT_MOST = 5
NEAREST_FROM = 0.02
"""Least probability of a clause that is named as nearest when the policy is silent."""
TAUGHT_FROM = 92.0
"""Least rapidfuzz ratio (0..100) at which a message counts as a taught phrasing."""


class Outcome(StrEnum):
    """What can come of a message; there is no fifth."""

    ANSWERED = "answered"
    ASK_BACK = "ask_back"
    NOT_COVERED = "not_covered"
    INTENT = "intent"


@dataclass(frozen=True, slots=True)
class Recognition:
    """`clauses`: ids, best first, at most five (not covered: the nearest ones, perhaps none). `law`: ids of articles
    that speak where the policy doesn't. `score` and `runner_up`: 0..1, probability of the first and second reading."""

    outcome: Outcome
    clauses: tuple[str, ...] = ()
    intent: str | None = None
    law: tuple[str, ...] = ()
    score: float = 0.0
    runner_up: float = 0.0


NOTHING = Recognition(Outcome.NOT_COVERED)


def akin(one: str, other: str) -> bool:
    """Whether two clause ids are the same, or one is below the other."""
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


class Labels:
    """The labels of a model, sorted into kinds once. Attributes: bool (labels,) masks, and `kin` (labels, labels)."""

    def __init__(self, labels: Sequence[str], policy: PolicyVersion) -> None:
        self.names = tuple(labels)
        self.is_intent = np.array([label.startswith(INTENT) for label in labels])
        self.is_law = np.array([label in policy.law for label in labels])
        self.is_clause = np.array([label in policy.clauses for label in labels])
        self.kin = np.array([[akin(a, b) for b in labels] for a in labels], dtype=np.float32)

    def read(self, chances: NDArray[np.float32], limits: Calibration) -> Recognition:
        """The outcome that probabilities (labels,) amount to."""
        order = np.argsort(-chances, kind="stable")
        ids = [self.names[j] for j in order if self.is_clause[j]]
        clauses = float(chances[self.is_clause].sum())
        intents = float(chances[self.is_intent].sum())
        covered = clauses + intents
        if covered < limits.covered_from:
            near = tuple(self.names[j] for j in order if self.is_clause[j] and chances[j] >= NEAREST_FROM)
            law = tuple(self.names[j] for j in order[:2] if self.is_law[j])[:1]
            return Recognition(Outcome.NOT_COVERED, near[:CLAUSES_AT_MOST], law=law, score=1 - covered, runner_up=covered)
        if intents >= limits.intent_from * covered or not ids:
            best = next(j for j in order if self.is_intent[j])
            intent = self.names[best].removeprefix(INTENT)
            return Recognition(Outcome.INTENT, tuple(ids[:CLAUSES_AT_MOST]), intent, score=float(chances[best]), runner_up=clauses)
        first = next(j for j in order if self.is_clause[j])
        score = float(self.kin[first] @ chances)
        second = float(max((chances[j] for j in order if self.is_clause[j] and not self.kin[first, j]), default=0.0))
        outcome = Outcome.ANSWERED if score >= limits.answer_from else Outcome.ASK_BACK
        return Recognition(outcome, tuple(ids[:CLAUSES_AT_MOST]), score=score, runner_up=second)


class Recogniser:
    """Reads messages for one version of a policy. Holds no state but what was taught; safe to share between threads."""

    def __init__(self, policy: PolicyVersion, models: Mapping[str, Model]) -> None:
        self._policy = policy
        self._models = models
        self._labels = {language: Labels(model.labels, policy) for language, model in models.items()}
        self._indexes: dict[str, ClauseIndex] = {}
        self._taught: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @classmethod
    def load(cls, policy: PolicyVersion) -> "Recogniser":
        """With the trained files of `policy`; a language whose file is missing or unreadable goes by the clauses' own words."""
        models = {}
        for language in policy.languages:
            try:
                models[language] = Model.load(trained_file(policy, language))
            except (OSError, ValueError, KeyError):
                continue
        return cls(policy, models)

    def add_taught(self, phrasings: Mapping[str, Sequence[str]]) -> None:
        """From now on a message that nearly equals one of `phrasings` (clause or law id -> texts) is answered by that id."""
        pairs = [(readable(text), key) for key, texts in phrasings.items() for text in texts]
        texts, keys = self._taught
        self._taught = texts + tuple(text for text, _ in pairs), keys + tuple(key for _, key in pairs)

    def recognise(self, text: str, *, language: str | None = None) -> Recognition:
        """What `text` is about. `language` None: found out. Never raises on any text; reads the first 2,000 characters."""
        said = readable(text)
        if not any(character.isalnum() for character in said):
            return NOTHING
        language = language if language in self._policy.languages else detect(said)
        if taught := self._recall(said):
            return taught
        model = self._models.get(language)
        if model is None:
            return self._by_words(said, language)
        chances = probabilities(model.scores(said), model.calibration.sharpness)
        return self._labels[language].read(chances, model.calibration)

    def _recall(self, said: str) -> Recognition | None:
        texts, keys = self._taught
        found = process.extractOne(said, texts, scorer=fuzz.ratio, score_cutoff=TAUGHT_FROM) if texts else None
        if found is None:
            return None
        key, score = keys[found[2]], found[1] / 100
        if key in self._policy.law:
            return Recognition(Outcome.NOT_COVERED, law=(key,), score=score)
        return Recognition(Outcome.ANSWERED, (key,), score=score)

    def _by_words(self, said: str, language: str) -> Recognition:
        """The clauses whose own words come nearest, always offered as a choice: nobody measured how sure that is."""
        if language not in self._indexes:
            clauses = self._policy.clauses.values()
            texts = {c.id: f"{c.heading.get(language, '')}\n{c.plain.get(language, '')}" for c in clauses}
            self._indexes[language] = ClauseIndex(texts, language)
        hits = self._indexes[language].search(said, limit=CLAUSES_AT_MOST)
        if not hits:
            return NOTHING
        return Recognition(Outcome.ASK_BACK, tuple(hit.id for hit in hits), score=hits[0].score, runner_up=hits[1].score if hits[1:] else 0.0)


def trained_file(policy: PolicyVersion, language: str) -> Path:
    """Where the model of `language` lies."""
    return policy.folder / "trained" / f"{language}.npz"
