"""A real Chromium before a real server, in a pytest process of its own.

python -m pytest -p no:asyncio -W ignore::pytest.PytestConfigWarning tests/browser

The synchronous driver and pytest-asyncio can't share a process; in a run of everything these tests are skipped.
"""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.types import ASGIApp

from bot.channels.web import WebChat
from bot.policy_pages import PolicyPages
from bot.web import make_app
from tests.bot.scripted import Scripted

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reason = ""
    if config.pluginmanager.has_plugin("asyncio"):
        reason = "needs a process of its own; the command stands at the top of tests/browser/conftest.py"
    elif chromium() is None:
        reason = "no Chromium: apt-get install chromium, or name one in CLAUSEBOT_CHROMIUM"
    for item in items:
        if "browser" in item.nodeid.split("::")[0].split("/"):
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def chromium() -> str | None:
    """The browser's path."""
    named = os.environ.get("CLAUSEBOT_CHROMIUM")
    return named or next((path for name in CHROMIUM if (path := shutil.which(name))), None)


class Server:
    """An ASGI application on a free port of this machine, in a thread with an event loop of its own."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve()

    def __enter__(self) -> "Server":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs `work` where the application runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)


@dataclass
class Site:
    """The web pages with a scripted assistant behind them."""

    script: Scripted
    chat: WebChat
    server: Server

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture
def site() -> Iterator[Site]:
    script = Scripted(pause=0.05)
    chat = script.chat()
    app = make_app([chat], script.door, PolicyPages([script.policy]))
    with Server(app) as server:
        yield Site(script, chat, server)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Windows:
    """Opens windows; holds against them what must never happen: script errors, policy violations, foreign hosts."""

    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Beginnings of console errors that the test provokes."""

    def __call__(self, **options: Any) -> Page:
        context = self.browser.new_context(**{"locale": "en-GB", **DESKTOP, **options})
        context.set_default_timeout(5000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on(
            "console", lambda line: line.type in ("error", "warning") and self.faults.append(f"console: {line.text}")
        )
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        own = ("http://127.0.0.1:", "data:")
        page.on("request", lambda sent: sent.url.startswith(own) or self.faults.append(f"foreign: {sent.url}"))
        return page


@pytest.fixture
def window(browser: Browser) -> Iterator[Windows]:
    windows = Windows(browser)
    yield windows
    for context in windows.contexts:
        context.close()
    assert [fault for fault in windows.faults if not fault.startswith(windows.expected or ("-",))] == []
