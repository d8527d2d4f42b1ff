"""The chat in a real browser: keys, failures, the clause beside it, what comes later, phones, no script at all."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from bot.core.message import Address, Choice, Citation, Reply
from bot.look import text
from tests.browser.conftest import DESKTOP, PHONE, Site, Windows

TOO_SMALL = """
[...document.querySelectorAll("button, summary, .tool, .brand, .source, .act, .starter")]
  .filter((each) => each.checkVisibility() && !each.matches(".quiet, [aria-disabled=true]"))
  .filter((each) => each.getBoundingClientRect().width < 44 || each.getBoundingClientRect().height < 44)
  .map((each) => each.className || each.id)
"""
"""What is smaller than 44 px either way; links inside a sentence (.quiet) may be."""


def ask(page: Page, words: str) -> None:
    answers = page.locator(".line.theirs").count()
    page.locator("#text").fill(words)
    page.locator("#text").press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(answers + 1)


def visitor(site: Site) -> Address:
    return Address("web", next(iter(site.script.kept)))


def test_a_first_question_is_one_press_away(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    page.locator(".starter").first.click()
    expect(page.locator(".line.mine .bubble")).to_have_text(text("questions.collect", "en"))
    expect(page.locator(".line.theirs")).to_have_count(1)
    expect(page.locator("#intro")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "text"


def test_enter_sends_and_shift_enter_begins_a_line(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    box = page.locator("#text")
    box.type("one")
    box.press("Shift+Enter")
    box.type("two")
    box.press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(1)
    assert site.script.heard[0].text == "one\ntwo"
    expect(box).to_have_value("")


def test_enter_while_chinese_is_being_composed_picks_the_word_and_sends_nothing(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    box = page.locator("#text")
    box.focus()
    typing = page.context.new_cdp_session(page)
    typing.send("Input.imeSetComposition", {"text": "你好", "selectionStart": 2, "selectionEnd": 2})
    said = {"key": "Enter", "code": "Enter", "bubbles": True, "cancelable": True}
    press = "(box, event) => box.dispatchEvent(new KeyboardEvent('keydown', event))"
    box.evaluate(press, {**said, "isComposing": True, "keyCode": 13})
    box.evaluate(press, {**said, "isComposing": False, "keyCode": 229})
    page.wait_for_timeout(200)
    assert site.script.heard == []
    typing.send("Input.insertText", {"text": "你好"})
    box.press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(1)
    assert site.script.heard[0].text == "你好"


def test_nothing_is_sent_when_nothing_is_written(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    page.locator("#text").fill("   ")
    page.locator("#send").click()
    page.wait_for_timeout(150)
    assert site.script.heard == []


def test_dots_show_while_the_turn_runs_and_the_question_stands_there_at_once(site: Site, window: Windows) -> None:
    site.script.pause = 0.6
    page = window()
    page.goto(site.url)
    page.locator("#text").fill("a leak?")
    page.locator("#text").press("Enter")
    expect(page.locator(".line.mine.sending .bubble")).to_have_text("a leak?")
    expect(page.locator("#typing")).to_be_visible()
    expect(page.locator("#typing-words")).not_to_be_empty()
    expect(page.locator(".line.theirs")).to_have_count(1)
    expect(page.locator("#typing")).to_be_hidden()
    expect(page.locator(".line.mine")).to_have_count(1)


@pytest.mark.parametrize("how", ["server", "network"])
def test_what_could_not_be_sent_stays_in_the_box_and_is_the_same_message_again(
    site: Site, window: Windows, how: str
) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.goto(site.url)
    ask(page, "first")
    if how == "server":
        site.script.fails = True
    else:
        page.route("**/chat/messages", lambda route: route.abort())
    page.locator("#text").fill("second")
    page.locator("#text").press("Enter")
    expect(page.locator("#failure")).to_be_visible()
    expect(page.locator("#text")).to_have_value("second")
    expect(page.locator(".line.mine")).to_have_count(1)
    site.script.fails = False
    page.unroute_all()
    page.locator("#again").click()
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(page.locator("#failure")).to_be_hidden()
    seconds = [message.message_id for message in site.script.heard if message.text == "second"]
    assert len(seconds) == (2 if how == "server" else 1)
    assert len(set(seconds)) == 1


def lose(route: Route) -> None:
    """The server takes the message, the browser never hears of it."""
    route.fetch()
    route.abort()


def test_an_answer_lost_on_the_way_back_comes_by_the_stream_and_the_failure_is_taken_back(
    site: Site, window: Windows
) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.goto(site.url)
    ask(page, "first")
    page.route("**/chat/messages", lose)
    page.locator("#text").fill("second")
    page.locator("#text").press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(page.locator(".line.mine")).to_have_count(2)
    expect(page.locator("#failure")).to_be_hidden()
    expect(page.locator("#text")).to_have_value("")


def test_an_answer_lost_on_the_way_back_is_shown_once_when_sent_again(site: Site, window: Windows) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.route("**/chat/stream*", lambda route: route.abort())
    page.goto(site.url)
    ask(page, "first")
    page.route("**/chat/messages", lose)
    page.locator("#text").fill("second")
    page.locator("#text").press("Enter")
    expect(page.locator("#failure")).to_be_visible()
    page.unroute("**/chat/messages")
    page.locator("#again").click()
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(page.locator(".line.mine")).to_have_count(2)
    expect(page.locator("#failure")).to_be_hidden()
    assert len({message.message_id for message in site.script.heard}) == 2


def test_a_secret_lost_on_the_way_back_is_shown_once_and_blanked_out_when_sent_again(
    site: Site, window: Windows
) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.goto(site.url)
    ask(page, "first")
    page.route("**/chat/messages", lose)
    page.locator("#text").fill("it is hunter2")
    page.locator("#text").press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(2)
    page.unroute("**/chat/messages")
    page.locator("#again").click()
    expect(page.locator("#failure")).to_be_hidden()
    expect(page.locator("#typing")).to_be_hidden()
    expect(page.locator(".line.mine .bubble")).to_have_text(["first", "it is [secret]"])


def test_words_changed_after_a_failure_are_a_new_message(site: Site, window: Windows) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.goto(site.url)
    site.script.fails = True
    page.locator("#text").fill("half")
    page.locator("#text").press("Enter")
    expect(page.locator("#failure")).to_be_visible()
    site.script.fails = False
    ask(page, "half, but better")
    assert site.script.heard[0].message_id.split("-")[1] != site.script.heard[1].message_id.split("-")[1]


def test_too_long_is_said_in_words_and_nothing_is_lost(site: Site, window: Windows) -> None:
    window.expected = ("console: Failed to load resource", "console: htmx:")
    page = window()
    page.goto(site.url)
    page.locator("#text").evaluate("box => { box.removeAttribute('maxlength'); box.value = 'x'.repeat(4001); }")
    page.locator("#text").press("Enter")
    expect(page.locator("#failure-words")).to_contain_text("4001")
    assert len(page.locator("#text").input_value()) == 4001


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
    page.wait_for_function("document.getElementById('panel').matches(':modal')")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function(
        "document.getElementById('panel').open && !document.getElementById('panel').matches(':modal')"
    )


def test_what_the_staff_write_appears_by_itself_and_is_counted_in_the_title(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "hi")
    person = visitor(site)
    site.script.keep(person, Reply("Here is a colleague."))
    site.server.call(site.chat.send(person, Reply("Here is a colleague.")))
    expect(page.locator(".line.theirs .words").last).to_have_text("Here is a colleague.")
    expect(page.locator(".line.theirs")).to_have_count(2)


def test_somebody_typing_shows_on_the_page(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "hi")
    person = visitor(site)

    async def typing(on: bool) -> None:
        site.chat.typing(person, on)

    page.wait_for_timeout(200)
    site.server.call(typing(True))
    expect(page.locator("#typing")).to_be_visible()
    site.server.call(typing(False))
    expect(page.locator("#typing")).to_be_hidden()


def test_what_came_while_the_line_was_down_is_there_once_it_is_back(site: Site, window: Windows) -> None:
    window.expected = ("console: Failed to load resource",)
    page = window()
    page.goto(site.url)
    ask(page, "hi")
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    person = visitor(site)
    site.script.keep(person, Reply("Meanwhile."))
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    site.server.call(site.chat.send(person, Reply("Meanwhile.")))
    expect(page.locator(".line.theirs")).to_have_count(2, timeout=10_000)


def test_a_second_tab_follows_the_conversation(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "one")
    second = page.context.new_page()
    second.goto(site.url)
    expect(second.locator(".line.theirs")).to_have_count(1)
    ask(page, "two")
    expect(second.locator(".line.theirs")).to_have_count(2)
    expect(second.locator(".line.mine .bubble").last).to_have_text("two")
    expect(page.locator(".line.mine")).to_have_count(2)


def test_a_step_is_chosen_once_and_browsing_goes_on(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "which?")
    chosen, other = page.locator("[data-kind=step]").nth(1), page.locator("[data-kind=step]").nth(0)
    chosen.click()
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(other).to_have_attribute("aria-disabled", "true")
    other.click(force=True)
    page.wait_for_timeout(150)
    assert [message.choice for message in site.script.heard] == [None, "ask:privacy.5.3"]
    page.locator("[data-kind=browse]").first.click()
    expect(page.locator(".line.theirs")).to_have_count(3)
    expect(page.locator("[data-kind=browse]").first).not_to_have_attribute("aria-disabled", "true")


def test_a_thumb_is_pressed_once_and_says_nothing_in_ones_own_name(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "a leak?")
    up, down = page.locator(".rating button").nth(0), page.locator(".rating button").nth(1)
    up.click()
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(down).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".line.mine")).to_have_count(1)


def test_half_written_words_survive_a_press_on_a_button(site: Site, window: Windows) -> None:
    page = window()
    page.goto(site.url)
    ask(page, "a leak?")
    page.locator("#text").fill("half a question")
    page.locator("[data-kind=browse]").first.click()
    expect(page.locator(".line.theirs")).to_have_count(2)
    expect(page.locator("#text")).to_have_value("half a question")


def test_a_link_from_the_policy_asks_at_once_and_only_once(site: Site, window: Windows) -> None:
    page = window()
    page.goto(f"{site.url}/policy#privacy.5.3")
    page.locator("[id='privacy.5.3'] .act").first.click()
    expect(page.locator(".line.theirs")).to_have_count(1)
    assert [message.choice for message in site.script.heard] == ["clause:privacy.5.3"]
    assert page.url == f"{site.url}/"
    page.reload()
    page.wait_for_timeout(200)
    assert len(site.script.heard) == 1


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
