"""Policies as they are read from their folders."""

from datetime import date
from pathlib import Path

import pytest

from knowledge.clause import localized
from knowledge.errors import BrokenFile
from knowledge.library import (
    BUNDLED,
    checksum,
    companies,
    load_folder,
    load_policy,
    official_checksum,
    phrasings,
    read_toml,
    versions,
)
from tests.knowledge.example_cloud import CLAUSES, LEADS, write_policy


def test_the_bundled_policy_has_88_clauses_in_two_languages() -> None:
    policy = load_policy("kenpai", "2023-12-15")
    assert len(policy.clauses) == 88
    assert policy.languages == ("en", "zh")
    assert policy.date == date(2023, 12, 15)


def test_every_article_of_law_is_labelled_and_worded() -> None:
    policy = load_policy("kenpai", "2023-12-15")
    assert policy.law
    assert all(article.jurisdiction and article.source and article.plain["zh"] for article in policy.law.values())


def test_a_citation_names_part_and_number() -> None:
    policy = load_policy("kenpai", "2023-12-15")
    assert policy.clauses["privacy.7.4"].citation == {
        "en": "Privacy Policy 7.4",
        "zh": f"《{policy.sections['privacy'].title['zh']}》7.4",
    }


def test_a_case_knows_its_lead(tmp_path: Path) -> None:
    policy = load_folder(write_policy(tmp_path))
    assert policy.clauses["privacy.3.1.2"].parent == "privacy.3.1"
    assert policy.clauses["privacy.3.1.carriers"].parent == "privacy.3.1"
    assert policy.clauses["legal.1.1"].parent is None
    assert {key for key, clause in policy.clauses.items() if clause.is_lead} == LEADS


def test_a_companys_own_folder_is_looked_at_first(tmp_path: Path) -> None:
    write_policy(tmp_path)
    write_policy(tmp_path, day=date(2027, 1, 1))
    (tmp_path / "example-cloud" / "2027-01-01").rename(tmp_path / "example-cloud" / "draft-2027-01-01")
    assert companies(extra=tmp_path) == ["example-cloud", "kenpai"]
    assert versions("example-cloud", extra=tmp_path) == [date(2026, 3, 1)]
    assert list(load_policy("example-cloud", extra=tmp_path).clauses) == list(CLAUSES)


def test_a_version_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BrokenFile, match="2023-12-15"):
        load_policy("kenpai", "2001-01-01")
    with pytest.raises(BrokenFile, match="no published policy"):
        load_policy("nobody")


def test_the_checksum_follows_structure_and_wording_but_not_phrasings(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    first = checksum(folder)
    (folder / "phrasings" / "en" / "all.toml").write_text('"pre" = ["another"]', encoding="utf-8")
    assert checksum(folder) == first
    (folder / "en" / "all.toml").write_bytes((folder / "en" / "all.toml").read_bytes().replace(b"\n", b"\r\n"))
    assert checksum(folder) == first
    (folder / "policy.toml").write_text((folder / "policy.toml").read_text(encoding="utf-8") + "# x", encoding="utf-8")
    assert checksum(folder) != first


def test_the_official_checksum_does_not_depend_on_order() -> None:
    assert official_checksum({"a": "1", "b": "2"}) == official_checksum({"b": "2", "a": "1"})
    assert official_checksum({"a": "1", "b": "2"}) != official_checksum({"a": "2", "b": "1"})


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"x = ?\n", "not valid TOML.*line 1"), (b"x = '\xff'", "not UTF-8"), (None, "is missing")],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BrokenFile, match=message) as broken:
        read_toml(path)
    assert str(path) in str(broken.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('clause = "pre"', 'clause = "pre.version"', "stands twice"),
        ('clause = "privacy.5"', 'clause = "privacy.55"', "words the clause 'privacy.5'"),
        ("authoritative_language", "language", "lacks the key"),
        ("laws = []", 'laws = ["roman"]', "no folder below law/"),
    ],
)
def test_a_broken_structure_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    path = folder / "policy.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BrokenFile, match=message):
        load_folder(folder)


def test_phrasings_of_an_unknown_clause_are_refused(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / "phrasings" / "en" / "more.toml").write_text('"privacy.99" = ["why"]', encoding="utf-8")
    with pytest.raises(BrokenFile, match=r"more\.toml.*privacy\.99"):
        phrasings(load_folder(folder), "en")


def test_what_the_policy_is_silent_on_has_keys_of_its_own() -> None:
    found = phrasings(load_policy("kenpai", "2023-12-15"), "en")
    assert found["_near"]
    assert found["_far"]
    assert "near" not in found


def test_a_text_falls_back_to_english_then_to_any() -> None:
    assert localized({"en": "a", "zh": "b"}, "zh") == "b"
    assert localized({"en": "a"}, "zh") == "a"
    assert localized({"fr": "c"}, "zh") == "c"
    assert localized({}, "zh") == ""


def test_published_folders_lie_below_the_package() -> None:
    assert (BUNDLED / "kenpai" / "2023-12-15" / "policy.toml").is_file()
