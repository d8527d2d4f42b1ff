"""The page where papers are handed in, in a real browser: on a phone and on a desk, light and dark, in both languages."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bot.papers_pages import PREFIX
from storage.crypto import Keyring
from storage.engine import Database
from tests.browser.conftest import Server, Windows
from tests.browser.test_results_pages import LOOKS, fits
from tests.conftest import Clock
from tests.papers import JPEG, PDF, PNG, Upload

SHOTS = os.environ.get("CLAUSEBOT_SHOTS", "")
"""A folder for pictures of every step, to be looked at."""


@pytest.fixture
def upload(sqlite_template: Path, tmp_path: Path, keyring: Keyring, clock: Clock) -> Iterator[Upload]:
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{path}", keyring) as database:
        yield Upload(database, clock)


@pytest.fixture
def served(upload: Upload) -> Iterator[Server]:
    with Server(upload.app(public=False)) as server:
        yield server


@pytest.fixture
def papers(tmp_path: Path) -> list[Path]:
    """A passport, a register whose name is as long as names get, and a program that calls itself a paper."""
    files = {"passport.pdf": PDF, "register " + "very " * 18 + "long.jpg": JPEG, "birth certificate.png": PNG}
    files["program.pdf"] = b"MZ\x90\x00 invented"
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    return [tmp_path / name for name in files]


def shot(page: Page, look: dict[str, object], step: str) -> None:
    if SHOTS:
        width = page.viewport_size["width"] if page.viewport_size else 0
        page.screenshot(path=f"{SHOTS}/{width}-{look['color_scheme']}-{look['locale']}-{step}.png", full_page=True)


@pytest.mark.parametrize("look", LOOKS)
def test_papers_are_handed_in(upload: Upload, served: Server, window: Windows, papers: list[Path], look) -> None:
    order = upload.order(language="zh" if look["locale"].startswith("zh") else "en")
    window.expected = ("console: Failed to load resource: the server responded with a status of 4",)
    page = window(**look)
    page.goto(f"{served.url}{PREFIX}{upload.token(order)}")
    expect(page.locator(".eyebrow")).to_have_text(order.number)
    fits(page)
    shot(page, look, "1-asked")
    page.locator("#paper").set_input_files([papers[0], papers[3]])
    page.locator("main button").click()
    expect(page.locator("[role=alert]")).to_contain_text("program.pdf")
    fits(page)
    shot(page, look, "2-refused")
    page.locator("#paper").set_input_files(papers[:3])
    page.locator("main button").click()
    expect(page.locator("[role=status] li")).to_have_count(3)
    fits(page)
    shot(page, look, "3-sent")
    page.locator("#paper").set_input_files([papers[1]])
    page.locator("main button").click()
    expect(page.locator("main ol li")).to_have_count(3)  # The same again counts once.
    assert len(upload.files(order)) == 3
    page.goto(f"{served.url}{PREFIX}{'A' * 30}")
    expect(page.locator("main h1")).to_be_visible()
    fits(page)
    shot(page, look, "4-nowhere")


def test_it_works_by_keyboard_and_without_scripts(
    upload: Upload, served: Server, window: Windows, papers: list[Path]
) -> None:
    order = upload.order()
    page = window(java_script_enabled=False)
    page.goto(f"{served.url}{PREFIX}{upload.token(order)}")
    page.locator("#paper").set_input_files(papers[0])
    page.locator("#paper").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("passport.pdf")).to_be_visible()
    assert len(upload.files(order)) == 1


def test_far_too_much_still_shows_a_page(upload: Upload, served: Server, window: Windows, tmp_path: Path) -> None:
    order = upload.order()
    (tmp_path / "film.pdf").write_bytes(PDF + b"x" * 45_000_000)
    window.expected = ("console: Failed to load resource: the server responded with a status of 4",)
    page = window()
    page.goto(f"{served.url}{PREFIX}{upload.token(order)}")
    page.locator("#paper").set_input_files(tmp_path / "film.pdf")
    page.locator("main button").click()
    expect(page.locator("[role=alert]")).to_contain_text("20 MB")
    assert upload.files(order) == []
