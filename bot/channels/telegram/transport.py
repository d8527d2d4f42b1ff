"""How requests reach the Bot API: aiohttp under python-telegram-bot's Bot.

Its stock transport (httpx) costs 4 to 8 times the CPU of a message and has no limit for a whole call, so a slow answer
can hold a message for ever. This one says besides whether a request can have arrived, which decides what may be sent
again. An address holds the bot's token, so no error that leaves here holds an address, nor the error it came from.
"""

import json
import logging
import math
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.channels.telegram.settings import TelegramSettings

TOTAL = timedelta(seconds=10)
"""A whole call, whatever the server does."""
CONNECT = timedelta(seconds=5)
"""Of it, until there is a connection; after that nothing was sent yet."""
CONNECTIONS = 512
"""At or above the number of callers: with fewer, some wait for the whole of a broadcast (measured: p99 3.0 s for 0.09)."""
IDLE = timedelta(seconds=30)
"""How long an unused connection is kept."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": BaseRequest.USER_AGENT}

# At DEBUG the library logs every parameter and the address with the token.
logging.getLogger("telegram").setLevel(logging.WARNING)


class NotSent(NetworkError):
    """There was no connection: nothing can have arrived."""


class TooMany(TelegramError):
    """Telegram asks to wait (429): nothing was delivered. `after` is its wait."""

    def __init__(self, after: timedelta) -> None:
        super().__init__(f"asked to wait {after.total_seconds():g} s")
        self.after = after


class Unintelligible(TelegramError):
    """The answer is no answer of the Bot API."""

    def __init__(self) -> None:
        super().__init__("the answer can't be read")


class Transport(BaseRequest):
    """Requests over one pool of connections; belongs to one event loop. Opens itself at the first request."""

    def __init__(self, api_url: str, total: timedelta = TOTAL) -> None:
        self._total, self._proxy = total, _proxy_to(api_url)
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._total.total_seconds()

    async def initialize(self) -> None:
        """Makes the pool; without it the first request does."""
        self._pool()

    async def shutdown(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """(status, body). Only the total limit of this transport holds. Raises NotSent, TooMany, TimedOut, NetworkError."""
        if request_data is not None and request_data.contains_files:
            raise NotSent("files are never sent")
        return await self.ask(url, request_data.json_parameters if request_data else {}, self._total)

    async def ask(self, url: str, parameters: dict[str, str], total: timedelta) -> tuple[int, bytes]:
        """(status, body) of a post. Raises NotSent, TooMany, TimedOut, NetworkError."""
        limit = min(CONNECT, total).total_seconds()
        timeout = aiohttp.ClientTimeout(total=total.total_seconds(), connect=limit, sock_connect=limit)
        body = urlencode(parameters, errors="replace").encode()
        # Raised after the block, not in it: the error of aiohttp knows the address and would come along as its context.
        failure: TelegramError
        try:
            async with self._pool().post(
                url, data=body, headers=_FORM, timeout=timeout, allow_redirects=False, proxy=self._proxy
            ) as answer:
                said = await answer.read()
                if answer.status != 429:
                    return answer.status, said
                failure = TooMany(_wait(said, answer.headers.get("Retry-After", "")))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as bad:
            failure = NotSent(type(bad).__name__)
        except TimeoutError:
            failure = TimedOut()
        except (aiohttp.ClientError, OSError) as bad:
            failure = NetworkError(type(bad).__name__)
        raise failure

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer as a table. Raises Unintelligible; the library's own form would log the answer, with what it holds."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Unintelligible
        result = answer.get("result")
        if answer.get("ok") is True and result is None:
            raise Unintelligible
        if isinstance(result, dict) and "message_id" in result and isinstance(result.get("chat"), dict):
            # Of a message that was sent only its number is wanted; making objects of the rest takes half the call's CPU.
            result = {name: result.get(name) for name in ("message_id", "date", "chat")}
            answer["result"] = result | {"chat": {name: result["chat"].get(name) for name in ("id", "type")}}
        return answer

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS, ttl_dns_cache=300, keepalive_timeout=IDLE.total_seconds()
            )
            # No `trust_env`: it looks for the proxy again at every request, on disk and in two more threads.
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def make_bot(settings: TelegramSettings, transport: Transport) -> Bot:
    """The library's Bot over `transport`. Asks nothing yet."""
    address = f"{settings.api_url.rstrip('/')}/bot"
    return Bot(settings.token, base_url=address, request=transport, get_updates_request=transport)


def _proxy_to(url: str) -> str | None:
    """The environment's proxy (HTTPS_PROXY, NO_PROXY): from where Telegram is blocked nothing else leads there."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _wait(body: bytes, header: str) -> timedelta:
    """The wait of a 429: parameters.retry_after, else the header, else a second."""
    try:
        asked = json.loads(body)["parameters"]["retry_after"]
    except (ValueError, LookupError, TypeError, RecursionError):
        asked = header
    try:
        seconds = float(asked)
    except (ValueError, TypeError, OverflowError):
        seconds = 1.0
    if not math.isfinite(seconds):
        seconds = 1.0
    return timedelta(seconds=min(max(seconds, 0.0), 86_400.0))
