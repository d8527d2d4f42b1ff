"""What changed between two versions, and which kinds of significant change that touches."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.changes import KINDS, Difference, difference, word_pieces
from knowledge.importing.importer import prepare, write
from knowledge.library import load_folder, load_policy
from tests.knowledge.example_cloud import CLAUSES, ENGLISH, write_policy
from tests.knowledge.test_importer import NOW


def changed(tmp_path: Path, tags: dict[str, list[str]] | None = None, **plain: str | None) -> Difference:
    """The difference after the given clauses (dots written as _) got other plain words; None takes one out."""
    new = dict(CLAUSES)
    for name, words in plain.items():
        key = name.replace("_", ".")
        if words is None:
            del new[key]
        else:
            new[key] = (new.get(key, ("New", ""))[0], words)
    old = load_folder(write_policy(tmp_path / "a", tags=tags))
    return difference(old, load_folder(write_policy(tmp_path / "b", day=date(2027, 1, 1), clauses=new, tags=tags)))


def test_nothing_changed(tmp_path: Path) -> None:
    assert changed(tmp_path).changes == ()


def test_added_removed_and_changed_clauses(tmp_path: Path) -> None:
    found = changed(
        tmp_path,
        legal_1_3="Pictures of kites are free.",
        legal_2=None,
        privacy_3_2_1="The buyer keeps to this policy for ever.",
    )
    assert [(change.what, change.id) for change in found.changes] == [
        ("changed", "privacy.3.2.1"),
        ("added", "legal.1.3"),
        ("removed", "legal.2"),
    ]


def test_words_that_went_and_came() -> None:
    pieces = [(piece.kind, piece.text) for piece in word_pieces("We keep it a year.", "We keep it two years.")]
    assert pieces == [
        ("same", "We keep it "),
        ("removed", "a"),
        ("added", "two"),
        ("same", " "),
        ("removed", "year"),
        ("added", "years"),
        ("same", "."),
    ]


def test_chinese_is_compared_character_by_character() -> None:
    pieces = [(piece.kind, piece.text) for piece in word_pieces("保存一年", "保存两年")]
    assert pieces == [("same", "保存"), ("removed", "一"), ("added", "两"), ("same", "年")]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("We also process photographs.", "privacy.9.4.1"),
        ("The company was acquired.", "privacy.9.4.2"),
        ("It is given to partners.", "privacy.9.4.3"),
        ("You may withdraw it.", "privacy.9.4.4"),
        ("Use the hotline.", "privacy.9.4.5"),
        ("The assessment shows a high risk.", "privacy.9.4.6"),
    ],
)
def test_words_point_to_a_kind_of_significant_change(words: str, kind: str, tmp_path: Path) -> None:
    found = changed(tmp_path, privacy_2_3_2=f"Finding broken disks before they fail. {words}")
    touched = {t.kind.clause: t.because for change in found.changes for t in change.touches}
    assert kind in touched
    assert [k.clause for k in found.kinds] == sorted(touched)


def test_every_kind_is_known_in_chinese(tmp_path: Path) -> None:
    for kind, word in zip(KINDS, ("目的", "合并", "第三方", "删除", "热线", "高风险"), strict=True):
        assert kind.words.search(f"我们{word}的"), kind.clause


def test_a_tag_points_to_a_kind_whatever_the_words(tmp_path: Path) -> None:
    found = changed(
        tmp_path,
        tags={"privacy.5": ["contact"]},
        privacy_5="Ring 000-0000-0001 on Sundays or open a ticket in the portal.",
    )
    assert [t.because for change in found.changes for t in change.touches if t.kind.clause == "privacy.9.4.5"] == [
        ("tag contact",)
    ]


def test_no_kind_without_a_word_or_tag(tmp_path: Path) -> None:
    (change,) = changed(tmp_path, privacy_2_3_2="Finding broken disks after they fail.").changes
    assert change.touches == ()
    assert not change.is_editorial


def test_only_case_and_punctuation_is_editorial(tmp_path: Path) -> None:
    (change,) = changed(tmp_path, tags={"privacy.3.1.2": ["sharing"]}, privacy_3_1_2="A COURT may order it!").changes
    assert change.touches == ()


def test_a_clause_under_another_number_is_renumbered(tmp_path: Path) -> None:
    found = changed(tmp_path, privacy_2_2_3=None, privacy_2_2_4=CLAUSES["privacy.2.2.3"][1])
    (change,) = found.changes
    assert (change.what, change.old and change.old.id, change.id, change.is_editorial) == (
        "renumbered",
        "privacy.2.2.3",
        "privacy.2.2.4",
        True,
    )


def test_official_wording_is_compared_where_both_have_it(tmp_path: Path) -> None:
    write_policy(tmp_path)
    write_policy(tmp_path, day=date(2027, 1, 1))
    other = tmp_path / "other.txt"
    other.write_text(
        ENGLISH.read_text(encoding="utf-8").replace("A court orders it.", "A high court orders it."), encoding="utf-8"
    )
    for source, version in ((ENGLISH, "2026-03-01"), (other, "2027-01-01")):
        write(prepare(source, company="example-cloud", version=version, language="en", into=tmp_path, now=NOW))
    old, new = (load_policy("example-cloud", version, extra=tmp_path) for version in ("2026-03-01", "2027-01-01"))
    (change,) = difference(old, new).changes
    assert (change.id, change.basis) == ("privacy.3.1.2", "official")
    assert [piece.text.strip() for piece in change.pieces if piece.kind == "added"] == ["high"]
    assert difference(old, new, "zh").changes == ()
