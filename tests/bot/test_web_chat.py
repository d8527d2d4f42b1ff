"""The chat page: what is posted, what is drawn, who a visitor is. All of it without a script in the browser."""

import re
from dataclasses import replace
from datetime import date

import pytest
from lxml import html
from starlette.testclient import TestClient

from bot.core.message import Address, Choice, Citation, Reply
from bot.look import text
from tests.bot.scripted import Scripted

FRAGMENT = {"HX-Request": "true"}
ID = "0123456789abcdef"


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def browser(script: Scripted) -> TestClient:
    return TestClient(script.web(), headers={"Accept": "text/html", "Accept-Language": "en-GB"})


def tree(source: str) -> html.HtmlElement:
    return html.document_fromstring(source)


def test_the_first_page_greets_offers_five_questions_and_sets_no_visitor_cookie(browser: TestClient) -> None:
    answer = browser.get("/")
    page = tree(answer.text)
    assert answer.status_code == 200
    assert len(page.xpath("//button[@name='question' and contains(@class, 'starter')]")) == 5
    assert page.xpath("//form[@action='/chat/messages']//textarea[@name='text' and @maxlength='4000']")
    assert page.xpath("//*[@role='log' and @aria-live='polite']")
    assert not answer.headers.get_list("set-cookie")


