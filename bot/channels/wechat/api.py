"""Calls to WeChat. Every call ends within ten seconds, and no error carries an address, a token or a secret.

What an answer means is found out here: raises TryLater (`unsure` when it may have been taken all the same),
Unreachable and Refused, as bot/core/errors.py has them.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

import aiohttp
import structlog

from bot.channels.wechat.errcodes import TOKEN_REFUSED, failure_of
from bot.channels.wechat.settings import WeChatSettings
from bot.channels.wechat.tokens import Fetched, Tokens
from bot.core.clock import Clock
from bot.core.errors import Refused, TryLater
from storage.engine import Database

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


class Api:
    """WeChat's API for one account. Belongs to one event loop."""

    def __init__(
        self, settings: WeChatSettings, database: Database, clock: Clock, *, call_within: timedelta = CALL_WITHIN
    ) -> None:
        self._settings, self._clock, self._within = settings, clock, call_within
        self._root = settings.api_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self.tokens = Tokens(settings.app_id, database, clock, self._stable_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()
            self._session = None

    # ---- messages to one person

    async def send_text(self, user: str, text: str) -> None:
        """A customer-service message (custom/send): within the windows that a person's contact opens."""
        await self.call("/cgi-bin/message/custom/send", {"touser": user, "msgtype": "text", "text": {"content": text}})

    async def send_template(
        self, user: str, template_id: str, values: Mapping[str, str], *, link: str = "", client_msg_id: str = ""
    ) -> str:
        """A template message (template/send); WeChat's number for it. The same `client_msg_id` to the same person takes
        effect once within ten minutes."""
        body: dict[str, Any] = {"touser": user, "template_id": template_id, "data": _data(values)}
        body |= {"url": link} if link else {}
        body |= {"client_msg_id": client_msg_id} if client_msg_id else {}
        return str((await self.call("/cgi-bin/message/template/send", body)).get("msgid", ""))

    async def send_subscribed(self, user: str, template_id: str, values: Mapping[str, str], *, page: str = "") -> None:
        """A message that the person subscribed to (message/subscribe/bizsend)."""
        body: dict[str, Any] = {"touser": user, "template_id": template_id, "data": _data(values)}
        await self.call("/cgi-bin/message/subscribe/bizsend", body | ({"page": page} if page else {}))

    # ---- the account

    async def put_menu(self, buttons: list[dict[str, Any]]) -> None:
        """Publishes the menu (menu/create): people see it within five minutes, or at once when they follow anew."""
        await self.call("/cgi-bin/menu/create", {"button": buttons})

    async def menu(self) -> list[dict[str, Any]]:
        """The buttons that are published (menu/get); none where there is no menu."""
        try:
            found = await self.call("/cgi-bin/menu/get")
        except Refused as refused:
            if refused.reason == "46003":  # No menu yet.
                return []
            raise
        buttons = found.get("menu", {}).get("button", [])
        return [button for button in buttons if isinstance(button, dict)] if isinstance(buttons, list) else []

    async def user(self, user: str, language: str = "zh_CN") -> dict[str, Any]:
        """What WeChat tells of a person (user/info): whether they follow, and since when."""
        return await self.call("/cgi-bin/user/info", query={"openid": user, "lang": language})

    async def upload(self, kind: str, name: str, content: bytes, content_type: str) -> str:
        """Keeps an image, voice, video or thumb for three days (media/upload); its media id."""

        def form() -> aiohttp.FormData:  # Anew for each try: a form is used up by sending it.
            data = aiohttp.FormData()
            data.add_field("media", content, filename=name, content_type=content_type)
            return data

        found = await self._with_token("POST", "/cgi-bin/media/upload", {"type": kind}, form)
        return str(found.get("media_id", ""))

    # ---- one call

    async def call(
        self, path: str, body: Mapping[str, Any] | None = None, *, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """One call with the token: POST with a body, else GET. Raises TryLater, Unreachable, Refused."""
        # Not escaped: WeChat shows \\u escapes to people as they are.
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        return await self._with_token("POST" if raw is not None else "GET", path, query or {}, lambda: raw)

    async def _with_token(self, method: str, path: str, query: Mapping[str, str], data: Any) -> dict[str, Any]:
        """Calls; with a token that is refused once more with a new one, and never again."""
        token = await self.tokens.get()
        for is_last in (False, True):
            answer = await self._request(method, path, {"access_token": token, **query}, data())
            errcode = _errcode(answer)
            if errcode == 0:
                return answer
            if errcode not in TOKEN_REFUSED or is_last:
                break
            log.warning("wechat token refused", code=errcode)
            token = await self.tokens.renew(token)
        log.warning("wechat call refused", path=path, code=errcode)
        raise failure_of(errcode, self._clock())

    async def _stable_token(self, force: bool) -> Fetched:
        body: dict[str, Any] = {"grant_type": "client_credential", "appid": self._settings.app_id}
        body |= {"secret": self._settings.app_secret, "force_refresh": force}
        answer = await self._request("POST", "/cgi-bin/stable_token", {}, json.dumps(body).encode())
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if isinstance(token, str) and 0 < len(token) <= 512 and isinstance(lasts, int) and 0 < lasts <= 86_400:
            return Fetched(token, timedelta(seconds=lasts))
        raise NoToken(_errcode(answer), self._clock())

    async def _request(self, method: str, path: str, query: Mapping[str, str], data: Any) -> dict[str, Any]:
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


def _errcode(answer: Mapping[str, Any]) -> int:
    """0 for success, which many answers don't spell out; an odd value counts as busy."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) and not isinstance(code, bool) else -1


def _data(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in values.items()}
