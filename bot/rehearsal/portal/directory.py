"""A company's account system as docs/portal-api.md asks for it, written from that page alone.

It shares no code with the client, so that two programs which agree about a signature agree with the page.
Call "accounts/find" in a script of faults; `refuse` takes an HTTP status. `lies` are answers that are signed and untrue.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
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

SECRET = "rehearsal-accounts-secret-0123456789"  # noqa: S105  invented, for this machine alone
NONCES_KEPT = 10_000
APART_MOST = 300
"""Seconds between the clocks."""
FIND = "accounts/find"
ACCOUNTS_MOST = 8

Data = Mapping[str, Any]


class Lie(StrEnum):
    """What a system may do wrong although it holds the secret, or pretends to."""

    UNSIGNED = "unsigned"
    WRONG_SECRET = "wrong-secret"  # noqa: S105  the name of a lie
    ANOTHER_BODY = "another-body"
    """Signed, then changed on the way."""
    REPLAYED = "replayed"
    """Signed for another nonce: an answer of before."""
    OLD_TIME = "old-time"
    SOMEBODY_ELSE = "somebody-else"
    """An account that wasn't asked for."""
    TOLD = "told"
    """Whatever `told` says, correctly signed."""


class AccountsStandIn:
    """A company's accounts on this machine. `app` is its ASGI application."""

    def __init__(
        self,
        accounts: tuple[Data, ...] = (),
        *,
        secret: str = SECRET,
        script: Script | None = None,
        clock: Callable[[], float] = time,
        prefix: str = "",
    ) -> None:
        """`accounts` are as the API tells them; `clock` in Unix seconds; `prefix` is what ACCOUNTS_URL ends with."""
        self.accounts = list(accounts)
        self.secret, self.told = secret, b""
        self.lie: Lie | None = None
        self.refused: list[str] = []
        """Why questions were turned away."""
        self.control = Control(script)
        self._clock, self._nonces = clock, dict[str, None]()
        self.app = Starlette(
            routes=[Route(f"{prefix}/v1/{FIND}", _Edge(self)), *self.control.routes],
            middleware=[Middleware(OwnMachineOnly)],
        )

    async def close(self) -> None:
        """Nothing runs on beside the calls."""

    def answer(self, request: Request, body: bytes) -> Said:
        """The answer to one question: 401 to one that isn't signed as agreed."""
        if why := self._wrong(request, body):
            self.refused.append(why)
            return Said({"error": why}, 401)
        question = json.loads(body)
        found = self.accounts if self.lie is Lie.SOMEBODY_ELSE else [a for a in self.accounts if _matches(a, question)]
        raw = (
            self.told
            if self.lie is Lie.TOLD
            else json.dumps({"accounts": sorted(found, key=_is_closed)[:ACCOUNTS_MOST]}).encode()
        )
        return Said(None, raw=raw, headers=self._signed(request.headers["x-clausebot-nonce"], raw)) if raw else Said({})

    def _wrong(self, request: Request, body: bytes) -> str:
        nonce, stamp = (request.headers.get(f"x-clausebot-{name}", "") for name in ("nonce", "timestamp"))
        if not stamp.isdecimal() or abs(int(stamp) - self._clock()) > APART_MOST:
            return "timestamp"
        if len(nonce) != 32 or nonce in self._nonces:
            return "nonce"
        text = "\n".join(["clausebot-request-v1", "POST", request.url.path, stamp, nonce, _digest(body)])
        if not hmac.compare_digest(self._hmac(text), request.headers.get("x-clausebot-signature", "")):
            return "signature"
        self._nonces[nonce] = None
        if len(self._nonces) > NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]
        return ""

    def _signed(self, nonce: str, raw: bytes) -> tuple[tuple[str, str], ...]:
        stamp = int(self._clock()) - (2 * APART_MOST if self.lie is Lie.OLD_TIME else 0)
        nonce = "0" * 32 if self.lie is Lie.REPLAYED else nonce
        raw = raw + b" " if self.lie is Lie.ANOTHER_BODY else raw
        text = "\n".join(["clausebot-answer-v1", "200", str(stamp), nonce, _digest(raw)])
        signature = self._hmac(text, "another" * 6 if self.lie is Lie.WRONG_SECRET else self.secret)
        signed = (("X-Clausebot-Timestamp", str(stamp)), ("X-Clausebot-Signature", signature))
        return () if self.lie is Lie.UNSIGNED else signed

    def _hmac(self, text: str, secret: str = "") -> str:
        return hmac.new((secret or self.secret).encode(), text.encode(), hashlib.sha256).hexdigest()


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _is_closed(account: Data) -> bool:
    return bool(account["state"] == "closed")


def _matches(account: Data, question: Data) -> bool:
    wanted = question.get("contact")
    return account["account_id"] == question.get("account_id") or any(
        wanted == {"kind": contact["kind"], "value": contact["value"]} for contact in account["contacts"]
    )


class _Edge:
    """The one call of the API."""

    def __init__(self, stand_in: AccountsStandIn) -> None:
        self._stand_in = stand_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()

        async def run(call: Call) -> Said:
            return self._stand_in.answer(request, body) if request.method == "POST" else Said({}, 405)

        # What was asked for is not written into the journal: it would hold what people typed.
        await answer_call(
            self._stand_in.control,
            Connection(scope, receive, send),
            FIND,
            "",
            {},
            run,
            lambda fault: Said({}, fault.code),
        )
