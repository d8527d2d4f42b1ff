"""`clausebot policy`: a clause by id, number or citation, a section, and what is near when there is none."""

from pathlib import Path

import pytest

from bot.commands.policy import run_policy
from bot.settings import names


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled policy alone, without settings in the environment."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["7.4", "privacy.7.4", "PRIVACY.7.4", "Privacy Policy 7.4", " privacy  policy 7.4 "])
def test_a_clause_is_found_by_id_number_and_citation(name: str, capsys: pytest.CaptureFixture[str]):
    run_policy(name, "en")
    out = capsys.readouterr().out
    assert "Privacy Policy 7.4, 15 December 2023" in out


def test_a_law_article_is_labelled_as_law(capsys: pytest.CaptureFixture[str]):
    run_policy("pipl.45", "en")
    assert "Article 45" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["7", "privacy.7"])
def test_a_section_is_its_contents(name: str, capsys: pytest.CaptureFixture[str]):
    run_policy(name, "en")
    out = capsys.readouterr().out
    assert "privacy.7.4" in out
    assert "privacy.6" not in out


def test_no_name_is_the_whole_contents(capsys: pytest.CaptureFixture[str]):
    run_policy("", "zh")
    out = capsys.readouterr().out
    assert "privacy.7.4" in out
    assert "def." in out


@pytest.mark.parametrize(
    ("name", "near"),
    [("7.44", "privacy.7.4 "), ("legal 1", "legal.1.1"), ("pipl.44x", "pipl.44"), ("deletion", "privacy.5.3")],
)
def test_what_is_near_is_named(name: str, near: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        run_policy(name, "en")
    assert ended.value.code == 1
    first, *suggested = capsys.readouterr().out.splitlines()
    assert first == f"There is no {name!r}; `clausebot policy` lists every clause. Near it:"
    assert any(line.startswith(f"  {near}") for line in suggested)


def test_where_nothing_is_near_nothing_is_proposed(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        run_policy("[xyzzy]", "en")
    assert capsys.readouterr().out == "There is no '[xyzzy]'; `clausebot policy` lists every clause.\n"
