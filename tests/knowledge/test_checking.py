"""What a policy author is told: each mistake, its file and its line."""

from pathlib import Path

import pytest

from knowledge.checking import Finding, check
from knowledge.library import BUNDLED
from tests.knowledge.example_cloud import write_policy


def after(tmp_path: Path, file: str, old: str, new: str) -> list[Finding]:
    """Findings after a replacement in one file of Example Cloud's sound policy."""
    folder = write_policy(tmp_path)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return check(folder, extra=tmp_path)


def test_a_sound_policy_has_no_findings(tmp_path: Path) -> None:
    assert check(write_policy(tmp_path), extra=tmp_path) == []


def test_the_bundled_policies_have_no_errors() -> None:
    folders = sorted(path.parent for path in BUNDLED.glob("*/*/policy.toml"))
    assert folders
    assert [str(finding) for folder in folders for finding in check(folder) if finding.is_error] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("policy.toml", "related = []", 'related = ["privacy.99"]', "'privacy.99', which is no clause"),
        ("policy.toml", "related = []", 'related = []\nlaw = ["pipl.1"]', "'pipl.1', which no enabled law has"),
        ("policy.toml", 'parent = "privacy"', 'parent = "public"', "parent 'public'"),
        ("policy.toml", 'en = "Introduction"', 'en = ""', "has no title in 'en'"),
        ("policy.toml", "date = 2026-03-01", "date = 2026-03-02", "the folder is called 2026-03-01"),
        ("policy.toml", 'section = "privacy.5"', 'section = "privacy.6"', "'privacy.5' stands below"),
        ("zh/all.toml", "示例：A court may order it.", "", "'privacy.3.1.2' has no plain words in 'zh'"),
        ("zh/all.toml", "示例：A court may order it.", "A court may order it.", "don't look like Chinese"),
        ("en/all.toml", "A court may order it.", "法院命令。", "don't look like English"),
        ("en/all.toml", 'heading = "Court orde"', 'heading = ""', "'privacy.3.1.2' has no heading in 'en'"),
        ("en/all.toml", 'heading = "Court orde"', 'heading = 3', "needs the texts heading and plain"),
        ("en/all.toml", '["privacy.3.1.2"]', '["privacy.3.1.9"]', "words the clause 'privacy.3.1.9'"),
        ("phrasings/en/all.toml", '"privacy.3.1 asked"', '"PRIVACY.3.1.2 asked?"', "and below 'privacy.3.1'"),
        ("phrasings/en/all.toml", '"privacy.3.1 asked"', '" ?"', "'privacy.3.1' holds an empty phrasing"),
        ("phrasings/en/all.toml", '"privacy.3.1" =', '"privacy.3.9" =', "'privacy.3.9' is no clause"),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error(file: str, old: str, new: str, problem: str, tmp_path: Path) -> None:
    errors = [finding for finding in after(tmp_path, file, old, new) if finding.is_error]
    assert any(problem in finding.problem for finding in errors), [str(f) for f in errors]


def test_a_missing_language_is_an_error(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / "zh" / "all.toml").unlink()
    assert "'pre' is not worded in 'zh'" in [finding.problem for finding in check(folder)]


def test_a_finding_names_file_and_line(tmp_path: Path) -> None:
    (finding,) = after(tmp_path, "phrasings/en/all.toml", '"privacy.3.1 asked"', '"privacy.3.1.2 asked"')
    line = finding.path.read_text(encoding="utf-8").splitlines()[finding.line - 1]
    assert finding.path.name == "all.toml"
    assert "privacy.3.1.2 asked" in line
    assert str(finding).startswith(f"{finding.path}:{finding.line}: error: ")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("en/all.toml", 'heading = "Court orde"', 'heading = "Orders."', "ends with a full stop"),
        ("en/all.toml", 'heading = "Court orde"', 'heading = "a b c d e f g h i j"', "too long for a button"),
        ("phrasings/en/all.toml", '"privacy.3.1 asked"', '"x y", "X  y!"', "stands twice below 'privacy.3.1'"),
        ("phrasings/en/all.toml", '    "privacy.3.1 asked",\n', "", "nobody asks for 'privacy.3.1' in 'en'"),
        (
            "policy.toml",
            'clause = "legal.2"\n',
            'clause = "legal.2"\nlead = true\n',
            "'legal.2' is a lead without cases",
        ),
        ("policy.toml", 'clause = "legal.2"\n', 'clause = "legal.2"\nnew = true\n', "still marks clauses as new"),
    ],
)
def test_a_doubt_is_a_warning(file: str, old: str, new: str, problem: str, tmp_path: Path) -> None:
    (finding,) = after(tmp_path, file, old, new)
    assert problem in finding.problem
    assert not finding.is_error


def test_broken_toml_is_one_finding_with_its_line(tmp_path: Path) -> None:
    (finding,) = after(tmp_path, "en/all.toml", "[pre]", "[pre")
    assert finding.is_error
    assert finding.line > 1
