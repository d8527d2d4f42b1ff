"""The rights as data: complete, citing what exists, and unable to lower the bar."""

from datetime import timedelta
from pathlib import Path

import pytest

from knowledge.deadlines.rules import RIGHTS as DEADLINES
from knowledge.errors import BrokenFile
from knowledge.library import load_policy
from knowledge.rights import BUNDLED, Level, Right, rights
from storage.tables.orders import CHECKS


def test_every_right_has_a_rule_and_a_deadline() -> None:
    assert set(rights()) == set(Right)
    assert {rule.deadline for rule in rights().values()} == DEADLINES


def test_what_discloses_destroys_or_changes_needs_portal_code_and_two_staff() -> None:
    """Product rule B2, word for word."""
    strict = {right for right, rule in rights().items() if rule.two_staff}
    assert strict == {Right.ACCESS, Right.PORTABILITY, Right.CORRECTION, Right.DELETION, Right.CLOSURE}
    assert all(rights()[right].level is Level.PORTAL and rights()[right].code for right in strict)
    assert all(rights()[right].staff_check for right in strict)


def test_the_database_knows_the_same_rights() -> None:
    """The checks name rights; a new one must not slip past them."""
    delivers = {right for right, rule in rights().items() if rule.discloses}
    executes = {right for right, rule in rights().items() if rule.destroys or rule.changes}
    assert all(f"'{right}'" in CHECKS["delivers"] for right in delivers)
    assert all(f"'{right}'" in CHECKS["executes"] for right in executes)
    assert CHECKS["delivers"].count("'") == 2 * len(delivers)
    assert CHECKS["executes"].count("'") == 2 * len(executes)
    held = executes - {right for right, rule in rights().items() if rule.destroys}
    assert all(f"\"right\" = '{right}'" in CHECKS["hold"] for right in held)
    assert CHECKS["hold"].count('"right"') == len(held)


def test_only_a_security_report_is_urgent_and_only_those_for_others_need_papers() -> None:
    assert {right for right, rule in rights().items() if rule.urgent} == {Right.SECURITY}
    assert {right for right, rule in rights().items() if rule.papers} == {Right.GUARDIAN, Right.NEXT_OF_KIN}


def test_a_first_look_is_the_companys_own_aim_and_says_so() -> None:
    aim = rights()[Right.SECURITY].first_look
    assert aim is not None
    assert timedelta(0) < aim.within <= timedelta(hours=24)
    assert "our own aim" in aim.label["en"]
    assert "内部目标" in aim.label["zh"]


def test_every_clause_and_article_exists() -> None:
    policy = load_policy("kenpai")
    for rule in rights().values():
        assert {*rule.clauses, *rule.law} <= policy.clauses.keys() | policy.law.keys(), rule.right


def test_every_word_is_there_in_both_languages() -> None:
    for rule in rights().values():
        assert set(rule.name) == {"en", "zh"}
        assert rule.checklist
        for _, words in rule.checklist:
            assert words["en"].strip()
            assert words["zh"].strip()


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("[explanation]", "[flying]", "flying, which is no right"),
        ('deadline = "closure"', 'deadline = "some day"', "some day"),
        ("[closure]", "[closure]\nbecause = 1", "mean nothing: because"),
        ('key = "ground"', 'key = "same_person"', "one key"),
        ("first_look = { hours = 24,", "first_look = { hours = 73,", r"hours \(1 to 72\)"),
        ("first_look = { hours = 24,", "first_look = { hours = 0.5,", r"hours \(1 to 72\)"),
        ("first_look = { hours = 24,", "first_look = { days = 1,", "hours"),
        ("urgent = true\n", "", "what is urgent has a first_look"),
        ("[closure]", "[closure]\nurgent = true", "what is urgent has a first_look"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    path = tmp_path / "rights.toml"
    path.write_text(BUNDLED.read_text(encoding="utf-8").replace(right, wrong))
    with pytest.raises(BrokenFile, match=says):
        rights(path)


def test_nothing_that_destroys_can_be_had_for_less_than_the_portal(tmp_path: Path) -> None:
    path = tmp_path / "rights.toml"
    path.write_text(BUNDLED.read_text(encoding="utf-8").replace('proof = "portal"', 'proof = "contact"'))
    with pytest.raises(BrokenFile, match="needs the portal"):
        rights(path)


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rights.toml"
    path.write_text('[access]\nproof = "portal"\n')
    with pytest.raises(BrokenFile, match="lacks closure"):
        rights(path)