def test_without_a_script_a_question_is_posted_and_the_page_shows_it_answered(
    browser: TestClient, script: Scripted
) -> None:
    answer = browser.post(
        "/chat/messages", data={"text": "What if you are hacked?", "message_id": ID}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/#latest")
    page = tree(browser.get("/").text)
    assert page.xpath("//article[contains(@class, 'mine')]/div/text()") == ["What if you are hacked?"]
    assert page.xpath("//a[@data-clause='privacy.7.4']/@href") == ["/policy/2023-12-15/clause/privacy.7.4"]
    assert not page.xpath("//*[contains(@class, 'starter')]")
    assert script.heard[0].sender.channel == "web"


def test_the_visitors_cookie_is_signed_hidden_from_scripts_and_strictly_ours(browser: TestClient) -> None:
    cookie = browser.post("/chat/messages", data={"text": "hi"}, follow_redirects=False).headers["set-cookie"]
    assert cookie.startswith("visitor=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_on_https_the_cookie_is_secure_and_host_bound(script: Scripted) -> None:
    browser = TestClient(script.web(public=True), base_url="https://privacy.example.com")
    cookie = browser.post("/chat/messages", data={"text": "hi"}, follow_redirects=False).headers["set-cookie"]
    assert cookie.startswith("__Host-visitor=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "cookie", ["", "x", '"0123456789abcdef0123456789abcdef"', "IjAxIg.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb", "a" * 9000]
)
def test_a_forged_cookie_is_nobody(script: Scripted, cookie: str) -> None:
    browser = TestClient(script.web())
    browser.post("/chat/messages", data={"text": "mine"})
    assert "mine" in browser.get("/").text
    stranger = TestClient(script.web(), headers={"Cookie": f"visitor={cookie}"})
    assert "mine</div>" not in stranger.get("/").text


def test_two_visitors_never_see_each_other(script: Scripted) -> None:
    app = script.web()
    first, second = TestClient(app), TestClient(app)
    first.post("/chat/messages", data={"text": "first person's words"})
    second.post("/chat/messages", data={"text": "second person's words"})
    assert "first person" not in second.get("/").text
    assert "second person" not in first.get("/").text


def test_a_message_id_counts_for_its_own_visitor_only(script: Scripted) -> None:
    app = script.web()
    first, second = TestClient(app), TestClient(app)
    for browser in (first, first, second):
        browser.post("/chat/messages", data={"text": "hi", "message_id": ID})
    ids = [message.message_id for message in script.heard]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("named", ["", "short", "x" * 65, "<script>", "../../../../etc/passwd"])
def test_an_odd_message_id_is_replaced(browser: TestClient, script: Scripted, named: str) -> None:
    browser.post("/chat/messages", data={"text": "hi", "message_id": named})
    browser.post("/chat/messages", data={"text": "hi", "message_id": named})
    first, second = (message.message_id for message in script.heard)
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{32}", first)


def test_a_choice_comes_with_its_value_and_the_label_we_gave_it(browser: TestClient, script: Scripted) -> None:
    browser.post("/chat/messages", data={"text": "half a quest", "choice": "clause:privacy.7.5"})
    browser.post("/chat/messages", data={"text": "a leak"})
    browser.post("/chat/messages", data={"text": "half a quest", "choice": "clause:privacy.7.5"})
    browser.post("/chat/messages", data={"choice": "rate:up:K7P29QXD"})
    said = [(message.choice, message.text) for message in script.heard]
    assert said[0] == ("clause:privacy.7.5", "")
    assert said[2] == ("clause:privacy.7.5", "Reports to the authorities")
    assert said[3] == ("rate:up:K7P29QXD", "")


def test_line_breaks_of_a_form_arrive_as_they_were_typed(browser: TestClient, script: Scripted) -> None:
    browser.post("/chat/messages", data={"text": "one\r\ntwo"})
    assert script.heard[0].text == "one\ntwo"


@pytest.mark.parametrize(
    ("accepts", "hint"),
    [
        ("en-US", "en"),
        ("zh-CN,zh;q=0.9", "zh-CN"),
        ("zh-TW", "zh-TW"),
        ("zh-Hant-HK", "zh-TW"),
        ("fr,zh;q=0.4,en;q=0.3", "zh-CN"),
        ("", "en"),
    ],
)
def test_the_core_is_told_the_language_of_the_page(
    browser: TestClient, script: Scripted, accepts: str, hint: str
) -> None:
    browser.post("/chat/messages", data={"text": "hi"}, headers={"Accept-Language": accepts})
    assert script.heard[0].language_hint == hint


def test_four_thousand_characters_are_taken_and_one_more_is_declined_in_ones_own_language(
    browser: TestClient, script: Scripted
) -> None:
    assert browser.post("/chat/messages", data={"text": "字" * 4000}, headers=FRAGMENT).status_code == 200
    for language in ("en", "zh"):
        answer = browser.post(
            "/chat/messages", data={"text": "字" * 4001}, headers=FRAGMENT | {"Accept-Language": language}
        )
        assert answer.status_code == 413
        assert answer.text == text("chat.too_long", language, length=4001, limit=4000)
    assert len(script.heard) == 1


def test_nothing_written_is_no_message(browser: TestClient, script: Scripted) -> None:
    assert browser.post("/chat/messages", data={"text": "  \n "}, headers=FRAGMENT).status_code == 422
    assert browser.post("/chat/messages", data={}, follow_redirects=False).status_code == 303
    assert not script.heard


def test_a_script_gets_what_the_page_does_not_show_yet(browser: TestClient) -> None:
    browser.post("/chat/messages", data={"text": "one"}, headers=FRAGMENT)
    piece = html.fragment_fromstring(
        browser.post("/chat/messages", data={"text": "two", "after": "2"}, headers=FRAGMENT).text, "div"
    )
    assert piece.xpath("./article/@id") == ["m3", "e4"]
    assert "<html" not in browser.post("/chat/messages", data={"text": "three", "after": "4"}, headers=FRAGMENT).text


def test_a_reply_that_is_not_kept_is_shown_all_the_same(browser: TestClient, script: Scripted) -> None:
    script.keeps = False
    piece = html.fragment_fromstring(
        browser.post("/chat/messages", data={"text": "/forget"}, headers=FRAGMENT).text, "div"
    )
    assert len(piece.xpath("./article[contains(@class, 'theirs') and not(@id)]")) == 1


def test_sending_again_does_not_show_an_answer_twice(browser: TestClient) -> None:
    sent = {"text": "one", "message_id": ID}
    browser.post("/chat/messages", data=sent, headers=FRAGMENT)
    again = browser.post("/chat/messages", data=sent | {"after": "2", "again": "1"}, headers=FRAGMENT)
    assert "<article" not in again.text


PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'-alert(1)-'",
    "</textarea><script>alert(1)</script>",
    "{{7*7}}",
    "<a href='javascript:alert(1)'>x</a>",
    "<template><style>",
    "&lt;script&gt;",
    "<!--",
    "]]>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_becomes_markup(browser: TestClient, script: Scripted, payload: str) -> None:
    clean = tree(browser.get("/").text)
    browser.post("/chat/messages", data={"text": payload})
    visitor = Address("web", next(iter(script.kept)))
    script.keep(
        visitor,
        Reply(
            payload,
            (Choice(payload, payload),),
            (Citation(payload, payload, "policy", payload),),
            payload,
            link=payload,
        ),
    )
    page = tree(browser.get("/").text)
    active = "//script | //iframe | //img | //style | //object | //template"
    assert [e.tag for e in page.xpath(active)] == [e.tag for e in clean.xpath(active)]
    assert not page.xpath("//@*[starts-with(name(), 'on')]")
    assert not page.xpath("//@href[starts-with(., 'javascript')]")
    assert payload in page.xpath("//article[contains(@class, 'mine')]/div/text()")
    assert "49" not in "".join(page.xpath("//div[@class='words']//text()"))


def test_direction_overrides_are_taken_out_and_each_text_finds_its_own_direction(browser: TestClient) -> None:
    browser.post("/chat/messages", data={"text": "pay\u202elatot\u200b me"})
    page = tree(browser.get("/").text)
    assert page.xpath("//article[contains(@class, 'mine')]/div[@dir='auto']/text()") == ["paylatot me"]


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://portal.example.com/x", True),
        ("/privacy", True),
        ("javascript:alert(1)", False),
        ("//evil.example", False),
        ("data:text/html,x", False),
        ("/\\evil.example", False),
        ("http://[", False),
    ],
)
def test_only_web_addresses_become_links(browser: TestClient, script: Scripted, link: str, shown: bool) -> None:
    browser.post("/chat/messages", data={"text": "hi"})
    script.keep(Address("web", next(iter(script.kept))), Reply("Here.", link=link))
    assert bool(tree(browser.get("/").text).xpath("//article//p/a/@href")) is shown


