"""What the tests of the chat page do again and again."""

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
