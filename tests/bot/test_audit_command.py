"""`clausebot audit`: what it prints, with which exit code, and that others can check the export."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import text
from typer.testing import CliRunner

from bot.app import open_database
from bot.commands.audit import audit, run_verify
from bot.core.audit import AnchorFile, check_and_note
from bot.core.errors import Misconfigured
from bot.settings import Settings
from storage.chain import chain
from tests.conftest import Clock

PAGE = Path(__file__).parent.parent.parent / "docs" / "audit.md"
SCRIPT = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with five entries about two things, chained and anchored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/c.db")
    monkeypatch.setenv("CLAUSEBOT_KEY_FILE", str(tmp_path / "keys.toml"))
    made = Settings(database_url=f"sqlite:///{tmp_path}/c.db", key_file=tmp_path / "keys.toml")
    clock, database = Clock(), open_database(made)
    with database.work() as work:
        for number in range(1, 6):
            work.trail.add(clock(), "staff:1", "reviewed", f"order:{number % 2}", f"第{number}步 [bold]")
            clock.turn(minutes=1)
    check_and_note(database, clock, AnchorFile(tmp_path / "anchors.txt", database.keyring))
    database.close()
    return made


def change(settings: Settings, statement: str) -> None:
    database = open_database(settings)
    with database.work() as work:
        for (name,) in work.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            work.connection.exec_driver_sql(f"DROP TRIGGER {name}")
        work.connection.exec_driver_sql(statement)
    database.close()


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(audit, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_trail_that_fits(settings: Settings) -> None:
    code, said = run("verify", "--anchor", "anchors.txt")
    assert code == 0
    assert said.startswith("5 entries fit; the last hash is ")
    assert "Anchors vouch for the first 5." in said


def test_without_anchors_it_says_what_cannot_be_seen(settings: Settings) -> None:
    change(settings, "DELETE FROM trail WHERE id = 5")
    change(settings, "DELETE FROM trail_link WHERE seq = 5")
    code, said = run("verify")
    assert code == 0
    assert "can't be seen" in said
    code, said = run("verify", "--anchor", "anchors.txt")
    assert code == 1
    assert said.startswith(
        "BROKEN (cut): the chain ends at number 4, but reached 5 by the anchor of 2026-03-02 09:35:00 UTC"
    )


def test_the_file_of_anchors_of_the_settings_is_taken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUSEBOT_AUDIT_ANCHOR", "anchors.txt")
    assert "Anchors vouch for the first 5." in run("verify")[1]
    change(settings, "DELETE FROM trail WHERE id = 5")
    change(settings, "DELETE FROM trail_link WHERE seq = 5")
    assert run("verify")[0] == 1


def test_the_first_bad_place_is_named(settings: Settings) -> None:
    change(settings, "UPDATE trail SET detail = 'x' WHERE id IN (3, 5)")
    code, said = run("verify")
    assert code == 1
    assert said.splitlines()[:2] == [
        "BROKEN (changed): number 3, entry 3, is not what was chained: it or its hash was changed.",
        "2 entries before it fit.",
    ]


def test_the_verdict_as_json(settings: Settings) -> None:
    code, said = run("verify", "--json", "--anchor", "anchors.txt")
    verdict = json.loads(said)
    assert code == 0
    assert (verdict["fits"], verdict["entries"], verdict["anchored"], verdict["broken"]) == (True, 5, 5, None)
    change(settings, "DELETE FROM trail WHERE id = 2")
    code, said = run("verify", "--json")
    verdict = json.loads(said)
    assert code == 1
    assert (verdict["fits"], verdict["broken"]["how"], verdict["broken"]["seq"]) == (False, "deleted", 2)


def test_entries_that_wait_are_no_alarm(settings: Settings) -> None:
    database = open_database(settings)
    with database.work() as work:
        work.trail.add(Clock()(), "staff:1", "reviewed", "order:1")
    database.close()
    code, said = run("verify")
    assert code == 0
    assert "1 entries wait to be chained" in said


def test_a_changed_anchor_is_told(settings: Settings) -> None:
    anchors = Path("anchors.txt")
    anchors.write_text(anchors.read_text().replace(" 5 ", " 6 "))
    code, said = run("verify", "--anchor", "anchors.txt")
    assert code == 1
    assert "ANCHOR: anchors.txt line 1 doesn't bear our signature" in said


def test_anchors_that_are_not_there_are_told(settings: Settings) -> None:
    code, said = run("verify", "--anchor", "nowhere.txt")
    assert code == 1
    assert "nowhere.txt can't be read: No such file" in said


def test_a_database_that_does_not_open_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be written"):
        run_verify(Settings(database_url=f"sqlite:///{tmp_path}", key_file=tmp_path / "c.db.toml"), None, as_json=False)


def test_others_can_check_an_export_with_the_script_of_the_page(settings: Settings, tmp_path: Path) -> None:
    code, said = run("export", "trail.jsonl")
    assert code == 0
    assert said.startswith("5 entries in trail.jsonl; the last hash is ")
    assert Path("trail.jsonl").stat().st_mode & 0o777 == 0o600
    [script] = SCRIPT.findall(PAGE.read_text(encoding="utf-8"))
    assert len(script.splitlines()) <= 15
    Path("check.py").write_text(script, encoding="utf-8")

    def check() -> tuple[int, str]:
        command = [sys.executable, "check.py", "trail.jsonl"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    hash = Path("anchors.txt").read_text().split()[2]
    assert check() == (0, f"5 entries fit; the last hash is {hash}\n")
    whole = Path("trail.jsonl").read_text(encoding="utf-8")
    for change in (("第3步", "第9步"), ('"id":4', '"id":9'), ('"seq":2', '"seq":3'), ("staff:1", "staff:2")):
        Path("trail.jsonl").write_text(whole.replace(*change, 1), encoding="utf-8")
        code, said = check()
        assert code == 1, change
        assert "is not what was chained" in said


def test_an_export_never_overwrites(settings: Settings) -> None:
    Path("trail.jsonl").write_text("mine")
    done = CliRunner().invoke(audit, ["export", "trail.jsonl"])
    assert isinstance(done.exception, Misconfigured)
    assert Path("trail.jsonl").read_text() == "mine"


def test_an_export_of_a_broken_trail_stops(settings: Settings) -> None:
    change(settings, "DELETE FROM trail WHERE id = 2")
    code, said = run("export", "trail.jsonl")
    assert code == 1
    assert "number 2, entry 2, is gone" in said


def test_the_story_of_one_thing(settings: Settings) -> None:
    database = open_database(settings)
    with database.work() as work:
        work.trail.add(Clock()(), "staff:2", "approved", "order:1", "\x1b[31mred")
    database.close()
    code, said = run("show", "order:1")
    lines = said.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == ["number", "1", "3", "5", "waits"]
    assert "第3步 [bold]" in lines[2]
    assert "\x1b" not in said
    assert "\ufffd[31mred" in lines[4]


def test_a_thing_about_which_nothing_is_noted(settings: Settings) -> None:
    code, said = run("show", "order:99")
    assert code == 1
    assert "Nothing is noted about order:99" in said


def test_the_chain_goes_on_where_it_was(settings: Settings) -> None:
    database = open_database(settings)
    with database.work() as work:
        work.trail.add(Clock()(), "staff:2", "approved", "order:1")
        assert chain(work, Clock()()) == 1
    database.close()
    assert run("verify", "--anchor", "anchors.txt")[1].startswith("6 entries fit")
