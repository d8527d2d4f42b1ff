"""Trains the matcher from the project's own wording data: phrasings of clauses and law, what is not covered, commands.

Only this module needs scikit-learn. The same data give the same file, byte for byte.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from intents.features import FeatureSpace, readable
from intents.model import FORMAT, INTENT, Calibration, Model, probabilities, quantised
from intents.recogniser import trained_file
from knowledge.clause import PolicyVersion
from knowledge.library import phrasings, read_toml

LANGUAGES_FOLDER = Path(__file__).parent / "languages"
FEATURES_AT_MOST = 40_000
FOLDS = 5
SEED = 20231215


@dataclass(frozen=True, slots=True)
class Example:
    """Something a person may write (normalised), and the label it should get (intents.model)."""

    text: str
    label: str


def examples(policy: PolicyVersion, language: str) -> list[Example]:
    """Everything the matcher of `language` learns from, sorted; a text that stands under two labels is kept under both."""
    found = {Example(readable(text), label) for label, texts in phrasings(policy, language).items() for text in texts}
    found |= {Example(readable(text), INTENT + intent) for intent, text in heard(language)}
    return sorted(found, key=lambda e: (e.label, e.text))


def heard(language: str) -> Iterator[tuple[str, str]]:
    """(intent, what a person said) from the intents' wording files."""
    for path in sorted((LANGUAGES_FOLDER / language).glob("[!_]*.toml")):
        for text in read_toml(path).get("heard", {}).get("examples", ()):
            yield path.stem, text


def digest(found: Sequence[Example]) -> str:
    """SHA-256 over the training data and the format of what is made of them."""
    lines = [f"format {FORMAT}", *(f"{e.label}\t{e.text}" for e in found)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_stale(policy: PolicyVersion, language: str) -> bool:
    """Whether the trained file is missing, or was trained from other data than there are now."""
    try:
        return Model.load(trained_file(policy, language)).digest != digest(examples(policy, language))
    except (OSError, ValueError, KeyError):
        return True


def train(policy: PolicyVersion) -> list[Path]:
    """Train and write the model of every language that has phrasings; returns the files written."""
    written = []
    for language in policy.languages:
        if found := examples(policy, language):
            path = trained_file(policy, language)
            fit(found, language).save(path)
            written.append(path)
    return written


def fit(found: Sequence[Example], language: str) -> Model:
    """A model of `found`, calibrated on parts of it that the calibrated model had not seen."""
    labels = sorted({example.label for example in found})
    target = np.array([labels.index(example.label) for example in found])
    space = FeatureSpace.over([e.text for e in found], language, at_least=2 if language == "en" else 1, at_most=FEATURES_AT_MOST)
    matrix = _matrix(space, [example.text for example in found])
    unseen = np.zeros((len(found), len(labels)), dtype=np.float32)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for seen, left_out in folds.split(matrix, target):
        unseen[left_out] = _machine(matrix[seen], target[seen]).decision_function(matrix[left_out])
    machine = _machine(matrix, target)
    weights, scale = quantised(machine.coef_.T)
    calibration = calibrated(unseen, target, labels)
    return Model(space, tuple(labels), weights, scale, machine.intercept_.astype(np.float32), calibration, digest(found))


def calibrated(scores: NDArray[np.float32], target: NDArray[np.int64], labels: Sequence[str]) -> Calibration:
    """The calibration under which unseen `scores` (texts, labels) tell the truth about `target` (texts,)."""
    rows = np.arange(len(target))
    losses = {s: -np.log(probabilities(scores, s)[rows, target] + 1e-9).mean() for s in np.arange(1.0, 12.0, 0.25)}
    return Calibration(sharpness=min(losses, key=lambda s: float(losses[s])), covered_from=0.5, intent_from=0.5, answer_from=0.4)


def _matrix(space: FeatureSpace, texts: Sequence[str]) -> sparse.csr_matrix:
    vectors = [space.vector(text) for text in texts]
    ends = np.cumsum([0, *(len(columns) for columns, _ in vectors)])
    columns = np.concatenate([columns for columns, _ in vectors])
    values = np.concatenate([values for _, values in vectors])
    return sparse.csr_matrix((values, columns, ends), shape=(len(texts), len(space.columns)))


def _machine(matrix: sparse.csr_matrix, target: NDArray[np.int64]) -> LinearSVC:
    return LinearSVC(C=1.0, random_state=SEED).fit(matrix, target)
