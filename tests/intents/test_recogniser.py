"""The four outcomes, taught phrasings, whatever may be typed, and the figures of the label files."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.evaluation import Report, score
from intents.model import Calibration
from intents.recogniser import Labels, Outcome, Recogniser
from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.library import load_policy
from tests.intents import small

CROWD_TEXTS = os.environ.get("CLAUSEBOT_CROWD_TEXTS", "")
QUESTIONS = Path(__file__).parents[1] / "questions"
RIGHT, WRONG, BACK = "right, or right among the choices", "answered wrongly", "asked back"
SILENT, THREE = "not covered, answered all the same", "right among the first three"
COMMANDS, TRAPS, TAKEN = "intents right", "traps kept as questions", "questions taken for commands"
OWN = {RIGHT: 0.92, WRONG: -0.05, BACK: -0.20, THREE: 0.96, SILENT: -0.15, COMMANDS: 0.92, TRAPS: 0.85, TAKEN: -0.03}
CROWD = {RIGHT: 0.80, WRONG: -0.12, SILENT: -0.30}
"""Floors; a negative one is a ceiling."""


@pytest.fixture(scope="module")
def policy() -> PolicyVersion:
    return load_policy("kenpai")


@pytest.fixture(scope="module")
def recogniser(policy: PolicyVersion) -> Recogniser:
    return Recogniser(policy, {"en": small.model()})


@pytest.fixture(scope="module")
def bundled(policy: PolicyVersion) -> Recogniser:
    return Recogniser.load(policy)


@pytest.mark.parametrize(
    ("text", "outcome", "first"),
    [
        ("how do I block cookies in the browser", Outcome.ANSWERED, "privacy.6.3"),
        ("tell me a joke about the weather", Outcome.NOT_COVERED, None),
    ],
)
def test_a_question_is_answered_or_turned_down(
    recogniser: Recogniser, text: str, outcome: Outcome, first: str | None
) -> None:
    found = recogniser.recognise(text)
    assert found.outcome is outcome
    if first:
        assert found.clauses[0] == first
        assert found.score > found.runner_up


def test_a_command_is_an_intent(recogniser: Recogniser) -> None:
    found = recogniser.recognise("please delete my data, erase everything about me")
    assert (found.outcome, found.intent) == (Outcome.INTENT, "request_deletion")


@pytest.mark.parametrize(
    ("chances", "outcome", "first", "score"),
    [
        ((0.7, 0.1, 0.1, 0.1, 0.0, 0.0), Outcome.ANSWERED, "privacy.3.1", 0.8),
        ((0.25, 0.25, 0.3, 0.2, 0.0, 0.0), Outcome.ANSWERED, "privacy.7.4", 0.3),
        ((0.2, 0.0, 0.25, 0.15, 0.1, 0.3), Outcome.ASK_BACK, "privacy.7.4", 0.25),
        ((0.1, 0.1, 0.1, 0.6, 0.1, 0.0), Outcome.INTENT, "privacy.3.1", 0.6),
        ((0.1, 0.0, 0.0, 0.1, 0.3, 0.5), Outcome.NOT_COVERED, "privacy.3.1", 0.8),
    ],
)
def test_probabilities_amount_to_an_outcome(
    policy: PolicyVersion, chances: tuple[float, ...], outcome: Outcome, first: str, score: float
) -> None:
    labels = Labels(("privacy.3.1", "privacy.3.1.4", "privacy.7.4", "intent:help", "pipl.45", "_near"), policy)
    limits = Calibration(sharpness=1, covered_from=0.4, intent_from=0.4, answer_from=0.3)
    found = labels.read(np.array(chances, dtype=np.float32), limits)
    assert (found.outcome, found.clauses[0], round(found.score, 2)) == (outcome, first, score)
    assert found.law == (("pipl.45",) if outcome is Outcome.NOT_COVERED else ())


def test_where_the_policy_is_silent_the_law_is_named(recogniser: Recogniser) -> None:
    found = recogniser.recognise("do I have the right to data portability, to take my data to another provider")
    assert (found.outcome, found.law) == (Outcome.NOT_COVERED, ("pipl.45",))


def test_a_taught_phrasing_is_answered_at_once_in_any_near_spelling(policy: PolicyVersion) -> None:
    taught = Recogniser(policy, {"en": small.model()})
    taught.add_taught(
        {"privacy.7.7": ["what becomes of the purple elephants"], "pipl.45": ["purple giraffes to go, please"]}
    )
    found = taught.recognise("What becomes of the purple elephant?")
    assert (found.outcome, found.clauses) == (Outcome.ANSWERED, ("privacy.7.7",))
    assert taught.recognise("purple giraffes to go please").law == ("pipl.45",)
    assert taught.recognise("what becomes of the green elephants in spring").clauses[:1] != ("privacy.7.7",)


def test_without_a_trained_file_the_clauses_own_words_are_offered(policy: PolicyVersion, tmp_path: Path) -> None:
    bare = Recogniser.load(replace(policy, folder=tmp_path))
    for text in ("how do I block cookies in my browser?", "怎样在浏览器里清除 Cookie"):
        found = bare.recognise(text)
        assert found.outcome is Outcome.ASK_BACK
        assert "privacy.6.3" in found.clauses[:3]


def test_a_broken_trained_file_is_told_and_a_missing_one_is_done_without(policy: PolicyVersion, tmp_path: Path) -> None:
    assert Recogniser.load(replace(policy, folder=tmp_path)).recognise("cookies in my browser").clauses
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "en.npz").write_bytes(b"\x00" * 100)
    with pytest.raises(BrokenFile, match="damaged"):
        Recogniser.load(replace(policy, folder=tmp_path))


HOSTILE = {
    "empty": "", "blank": " \n\t ", "emoji": "🙂🎉🔥", "signs": "?!…—", "binary": "\x00\x01\xff\x7f" * 50,
    "surrogate": "\ud800\udfff",
    "hidden": "\u202e\u200b\u2066", "combining": "\u0301" * 500,
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_holds_no_words_is_not_covered_with_score_nought(bundled: Recogniser, text: str) -> None:
    found = bundled.recognise(text)
    assert (found.outcome, found.score, found.clauses) == (Outcome.NOT_COVERED, 0.0, ())


@pytest.mark.parametrize("piece", ["delete ", "数据", "xqzv ", "é", "a", "\ufdfa", "שלום ", "1 "])
def test_a_hundred_thousand_characters_are_read_quickly(bundled: Recogniser, piece: str) -> None:
    text = piece * (100_000 // len(piece))
    bundled.recognise(text)
    started = time.thread_time()
    bundled.recognise(text)
    assert time.thread_time() - started < 0.25


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.sampled_from([None, "en", "zh", "fr"]))
def test_no_text_raises_and_every_outcome_keeps_its_shape(text: str, language: str | None) -> None:
    policy = load_policy("kenpai")
    recogniser = _bundled(policy)
    found = recogniser.recognise(text, language=language)
    assert 0 <= found.score <= 1.0001
    assert 0 <= found.runner_up <= 1.0001
    assert len(found.clauses) <= 5
    assert set(found.clauses) <= policy.clauses.keys()
    assert (found.intent is not None) == (found.outcome is Outcome.INTENT)
    assert found.clauses or found.outcome not in (Outcome.ANSWERED, Outcome.ASK_BACK)
    assert not found.law or found.outcome is Outcome.NOT_COVERED


def test_threads_share_a_recogniser(bundled: Recogniser) -> None:
    texts = ["do you sell my data", "你们会卖我的数据吗", "how long do you keep logs", "delete my account"] * 50
    alone = [bundled.recognise(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(bundled.recognise, texts)) == alone


@pytest.mark.parametrize("language", ["en", "zh"])
def test_our_label_files_together_keep_the_floors(language: str, policy: PolicyVersion) -> None:
    reports = [score(QUESTIONS / f"{name}_{language}.jsonl", policy) for name in ("dev", "third")]
    _keeps(Report(language, tuple(judged for report in reports for judged in report.judged), 0), OWN)


@pytest.mark.skipif(
    not CROWD_TEXTS, reason="the texts are not part of the project: CLAUSEBOT_CROWD_TEXTS names a file with them"
)
def test_what_people_asked_about_other_apps_keeps_its_floors(policy: PolicyVersion) -> None:
    _keeps(score(QUESTIONS / "crowd_en.labels.jsonl", policy, texts=Path(CROWD_TEXTS)), CROWD)


@pytest.mark.parametrize("name", ["dev_zh", "third_zh"])
def test_traditional_characters_cost_at_most_three_points(name: str, policy: PolicyVersion) -> None:
    path = QUESTIONS / f"{name}.jsonl"
    simplified = score(path, policy).figures()[RIGHT].value
    assert score(path, policy, traditional=True).figures()[RIGHT].value >= simplified - 0.03


def _keeps(report: Report, floors: dict[str, float]) -> None:
    figures = report.figures()
    assert report.judged
    missed = {
        name: str(figures[name])
        for name, floor in floors.items()
        if name in figures and (figures[name].value < floor if floor > 0 else figures[name].value > -floor)
    }
    assert not missed


_loaded: dict[str, Recogniser] = {}


def _bundled(policy: PolicyVersion) -> Recogniser:
    """Loaded once for all the texts that are tried."""
    if policy.checksum not in _loaded:
        _loaded[policy.checksum] = Recogniser.load(policy)
    return _loaded[policy.checksum]
