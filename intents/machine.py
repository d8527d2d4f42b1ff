"""Fits the matcher: linear support vector machines, calibrated by cross-validation. Needs scikit-learn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from intents.examples import Example
from intents.features import SHARES, families
from intents.model import INTENT, Calibration, Model
from knowledge.fitting import rows_of
from knowledge.spelling import Speller
from knowledge.vectors import Space, Weights, softmax

FEATURES_AT_MOST = 60_000
FOLDS = 3
SEED = 20231215
PENALTY = 1.5
"""The support vector machines' C."""
COMMAND = 0.4
"""How much "is this a command at all?" adds to every intent's score."""
SHARPNESS = np.arange(2.0, 12.0, 0.25)
STRANGERS = 0.8
"""Cross-validation leaves out phrasings, not authors; strangers differ more, so they are read with less certainty."""
COVERED_FROM, INTENT_FROM, ANSWER_FROM = 0.4, 0.3, 0.45
"""Where the outcomes part (intents.model.Calibration), set on the totals of the development files (docs/quality.md)."""

Scores = NDArray[np.float64]


def fit(found: Sequence[Example], language: str, digest: str) -> Model:
    """A model of `found`, calibrated on parts of it that the calibrated machine had not seen."""
    labels = tuple(sorted({example.label for example in found}))
    target = np.array([labels.index(example.label) for example in found])
    weight = np.array([example.weight for example in found])
    seen = [families(example.text, language) for example in found]
    space = Space.over(seen, at_least=2 if language == "en" else 1, at_most=FEATURES_AT_MOST)
    matrix = rows_of(space, seen, SHARES[language])
    unseen = np.zeros((len(found), len(labels)))
    for part, rest in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(matrix, target):
        coefficients, intercept = _machines(matrix[part], target[part], weight[part], labels)
        unseen[rest] = matrix[rest] @ coefficients + intercept
    asked = weight == 1
    calibration = calibrated(unseen[asked], target[asked])
    weights = Weights.of(*_machines(matrix, target, weight, labels))
    speller = Speller.of(example.text for example in found)
    return Model(language, labels, speller, space, weights, calibration, digest)


def calibrated(unseen: Scores, target: NDArray[np.int64]) -> Calibration:
    """The calibration under which scores (texts, labels) of texts not seen come closest to `target` (texts,)."""
    rows = np.arange(len(target))

    def loss(sharpness: float) -> float:
        return float(-np.log(softmax(unseen.astype(np.float32), sharpness)[rows, target] + 1e-9).mean())

    return Calibration(STRANGERS * min(map(float, SHARPNESS), key=loss), COVERED_FROM, INTENT_FROM, ANSWER_FROM)


def _machines(
    matrix: csr_matrix, target: NDArray[np.int64], weight: Scores, labels: Sequence[str]
) -> tuple[Scores, Scores]:
    """Coefficients (features, labels) and intercepts (labels,): one label against the rest, and for intents also
    command against question, which all of them have in common."""
    machine = LinearSVC(C=PENALTY, random_state=SEED).fit(matrix, target, sample_weight=weight)
    coefficients, intercept = machine.coef_.T.copy(), machine.intercept_.copy()
    is_intent = np.array([label.startswith(INTENT) for label in labels])
    if is_intent[target].any():
        command = LinearSVC(C=PENALTY, random_state=SEED).fit(matrix, is_intent[target], sample_weight=weight)
        coefficients[:, is_intent] += COMMAND * command.coef_.T
        intercept[is_intent] += COMMAND * command.intercept_
    return coefficients, intercept
