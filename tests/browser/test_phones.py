"""The demo as a newcomer runs it: the real program, both phones in a real browser, and what goes wrong on the way."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Windows

ROOT = Path(__file__).parents[2]
SLOW = 15_000
"""Milliseconds that an answer may take on a busy machine."""
WAIT_OF_429 = 3.0
"""Seconds that the switch has Telegram ask for."""


class Demo(NamedTuple):
    phones: str
    folder: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder: Path = tmp_path_factory.mktemp("demo")
    running = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout
    said = []
    try:
        for line in running.stdout:
            said.append(line)
            if found := re.search(r"(http://127\.0\.0\.1:\d+/phones)", line):
                yield Demo(found[1], folder)
                break
        else:
            pytest.fail(f"the demo named no address: {said}")
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            rest, _ = running.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            raise
    assert (running.returncode, rest.split()) == (0, ["Stopped."])


def theirs(page: Page, phone: str) -> Locator:
    return page.locator(f"#{phone} .line:not(.mine)")


def say(page: Page, phone: str, words: str) -> Locator:
    """Writes `words`; the line that will be the answer."""
    answers = theirs(page, phone).count()
    page.locator(f"#text-{phone}").fill(words)
    page.locator(f"#text-{phone}").press("Enter")
    expect(page.locator(f"#{phone} .mine .words").last).to_have_text(words)
    return theirs(page, phone).nth(answers)


def switched(page: Page, name: str) -> Locator:
    """Switches on what goes wrong; the switch."""
    switch = page.locator(f"[data-switch={name}]")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    return switch


def opened(window: Windows, demo: Demo, language: str, **options: object) -> Page:
    page = window(locale="zh-CN" if language == "zh" else "en-GB", **options)
    page.goto(demo.phones)
    expect(page.locator("#calls li").first).to_be_attached()  # what is there has been drawn
    return page


def following(window: Windows, demo: Demo) -> Page:
    """The Chinese page whose person follows the WeChat account."""
    page = opened(window, demo, "zh")
    if page.locator("#follow").is_visible():
        page.locator("#follow").click()
        expect(theirs(page, "wechat").first).to_contain_text("隐私政策", timeout=SLOW)
    return page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_newcomer_sees_what_to_do_and_one_press_asks(window: Windows, demo: Demo, language: str) -> None:
    page = opened(window, demo, language)
    expect(page.locator(".steps li")).to_have_count(3)
    expect(page.locator("#start")).to_be_in_viewport()
    expect(page.locator("#follow")).to_be_in_viewport()
    expect(page.locator("#text-wechat")).to_be_disabled()
    expect(page.locator("[data-opener=wechat]").first).to_be_hidden()
    question = page.locator("[data-opener=telegram]").first
    expect(question).to_be_in_viewport()
    words = question.inner_text()
    question.click()
    expect(page.locator("#telegram .mine .words")).to_have_text(words)
    expect(theirs(page, "telegram").first).to_contain_text("7.2", timeout=SLOW)
    expect(theirs(page, "telegram")).to_have_count(1)
    expect(question).to_be_hidden()


def test_telegram_shows_typing_then_the_answer_with_its_clause_and_the_whole_of_it(window: Windows, demo: Demo) -> None:
    page = opened(window, demo, "en")
    typing = page.locator("#telegram .typing")
    with closing(sqlite3.connect(demo.folder / "var/demo/clausebot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the turn must wait, as behind other people's
        answer = say(page, "telegram", "Do you share my data with other companies?")
        expect(typing).to_be_visible()
        expect(answer).to_have_count(0)
        other.execute("ROLLBACK")
    expect(answer).to_contain_text("Privacy Policy 3.1", timeout=SLOW)
    expect(answer).to_contain_text("15 December 2023")
    expect(typing).to_be_hidden()
    short = answer.locator(".words").inner_text()
    key = answer.get_by_role("button", name="Show the whole clause")
    answers = theirs(page, "telegram").count()
    key.click()
    whole = theirs(page, "telegram").nth(answers)
    expect(whole).to_contain_text("Privacy Policy 3.1", timeout=SLOW)
    assert len(whole.locator(".words").inner_text()) > len(short)
    expect(page.locator("#calls")).to_contain_text("answerCallbackQuery")


def test_an_answer_that_telegram_refuses_comes_later_and_once(window: Windows, demo: Demo) -> None:
    page = opened(window, demo, "en")
    switch = switched(page, "flood")
    began = time.monotonic()
    answer = say(page, "telegram", "What happens if you are hacked?")
    expect(switch).to_have_attribute("aria-checked", "false", timeout=SLOW)
    expect(page.locator("#calls summary").filter(has=page.locator(".fault")).first).to_contain_text("429")
    expect(answer).to_have_count(0)
    expect(answer).to_contain_text("Privacy Policy 7.4", timeout=SLOW)
    assert time.monotonic() - began >= WAIT_OF_429
    page.wait_for_timeout(700)
    expect(page.locator("#telegram .line").last).to_contain_text("Privacy Policy 7.4")
    expect(page.locator("#telegram .mine").last.locator("~ .line")).to_have_count(1)


def test_the_button_below_telegram_shares_a_number_and_a_code_comes(window: Windows, demo: Demo) -> None:
    page = opened(window, demo, "en")
    expect(page.locator("#keys")).to_be_hidden()
    expect(say(page, "telegram", "I withdraw my consent")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Mailing-list e-mails").last.click()
    share = page.get_by_role("group", name="Keyboard below the chat").get_by_role("button")
    expect(share).to_have_text("Share my phone number", timeout=SLOW)
    share.click()
    expect(page.locator("#telegram .mine .words").last).to_have_text("a contact with a phone number")
    expect(page.locator("#keys")).to_be_hidden()
    expect(theirs(page, "telegram").last).to_contain_text("eight digits", timeout=SLOW)
    page.goto(demo.phones.replace("/phones", "/mailbox"))
    expect(page.locator("article").filter(has_text="+8613800000003").first).to_be_visible(timeout=SLOW)
    page.goto(demo.phones)
    expect(say(page, "telegram", "/cancel")).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("third", ["第三个", "3"])
def test_wechat_answers_with_numbers_that_can_be_answered(window: Windows, demo: Demo, third: str) -> None:
    page = following(window, demo)
    answer = say(page, "wechat", "发生泄露了怎么办？")
    expect(answer).to_contain_text("依据：《隐私政策》7.4（2023年12月15日版）", timeout=SLOW)
    offered = re.search(r"^3\. .*《个人信息保护法》第(\d+)条", answer.inner_text(), re.MULTILINE)
    assert offered
    expect(say(page, "wechat", third)).to_contain_text(f"第{offered[1]}条", timeout=SLOW)


def test_wechats_menu_opens_and_an_entry_is_answered(window: Windows, demo: Demo) -> None:
    page = following(window, demo)
    answers = theirs(page, "wechat").count()
    first = page.get_by_role("button", name="问政策")
    first.click()
    expect(first).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(first).to_have_attribute("aria-expanded", "false")
    first.click()
    page.get_by_role("button", name="浏览隐私政策").click()
    expect(page.get_by_role("button", name="浏览隐私政策")).to_be_hidden()
    expect(theirs(page, "wechat").nth(answers)).to_contain_text("2023年12月15日版", timeout=SLOW)


@pytest.mark.parametrize(("phone", "call"), [("telegram", "update"), ("wechat", "push")])
def test_what_comes_twice_is_answered_once(window: Windows, demo: Demo, phone: str, call: str) -> None:
    page = following(window, demo)
    switch = switched(page, f"{phone}-twice")
    answer = say(page, phone, "可以关闭 cookie 吗？")
    expect(answer).to_contain_text("《隐私政策》6.", timeout=SLOW)
    expect(switch).to_have_attribute("aria-checked", "false")
    deliveries = page.locator(f"#calls summary.{phone}").filter(has_text=call).filter(has_text="duplicate")
    expect(deliveries).to_have_count(2, timeout=SLOW)
    page.wait_for_timeout(700)
    expect(page.locator(f"#{phone} .mine").last.locator("~ .line")).to_have_count(1)


def test_the_long_answer_that_the_page_names_meets_the_slow_second_message(window: Windows, demo: Demo) -> None:
    page = following(window, demo)
    named = re.search(r"/policy [a-z]+[.\d]+", page.locator("#wire .note").first.inner_text())
    assert named
    switch = switched(page, "slow")
    first = say(page, "wechat", named[0])
    expect(first).to_be_visible(timeout=SLOW)
    expect(switch).to_have_attribute("aria-checked", "false", timeout=SLOW)
    expect(page.locator("#calls summary.wechat").filter(has_text="slow")).to_have_count(1, timeout=SLOW)
    expect(page.locator("#wechat .mine").last.locator("~ .line")).to_have_count(2)
    expect(theirs(page, "wechat").last).to_contain_text("《隐私政策》3.1")


def test_a_wide_window_shows_both_phones_side_by_side(window: Windows, demo: Demo) -> None:
    page = opened(window, demo, "zh", **DESKTOP)
    expect(page.locator("#tabs")).to_be_hidden()
    left, right = page.locator("#telegram").bounding_box(), page.locator("#wechat").bounding_box()
    assert left
    assert right
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    assert right["x"] + right["width"] <= DESKTOP["viewport"]["width"]


def test_a_narrow_window_shows_one_at_a_time_and_the_newest_line_of_it(window: Windows, demo: Demo) -> None:
    page = opened(window, demo, "zh", **PHONE)
    panels = [page.locator(f"#{name}") for name in ("telegram", "wechat", "wire")]
    page.locator("#tab-telegram").focus()
    for shown in (0, 1, 2, 0, 1):
        for number, panel in enumerate(panels):
            expect(panel).to_be_visible(visible=number == shown)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        expect(page.get_by_role("tab", selected=True)).to_be_focused()
        page.keyboard.press("ArrowRight")
    page.locator("#tab-wechat").click()
    if page.locator("#follow").is_visible():
        page.locator("#follow").click()
    expect(theirs(page, "wechat").first).to_be_attached(timeout=SLOW)
    expect(page.locator("#wechat .meta").last).to_be_in_viewport()
    expect(page.locator("#wechat .write .main")).to_be_in_viewport()
