"""One HTTP call from a plain thread, over within its time whatever the other side does.

The call runs on aiohttp in a thread of its own. aiohttp, because it is here already and has one limit for the whole
of a call: a look-up of the name that hangs, or an answer that drips a byte a second, outlasts every timeout of
urllib3, requests and httpx, which count between two bytes (docs/decisions/0012 chose it for the platforms).
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import CancelledError
from datetime import timedelta
from threading import Thread
from typing import NamedTuple

import aiohttp

from bot.core.accounts import DirectoryDown

ANSWER_MAX = 64 * 1024
"""Bytes. An account with twenty contacts has some 3 KiB."""
CALLS_AT_ONCE = 16
"""More wait, within their own time, so that a slow system is not made slower."""
GRACE = 0.5
"""Seconds that the thread has to report that the time is over."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class Line:
    """Connections to one system, and the thread they live in."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._thread = Thread(target=self._loop.run_forever, name="accounts", daemon=True)
        self._thread.start()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], within: timedelta) -> Answer:
        """The answer to a POST; redirects are not followed, nothing is tried twice. Raises DirectoryDown.

        `from None` throughout: the client's errors hold the address and may hold what was sent.
        """
        seconds = within.total_seconds()
        asked = asyncio.run_coroutine_threadsafe(self._post(url, body, headers, seconds), self._loop)
        try:
            return asked.result(seconds + GRACE)
        except TimeoutError:
            asked.cancel()
            raise DirectoryDown("stalled") from None
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL):
            raise DirectoryDown("lied") from None
        except (aiohttp.ClientError, OSError, CancelledError):
            raise DirectoryDown("unreachable") from None

    def close(self) -> None:
        """Ends what is under way, the connections and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        if self._session is None:
            # A connection a call: a kept one that the other side has just closed would look like a failure.
            connector = aiohttp.TCPConnector(limit=CALLS_AT_ONCE, force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        async with self._session.post(
            url,
            data=body,
            headers={**headers, "Content-Type": "application/json", "Accept-Encoding": "identity"},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as answer:
            read = bytearray()
            async for chunk in answer.content.iter_chunked(16 * 1024):
                read += chunk
                if len(read) > ANSWER_MAX:
                    raise DirectoryDown("lied")
            return Answer(answer.status, answer.headers, bytes(read))

    async def _end(self) -> None:
        under_way = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if self._session:
            await self._session.close()
