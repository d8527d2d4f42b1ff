"""The policy pages: every clause at its anchor, headings in order, law labelled as law."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from lxml import html
from starlette.testclient import TestClient

from bot.look import text
from bot.policy_pages import law_beside, outline
from knowledge.clause import Clause
from tests.bot.scripted import Scripted

SCRIPT = Scripted()
POLICY = SCRIPT.policy
BROWSER = TestClient(SCRIPT.web(), headers={"Accept": "text/html", "Accept-Language": "en"})


def page(path: str, language: str = "en", **headers: str) -> html.HtmlElement:
    answer = BROWSER.get(path, headers={"Accept-Language": language, **headers})
    assert answer.status_code == 200
    return html.document_fromstring(answer.text)


@pytest.mark.parametrize("language", ["en", "zh", "zh-TW"])
def test_every_clause_has_its_anchor_and_every_id_is_unique(language: str) -> None:
    ids = page("/policy", language).xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(POLICY.clauses) <= set(ids)


def test_the_page_says_its_title_version_and_what_counts() -> None:
    front = page("/policy").xpath("string(//header[@class='front'])")
    assert "Legal Statement and Privacy Policy" in front
    assert "Version of 15 December 2023 · current" in " ".join(front.split())
    assert text("policy.plain_note", "en", company="Kenpai", language="English") in front


@pytest.mark.parametrize("path", ["/policy", "/", "/policy/2023-12-15/clause/privacy.5.3", "/law/pipl.45", "/nowhere"])
def test_headings_never_skip_a_level(path: str) -> None:
    found = html.document_fromstring(BROWSER.get(path).text).xpath(
        "//*[self::h1 or self::h2 or self::h3 or self::h4 or self::h5 or self::h6]"
    )
    levels = [int(heading.tag[1]) for heading in found]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("path", ["/policy", "/", "/policy/2023-12-15/clause/privacy.5.3"])
def test_everything_that_can_be_pressed_or_filled_in_has_a_name(path: str) -> None:
    tree = page(path)
    for control in tree.xpath("//button | //a | //summary"):
        assert control.text_content().strip() or control.get("aria-label"), html.tostring(control)
    for control in tree.xpath("//input[not(@type='hidden')] | //textarea"):
        assert tree.xpath(f"//label[@for='{control.get('id')}']")
    for reference in tree.xpath("//@aria-labelledby | //@aria-describedby"):
        assert all(tree.xpath(f"//*[@id='{name}']") for name in reference.split())


def test_every_link_inside_the_page_leads_somewhere() -> None:
    tree = page("/policy")
    ids = set(tree.xpath("//@id"))
    assert {href[1:] for href in tree.xpath("//a/@href") if href.startswith("#")} <= ids


def test_the_law_stands_beside_the_clause_labelled_and_folded() -> None:
    folded = page("/policy").xpath("//article[@id='privacy.7.4']/details[@class='law-beside']")[0]
    assert folded.get("open") is None
    assert folded.xpath("string(summary//b)") == text("policy.law", "en")
    assert "PIPL Article 57" in folded.xpath("string(summary)")
    assert text("policy.law_note", "en", company="Kenpai") in folded.text_content()


def test_law_names_its_clause_even_where_the_clause_does_not_name_the_law() -> None:
    beside = law_beside(POLICY)
    assert all(article in beside[clause] for article in POLICY.law.values() for clause in article.beside)


def test_a_fragment_is_the_piece_and_a_visit_is_a_page() -> None:
    address = "/policy/2023-12-15/clause/privacy.7.4"
    piece = BROWSER.get(address, headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert "When an incident happens" in piece
    whole = page(address)
    assert whole.xpath("string(//title)") == "Privacy Policy 7.4 · Kenpai"
    assert "HX-Request" in BROWSER.get(address).headers["vary"]


@pytest.mark.parametrize("clause", POLICY.clauses.values(), ids=lambda clause: clause.id)
def test_each_clause_opens_by_itself_in_both_languages(clause: Clause) -> None:
    for language in ("en", "zh"):
        tree = page(f"/policy/2023-12-15/clause/{clause.id}", language)
        assert tree.xpath("string(//h2)") == clause.heading[language]


@pytest.mark.parametrize("key", list(POLICY.law))
def test_each_article_of_law_opens_labelled_and_its_clause_address_leads_to_it(key: str) -> None:
    assert page(f"/law/{key}").xpath("string(//*[@class='flag'])").strip() == text("policy.law", "en")
    assert BROWSER.get(f"/policy/2023-12-15/clause/{key}", follow_redirects=False).headers["location"] == f"/law/{key}"


@pytest.mark.parametrize(
    "path",
    [
        "/policy/1999-01-01",
        "/policy/latest",
        "/policy/2023-12-15/clause/none",
        "/policy/x/clause/privacy.7.4",
        "/law/none",
    ],
)
def test_what_does_not_exist_is_not_found(path: str) -> None:
    assert BROWSER.get(path).status_code == 404


def test_an_older_version_says_that_it_is_one_and_leads_to_the_current() -> None:
    older = replace(POLICY, date=date(2021, 5, 1))
    browser = TestClient(SCRIPT.web(versions=(older, POLICY)), headers={"Accept-Language": "en"})
    tree = html.document_fromstring(browser.get("/policy/2021-05-01").text)
    warning = text("policy.older", "en", date="15 December 2023")
    assert warning in tree.xpath("string(//header[@class='front'])")
    assert tree.xpath("//p[@class='warn']/a/@href") == ["/policy/2023-12-15"]
    listed = html.document_fromstring(browser.get("/policy").text).xpath("//details[@class='versions']//a/@href")
    assert listed == ["/policy/2023-12-15", "/policy/2021-05-01"]
    assert warning in browser.get("/policy/2021-05-01/clause/privacy.7.4").text


def test_official_wording_is_shown_as_such_where_it_was_imported() -> None:
    clause = replace(POLICY.clauses["privacy.7.4"], official={"en": "Invented official words."})
    browser = TestClient(
        SCRIPT.web(versions=(replace(POLICY, clauses={**POLICY.clauses, clause.id: clause}),)),
        headers={"Accept-Language": "en"},
    )
    official = html.document_fromstring(browser.get("/policy").text).xpath("//section[@class='official']")
    assert len(official) == 1
    assert official[0].xpath("string(p[@class='label'])") == text("policy.official", "en")
    assert "Invented official words." in official[0].text_content()


def test_traditional_readers_get_the_clauses_in_traditional_characters() -> None:
    shown = page("/policy", "zh-HK").text_content()
    assert "隱私政策" in shown
    assert "隐私政策" not in shown


def test_the_outline_keeps_all_clauses_once_and_in_order() -> None:
    parts = outline(POLICY)
    assert [clause.id for part in parts for clause in part.clauses] == list(POLICY.clauses)
    assert {part.level for part in parts} == {2, 3, 4}


def test_the_long_page_travels_compressed_and_the_chat_never_does() -> None:
    packed = {"Accept-Encoding": "gzip"}
    assert BROWSER.get("/policy", headers=packed).headers.get("content-encoding") == "gzip"
    assert BROWSER.get("/", headers=packed).headers.get("content-encoding") is None
