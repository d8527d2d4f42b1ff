"""The stand-in of a company's accounts, served beside a test that is plain synchronous code."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from starlette.types import ASGIApp

from bot.core.accounts import Account
from bot.directory import AccountsSettings
from bot.rehearsal.portal.directory import SECRET
from bot.rehearsal.serving import served

QUICK = timedelta(seconds=0.4)
"""A limit for calls that a test waits to run out."""


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Serves `app` on 127.0.0.1 in a thread of its own; gives its address."""
    ready = Event()
    running: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        over = asyncio.Event()
        async with served(app) as address:
            running.append((address, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = Thread(target=asyncio.run, args=(serve(),), name="portal")
    thread.start()
    assert ready.wait(10)
    address, loop, over = running[0]
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def settings(url: str, **more: Any) -> AccountsSettings:
    return AccountsSettings(url, SECRET, **more)


def as_told(account: Account) -> dict[str, Any]:
    """An account as the API tells it."""
    contacts = [{"kind": c.kind.value, "value": c.value, "since": c.since.isoformat()} for c in account.contacts]
    told = {"account_id": account.id, "state": account.state.value, "contacts": contacts}
    if account.contacts_changed_at:
        told["contacts_changed_at"] = account.contacts_changed_at.isoformat()
    return told
