"""An SMS gateway as docs/sms-gateway.md describes it, written from that page alone: it sends nothing and keeps what it got.

Call "sms" in a script of faults; `refuse` takes an HTTP status.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any

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

SECRET = "rehearsal-sms-secret-0123456789abcdef"  # noqa: S105  invented, for this machine alone
PATH = "/sms"
APART_MOST = 300
"""Seconds between the clocks."""


@dataclass(frozen=True, slots=True)
class Text:
    """A message that a phone would have got."""

    to: str
    text: str
    reference: str
    at: float


class SmsStandIn:
    """A gateway on this machine. `app` is its ASGI application, `texts` is what went out, oldest first."""

    def __init__(
        self, *, secret: str = SECRET, script: Script | None = None, clock: Callable[[], float] = time
    ) -> None:
        self.secret, self.texts = secret, list[Text]()
        self.refused = list[str]()
        """Why calls were turned away."""
        self.unknown = set[str]()
        """Numbers that nobody has."""
        self.control = Control(script)
        self._clock, self._nonces = clock, set[str]()
        self.app = Starlette(
            routes=[Route(PATH, _Edge(self)), *self.control.routes], middleware=[Middleware(OwnMachineOnly)]
        )

    def take(self, request: Request, body: bytes) -> Said:
        """What becomes of one call."""
        if why := self._wrong(request, body):
            self.refused.append(why)
            return Said({"error": why}, 401)
        asked = json.loads(body)
        to, text, reference = asked["to"], asked["text"], asked["reference"]
        if to in self.unknown:
            return Said({"error": "no such number"}, 422)
        if any(sent.reference == reference for sent in self.texts):
            return Said({"error": "had this one"}, 409)
        self.texts.append(Text(to, text, reference, self._clock()))
        self.control.journal.changed()
        return Said({"id": f"sms-{len(self.texts)}"}, 202)

    def _wrong(self, request: Request, body: bytes) -> str:
        nonce, stamp = (request.headers.get(f"x-clausebot-{name}", "") for name in ("nonce", "timestamp"))
        if not stamp.isdecimal() or abs(int(stamp) - self._clock()) > APART_MOST:
            return "timestamp"
        if len(nonce) != 32 or nonce in self._nonces:
            return "nonce"
        digest = hashlib.sha256(body).hexdigest()
        lines = "\n".join(["clausebot-request-v1", "POST", request.url.path, stamp, nonce, digest])
        right = hmac.new(self.secret.encode(), lines.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, request.headers.get("x-clausebot-signature", "")):
            return "signature"
        self._nonces.add(nonce)
        return ""


class _Edge:
    def __init__(self, stand_in: SmsStandIn) -> None:
        self._stand_in = stand_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()

        async def run(call: Call) -> Said:
            return self._stand_in.take(request, body) if request.method == "POST" else Said({}, 405)

        # Neither number nor text is written into the journal.
        nothing: dict[str, Any] = {}
        await answer_call(
            self._stand_in.control,
            Connection(scope, receive, send),
            "sms",
            "",
            nothing,
            run,
            lambda fault: Said({}, fault.code),
        )
