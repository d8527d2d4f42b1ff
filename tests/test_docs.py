"""The documents tell the truth: settings, commands, limits, files and transcripts in them are the program's own."""

import re
from pathlib import Path

import pytest
import typer.main

import bot.__main__
import intents.__main__
import knowledge.__main__
from bot.core import retention
from bot.settings import OTHER_PROGRAMS, Settings, names
from storage.crypto import Keyring
from storage.engine import Database
from tests.talk import play, understanding

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u26ff\u2705\u2728\u274c\u2764]")
DECISION_LINES_AT_MOST = 45
PROGRAMS = {
    "clausebot": bot.__main__.cli,
    "python -m intents": intents.__main__.cli,
    "python -m knowledge": knowledge.__main__.app,
}


def words(name: str) -> str:
    """A document as one line, so that a line break inside a sentence doesn't count."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def commands() -> list[str]:
    """Every command of the three programs, as it is typed."""
    return [f"{program} {name}" for program, app in PROGRAMS.items() for name in typer.main.get_group(app).commands]


def anchors(document: Path) -> set[str]:
    """What a link may point at inside a document: its headings, as they are turned into anchors on the web."""
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_table_of_operations(command: str):
    assert f"| `{command}` |" in words("docs/operations.md")


def test_operations_names_no_command_that_does_not_exist():
    named = re.findall(
        r"^\| `((?:clausebot|python -m \w+) [\w-]+)` \|", (ROOT / "docs/operations.md").read_text(), re.M
    )
    assert sorted(named) == sorted(commands())


@pytest.mark.parametrize("name", names())
def test_every_setting_is_in_the_table_of_operations_with_its_default(name: str):
    default = str(getattr(Settings(), names()[name]))
    assert f"| `{name}` | " + (f"`{default}` |" if default else "|") in words("docs/operations.md")


def test_no_document_names_a_setting_that_does_not_exist():
    named = {name for document in DOCUMENTS for name in re.findall(r"\bCLAUSEBOT_[A-Z_]*[A-Z]\b", document.read_text())}
    assert named <= set(names()) | OTHER_PROGRAMS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path):
    broken = []
    for target in LINK.findall(FENCED.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        there = (document.parent / place).resolve() if place else document
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert not broken


def test_every_page_can_be_reached_from_the_readme():
    """From page to page, starting at the README."""
    reached, to_read = {ROOT / "README.md"}, [ROOT / "README.md"]
    while to_read:
        page = to_read.pop()
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            there = (page.parent / target.partition("#")[0]).resolve()
            if there.suffix == ".md" and there.exists() and there not in reached:
                reached.add(there)
                to_read.append(there)
    assert [page for page in DOCUMENTS if page not in reached and page not in DECISIONS] == []


def test_the_tour_names_only_files_that_exist():
    named = re.findall(r"`([\w./-]+/[\w./-]+\.\w+|[\w-]+\.(?:toml|py))`", (ROOT / "docs/tour.md").read_text())
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_the_tour_passes_every_part_of_the_core():
    toured = (ROOT / "docs/tour.md").read_text()
    passed_by = {"__init__", "clock", "channel", "browsing", "privacy"}
    core = {path.stem for path in (ROOT / "bot/core").glob("*.py")} - passed_by
    assert {name for name in core if f"`bot/core/{name}.py`" not in toured} == set()


def test_retention_gives_the_limits_of_the_program():
    text = words("docs/retention.md")
    assert (
        f"| what a person wrote | masked, then sealed with the person's own key | {retention.TALK.days} days |" in text
    )
    assert f"| {retention.MESSAGE_KEYS.total_seconds() / 3600:.0f} hours |" in text
    assert f"| {retention.RECEIPTS.days} days (three years" in text
    assert f"| {retention.QUARANTINED.days} days |" in text


def test_the_glossary_says_each_thing_once():
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    english = [word for term, _ in rows if term not in ("English", "---") for word in term.split(", ")]
    assert len(english) > 50
    assert sorted(english) == sorted(set(english))


@pytest.mark.parametrize("record", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_says_what_would_change_our_mind(record: Path):
    text = record.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= DECISION_LINES_AT_MOST
    assert text.startswith(f"# {record.name[:4]} ")
    assert 0 < text.find("**Question.**") < text.find("**What would change our mind.**")


def test_decisions_have_numbers_of_their_own():
    numbers = [record.name[:4] for record in DECISIONS]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_have_no_emoji(document: Path):
    assert EMOJI.findall(document.read_text(encoding="utf-8")) == []


def test_the_readme_gives_both_commands():
    blocks = FENCED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "make demo\n" in blocks
    assert "make test\n" in blocks


def played(block: str, path: Path, keyring: Keyring) -> None:
    path.write_text(block, encoding="utf-8")
    with Database.open(f"sqlite:///{path.with_suffix('.db')}", keyring) as database:
        play(path, database)


def test_the_transcript_of_the_readme_is_what_the_bot_says(tmp_path: Path, keyring: Keyring):
    """It is drawn as the terminal draws it: here it becomes a transcript, without choices and receipt codes."""
    lines = [""]
    for line in FENCED.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0].splitlines():
        if line.startswith(">"):
            lines.append(line)
        elif line:
            lines.append(
                ("< " if lines[-1].startswith(">") else "  ") + re.sub(r" +\[[0-9A-Z]{4}-[0-9A-Z]{4}\]$", "", line)
            )
        if line.startswith("— "):
            lines.append("...")
    assert sum(line.startswith("<") for line in lines) == 2
    played("\n".join(lines), tmp_path / "readme.talk", keyring)


def test_the_transcript_of_contributing_can_be_played(tmp_path: Path, keyring: Keyring):
    played(FENCED.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))[0], tmp_path / "own.talk", keyring)


def test_the_readme_counts_the_clauses_of_the_policy():
    policy, _, _ = understanding()
    assert f"{len(policy.clauses)} clauses" in words("README.md")


def test_contributing_fits_a_screen():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 45
