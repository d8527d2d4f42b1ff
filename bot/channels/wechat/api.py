"""Calls to WeChat with the account's token. What an answer means is found out here: raises TryLater (`unsure` when it
may have been taken all the same), Unreachable and Refused, as bot/core/errors.py has them.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

import aiohttp
import structlog

from bot.channels.wechat.errcodes import TOKEN_REFUSED, failure_of
from bot.channels.wechat.line import CALL_WITHIN, Line, errcode_of
from bot.channels.wechat.settings import WeChatSettings
from bot.channels.wechat.tokens import Tokens
from bot.core.clock import Clock
from bot.core.errors import Refused
from storage.engine import Database

log = structlog.get_logger(__name__)


class Api:
    """WeChat's API for one account. Belongs to one event loop."""

    def __init__(
        self, settings: WeChatSettings, database: Database, clock: Clock, *, call_within: timedelta = CALL_WITHIN
    ) -> None:
        self._clock, self._line = clock, Line(settings, clock, call_within)
        self.tokens = Tokens(settings.app_id, database, clock, self._line.stable_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._line.close()

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
            answer = await self._line.request(method, path, {"access_token": token, **query}, data())
            errcode = errcode_of(answer)
            if errcode == 0:
                return answer
            if errcode not in TOKEN_REFUSED or is_last:
                break
            log.warning("wechat token refused", code=errcode)
            token = await self.tokens.renew(token)
        log.warning("wechat call refused", path=path, code=errcode)
        raise failure_of(errcode, self._clock())


def _data(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"value": value} for name, value in values.items()}
