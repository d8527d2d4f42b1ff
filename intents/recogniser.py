"""What a message is about: one clause, a choice of clauses, nothing in the policy, or something to be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from rapidfuzz import fuzz, process

from intents.features import readable
from intents.language import detect
from intents.model import INTENT, Calibration, Model
from intents.negation import refused
from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.ranking import Ranker
from knowledge.vectors import Values, softmax

CLAUSES_AT_MOST = 5
CALLING_OFF = "cancel_request"
NEAREST_FROM = 0.02
"""Least probability of a clause that is named as nearest when the policy is silent."""
WORDS_FROM = 0.5
"""Least score at which clauses found by their own words are offered."""
INTENT_FROM = 0.2
"""Least probability of a wish that is acted upon; no rightly read one of the labelled questions lies below 0.22."""
LAW_FROM = 0.15
"""Least probability of an article of law that is named where the policy is silent."""
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
    """The labels of a model, sorted into kinds once: columns of clauses, of intents, of law; and who is kin to whom."""

    def __init__(self, labels: Sequence[str], policy: PolicyVersion) -> None:
        self._names = tuple(labels)
        self._clauses = np.flatnonzero([label in policy.clauses for label in labels])
        self._intents = np.flatnonzero([label.startswith(INTENT) for label in labels])
        self._law = np.flatnonzero([label in policy.law for label in labels])
        self._kin = np.array([[akin(one, other) for other in labels] for one in labels])

    def read(self, chances: Values, limits: Calibration) -> Recognition:
        """The outcome that probabilities (labels,) amount to."""
        clauses = self._clauses[np.argsort(-chances[self._clauses], kind="stable")]
        best = tuple(self._names[column] for column in clauses[:CLAUSES_AT_MOST])
        by_clauses, by_intents = float(chances[clauses].sum()), float(chances[self._intents].sum())
        silent = max(0.0, 1 - by_clauses - by_intents)
        if by_intents > 0 and by_intents >= max(silent, limits.intent_from * (by_clauses + by_intents)):
            intent = self._intents[int(np.argmax(chances[self._intents]))]
            if chances[intent] >= INTENT_FROM:
                name = self._names[intent].removeprefix(INTENT)
                return Recognition(Outcome.INTENT, best, name, (), float(chances[intent]), by_clauses)
        if not best or by_clauses < limits.covered_from * (by_clauses + silent):
            near = best[: int((chances[clauses[:CLAUSES_AT_MOST]] >= NEAREST_FROM).sum())]
            return Recognition(Outcome.NOT_COVERED, near, None, self._speaking(chances), silent, by_clauses)
        kin = self._kin[clauses[0]]
        score = float(chances[kin].sum())
        strangers = clauses[~kin[clauses]]
        runner_up = float(chances[strangers[0]]) if len(strangers) else 0.0
        outcome = Outcome.ANSWERED if score >= limits.answer_from else Outcome.ASK_BACK
        return Recognition(outcome, best, None, (), score, runner_up)

    def refused(self, chances: Values) -> Values:
        """`chances` as they are when no command can be meant, but for calling off an earlier one."""
        left = chances.copy()
        left[[column for column in self._intents if self._names[column] != INTENT + CALLING_OFF]] = 0
        return left / max(float(left.sum()), 1e-9)

    def _speaking(self, chances: Values) -> tuple[str, ...]:
        """The article of law that is likely meant, if any is."""
        if not len(self._law):
            return ()
        article = self._law[int(np.argmax(chances[self._law]))]
        return (self._names[article],) if chances[article] >= LAW_FROM else ()


class Recogniser:
    """Reads messages for one version of a policy. Holds no state but what was taught; safe to share between threads."""

    def __init__(self, policy: PolicyVersion, models: Mapping[str, Model]) -> None:
        self._policy = policy
        self._models = models
        self._labels = {language: Labels(model.labels, policy) for language, model in models.items()}
        self._rankers: dict[str, Ranker] = {}
        self._taught: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @classmethod
    def load(cls, policy: PolicyVersion) -> "Recogniser":
        """With the trained files of `policy`; a language that has none goes by the clauses' own words. Raises BrokenFile."""
        models = {}
        for language in policy.languages:
            path = trained_file(policy, language)
            if not path.exists():
                continue
            try:
                models[language] = Model.load(path)
            except (OSError, ValueError, KeyError, BadZipFile) as bad:
                raise BrokenFile(path, "is damaged", "Restore it, or make it anew: python -m intents train") from bad
        return cls(policy, models)

    def add_taught(self, phrasings: Mapping[str, Sequence[str]]) -> None:
        """From now on what nearly equals one of `phrasings` (clause or law id -> texts) is answered by that id."""
        pairs = [(readable(text), key) for key, texts in phrasings.items() for text in texts]
        texts, keys = self._taught
        self._taught = texts + tuple(text for text, _ in pairs), keys + tuple(key for _, key in pairs)

    def recognise(self, text: str, *, language: str | None = None) -> Recognition:
        """What `text` is about. `language` None: found out. Never raises on any text; reads 2,000 characters."""
        said = readable(text)
        if not any(character.isalnum() for character in said):
            return NOTHING
        language = language if language in self._policy.languages else detect(said)
        if taught := self._recall(said):
            return taught
        model = self._models.get(language)
        if model is None:
            return self._by_words(said, language)
        scores = model.scores(said)
        if scores is None:
            return NOTHING
        labels, chances = self._labels[language], softmax(scores, model.calibration.sharpness)
        found = labels.read(chances, model.calibration)
        if found.intent and found.intent in refused(said):
            return labels.read(labels.refused(chances), model.calibration)
        return found

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
        if language not in self._rankers:
            clauses = self._policy.clauses.values()
            texts = {c.id: f"{c.heading.get(language, '')}\n{c.plain.get(language, '')}" for c in clauses}
            self._rankers[language] = Ranker(texts, language)
        hits = self._rankers[language].rank(said, limit=CLAUSES_AT_MOST)
        if not hits:
            return NOTHING
        outcome = Outcome.ASK_BACK if hits[0].score >= WORDS_FROM else Outcome.NOT_COVERED
        runner_up = hits[1].score if hits[1:] else 0.0
        return Recognition(outcome, tuple(hit.id for hit in hits), score=hits[0].score, runner_up=runner_up)


def trained_file(policy: PolicyVersion, language: str) -> Path:
    """Where the model of `language` lies."""
    return policy.folder / "trained" / f"{language}.npz"
