"""What the tests of the chat page do again and again."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from bot.core.message import Address
from tests.browser.conftest import Site


def ask(page: Page, words: str) -> None:
    answers = page.locator(".line.theirs").count()
    page.locator("#text").fill(words)
    page.locator("#text").press("Enter")
    expect(page.locator(".line.theirs")).to_have_count(answers + 1)


def visitor(site: Site) -> Address:
    return Address("web", next(iter(site.script.kept)))


def until(is_so: Callable[[], bool], within: float = 10.0) -> None:
    """Asks again and again, from here: a page under a strict policy may not evaluate the text of a condition itself."""
    end = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
