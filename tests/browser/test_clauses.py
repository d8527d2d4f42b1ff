"""Clauses in a real browser: beside the chat, over it on a phone, and in the whole policy."""

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Site, Windows
from tests.browser.page import ask, until

IS_SHEET = "document.getElementById('panel').matches(':modal')"


def test_the_clause_opens_beside_the_chat_and_escape_goes_back_to_where_one_was(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "a leak?")
    source = page.locator(".source").first
    source.click()
    expect(page.locator("#panel h2")).to_have_text("When an incident happens")
    expect(page.locator("#panel h2")).to_be_focused()
    assert page.url.endswith("/#privacy.7.4")
    talk, panel = page.locator(".talk").bounding_box(), page.locator("#panel").bounding_box()
    assert talk
    assert panel
    assert talk["x"] + talk["width"] <= panel["x"] + 1
    page.locator("#text").fill("the chat can be used meanwhile")
    page.locator("#panel h2").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(source).to_be_focused()
    assert "#" not in page.url
    page.go_back()
    assert page.url == "about:blank"


def test_back_closes_the_clause_even_after_walking_on_inside_it(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "a leak?")
    page.locator(".source").first.click()
    page.locator("#panel .links a[data-clause='privacy.7.5']").click()
    expect(page.locator("#panel h2")).to_have_text("Reports to the authorities")
    assert page.url.endswith("#privacy.7.5")
    page.go_back()
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator(".line.theirs")).to_have_count(1)


def test_an_address_with_a_clause_opens_it(site: Site, window: Windows) -> None:
    page = window()
    page.goto(f"{site.url}/#privacy.5.3.2")
    expect(page.locator("#panel h2")).to_be_visible()
    page.locator("#panel-close").click()
    expect(page.locator("#panel")).to_be_hidden()


def test_an_article_of_law_opens_marked_as_law(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "Can I have a copy?")
    page.locator(".source.law").click()
    expect(page.locator("#panel .flag")).to_be_visible()
    assert page.url.endswith("#pipl.45")
    page.reload()
    expect(page.locator("#panel .flag")).to_be_visible()


def test_on_a_phone_the_clause_is_a_sheet_that_holds_the_focus(site: Site, window: Windows) -> None:
    page = window(**PHONE)
    page.goto(site.url)
    ask(page, "a leak?")
    page.locator(".source").first.tap()
    expect(page.locator("#panel h2")).to_be_visible()
    assert page.locator("#panel").evaluate("panel => panel.matches(':modal')")
    page.touchscreen.tap(195, 20)
    expect(page.locator("#panel")).to_be_hidden()


def test_a_narrow_window_turns_the_open_clause_into_a_sheet(site: Site, window: Windows) -> None:
    page = window()
    page.goto(f"{site.url}/#privacy.7.4")
    expect(page.locator("#panel h2")).to_be_visible()
    page.set_viewport_size({"width": 600, "height": 800})
    until(lambda: page.evaluate(IS_SHEET))
    page.set_viewport_size({"width": 1280, "height": 800})
    until(lambda: not page.evaluate(IS_SHEET))
    expect(page.locator("#panel")).to_have_attribute("open", "")


def test_a_link_from_the_policy_asks_at_once_and_only_once(site: Site, window: Windows) -> None:
    page = window()
    page.goto(f"{site.url}/policy#privacy.5.3")
    page.locator("[id='privacy.5.3'] .act").first.click()
    expect(page.locator(".line.theirs")).to_have_count(1)
    assert [message.choice for message in site.script.heard] == ["clause:privacy.5.3"]
    assert page.url.removesuffix("#latest") == f"{site.url}/"
    page.reload()
    page.wait_for_timeout(200)
    assert len(site.script.heard) == 1


def test_the_policy_is_searched_as_one_types(site: Site, window: Windows) -> None:
    page = window()
    page.goto(f"{site.url}/policy")
    page.locator("#find").fill("COOKIE")
    expect(page.locator("#found")).not_to_be_empty()
    shown = page.locator(".clause:visible")
    assert 0 < shown.count() < 20
    assert all("cookie" in words.lower() for words in shown.all_text_contents())
    page.locator("#find").fill("no clause says this")
    expect(page.locator(".clause:visible")).to_have_count(0)
    page.locator("#find").fill("")
    expect(page.locator(".clause:visible")).to_have_count(88)


def test_a_clauses_link_is_copied_whole(site: Site, window: Windows) -> None:
    page = window(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{site.url}/policy")
    page.locator("[id='privacy.7.4'] [data-copy-link]").click()
    expect(page.locator("#toast")).not_to_be_empty()
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/policy#privacy.7.4"
    expect(page.locator("[id='privacy.7.4']")).to_be_in_viewport()
