"""Every transcript in dialogues/ is played and must come out as it is written; and the player itself is tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from intents.catalogue import flows
from storage.crypto import Keyring
from storage.engine import Database
from tests.talk import Broken, abridged, fits, main, parts_of, play, recorded

FOLDER = Path(__file__).parent / "dialogues"
TRANSCRIPTS = sorted(FOLDER.glob("*/*.talk"))


@pytest.fixture
def stage(sqlite_template: Path, tmp_path: Path, keyring: Keyring) -> Iterator[Database]:
    """A database of its own for one transcript."""
    path = tmp_path / "talk.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{path}", keyring) as database:
        yield database


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_talk_comes_out_as_written(path: Path, stage: Database):
    differences = ""
    try:
        play(path, stage)
    except Broken as broken:
        differences = str(broken)
    if differences:
        pytest.fail(differences, pytrace=False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_flow_has_a_transcript(language: str):
    assert flows().keys() <= {path.stem for path in (FOLDER / language).glob("*.talk")}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_transcript_begins_with_what_it_shows(path: Path):
    assert path.read_text(encoding="utf-8").startswith("# ")


TALK = """# Shows a menu.
> /policy
< Legal Statement and Privacy Policy, version 15 December 2023. Pick a part:
  [1 Preliminary clauses | 2 Definitions | 3 Legal Statement | 4 Privacy Policy]
! outcome command
"""


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "menu.talk"
    path.write_text(TALK, encoding="utf-8")
    return path


def test_a_transcript_that_comes_out_is_written_as_it_was(talk: Path, stage: Database):
    assert recorded(talk, stage) == TALK


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ("Pick a part:", "Pick nothing:", r"menu\.talk:2: > /policy\n- < .*Pick nothing:\n\+ < .*Pick a part:"),
        ("! outcome command", "! outcome answered", r"menu\.talk:5: ! outcome answered\n  but really: outcome command"),
        ("! outcome command", "! turns 7", r"menu\.talk:5: .*\n  but really: turns 1"),
        ("! outcome command", "! nothing stored", r"menu\.talk:5: .*\n  but really: nothing there is something stored"),
        ("! outcome command", "! mood good", r"menu\.talk:2: no fact is called 'mood'"),
        ("! outcome command", "> [No such button]", r"menu\.talk:5: someone was never shown a button 'No such button'"),
        ("! outcome command", "~ some time", r"menu\.talk:5: the company can't do this: 'some time'"),
        ("! outcome command", "> hello", r"menu\.talk:5: > hello\n\+ < Hello"),
        ("! outcome command", "outcome command", r"menu\.talk:5: a line begins with"),
        ("> /policy", "> /help", r"menu\.talk:2: > /help\n- < Legal"),
    ],
)  # fmt: skip
def test_a_difference_is_shown_with_its_line(talk: Path, stage: Database, written: str, instead: str, complaint: str):
    talk.write_text(TALK.replace(written, instead), encoding="utf-8")
    with pytest.raises(Broken, match=complaint):
        play(talk, stage)


def test_a_silence_where_something_was_to_be_said_is_a_difference(talk: Path, stage: Database):
    talk.write_text(TALK.replace("> /policy", "~ 1 minute").replace("! outcome command\n", ""), encoding="utf-8")
    with pytest.raises(Broken, match=r"menu\.talk:2: ~ 1 minute\n- < Legal"):
        play(talk, stage)


def test_all_news_of_one_moment_come_at_once():
    """Three requests lapse in the same minute; the outbox sends one message of a person at a time."""
    said = (FOLDER / "en" / "order_waiting.talk").read_text(encoding="utf-8")
    assert said.partition("~ 8 days\n")[2].partition("\n>")[0].count("has lapsed") == 3


def test_all_differences_are_told_together(talk: Path, stage: Database):
    talk.write_text(TALK.replace("Pick a part", "Pick").replace("command", "answered"), encoding="utf-8")
    with pytest.raises(Broken) as broken:
        play(talk, stage)
    assert str(broken.value).count("menu.talk:") == 2


def test_a_claim_that_is_not_so_is_never_written_down(talk: Path, capsys: pytest.CaptureFixture[str]):
    claimed = TALK.replace("command", "answered").replace("Pick a part", "Pick")
    talk.write_text(claimed, encoding="utf-8")
    assert main([str(talk), "--write"]) == 1
    assert talk.read_text(encoding="utf-8") == claimed
    assert "but really" in capsys.readouterr().out


def test_what_the_bot_says_now_is_written_on_demand(talk: Path):
    talk.write_text(TALK.replace("Pick a part", "Pick"), encoding="utf-8")
    assert main([str(talk)]) == 1
    assert main([str(talk), "--write"]) == 0
    assert talk.read_text(encoding="utf-8") == TALK


@pytest.mark.parametrize(
    ("expected", "really", "fit"),
    [
        ([], [], True),
        ([], ["< a"], False),
        (["< a"], [], False),
        (["< a", "  b"], ["< a", "  b"], True),
        (["< a"], ["< a", "  b"], False),
        (["..."], [], True),
        (["..."], ["< a", "< b"], True),
        (["< a", "  ...", "  — c"], ["< a", "  — c"], True),
        (["< a", "  ...", "  — c"], ["< a", "  b", "  b", "  — c"], True),
        (["< a", "  ...", "  — c"], ["< a", "  b"], False),
        (["...", "< b"], ["< a", "< b", "< b"], True),
        (["...", "< b"], ["< b", "< a"], False),
    ],
)
def test_dots_stand_for_any_lines(expected: list[str], really: list[str], fit: bool):
    assert fits(expected, really) is fit


def test_a_long_answer_is_kept_by_its_first_line_and_what_it_rests_on():
    answer = ["< a", "  b", "  c", "  — Policy 1", "  [1 x]"]
    assert abridged([*answer, "< d", "  e"]) == ["< a", "  ...", "  — Policy 1", "  [1 x]", "< d", "  e"]
    assert abridged(["< a", "  — Policy 1"]) == ["< a", "  — Policy 1"]


def test_comments_stay_where_they_stand():
    opening, asked = parts_of("# one\n\n> hi\n< ho\n! turns 1\n# two\n")
    assert opening.ending == ["# one", ""]
    assert (asked.line, asked.done, asked.replies) == (3, "> hi", ["< ho"])
    assert (asked.facts, asked.ending) == ([(5, "turns 1")], ["# two"])
