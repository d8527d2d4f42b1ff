"""What people say when they want something done."""

import json
from pathlib import Path

import pytest

from intents import heard
from intents.catalogue import flows
from knowledge.errors import BrokenFile
from knowledge.library import load_policy, phrasings


def write(folder: Path, language: str, examples: dict[str, list[str]]) -> Path:
    (folder / language).mkdir(parents=True, exist_ok=True)
    (folder / language / "_language.toml").write_text("")
    for intent, texts in examples.items():
        path = heard.file_of(intent, language, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[heard]\nexamples = {json.dumps(texts, ensure_ascii=False)}\n", encoding="utf-8")
    return folder


@pytest.fixture
def all_there() -> dict[str, list[str]]:
    return {intent: [f"only {intent} says this"] for intent in flows()}


def test_the_bundled_examples_raise_no_doubts():
    assert heard.doubts() == []


def test_every_intent_is_heard_in_every_bundled_language():
    for language in heard.languages():
        assert {intent for intent, _ in heard.examples(language)} == flows().keys()


def test_an_intent_without_examples_is_named(tmp_path: Path, all_there):
    del all_there["thanks"]
    write(tmp_path, "en", all_there | {"greeting": []})
    found = heard.doubts(tmp_path)
    assert len(found) == 2
    assert "greeting" in found[0]
    assert all("has no examples" in doubt for doubt in found)


def test_examples_without_a_flow_are_named(tmp_path: Path, all_there):
    write(tmp_path, "en", all_there | {"dance": ["let's dance"]})
    (found,) = heard.doubts(tmp_path)
    assert "dance" in found
    assert "belongs to no flow" in found


def test_the_same_words_under_two_intents_are_doubtful_however_they_are_spelt(tmp_path: Path, all_there):
    write(tmp_path, "en", all_there | {"thanks": ["Cheers  Mate"], "greeting": ["ｃｈｅｅｒｓ mate"]})
    assert heard.doubts(tmp_path) == ["(en) 'cheers mate' stands under greeting and thanks"]


def test_the_same_words_twice_under_one_intent_are_no_doubt(tmp_path: Path, all_there):
    write(tmp_path, "en", all_there | {"thanks": ["cheers", "Cheers"]})
    assert heard.doubts(tmp_path) == []


@pytest.mark.parametrize(("language", "key"), [("en", "privacy.7.2"), ("zh", "privacy.7.2"), ("en", "_far")])
def test_words_that_a_clause_is_asked_with_are_doubtful(tmp_path: Path, all_there, language: str, key: str):
    asked = phrasings(load_policy("kenpai"), language)[key][0]
    write(tmp_path, language, all_there | {"thanks": [asked]})
    (found,) = heard.doubts(tmp_path)
    assert found.endswith(f"stands under {key} and thanks")


def test_the_same_words_in_two_languages_are_no_doubt(tmp_path: Path, all_there):
    write(tmp_path, "en", all_there | {"thanks": ["ok"]})
    write(tmp_path, "zh", all_there | {"greeting": ["ok"]})
    assert heard.doubts(tmp_path) == []


@pytest.mark.parametrize("content", ["[heard]\nexamples = 'hi'", "[heard]\nexamples = [1]", "[heard"])
def test_a_broken_file_is_named(tmp_path: Path, content: str):
    write(tmp_path, "en", {"thanks": []})
    heard.file_of("thanks", "en", tmp_path).write_text(content)
    with pytest.raises(BrokenFile, match=r"thanks\.toml"):
        heard.doubts(tmp_path)
