"""The company's end of the webhooks, written from docs/webhooks.md alone: takes news, sends results in.

Call "news" in a script of faults; `refuse` takes an HTTP status.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.rehearsal.control import Control, OwnMachineOnly
from bot.rehearsal.edge import Said, answer_call
from bot.rehearsal.faults import Script
from bot.rehearsal.journal import Call
from bot.rehearsal.serving import Connection

SECRET = "rehearsal-webhook-secret-0123456789abcdef"  # noqa: S105  invented, for this machine alone
PATH = "/clausebot"
APART_MOST = 300
"""Seconds between the clocks."""


class WebhookReceiver:
    """A system of the company's on this machine. `app` is its ASGI application, `news` is what it took, oldest first."""

    def __init__(
        self, *, secret: str = SECRET, script: Script | None = None, clock: Callable[[], float] = time
    ) -> None:
        self.secret, self.news = secret, list[dict[str, Any]]()
        self.refused, self.repeated = list[str](), 0
        """Why calls were turned away; how many brought what was there already."""
        self.control = Control(script)
        self._clock, self._nonces, self._keys = clock, set[str](), set[str]()
        self.app = Starlette(
            routes=[Route(PATH, _Edge(self)), *self.control.routes], middleware=[Middleware(OwnMachineOnly)]
        )

    async def close(self) -> None:
        """Nothing is kept open."""

    def take(self, headers: Mapping[str, str], path: str, body: bytes) -> Said:
        """What becomes of one call."""
        if why := self._wrong(headers, path, body):
            self.refused.append(why)
            return Said({"error": why}, 401)
        key = headers["idempotency-key"]
        if key in self._keys:
            self.repeated += 1
            return Said({"taken": "before"}, 200)
        self._keys.add(key)
        self.news.append(json.loads(body))
        self.control.journal.changed()
        return Said({"taken": "now"}, 200)

    def result(self, number: str, name: str, body: bytes, *, key: str = "", nonce: str = "", at: int = 0) -> Any:
        """(path, headers) of a request that sends a file in; the body is the file."""
        path, stamp = f"/api/orders/{number}/result", str(at or int(self._clock()))
        key, nonce, digest = (
            key or secrets.token_hex(16),
            nonce or secrets.token_hex(16),
            hashlib.sha256(body).hexdigest(),
        )
        named = quote(name, safe="")
        headers = {
            "X-Clausebot-Timestamp": stamp,
            "X-Clausebot-Nonce": nonce,
            "X-Clausebot-Digest": digest,
            "X-Clausebot-Name": named,
            "Idempotency-Key": key,
            "X-Clausebot-Signature": self._mac("clausebot-result-v1", "POST", path, stamp, nonce, key, named, digest),
        }
        return path, headers

    def _wrong(self, headers: Mapping[str, str], path: str, body: bytes) -> str:
        nonce, stamp = (headers.get(f"x-clausebot-{name}", "") for name in ("nonce", "timestamp"))
        key = headers.get("idempotency-key", "")
        if not stamp.isdecimal() or abs(int(stamp) - self._clock()) > APART_MOST:
            return "timestamp"
        if len(nonce) != 32 or nonce in self._nonces:
            return "nonce"
        digest = hashlib.sha256(body).hexdigest()
        right = self._mac("clausebot-event-v1", "POST", path, stamp, nonce, key, digest)
        given = [headers.get(f"x-clausebot-signature{which}", "") for which in ("", "-old")]
        fitting = [hmac.compare_digest(right.encode(), one.encode()) for one in given]
        if not any(fitting):
            return "signature"
        self._nonces.add(nonce)
        return ""

    def _mac(self, *lines: str) -> str:
        return hmac.new(self.secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


class _Edge:
    def __init__(self, receiver: WebhookReceiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()

        async def run(call: Call) -> Said:
            if request.method != "POST":
                return Said({}, 405)
            return self._receiver.take(request.headers, request.url.path, body)

        nothing: dict[str, Any] = {}
        await answer_call(
            self._receiver.control,
            Connection(scope, receive, send),
            "news",
            "",
            nothing,
            run,
            lambda fault: Said({}, fault.code),
        )
