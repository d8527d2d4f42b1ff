"""The trained matcher of one language: a linear model small enough to load at once and to ask in microseconds.

A label is a clause id, a law article's id, "_near" (about privacy, the policy is silent), "_far" (off topic) or
"intent:<name>". Vocabulary, weights (a byte each) and calibration live in one .npz file.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from intents.features import SHARES, families
from knowledge.spelling import Speller
from knowledge.vectors import Space, Values, Weights, packed

FORMAT = 3
"""Raised when features or file layout change, so that older files count as stale."""
NEAR, FAR, INTENT = "_near", "_far", "intent:"


@dataclass(frozen=True, slots=True)
class Calibration:
    """How scores become probabilities and probabilities an outcome."""

    sharpness: float
    """Scores are multiplied by it before the softmax; fitted by cross-validation."""
    covered_from: float
    """Least share of clauses against silence (near, far, law) for a question not to be turned down."""
    intent_from: float
    """Least share of intents against clauses for a command to be taken as one; it must outweigh silence, too."""
    answer_from: float
    """Least probability of the first clause (with its parents and children) to be answered without asking back."""


@dataclass(frozen=True, slots=True)
class Model:
    """See the module. `speller` mends what was typed; `digest` is SHA-256 of what the model was trained on."""

    language: str
    labels: tuple[str, ...]
    speller: Speller
    space: Space
    weights: Weights
    calibration: Calibration
    digest: str

    def scores(self, text: str) -> Values | None:
        """Signed distance of a text (made readable) from each label's border, float32 (labels,); None if nothing in it
        is known."""
        said = self.speller.mended(text)
        columns, values = self.space.vector(families(said, self.language), SHARES[self.language])
        return self.weights.outputs(columns, values) if len(columns) else None

    def save(self, path: Path) -> None:
        """Write the model to `path`, byte for byte the same for the same model."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {
            "format": FORMAT,
            "language": self.language,
            "labels": self.labels,
            "digest": self.digest,
            "calibration": asdict(self.calibration),
        }
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                head=packed(json.dumps(head, ensure_ascii=False)),
                words=packed(" ".join(self.speller.words)),
                word_times=np.array(list(self.speller.words.values()), dtype=np.int32),
                vocabulary=self.space.packed(),
                rarity=self.space.rarity,
                small=self.weights.small,
                scale=self.weights.scale,
                intercept=self.weights.intercept,
            )

    @classmethod
    def load(cls, path: Path) -> "Model":
        """The model in `path`. Raises ValueError when it is no model of this format, OSError when it can't be read."""
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes()) if "head" in file else {}
            if head.get("format") != FORMAT:
                raise ValueError(f"{path} has format {head.get('format')}, this program reads {FORMAT}")
            return cls(
                head["language"],
                tuple(head["labels"]),
                Speller(dict(zip(file["words"].tobytes().decode().split(), file["word_times"].tolist(), strict=True))),
                Space.unpacked(file["vocabulary"], file["rarity"]),
                Weights(file["small"], file["scale"], file["intercept"]),
                Calibration(**head["calibration"]),
                head["digest"],
            )
