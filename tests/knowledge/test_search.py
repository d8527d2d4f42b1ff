"""Finding clauses by their own words, by shared topics, and in spite of slips of the finger."""

import io
import json
from pathlib import Path

import pytest

from knowledge.errors import BrokenFile
from knowledge.ranking import Ranker, rank_files
from knowledge.search import ClauseIndex
from knowledge.spelling import Speller
from knowledge.topics import topics
from knowledge.words import concepts, stem, terms

CLAUSES = {
    "cookies": "Cookies\nWe set cookies to remember your preferences. Your browser can block them.",
    "partners": "Partners\nWe pass on what is necessary to our suppliers.",
    "children": "Minors\nPersons under 18 need the consent of a parent or guardian.",
    "retention": "How long\nRecords are removed after two years.",
    "security": "Security\nTraffic is encrypted and access to servers is restricted.",
}
CHINESE = {
    "cookies": "Cookie\n我们用 Cookie 记住您的偏好，浏览器可以禁用。",
    "minors": "未成年人\n未满十八周岁者须经父母同意。",
    "security": "安全\n传输加密，服务器访问受限。",
}


def test_the_clause_that_shares_the_rarest_words_comes_first() -> None:
    hits = ClauseIndex(CLAUSES, "en").search("are cookies set in my browser")
    assert hits[0].id == "cookies"
    assert 0 < hits[0].score < 1
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_synonyms_find_a_clause_that_shares_no_word() -> None:
    assert ClauseIndex(CLAUSES, "en").search("is anything shared with subcontractors")[0].id == "partners"
    assert ClauseIndex(CHINESE, "zh").search("小孩子可不可以")[0].id == "minors"


def test_a_question_without_shared_words_finds_nothing() -> None:
    assert ClauseIndex(CLAUSES, "en").search("zebra") == []
    assert ClauseIndex(CLAUSES, "en").search("") == []


def test_an_index_of_nothing_finds_nothing() -> None:
    assert ClauseIndex({}, "en").search("cookies") == []
    assert Ranker({}, "en").rank("cookies") == []
    assert Ranker({"a": ""}, "en").rank("cookies")[0].id == "a"


def test_the_limit_holds() -> None:
    assert len(ClauseIndex(CLAUSES, "en").search("your information, records, consent and access", limit=2)) == 2
    assert len(Ranker(CLAUSES, "en").rank("data", limit=3)) == 3


def test_ranking_mends_typos() -> None:
    assert Ranker(CLAUSES, "en").rank("are my coookies blokced")[0].id == "cookies"


def test_a_question_off_topic_scores_lower_than_one_about_privacy() -> None:
    ranker = Ranker(CLAUSES, "en")
    assert ranker.rank("how do I bake sourdough bread")[0].score < ranker.rank("who can see my personal data")[0].score


@pytest.mark.parametrize("language", ["en", "zh"])
def test_topics_are_bundled(language: str) -> None:
    assert topics(language) is not None
    assert topics("fr") is None


def test_a_language_without_topics_is_ranked_by_words() -> None:
    assert Ranker({"a": "les cookies du navigateur", "b": "la conservation"}, "fr").rank("cookies")[0].id == "a"


def test_files_are_ranked_line_by_line(tmp_path: Path) -> None:
    clauses, questions = tmp_path / "c.jsonl", tmp_path / "q.jsonl"
    rows = [{"id": key, "heading": None, "text": text} for key, text in CLAUSES.items()]
    clauses.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    questions.write_text('{"id": 1, "text": "cookies in my browser"}\n\n{"id": "q2", "text": ""}\n', encoding="utf-8")
    out = io.StringIO()
    rank_files(clauses, questions, out)
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["clauses"][0] == "cookies"
    assert len(first["clauses"]) == len(CLAUSES)
    assert (second["id"], 0 <= second["score"] <= 1) == ("q2", True)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', "7"])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(f'{{"id": "a", "text": "fine"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(BrokenFile, match="line 2"):
        rank_files(path, path, io.StringIO())


def test_only_unknown_words_near_a_known_one_are_mended() -> None:
    speller = Speller.of(["delete my account", "delete the password", "password and account", "acount once"])
    assert speller.mended("delte my passwrod") == "delete my password"
    assert speller.mended("acount") == "acount"
    assert speller.mended("giraffe my account") == "giraffe my account"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deleting", "deleted"),
        ("policies", "policy"),
        ("sharing", "shares"),
        ("organisation", "organization"),
        ("stopped", "stop"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_phrases_stand_for_concepts() -> None:
    assert "third_party" in concepts("does a third party see it", "en")
    assert "without_account" in concepts("没注册也能看吗", "zh")
    assert concepts("whatever", "fr") == []


def test_stop_words_are_no_terms() -> None:
    assert terms("which of these", "en") == []
    assert terms("你们的吗", "zh") == ["#company"]
