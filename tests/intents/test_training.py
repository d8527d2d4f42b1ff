"""Training: what it learns from, that it repeats itself, and that a stale file is noticed."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from intents.examples import Example, examples
from intents.machine import fit
from intents.recogniser import trained_file
from intents.training import digest, is_stale
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy
from tests.intents import small

LANGUAGES = ("en", "zh")


@pytest.fixture(scope="module")
def policy() -> PolicyVersion:
    return load_policy("kenpai")


def test_the_same_data_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.intents import small; small.model().save(Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", program, str(tmp_path / seed)], check=True, cwd=root, env=environment)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_the_order_of_the_wording_changes_nothing(policy: PolicyVersion) -> None:
    found = examples(policy, "en")
    assert found == sorted(found, key=lambda e: (e.label, e.text, e.weight))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_clause_article_intent_and_silence_is_learned(policy: PolicyVersion, language: str) -> None:
    labels = {example.label for example in examples(policy, language) if example.weight == 1}
    assert policy.clauses.keys() | policy.law.keys() | {"_near", "_far"} <= labels
    assert len([label for label in labels if label.startswith("intent:")]) >= 18


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bundled_matcher_is_trained_on_the_present_wording(policy: PolicyVersion, language: str) -> None:
    assert not is_stale(policy, language), "train again: python -m intents train"


def test_changed_wording_makes_the_file_stale(policy: PolicyVersion, tmp_path: Path) -> None:
    moved = replace(policy, folder=Path(copytree(policy.folder, tmp_path / "policy")))
    path = moved.folder / "phrasings" / "en" / "_not_covered.toml"
    before = is_stale(moved, "zh")
    path.write_text(
        path.read_text(encoding="utf-8").replace("far = [", 'far = [\n  "who painted the ceiling",'), encoding="utf-8"
    )
    assert is_stale(moved, "en")
    assert is_stale(moved, "zh") == before


def test_a_missing_or_broken_file_is_stale(policy: PolicyVersion, tmp_path: Path) -> None:
    moved = replace(policy, folder=Path(copytree(policy.folder, tmp_path / "policy")))
    trained_file(moved, "en").unlink()
    trained_file(moved, "zh").write_bytes(b"PK\x03\x04 not a model")
    assert is_stale(moved, "en")
    assert is_stale(moved, "zh")


def test_the_digest_sees_text_label_weight_and_the_concepts_of_the_language() -> None:
    one = Example("text", "privacy.1.1")
    others = [replace(one, text="texts"), replace(one, label="privacy.1.2"), replace(one, weight=0.5)]
    assert len({digest([example], "en") for example in [one, *others]} | {digest([one], "zh")}) == 5


def test_data_without_commands_can_be_learned_too() -> None:
    asked = [example for example in small.examples() if not example.label.startswith("intent:")]
    assert fit(asked, "en", "").labels == tuple(sorted({example.label for example in asked}))
