"""For everybody: small windows, keyboards, no scripts, dark, less motion, hostile text, other time zones."""

import re

import pytest
from playwright.sync_api import expect

from bot.core.message import Choice, Citation, Reply
from tests.browser.conftest import DESKTOP, PHONE, Site, Windows
from tests.browser.page import ask, visitor

TOO_SMALL = """
[...document.querySelectorAll("button, summary, .tool, .brand, .source, .act, .starter")]
  .filter((each) => each.checkVisibility() && !each.matches(".quiet, [aria-disabled=true]"))
  .filter((each) => each.getBoundingClientRect().width < 44 || each.getBoundingClientRect().height < 44)
  .map((each) => each.className || each.id)
"""
"""What is smaller than 44 px either way; links inside a sentence (.quiet) may be."""


def test_the_receipt_is_copied_and_said_so(site: Site, window: Windows) -> None:
    page = window(permissions=["clipboard-read", "clipboard-write"])
    page.goto(site.url)
    ask(page, "a leak?")
    page.locator("[data-copy]").click()
    expect(page.locator("#toast")).not_to_be_empty()
    assert page.evaluate("navigator.clipboard.readText()") == "K7P29QXD"


def test_dark_and_chinese_are_remembered(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    page.locator(".menu summary").nth(1).click()
    page.locator("[data-theme-choice=dark]").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 19)"
    page.locator(".menu summary").nth(0).click()
    page.locator(".menu a[lang='zh-Hans']").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{site.url}/policy")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_device_decides_on_dark_unless_the_visitor_does(site: Site, window: Windows) -> None:
    page = window(color_scheme="dark")
    page.goto(site.url)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 19)"
    page.goto(f"{site.url}/?theme=light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 244, 239)"


def test_without_any_script_the_chat_works(site: Site, window: Windows) -> None:
    page = window(java_script_enabled=False)
    page.goto(site.url)
    page.locator("#text").fill("a leak?")
    page.locator("#send").click()
    assert page.locator(".line.mine .bubble").inner_text() == "a leak?"
    page.locator("[data-kind=browse]").first.click()
    assert page.locator(".line.theirs").count() == 2
    page.locator(".source").first.click()
    assert page.locator("h2").inner_text() == "When an incident happens"


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(site: Site, window: Windows) -> None:
    page = window(**PHONE)  # where the box doesn't take the focus at once
    page.goto(site.url)
    reached = []
    for _ in range(15):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(e => e.id || e.className || e.tagName)(document.activeElement)"))
        assert page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle !== 'none' || document.activeElement.id === 'text'"
        )
    assert reached[0] == "skip"
    assert reached.index("brand") < reached.index("log") < reached.index("starter") < reached.index("text")


def test_escape_closes_a_menu_and_returns_to_it(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    page.locator(".menu summary").first.click()
    page.keyboard.press("Escape")
    expect(page.locator(".menu").first).not_to_have_attribute("open", "")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_what_is_pressed_is_big_enough_to_press(site: Site, window: Windows, options: dict[str, object]) -> None:
    page = window(**options)
    page.goto(site.url)
    small = TOO_SMALL
    assert page.evaluate(small) == []
    ask(page, "a leak?")
    assert page.evaluate(small) == []
    page.goto(f"{site.url}/policy")
    assert page.evaluate(small) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_runs_out_of_the_window(site: Site, window: Windows, width: int) -> None:
    page = window(viewport={"width": width, "height": 700})
    page.goto(site.url)
    ask(page, "W" * 300)
    person = visitor(site)
    site.script.keep(
        person,
        Reply(
            "x" * 400, (Choice("y" * 90, "menu"),), (Citation("privacy.7.4", "z" * 120, "policy", "v" * 60),), "R" * 60
        ),
    )
    wide = "document.documentElement.scrollWidth - innerWidth"
    for path in (
        "/",
        "/?lang=zh",
        "/policy",
        "/policy?lang=zh",
        "/policy/2023-12-15/clause/privacy.5.3",
        "/law/pipl.45",
        "/nowhere",
    ):
        window.expected = ("console: Failed to load resource",)
        page.goto(f"{site.url}{path}")
        assert page.evaluate(wide) <= 0, path
        assert page.evaluate("(log => !log || log.scrollWidth <= log.clientWidth)(document.getElementById('log'))"), (
            path
        )


def test_who_wants_less_motion_gets_less(site: Site, window: Windows) -> None:
    site.script.pause = 0.4
    page = window(reduced_motion="reduce")
    page.goto(site.url)
    page.locator(".starter").first.click()
    assert page.locator(".dots i").first.evaluate("dot => parseFloat(getComputedStyle(dot).animationDuration)") < 0.001


def test_no_text_runs_as_a_script_in_a_real_browser(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    payload = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    ask(page, payload)
    person = visitor(site)
    evil = Reply(
        payload, (Choice(payload, payload),), (Citation(payload, payload, "law"),), payload, link="javascript:alert(3)"
    )
    site.script.keep(person, evil)
    site.server.call(site.chat.send(person, evil))
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(page.locator(".line.theirs .words").last).to_have_text(payload)
    page.locator(".source").last.click()
    page.wait_for_timeout(200)
    assert page.locator("img").count() == 0
    window.expected = ("console: Failed to load resource", "console: htmx:")


def test_times_are_shown_in_the_visitors_own_zone(site: Site, window: Windows) -> None:
    page = window(timezone_id="Asia/Shanghai")
    page.goto(site.url)
    ask(page, "hi")
    shown = page.locator(".line.theirs time").inner_text()
    assert re.search(r"17:3\d", shown)
    assert "Mar" in shown
