"""Rule sets as data, and the command that shows what they come to."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from knowledge.deadlines import RIGHTS, Kind, Period, load_rules
from knowledge.deadlines.command import deadline
from knowledge.deadlines.rules import BUNDLED
from knowledge.errors import BrokenFile

IDS = sorted(path.stem for path in BUNDLED.glob("*.toml"))
EVERY_RULE = [
    pytest.param(rule, id=rule.id) for rules in load_rules(*IDS) for rule in rules.answers + rules.acknowledgements
]
PAGE = Path(__file__).parents[2] / "docs" / "deadlines.md"

app = typer.Typer()
app.command()(deadline)


def test_the_three_legal_orders_are_there() -> None:
    assert IDS == ["ccpa", "cn", "gdpr"]
    assert [rules.zone.key for rules in load_rules(*IDS)] == ["America/Los_Angeles", "Asia/Shanghai", "Europe/Berlin"]


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_every_figure_says_what_it_rests_on(rule) -> None:  # type: ignore[no-untyped-def]
    opening = {
        Kind.LAW: ("the law", ("法定期限", "拒绝出售或共享的法定期限")),
        Kind.PROMISE: ("our promise", "我们的承诺"),
        Kind.OUTER_LIMIT: ("our outer limit", "我们的最晚期限"),
    }
    english, chinese = opening[rule.kind]
    for label in (rule.label, rule.extension.label if rule.extension else rule.label):
        assert label["en"].startswith(english)
        assert label["zh"].startswith(chinese)
    number = str(rule.within.count)
    assert number in rule.label["en"]
    assert number in rule.label["zh"]
    assert all((rule.source.article, rule.source.title, rule.source.where))


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_the_page_for_privacy_officers_has_every_rule(rule) -> None:  # type: ignore[no-untyped-def]
    row, *_ = re.findall(rf"^\| `{re.escape(rule.id)}` \|.*$", PAGE.read_text(encoding="utf-8"), re.M)
    unit = rule.within.unit.replace("_", " ").removesuffix("s")
    assert f"{rule.within.count} {unit}" in row
    assert rule.source.article in row


def test_only_our_own_promise_can_pause() -> None:
    paused = {rule.id for rules in load_rules(*IDS) for rule in rules.answers if rule.pause}
    assert paused == {"cn.promise"}


@pytest.mark.parametrize("id_", IDS)
@pytest.mark.parametrize("right", sorted(RIGHTS))
def test_every_right_has_a_deadline_in_every_legal_order(id_: str, right: str) -> None:
    assert any(right in rule.rights for rules in load_rules(id_) for rule in rules.answers)


def test_a_company_can_settle_figures_of_its_own(tmp_path: Path) -> None:
    text = (BUNDLED / "cn.toml").read_text(encoding="utf-8")
    (tmp_path / "cn.toml").write_text(text.replace("working_days = 15", "working_days = 10"), encoding="utf-8")
    own, bundled = load_rules("cn", extra=tmp_path)[0], load_rules("cn")[0]
    assert (own.answers[0].within, bundled.answers[0].within) == (
        Period(10, "working_days"),
        Period(15, "working_days"),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("working_days = 15", "weeks = 3", "no length of time"),
        ("working_days = 15", "working_days = 0", "no length of time"),
        ("working_days = 15", "working_days = true", "no length of time"),
        ("{ working_days = 15 }", "15", "is no rule set"),
        ('["infringement"]', '["infringements"]', "infringements is no right"),
        ("\nrights = [", "\nfor = [", "has a key that means nothing: for"),
        ('"outer_limit"', '"custom"', "custom"),
        ('"Asia/Shanghai"', '"Asia/Kenpai"', "Kenpai"),
        ("Asia/Shanghai", "", "is no rule set"),
        ("cn.outer", "cn.promise", "two rules alike"),
        ('id = "cn"', 'id = "china"', "calls itself 'china'"),
        ('zh = "我们的最晚期限：30 日"', 'zh = ""', "label is empty"),
        ('standing = "excerpt"', 'standing = "hearsay"', "hearsay"),
        ("[[answer]]", "[[reply]]", "is no rule set"),
        ('version = "2026-11-23"', "", "lacks 'version'"),
    ],
)
def test_a_broken_rule_set_is_refused_by_name(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = (BUNDLED / "cn.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "cn.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(BrokenFile) as broken:
        load_rules("cn", extra=tmp_path)
    assert problem in str(broken.value)
    assert "cn.toml" in str(broken.value)


def test_a_rule_set_that_forgets_a_right_is_refused(tmp_path: Path) -> None:
    text = (BUNDLED / "gdpr.toml").read_text(encoding="utf-8")
    (tmp_path / "gdpr.toml").write_text(text.replace('"portability"]', '"portability", "closure"]'), encoding="utf-8")
    assert load_rules("gdpr", extra=tmp_path)
    (tmp_path / "gdpr.toml").write_text(
        text.replace("except_rights = [", 'except_rights = ["closure", '), encoding="utf-8"
    )
    with pytest.raises(BrokenFile, match="no deadline for closure"):
        load_rules("gdpr", extra=tmp_path)


@pytest.mark.parametrize("id_", ["pipl", "../rules/cn", ""])
def test_an_unknown_rule_set_is_refused_with_those_there_are(id_: str) -> None:
    with pytest.raises(BrokenFile, match="ccpa, cn, gdpr"):
        load_rules(id_)


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    return lambda *words: CliRunner().invoke(app, ["--into", str(tmp_path), *words])


def test_the_command_prints_the_day_and_its_basis(run) -> None:  # type: ignore[no-untyped-def]
    result = run("--right", "deletion", "--received", "2026-01-28T10:00")
    assert result.exit_code == 0, result.output
    assert "told: 2026-02-25, 2026-02-25 23:59:59 Asia/Shanghai (our promise: 15 working days" in result.output
    assert "hard stop: 2026-02-27 23:59:59" in result.output
    assert "80 %:" in result.output


def test_the_command_speaks_chinese_and_names_an_unknown_year(run) -> None:  # type: ignore[no-untyped-def]
    result = run("--received", "2026-12-31", "--language", "zh", "--rules", "cn, gdpr")
    assert "told: 2027-01-18" in result.output
    assert "我们的承诺：15 个工作日" in result.output
    assert "the calendar is known to 2026" in result.output


def test_the_command_gives_data_to_programs(run) -> None:  # type: ignore[no-untyped-def]
    data = json.loads(run("--received", "2026-01-30", "--rules", "cn,gdpr,ccpa", "--json").output)
    assert data["due_on"] == "2026-02-27"
    assert {basis["rule"]: basis["on"] for basis in data["legal_basis"]}["gdpr.answer"] == "2026-03-02"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--received", "yesterday"), "is no time"),
        (("--received", "2026-01-28", "--right", "acces"), "is no right"),
        (("--received", "2026-01-28", "--zone", "Asia/Kenpai"), "is no time zone"),
        (("--received", "2026-01-28", "--language", "fr"), "is no language"),
        (("--received", "9999-12-30"), "too far away"),
        (("--received", "9999-12-30", "--rules", "gdpr"), "too far away"),
    ],
)
def test_the_command_says_what_is_wrong(run, words: tuple[str, ...], problem: str) -> None:  # type: ignore[no-untyped-def]
    result = run(*words)
    assert result.exit_code == 2
    assert problem in result.output
