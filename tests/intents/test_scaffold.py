"""New intents and new languages as files to fill in."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from intents import heard
from intents.catalogue import FLOWS_FOLDER, gaps
from intents.scaffold import new_intent, new_language
from intents.script import Say
from intents.wording import LANGUAGES_FOLDER, Wording
from knowledge.errors import BrokenFile


@pytest.fixture
def languages(tmp_path: Path) -> Path:
    """A copy of the wording that is really there, without the examples."""
    folder = tmp_path / "languages"
    for path in [*LANGUAGES_FOLDER.glob("*/_language.toml"), *LANGUAGES_FOLDER.glob("*/said/*.toml")]:
        copy = folder / path.relative_to(LANGUAGES_FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    return tmp_path / "flows"


def test_a_new_intent_is_a_flow_and_per_language_replies_and_examples(flows: Path, languages: Path):
    written = new_intent("ask_for_a_copy", flows, languages)
    assert set(written) == {
        flows / "ask_for_a_copy.py",
        *(languages / language / "said" / "ask_for_a_copy.toml" for language in ("en", "zh")),
        *(heard.file_of("ask_for_a_copy", language, languages) for language in ("en", "zh")),
    }
    assert all(path.is_file() for path in written)


def test_the_flow_of_a_new_intent_can_be_played(flows: Path, languages: Path):
    path = new_intent("ask_for_a_copy", flows, languages)[0]
    spec = importlib.util.spec_from_file_location("ask_for_a_copy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert list(module.flow()) == [Say("answer")]


def test_a_new_intents_files_can_be_read_and_word_nothing_yet(flows: Path, languages: Path):
    new_intent("ask_for_a_copy", flows, languages)
    wording = Wording.load(languages)
    assert not any(key.startswith("ask_for_a_copy.") for key in wording.keys("en"))
    assert wording.say("ask_for_a_copy", "answer", "en") == "ask_for_a_copy.answer"
    assert [intent for intent, _ in heard.examples("en", languages)] == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Copy",
        "a copy",
        "1copy",
        "_copy",
        "copy_",
        "a__b",
        "../copy",
        "import",
        "copy.py",
        "复制",
        "x" * 41,
        "copy\n",
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_an_example(name: str, flows: Path, languages: Path):
    before = sorted(languages.rglob("*"))
    with pytest.raises(BrokenFile, match=r"no name for an intent.*ask_for_a_copy"):
        new_intent(name, flows, languages)
    assert not flows.exists()
    assert sorted(languages.rglob("*")) == before


def test_an_intent_that_exists_is_never_written_over(flows: Path, languages: Path):
    kept = (languages / "zh" / "said" / "thanks.toml").read_bytes()
    with pytest.raises(BrokenFile, match="exists already"):
        new_intent("thanks", flows, languages)
    assert not flows.exists()
    assert (languages / "zh" / "said" / "thanks.toml").read_bytes() == kept


def test_a_new_language_has_every_reply_to_translate(languages: Path):
    new_language("fr", "Français", languages)
    for english in (languages / "en" / "said").glob("*.toml"):
        french = tomllib.loads((languages / "fr" / "said" / english.name).read_text(encoding="utf-8"))

        def emptied(table):
            return {key: emptied(value) if isinstance(value, dict) else "" for key, value in table.items()}

        assert french == emptied(tomllib.loads(english.read_text(encoding="utf-8")))
        said = tomllib.loads(english.read_text(encoding="utf-8")).get("say", {})
        for text in said.values():
            assert f"# {text.strip().splitlines()[0]}" in (languages / "fr" / "said" / english.name).read_text("utf-8")


def test_a_new_language_has_its_own_name_and_falls_back_to_english(languages: Path):
    new_language("fr", "Français", languages)
    wording = Wording.load(languages)
    assert wording.languages["fr"] == "Français"
    assert wording.say("thanks", "welcome", "fr") == wording.say("thanks", "welcome", "en")


def test_the_gaps_of_a_new_language_are_listed(languages: Path):
    new_language("pt-BR", languages=languages)
    found = [gap for gap in gaps(Wording.load(languages)) if "(pt-BR)" in gap]
    assert len(found) == len(Wording.load(languages).keys("en"))


def test_a_new_language_has_a_place_for_the_examples_of_each_intent(tmp_path: Path):
    (tmp_path / "en" / "said").mkdir(parents=True)
    heard.file_of("thanks", "en", tmp_path).parent.mkdir(parents=True, exist_ok=True)
    heard.file_of("thanks", "en", tmp_path).write_text('[heard]\nexamples = ["ta"]\n')
    assert heard.file_of("thanks", "fr", tmp_path) in new_language("fr", "Français", tmp_path)
    assert list(heard.examples("fr", tmp_path)) == []


@pytest.mark.parametrize("code", ["", "f", "FR", "french", "../fr", "fr_FR", "zh-Hant", "en", "fr-", "fr\n"])
def test_a_code_that_cannot_be_used_is_refused(code: str, languages: Path):
    before = sorted(languages.rglob("*"))
    with pytest.raises(BrokenFile) as refused:
        new_language(code, "", languages)
    assert refused.value.remedy
    assert sorted(languages.rglob("*")) == before


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, languages: Path):
    flows = tmp_path / "flows"
    flows.write_text("a file where a folder should be")
    with pytest.raises(BrokenFile, match="can't be written"):
        new_intent("ask_for_a_copy", flows, languages)


def test_by_default_the_real_folders_are_meant():
    assert (FLOWS_FOLDER / "thanks.py").is_file()
    with pytest.raises(BrokenFile, match="exists already"):
        new_intent("thanks")
