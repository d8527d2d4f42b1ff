"""What the bot says, from its files."""

from pathlib import Path

import pytest

from intents.wording import TRADITIONAL, Wording
from knowledge.errors import BrokenFile


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def wording(tmp_path: Path) -> Wording:
    files = {
        "en/_language.toml": 'name = "English"',
        "en/said/hello.toml": '[say]\nhi = """\nHello {name}."""\nbye = "Bye"\n[choose.who]\nask = "Who?"\nme = "Me"',
        "zh/_language.toml": 'name = "简体中文"',
        "zh/said/hello.toml": '[say]\nhi = "{name}您好，请发送信息"\nbye = ""',
    }
    return Wording.load(write(tmp_path, files))


def test_a_text_is_said_with_its_values(wording: Wording):
    assert wording.say("hello", "hi", "en", name="Kenpai") == "Hello Kenpai."
    assert wording.say("hello", "choose.who.ask", "en") == "Who?"


def test_a_value_that_is_missing_stays_visible(wording: Wording):
    assert wording.say("hello", "hi", "en") == "Hello {name}."


def test_a_value_is_never_filled_again(wording: Wording):
    assert wording.say("hello", "hi", "en", name="{secret}", secret="x") == "Hello {secret}."


def test_an_untranslated_text_falls_back_to_english_then_to_its_key(wording: Wording):
    assert wording.say("hello", "choose.who.me", "zh") == "Me"
    assert wording.say("hello", "bye", "zh") == "Bye"
    assert wording.say("hello", "no_such", "zh") == "hello.no_such"
    assert wording.say("hello", "bye", "xx") == "Bye"


def test_an_empty_text_words_nothing(wording: Wording):
    assert wording.keys("zh") == {"hello.hi"}


def test_traditional_is_made_from_simplified(wording: Wording):
    assert wording.say("hello", "hi", TRADITIONAL, name="王") == "王您好，請傳送資訊"


def test_every_language_has_its_own_name(wording: Wording):
    assert wording.languages == {"en": "English", "zh": "简体中文", TRADITIONAL: "繁體中文"}


def test_placeholders_are_found(wording: Wording):
    assert wording.placeholders("en", "hello.hi") == {"name"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[say]\nhi = 1", "'hi' must be a text"),
        ("[sya]\nhi = 'x'", r"\[sya\] is not known here"),
        ("hi = 'x'", r"\[hi\] is not known here"),
        ("[say\n", "not valid TOML"),
    ],
)
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, text: str, problem: str):
    write(tmp_path, {"en/_language.toml": "", "en/said/hello.toml": text})
    with pytest.raises(BrokenFile, match=problem) as broken:
        Wording.load(tmp_path)
    assert broken.value.path.endswith("hello.toml")
    assert broken.value.remedy


def test_without_english_there_is_nothing_to_fall_back_to(tmp_path: Path):
    write(tmp_path, {"zh/_language.toml": 'name = "中文"'})
    with pytest.raises(BrokenFile, match="English"):
        Wording.load(tmp_path)


def test_bundled_texts_have_no_stray_blanks_and_no_ascii_punctuation_in_chinese():
    wording = Wording.load()
    for language in ("en", "zh"):
        for name in wording.keys(language):
            said = wording.say(*name.split(".", 1), language)
            assert said == said.strip(), name
            assert "  /" in said or "   " not in said, name
            if language == "zh":
                assert not any(f"{mark} " in said for mark in "，。？！："), name
