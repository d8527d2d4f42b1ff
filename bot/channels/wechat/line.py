"""The line to WeChat: one request, one answer, and the call that gives a token. Knows nothing of quotas or people.

Every call ends within its limit, and no error carries an address, a token or a secret. Raises TryLater, `unsure` when
the request may have been taken all the same.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

import aiohttp
import structlog

from bot.channels.wechat.errcodes import failure_of
from bot.channels.wechat.settings import WeChatSettings
from bot.channels.wechat.tokens import Fetched
from bot.core.clock import Clock
from bot.core.errors import TryLater

CALL_WITHIN = timedelta(seconds=10)
CONNECT_WITHIN = timedelta(seconds=5)
ANSWER_MAX = 256 * 1024
"""Bytes. WeChat's longest answer to us is a menu."""
CALLS_AT_ONCE = 500
"""At least as many as the sender has under way: with fewer connections some would wait for ever."""
SOON = timedelta(seconds=2)
TOKEN_AGAIN = timedelta(seconds=60)
"""Until a token is asked for again that WeChat doesn't give: a wrong secret, an address not on its list."""

log = structlog.get_logger(__name__)


class NoToken(TryLater):
    """WeChat gives no access token: a wrong AppID or secret, an address that isn't on its list, a quota used up."""

    def __init__(self, errcode: int, now: datetime) -> None:
        log.error("wechat gives no token; see WECHAT_APP_ID, WECHAT_APP_SECRET, the list of addresses", code=errcode)
        failure = failure_of(errcode, now)
        super().__init__(failure.after if isinstance(failure, TryLater) else TOKEN_AGAIN, halts="everyone")
        self.errcode = errcode


class Line:
    """Requests of one account. Belongs to one event loop; opens its connections when they are needed."""

    def __init__(self, settings: WeChatSettings, clock: Clock, within: timedelta = CALL_WITHIN) -> None:
        self._settings, self._clock, self._within = settings, clock, within
        self._root = settings.api_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def stable_token(self, force: bool) -> Fetched:
        """A token for the account; `force` ends the one before. Raises NoToken, TryLater."""
        body: dict[str, Any] = {"grant_type": "client_credential", "appid": self._settings.app_id}
        body |= {"secret": self._settings.app_secret, "force_refresh": force}
        answer = await self.request("POST", "/cgi-bin/stable_token", {}, json.dumps(body).encode())
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if isinstance(token, str) and 0 < len(token) <= 512 and isinstance(lasts, int) and 0 < lasts <= 86_400:
            return Fetched(token, timedelta(seconds=lasts))
        raise NoToken(errcode_of(answer), self._clock())

    async def request(self, method: str, path: str, query: Mapping[str, str], data: Any) -> dict[str, Any]:
        """The answer as JSON. `from None` throughout: the errors of the client hold the address, and that the token."""
        if self._session is None:
            self._session = _session(self._within)
        headers = {"Content-Type": "application/json"} if isinstance(data, bytes) else {}
        try:
            async with self._session.request(
                method, self._root + path, params=query, data=data, headers=headers, allow_redirects=False
            ) as response:
                status, raw = response.status, await _read(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise TryLater(SOON) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            log.warning("wechat call broke off", path=path, error=type(failure).__name__)
            raise TryLater(SOON, unsure=True) from None
        try:
            answer = json.loads(raw) if status == 200 else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            log.warning("wechat answered oddly", path=path, status=status)
            raise TryLater(SOON, unsure=True)
        return answer


def _session(within: timedelta) -> aiohttp.ClientSession:
    total = within.total_seconds()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CALLS_AT_ONCE),
        timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(total, CONNECT_WITHIN.total_seconds())),
        skip_auto_headers=("User-Agent",),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        raw += chunk
        if len(raw) > ANSWER_MAX:
            raise aiohttp.ClientPayloadError("too long")
    return bytes(raw)


def errcode_of(answer: Mapping[str, Any]) -> int:
    """0 for success, which many answers don't spell out; an odd value counts as busy."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) and not isinstance(code, bool) else -1
