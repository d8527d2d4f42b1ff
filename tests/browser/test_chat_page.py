"""The chat in a real browser: keys, failures, buttons, what comes later."""

import pytest
from playwright.sync_api import Route, expect

from bot.core.message import Reply
from bot.look import text
from tests.browser.conftest import Site, Windows
from tests.browser.page import ask, visitor


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