def test_a_law_is_drawn_and_named_as_law(browser: TestClient) -> None:
    browser.post("/chat/messages", data={"text": "Can I have a copy?"})
    source = tree(browser.get("/").text).xpath("//a[@data-clause='pipl.45']")[0]
    assert "law" in source.get("class").split()
    assert source.get("href") == "/law/pipl.45"
    assert text("chat.law_label", "en") in source.text_content()


def test_a_citation_of_an_older_version_opens_that_version(script: Scripted) -> None:
    older = replace(script.policy, date=date(2021, 5, 1))
    browser = TestClient(script.web(versions=(older, script.policy)))
    browser.post("/chat/messages", data={"text": "hi"})
    cited = Citation("privacy.7.4", "Privacy Policy 7.4", "policy", "1 May 2021")
    script.keep(Address("web", next(iter(script.kept))), Reply("Then.", citations=(cited,)))
    hrefs = tree(browser.get("/").text).xpath("//a[@data-clause='privacy.7.4']/@href")
    assert hrefs == ["/policy/2023-12-15/clause/privacy.7.4", "/policy/2021-05-01/clause/privacy.7.4"]
    assert browser.get(hrefs[1]).status_code == 200


def test_buttons_of_a_step_that_is_over_are_off_and_those_for_browsing_stay_on(browser: TestClient) -> None:
    browser.post("/chat/messages", data={"text": "which?"})
    assert not tree(browser.get("/").text).xpath("//button[@data-kind='step' and @disabled]")
    browser.post("/chat/messages", data={"text": "a leak"})
    browser.post("/chat/messages", data={"text": "more"})
    page = tree(browser.get("/").text)
    assert len(page.xpath("//button[@data-kind='step' and @disabled]")) == 2
    assert page.xpath("//button[@data-kind='browse']")
    assert not page.xpath("//button[@data-kind='browse' and @disabled]")


def test_thumbs_are_named_buttons_in_a_named_group(browser: TestClient) -> None:
    browser.post("/chat/messages", data={"text": "hi"})
    group = tree(browser.get("/").text).xpath(
        "//*[@role='group' and @aria-label=$name]", name=text("chat.rating", "en")
    )[0]
    assert group.xpath("./button/@value") == ["rate:up:K7P29QXD", "rate:down:K7P29QXD"]
    assert group.xpath("./button/@aria-label") == ["This helped", "This didn't help"]


def test_a_link_from_the_policy_offers_to_ask_about_its_clause(browser: TestClient) -> None:
    assert tree(browser.get("/?ask=privacy.7.4").text).xpath("//button[@data-at-once]/@value") == ["clause:privacy.7.4"]
    assert tree(browser.get("/?ask=pipl.45").text).xpath("//button[@data-at-once]/@value") == ["law:pipl.45"]
    assert not tree(browser.get("/?ask=flow:run:erase:yes").text).xpath("//button[@data-at-once]")


def test_a_choice_of_language_and_appearance_stays(browser: TestClient) -> None:
    assert tree(browser.get("/?lang=zh").text).get("lang") == "zh-Hans"
    assert tree(browser.get("/").text).get("lang") == "zh-Hans"
    page = tree(browser.get("/?theme=dark").text)
    assert page.get("data-theme") == "dark"
    assert tree(browser.get("/policy").text).get("data-theme") == "dark"
    assert tree(browser.get("/?theme=evil&lang=xx").text).get("data-theme") == "dark"


def test_traditional_readers_get_traditional_pages(browser: TestClient) -> None:
    shown = browser.get("/", headers={"Accept-Language": "zh-TW"}).text
    assert tree(shown).get("lang") == "zh-Hant"
    assert "隱私" in shown
    assert "隐私" not in shown


def test_a_broken_turn_says_so_in_words_and_tells_nothing_more(script: Scripted) -> None:
    script.fails = True
    browser = TestClient(script.web(), raise_server_exceptions=False, headers={"Accept": "text/html"})
    answer = browser.post("/chat/messages", data={"text": "hi"})
    assert answer.status_code == 500
    assert text("error.500", "en") in answer.text
    assert "RuntimeError" not in answer.text
