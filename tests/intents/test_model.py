"""The trained matcher as a file and as arithmetic."""

from pathlib import Path

import numpy as np
import pytest

from intents.model import Model
from knowledge.vectors import Weights, foremost, softmax
from tests.intents import small


@pytest.fixture(scope="module")
def model() -> Model:
    return small.model()


def test_a_saved_model_scores_as_before(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "en.npz")
    again = Model.load(tmp_path / "en.npz")
    text = "how to get rid of cookeis"
    assert list(again.scores(text)) == list(model.scores(text))
    assert (again.labels, again.digest, again.calibration) == (model.labels, model.digest, model.calibration)


def test_the_right_label_scores_highest_on_wording_it_has_not_seen(model: Model) -> None:
    for text, label in [("blocking cookies", "privacy.6.3"), ("please erase all my data", "intent:request_deletion")]:
        assert _best(model, text) == label


def test_mistyped_words_are_mended_before_they_are_scored(model: Model) -> None:
    assert list(model.scores("block coookies")) == list(model.scores("block cookies"))


def test_a_text_of_unknown_signs_has_no_scores(model: Model) -> None:
    assert model.scores("ÿÿ") is None


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.npz"
    np.savez(path, head=np.frombuffer(b'{"format": 0}', dtype=np.uint8))
    with pytest.raises(ValueError, match="format 0"):
        Model.load(path)


def test_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "en.npz"
    np.savez(path, something=np.zeros(3))
    with pytest.raises(ValueError, match="format"):
        Model.load(path)


def test_bytes_keep_weights_within_half_a_step() -> None:
    coefficients = np.random.default_rng(1).normal(size=(50, 4))
    coefficients[:, 3] = 0
    small_weights = Weights.of(coefficients, np.zeros(4))
    restored = small_weights.small * small_weights.scale
    assert (np.abs(restored - coefficients) <= small_weights.scale / 2 + 1e-6).all()


def test_probabilities_add_up_and_survive_huge_scores() -> None:
    chances = softmax(np.array([[1e30, 0, -1e30], [0.5, 0.5, 0.5]], dtype=np.float32), 9.0)
    assert np.allclose(chances.sum(axis=1), 1)
    assert np.allclose(chances[1], 1 / 3)


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 9])
def test_the_foremost_are_those_of_a_full_stable_sort(limit: int) -> None:
    scores = np.array([2, 5, 5, 1, 5, 2], dtype=np.float32)
    assert list(foremost(scores, limit)) == list(np.argsort(-scores, kind="stable")[:limit])


def _best(model: Model, text: str) -> str:
    scores = model.scores(text)
    assert scores is not None
    return model.labels[int(np.argmax(scores))]
