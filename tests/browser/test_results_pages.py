"""The pages behind links in a real browser: the whole way to a package, on a phone and on a desk, light and dark."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect

from bot.policy_pages import PolicyPages
from bot.results_pages import routes
from bot.web import make_app
from storage.crypto import Keyring
from storage.engine import Database
from tests.bot.scripted import Scripted
from tests.browser.conftest import DESKTOP, PHONE, Server, Windows
from tests.conftest import Clock
from tests.results import COMPANY, Handing

LOOKS = [
    pytest.param({**size, "color_scheme": scheme, "locale": locale}, id=f"{name}-{scheme}-{locale}")
    for name, size in (("phone", PHONE), ("desk", DESKTOP))
    for scheme in ("light", "dark")
    for locale in ("en-GB", "zh-CN")
]


@pytest.fixture
def handing(sqlite_template: Path, tmp_path: Path, keyring: Keyring, clock: Clock) -> Iterator[Handing]:
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{path}", keyring) as database:
        yield Handing(database, clock)


@pytest.fixture
def served(handing: Handing) -> Iterator[Server]:
    script = Scripted()
    pages = routes(handing.database, handing.requests, handing.clock, COMPANY, public=False)
    with Server(make_app([script.chat()], script.door, PolicyPages([script.policy]), more=pages)) as server:
        yield server


def fits(page: Page) -> None:
    """Nothing sticks out to the side, and what can be pressed is large enough for a finger."""
    wide = page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
    assert wide <= 0
    for button in page.locator("main button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44


@pytest.mark.parametrize("look", LOOKS)
def test_the_whole_way_to_a_package(handing: Handing, served: Server, window: Windows, look, tmp_path: Path) -> None:
    order, token = handing.linked()
    window.expected = ("console: Failed to load resource: the server responded with a status of 422",)
    page = window(**look)
    page.goto(f"{served.url}/result/{token}")
    expect(page.locator(".eyebrow")).to_have_text(order.number)
    fits(page)
    page.locator("main button").click()
    expect(page.locator("#code")).to_be_focused()
    fits(page)
    _, digits = handing.code()
    page.locator("#code").fill("1234")
    page.locator("#code").press("Enter")
    expect(page.locator("[role=alert]")).to_be_visible()
    page.locator("#code").fill(digits)
    page.locator("#code").press("Enter")
    expect(page.locator("main code")).to_be_visible()
    fits(page)
    with page.expect_download() as coming:
        page.locator("main button").click()
    coming.value.save_as(tmp_path / "package.zip")
    assert coming.value.suggested_filename == f"{order.number}.zip"
    with ZipFile(tmp_path / "package.zip") as archive:
        archive.extractall(tmp_path / "package")
    package = window(**look)
    package.goto("about:blank")
    package.set_content((tmp_path / "package" / "index.html").read_text("utf-8"))
    fits(package)


@pytest.mark.parametrize("look", LOOKS)
def test_a_request_is_stopped_by_the_button_alone(handing: Handing, served: Server, window: Windows, look) -> None:
    order = handing.desk.held()
    page = window(**look)
    page.goto(f"{served.url}/stop/{handing.desk.news.warned[0][3]}")
    fits(page)
    assert handing.desk.now(order).stopped_at is None
    page.locator("main button").click()
    expect(page.locator("main button")).to_have_count(0)
    assert handing.desk.now(order).stopped_at is not None
    fits(page)


def test_without_scripts_everything_works(handing: Handing, served: Server, window: Windows) -> None:
    _, token = handing.linked()
    page = window(java_script_enabled=False)
    page.goto(f"{served.url}/result/{token}")
    page.get_by_role("button", name="Send me a code").click()
    page.locator("#code").fill(handing.code()[1])
    page.get_by_role("button", name="Open").click()
    with page.expect_download():
        page.get_by_role("button", name="Download").click()
