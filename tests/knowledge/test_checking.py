"""What a policy author is told: each mistake, its file and its line."""

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from knowledge.checking import check
from knowledge.findings import Finding
from knowledge.library import BUNDLED, load_folder
from knowledge.publishing import LOCK, lock
from tests.knowledge.example_cloud import DAY, write_policy


def after(tmp_path: Path, file: str, old: str, new: str) -> list[Finding]:
    """Findings after a replacement in one file of Example Cloud's sound policy, as if it had been published so."""
    folder = write_policy(tmp_path)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    lock(folder, DAY)
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


ODD = [5, "", "x", [], ["x"], {}, {"en": 5}, True, None]
"""Values of every kind; None: the key is taken away."""


def odd_policies(folder: Path) -> Iterator[tuple[str, str]]:
    """(what was done, policy.toml with one value replaced): every key of the head, of a section and of a clause."""
    sound = tomllib.loads((folder / "policy.toml").read_text(encoding="utf-8"))
    places: list[tuple[str, list[str | int]]] = [(key, []) for key in sound]
    for at in (0, next(i for i, node in enumerate(sound["node"]) if node.get("lead")), -3):
        places += [
            (key, ["node", at]) for key in ("section", "title", "parent", "clause", "lead", "tags", "related", "law")
        ]
    for key, way in places:
        for odd in ODD:
            data = copy.deepcopy(sound)
            table = data
            for step in way:
                table = table[step]
            table.pop(key, None)
            if odd is not None:
                table[key] = odd
            yield f"{way} {key} = {odd!r}", tomli_w.dumps(data)


def test_no_odd_value_is_unforeseen(tmp_path: Path) -> None:
    """Whatever stands in policy.toml: findings that say what to do, or a policy that loads."""
    folder = write_policy(tmp_path)
    tried = 0
    for what, text in odd_policies(folder):
        (folder / "policy.toml").write_text(text, encoding="utf-8")
        for finding in check(folder, extra=tmp_path, as_draft=True):
            assert "can't be checked" not in finding.problem, (what, str(finding))
            assert finding.remedy, what
            assert "\n" not in str(finding), what
        tried += 1
    assert tried > 200


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("related = []", "related = 3", "related must be a list of texts"),
        ("tags = []", "tegs = []", "has the key 'tegs', which nobody reads"),
        ('clause = "pre.version"', 'lead = true', "must be either a section or a clause"),
        ('clause = "pre.version"', 'clause = "terms.1"', "clause 'terms.1' has no part 'terms' above it"),
        ('section = "def"', 'section = "pre"', "section 'pre' stands twice"),
    ],
)  # fmt: skip
def test_a_broken_node_is_found_with_its_line(old: str, new: str, problem: str, tmp_path: Path) -> None:
    (finding,) = after(tmp_path, "policy.toml", old, new)
    assert problem in finding.problem
    node = finding.path.read_text(encoding="utf-8").splitlines()[finding.line - 1 :][:5]
    assert new in "\n".join(node)


@pytest.mark.parametrize("name", ["en/all.toml", "phrasings/en/all.toml", "policy.toml"])
def test_a_folder_in_the_place_of_a_file_is_a_finding(name: str, tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / name).unlink()
    (folder / name).mkdir()
    findings = [str(finding) for finding in check(folder, extra=tmp_path, as_draft=True)]
    assert any(str(folder / name) in finding and "can't be read" in finding for finding in findings), findings


def test_a_mistake_that_nobody_foresaw_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("a\nb")

    monkeypatch.setattr("knowledge.checking.load_folder", fails)
    (finding,) = check(write_policy(tmp_path))
    assert "can't be checked: KeyError 'a" in str(finding)
    assert str(finding).count("\n") == 0


def test_a_changed_published_version_is_an_error(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    wording = folder / "en" / "all.toml"
    wording.write_text(wording.read_text(encoding="utf-8").replace("A court may", "A court must"), encoding="utf-8")
    (finding,) = check(folder, extra=tmp_path)
    assert finding.is_error
    assert str(finding).startswith(f"{wording}: error: was changed after the version was published")
    assert check(folder, extra=tmp_path, as_draft=True) == []


def test_more_phrasings_are_no_change_of_the_policy(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / "phrasings" / "en" / "more.toml").write_text('"pre" = ["another"]', encoding="utf-8")
    (folder / "trained").mkdir()
    (folder / "trained" / "en.npz").write_bytes(b"x")
    assert check(folder, extra=tmp_path) == []


def test_a_version_that_nobody_locked_is_a_doubt_and_a_draft_is_none(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / LOCK).unlink()
    (finding,) = check(folder, extra=tmp_path)
    assert not finding.is_error
    assert "python -m knowledge publish example-cloud/2026-03-01" in finding.remedy
    assert check(folder.rename(folder.parent / "draft-2026-03-01"), extra=tmp_path) == []


def test_what_is_odd_but_whole_still_loads(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    path = folder / "policy.toml"
    text = path.read_text(encoding="utf-8").replace(
        'title = { en = "Introduction", zh = "示例" }', 'title = { zh = "示例" }'
    )
    path.write_text(text, encoding="utf-8")
    assert load_folder(folder).clauses["pre"].id == "pre"
