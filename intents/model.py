"""The trained matcher of one language: a linear model small enough to load at once and to ask in microseconds.

A label is a clause id, a law article's id, "_near" (about privacy, the policy is silent), "_far" (off topic) or
"intent:<name>". Weights are kept as bytes, one scale a label; vocabulary, weights and calibration live in one .npz file.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intents.features import FeatureSpace, readable

FORMAT = 1
"""Raised when features or file layout change, so that older files count as stale."""
NEAR, FAR, INTENT = "_near", "_far", "intent:"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores become probabilities and probabilities an outcome; fitted by cross-validation."""

    sharpness: float
    """Scores are multiplied by it before the softmax."""
    covered_from: float
    """Least probability of "the policy or an intent speaks of this" that is not turned down."""
    intent_from: float
    """Least share of intents in what is covered for a command to be taken as one."""
    answer_from: float
    """Least probability of the first clause (with its parents and children) to be answered without asking back."""


@dataclass(frozen=True, slots=True)
class Model:
    """See the module. `weights`: int8 (features, labels); `scale`, `intercept`: float32 (labels,)."""

    space: FeatureSpace
    labels: tuple[str, ...]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    intercept: NDArray[np.float32]
    calibration: Calibration
    digest: str

    def scores(self, text: str) -> NDArray[np.float32]:
        """Signed distance of a raw text from each label's border, float32 (labels,)."""
        columns, values = self.space.vector(readable(text))
        sums: NDArray[np.float32] = values @ self.weights[columns].astype(np.float32)
        return sums * self.scale + self.intercept

    def save(self, path: Path) -> None:
        """Write the model to `path`, byte for byte the same for the same model."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {
            "format": FORMAT,
            "language": self.space.language,
            "labels": self.labels,
            "digest": self.digest,
            "calibration": asdict(self.calibration),
        }
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                head=_bytes(json.dumps(head, ensure_ascii=False)),
                vocabulary=_bytes("\n".join(self.space.names())),
                rarity=self.space.rarity,
                weights=self.weights,
                scale=self.scale,
                intercept=self.intercept,
            )

    @classmethod
    def load(cls, path: Path) -> "Model":
        """The model in `path`. Raises ValueError when the file has another format, OSError when it can't be read."""
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["format"] != FORMAT:
                raise ValueError(f"{path} has format {head['format']}, this program reads {FORMAT}")
            vocabulary = file["vocabulary"].tobytes().decode().split("\n")
            space = FeatureSpace(head["language"], {f: i for i, f in enumerate(vocabulary)}, file["rarity"])
            calibration = Calibration(**head["calibration"])
            parts = file["weights"], file["scale"], file["intercept"]
            return cls(space, tuple(head["labels"]), *parts, calibration, head["digest"])


def quantised(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights (features, labels) as bytes and the scale of each label that brings them back."""
    scale = np.abs(weights).max(axis=0) / 127
    scale[scale == 0] = 1
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def probabilities(scores: NDArray[np.float32], sharpness: float) -> NDArray[np.float32]:
    """Softmax of the sharpened scores along the last axis."""
    sharp = sharpness * (scores - scores.max(axis=-1, keepdims=True))
    grown = np.exp(sharp)
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True), dtype=np.float32)


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)
