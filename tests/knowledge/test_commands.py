"""The policy author's command line, as it is typed."""

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from knowledge.__main__ import main
from knowledge.publishing import LOCK
from tests.knowledge.example_cloud import CLAUSES, ENGLISH, write_policy


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):  # type: ignore[no-untyped-def]
    """Runs `python -m knowledge <words>` with a knowledge folder of its own; gives (exit code, output, errors)."""
    monkeypatch.setenv("CLAUSEBOT_KNOWLEDGE_DIR", str(tmp_path))

    def run_it(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["knowledge", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run_it


def test_check_passes_and_counts(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    code, out, _ = run("check", "2026-03-01", "--company", "example-cloud")
    assert code == 0
    assert f"{len(CLAUSES)} clauses" in out


def test_check_fails_on_errors_and_names_the_line(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write_policy(tmp_path)
    path = folder / "policy.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("related = []", 'related = ["gone"]', 1), encoding="utf-8")
    code, out, _ = run("check", folder)
    assert code == 1
    assert f"{path}:" in out
    assert "'gone', which is no clause" in out


def test_import_writes_and_reports(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    code, out, _ = run("import", ENGLISH, "-c", "example-cloud")
    assert code == 0
    assert "privacy.4.verify (" in out
    assert (tmp_path / "example-cloud/2026-03-01/official/en.toml").is_file()
    assert "official wording: 31 en" in run("check", "-c", "example-cloud")[1]


def test_a_dry_run_writes_nothing(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("import", ENGLISH, "-c", "example-cloud", "-v", "2026-03-01", "--dry-run")
    assert code == 0
    assert "would write" in out
    assert list(tmp_path.iterdir()) == []


def test_json_is_the_tree_with_ids(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    code, out, _ = run("import", ENGLISH, "-c", "example-cloud", "--json", "--dry-run")
    tree = json.loads(out)

    def ids(node: dict[str, object]) -> list[object]:
        assert "id" in node
        return [node["id"], *(found for child in node["children"] for found in ids(child))]  # type: ignore[attr-defined]

    assert code == 0
    assert {key for key in ids(tree) if key} == set(CLAUSES)
    assert tree["summary"]["placed_by_numbering"] + tree["summary"]["placed_by_wording"] == len(CLAUSES)


def test_unplaced_lines_are_listed(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("import", ENGLISH, "-c", "example-cloud", "-v", "2026-03-01")
    assert code == 0
    assert "line 44: Carriers that deliver" in out
    assert "To do:" in out


def test_a_broken_file_is_one_message_and_exit_2(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    bad = tmp_path / "bad.docx"
    bad.write_bytes(b"no word")
    code, out, err = run("import", bad, "-c", "example-cloud", "-v", "2026-03-01")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {bad}: ")
    assert err.count("\n") == 1


def test_diff_shows_words_and_kinds(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    new = CLAUSES | {"privacy.3.1.2": ("Courts", "A court may order it, or a partner.")}
    write_policy(tmp_path, day=date(2027, 1, 1), clauses=new)
    code, out, _ = run("diff", "2026-03-01", "2027-01-01", "-c", "example-cloud")
    assert code == 0
    assert "{+, or a partner+}" in out
    assert "privacy.9.4.3" in out
    data = json.loads(run("diff", "2026-03-01", "2027-01-01", "-c", "example-cloud", "--json")[1])
    assert [change["id"] for change in data["changes"]] == ["privacy.3.1.2"]
    assert data["kinds"] == ["privacy.9.4.3"]


def test_new_scaffolds_a_draft_that_check_knows(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run("new", "second-cloud", "2026-05-01")
    folder = tmp_path / "second-cloud" / "draft-2026-05-01"
    assert code == 0
    assert str(folder / "policy.toml") in out
    code, out, _ = run("check", folder)
    assert code == 1
    assert "'privacy.1.1' has no plain words in 'en'" in out
    assert run("new", "second-cloud", "2026-05-01")[0] == 2


def test_ask_by_id_and_by_words(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    code, out, _ = run("ask", "privacy.3.1.2", "-c", "example-cloud")
    assert code == 0
    assert "Privacy Policy 3.1.2, version 2026-03-01" in out
    assert "《示例》3.1.2, 2026-03-01 版" in out
    found = json.loads(run("ask", "who", "repairs", "broken", "disks", "-c", "example-cloud", "--json")[1])
    assert found[0]["id"] == "privacy.2.3.2"


def test_ask_shows_official_wording_only_where_it_was_imported(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_policy(tmp_path)
    assert "Official wording" not in run("ask", "privacy.3.1.2", "-c", "example-cloud")[1]
    run("import", ENGLISH, "-c", "example-cloud")
    assert "Official wording: A court orders it." in run("ask", "privacy.3.1.2", "-c", "example-cloud")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "1999-01-01"), "is no version of a policy"),
        (("check", "-c", "nobody"), "no published version of nobody"),
        (("diff", "2023-12-15", "1999-01-01"), "1999-01-01: is no version"),
        (("diff", "2023-12-15", "2023-12-15", "-l", "fr"), "'fr' is no language"),
        (("new", "Big Co", "2026-01-01"), "is no folder name"),
        (("new", "big-co", "soon"), "is no date"),
        (("publish", "2023-12-15"), "Write COMPANY/DATE"),
        (("publish", "kenpai/1999-01-01"), "is no version of a policy"),
        (("ask", "privacy.77", "-c", "kenpai"), "is no clause of kenpai"),
        (("import", "nowhere.txt", "-c", "kenpai"), "nowhere.txt: does not exist"),
    ],
)
def test_a_mistake_is_told_in_one_message(run, words: tuple[str, ...], message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["check", "new", "import", "publish", "diff", "ask", "rank"])
def test_help_teaches_by_example(run, command: str) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"python -m knowledge {command}" in out
    assert "Example" in out


def test_publish_turns_a_draft_into_a_version(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write_policy(tmp_path)
    (folder / LOCK).unlink()
    folder.rename(folder.parent / "draft-2026-03-01")
    code, out, _ = run("publish", "example-cloud/2026-03-01")
    assert code == 0, out
    assert "Published example-cloud/2026-03-01" in out
    assert sorted(path.name for path in folder.parent.iterdir()) == ["2026-03-01"]
    assert run("check", "-c", "example-cloud")[1].endswith("0 errors, 0 warnings\n")
    assert "published already and unchanged" in run("publish", "example-cloud/2026-03-01")[1]


def test_a_version_with_errors_or_marks_is_not_published(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write_policy(tmp_path)
    (folder / LOCK).unlink()
    draft = folder.rename(folder.parent / "draft-2026-03-01")
    path = draft / "policy.toml"
    sound = path.read_text(encoding="utf-8")
    for old, new, told in (
        ("related = []", 'related = ["gone"]', "'gone', which is no clause"),
        ("related = []", "related = []\nnew = true", "'pre.version' is marked as new"),
    ):
        path.write_text(sound.replace(old, new, 1), encoding="utf-8")
        code, out, _ = run("publish", "example-cloud/2026-03-01")
        assert code == 1
        assert told in out
        assert "was not published" in out
    assert not folder.exists()
    assert not (draft / LOCK).exists()


def test_a_changed_version_is_published_again_only_with_a_reason(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write_policy(tmp_path)
    path = folder / "en" / "all.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("A court may", "A court must"), encoding="utf-8")
    code, out, _ = run("check", "-c", "example-cloud")
    assert code == 1
    assert f"{path}: error: was changed" in out
    code, out, err = run("publish", "example-cloud/2026-03-01")
    assert (code, out) == (2, "")
    assert "--again" in err
    assert run("publish", "example-cloud/2026-03-01", "--again", "one word was wrong")[0] == 0
    assert run("check", "-c", "example-cloud")[0] == 0
    assert "again: one word was wrong" in (folder / LOCK).read_text(encoding="utf-8")


def test_a_mistake_that_nobody_foresaw_is_one_line(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no\nreason")

    monkeypatch.setattr("knowledge.commands.versions.versions", fails)
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err.startswith("error: stopped by a mistake in the program: ZeroDivisionError no reason (")
    assert err.count("\n") == 1
