"""A company's portal that asks for links, as docs/portal-api.md says: written from that page alone."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from time import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

SECRET = "rehearsal-portal-secret-0123456789ab"  # noqa: S105  invented, for this machine alone


class Unsigned(Exception):
    """The answer isn't signed as agreed."""


class PortalCalls:
    """Calls to the bot at `address` ("http://127.0.0.1:8080")."""

    def __init__(self, address: str, secret: str = SECRET, clock: Callable[[], float] = time) -> None:
        self._address, self._secret, self._clock = address, secret, clock

    async def link(self, account_id: str, logged_in_at: float) -> tuple[int, dict[str, Any]]:
        """Status and answer to the wish for a link."""
        return await self.ask("/bindings", {"account_id": account_id, "logged_in_at": int(logged_in_at)})

    async def confirm(self, link_id: str, digits: str) -> tuple[int, dict[str, Any]]:
        """Tells what number the chat shows."""
        return await self.ask(f"/bindings/{link_id}/confirm", {"digits": digits})

    async def state(self, link_id: str) -> str:
        """How a link stands."""
        _, told = await self.ask(f"/bindings/{link_id}/state", {})
        return str(told.get("state", "void"))

    async def chats(self, account_id: str) -> list[dict[str, Any]]:
        """The chats that are connected to the account."""
        _, told = await self.ask("/chats", {"account_id": account_id})
        return list(told.get("chats", []))

    async def unbind(self, account_id: str, chat_id: str) -> bool:
        """Ends a connection."""
        _, told = await self.ask(f"/chats/{chat_id}/unbind", {"account_id": account_id})
        return bool(told.get("unbound"))

    async def ask(self, path: str, what: Any) -> tuple[int, dict[str, Any]]:
        """Status and answer of one call. Raises Unsigned."""
        body, nonce, stamp = json.dumps(what).encode(), secrets.token_hex(16), str(int(self._clock()))
        url = f"{self._address}/api/portal{path}"
        headers = {
            "Content-Type": "application/json",
            "X-Clausebot-Timestamp": stamp,
            "X-Clausebot-Nonce": nonce,
            "X-Clausebot-Signature": self._hmac(
                "clausebot-request-v1", "POST", urlsplit(url).path, stamp, nonce, body=body
            ),
        }
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
            raw, stamp = await answer.read(), answer.headers.get("X-Clausebot-Timestamp", "")
            right = self._hmac("clausebot-answer-v1", str(answer.status), stamp, nonce, body=raw)
            if not hmac.compare_digest(right, answer.headers.get("X-Clausebot-Signature", "")):
                raise Unsigned
            return answer.status, json.loads(raw)

    def _hmac(self, *lines: str, body: bytes) -> str:
        text = "\n".join([*lines, hashlib.sha256(body).hexdigest()])
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
