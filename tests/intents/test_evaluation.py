"""The figures themselves: what counts as right, and how sure a share is."""

import json
from pathlib import Path

import pytest

from intents.evaluation import Judged, Report, Row, Share, read_rows
from intents.recogniser import Outcome, Recognition, akin
from knowledge.errors import BrokenFile


def row(
    kind: str = "policy",
    style: str = "formal",
    clauses: tuple[str, ...] = ("privacy.3.1",),
    intents: tuple[str, ...] = (),
) -> Row:
    return Row("1", "en", "?", kind, style, clauses, intents)


def test_parents_and_children_are_akin_and_namesakes_are_not() -> None:
    assert akin("privacy.3.1", "privacy.3.1.4")
    assert akin("privacy.3.1.4", "privacy.3.1")
    assert not akin("privacy.3.1.1", "privacy.3.1.2")
    assert not akin("privacy.1", "privacy.10")


@pytest.mark.parametrize(
    ("found", "figures"),
    [
        (
            Recognition(Outcome.ANSWERED, ("privacy.3.1.4",)),
            {"right, or right among the choices", "right on top", "right among the first three"},
        ),
        (Recognition(Outcome.ANSWERED, ("privacy.7.1",)), {"answered wrongly"}),
        (
            Recognition(Outcome.ASK_BACK, ("a", "b", "privacy.3.1")),
            {"right, or right among the choices", "asked back", "right among the first three"},
        ),
        (Recognition(Outcome.ASK_BACK, ("a", "b", "c", "privacy.3.1")), {"asked back"}),
        (Recognition(Outcome.INTENT, (), "request_access"), {"questions taken for commands"}),
        (Recognition(Outcome.NOT_COVERED), {"questions turned down"}),
    ],
)
def test_what_a_policy_question_counts_towards(found: Recognition, figures: set[str]) -> None:
    report = Report("x", (Judged(row(), found),), 0)
    assert {name for name, share in report.figures().items() if share.hits} == figures


def test_small_talk_is_no_invention_but_a_command_is() -> None:
    invented = "not covered, answered all the same"
    for intent, hits in [("smalltalk_abuse", 0), ("request_access", 1)]:
        judged = Judged(row("none", "far", (), ("smalltalk_abuse",)), Recognition(Outcome.INTENT, (), intent))
        assert Report("x", (judged,), 0).figures()[invented].hits == hits


def test_scores_are_held_against_the_outcomes() -> None:
    sure = Judged(row(), Recognition(Outcome.ANSWERED, ("privacy.3.1",), score=0.95))
    unsure = Judged(row("none", "near", ()), Recognition(Outcome.ASK_BACK, ("privacy.3.1",), score=0.3))
    silent = Judged(row("none", "near", ()), Recognition(Outcome.NOT_COVERED, score=1.0))
    bands = {name: (share.hits, share.of) for name, share in Report("x", (sure, unsure, silent), 0).by_score().items()}
    assert bands == {"score 0.2 to 0.5": (0, 1), "score 0.9 to 1.0": (2, 2)}


def test_a_share_has_the_interval_after_wilson() -> None:
    low, high = Share(92, 100).interval
    assert (round(low, 3), round(high, 3)) == (0.850, 0.959)
    assert str(Share(0, 0)) == "-"


def test_a_broken_label_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "1", "text": "?"}) + "\n", encoding="utf-8")
    with pytest.raises(BrokenFile):
        read_rows(path)
    with pytest.raises(BrokenFile):
        read_rows(tmp_path / "missing.jsonl")
