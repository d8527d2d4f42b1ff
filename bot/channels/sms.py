"""SMS: short texts to a phone, by the company's gateway over HTTP in one documented, signed form (docs/sms-gateway.md).

A gateway of any make fits behind a few lines that translate. The same reference again is the same message: a gateway takes it
and sends nothing.
"""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.clock import Clock
from bot.core.contacts import Kind, one_form
from bot.core.errors import DeliveryError, Misconfigured, Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from bot.directory.settings import SECRET_LEAST
from bot.directory.signing import NONCE, SIGNATURE, TIMESTAMP, sign_request
from knowledge.normal import visible

NAME = "sms"
WITHIN = timedelta(seconds=8)
SOON, LATER, MISCONFIGURED = timedelta(seconds=30), timedelta(seconds=60), timedelta(minutes=5)
TEXT_MAX = 500
"""Characters, some seven short messages of Chinese. What is longer is cut: nothing of ours is."""
WAIT_MOST = timedelta(hours=1)
ANSWER_MAX = 16 * 1024
"""Bytes."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Fill = Callable[[Reply], AbstractAsyncContextManager[Reply]]
"""Puts a code into a message just before it is sent (bot/core/code_sending.py)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The gateway. Raises Misconfigured with every problem."""

    url: str
    """Where messages are posted: https, or http on this machine alone."""
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        problems = []
        try:
            parts = urlsplit(self.url)
            there, _ = parts.hostname, parts.port
        except ValueError:
            parts, there = urlsplit(""), None
        if parts.scheme not in ("https", "http") or not there or parts.query or parts.fragment or parts.username:
            problems.append("SMS_URL: must look like https://sms.example.com/clausebot")
        elif parts.scheme == "http" and there not in _LOOPBACK:
            problems.append("SMS_URL: must be https: phone numbers and codes travel there")
        if len(self.secret) < SECRET_LEAST or not self.secret.isascii() or self.secret != self.secret.strip():
            problems.append(
                f"SMS_SECRET: must be at least {SECRET_LEAST} letters and digits; openssl rand -hex 32 makes one"
            )
        if problems:
            raise Misconfigured(problems)


class Sms:
    """One gateway as a channel: people are named by their number, "+8613800000000"."""

    name = NAME
    limits = Limits(text_max=TEXT_MAX, per_second=10, per_address=0.2, buttons=False, address_burst=3)

    def __init__(self, settings: SmsSettings, fill: Fill, clock: Clock) -> None:
        self._settings, self._fill, self._clock = settings, fill, clock
        self._session: aiohttp.ClientSession | None = None

    def routes(self, door: Door) -> Sequence[Any]:
        """Nothing: answers by SMS are not read."""
        return ()

    async def open(self) -> None:
        """Asks nothing, so that the rest starts without the gateway too."""

    async def close(self) -> None:
        """Ends the connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        """Hands one message to the gateway. Raises TryLater, Unreachable, Refused."""
        if one_form(Kind.PHONE, address.user) != address.user:
            raise Unreachable("no_number")
        async with self._fill(reply) as filled:
            said = visible(filled.text)
            link = f" {filled.link}" if filled.link else ""
            room = TEXT_MAX - len(link)
            text = (said if len(said) <= room else f"{said[: room - 1]}…") + link
            body = json.dumps({"to": address.user, "text": text, "reference": reference(reply, address.user)})
            try:
                status, wait, answer = await self._post(body.encode())
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
                raise TryLater(SOON, halts="everyone") from None  # It never got there.
            except (aiohttp.ClientError, OSError, TimeoutError) as broken:
                log.warning("sms gateway broke off", error=type(broken).__name__)
                raise TryLater(SOON, unsure=True, halts="everyone") from None
            if failure := _meaning(status, wait):
                raise failure
        return Receipt(_id(answer))

    async def _post(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, Retry-After and body of the answer. Redirects are not followed, nothing is tried twice."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=16, force_close=True), cookie_jar=aiohttp.DummyCookieJar()
            )
        own, nonce, stamp = self._settings, secrets.token_hex(16), int(self._clock().timestamp())
        path = urlsplit(own.url).path or "/"
        headers = {
            "Content-Type": "application/json",
            NONCE: nonce,
            TIMESTAMP: str(stamp),
            SIGNATURE: sign_request(own.secret, "POST", path, stamp, nonce, body),
        }
        limit = aiohttp.ClientTimeout(total=WITHIN.total_seconds())
        async with (
            asyncio.timeout(WITHIN.total_seconds()),
            self._session.post(own.url, data=body, headers=headers, allow_redirects=False, timeout=limit) as answer,
        ):
            said = await answer.content.read(ANSWER_MAX)
            return answer.status, answer.headers.get("Retry-After", ""), said


def reference(reply: Reply, to: str) -> str:
    """The same for every try at one message to one number, 32 hexadecimal digits; tells nothing."""
    named = reply.reference or reply.text
    return hashlib.sha256(f"{named}\0{to}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _meaning(status: int, wait: str) -> DeliveryError | None:
    """What the gateway's status means; None when it took the message (409: it had it already)."""
    match status:
        case 200 | 201 | 202 | 204 | 409:
            return None
        case 404 | 410 | 422:
            return Unreachable(f"sms_{status}")
        case 401 | 403:
            log.error("sms gateway doesn't believe our signature", setting="SMS_SECRET", status=status)
            return TryLater(MISCONFIGURED, halts="everyone")
        case 429 | 503:
            told = wait.isascii() and wait.isdecimal() and len(wait) < 6
            after = min(timedelta(seconds=int(wait)), WAIT_MOST) if told else LATER
            return TryLater(after, halts="everyone")
        case _ if status >= 500:
            return TryLater(LATER, unsure=True, halts="everyone")
        case _:
            log.error("sms gateway refuses a message", status=status, setting="SMS_URL")
            return Refused(f"sms_{status}")


def _id(said: bytes) -> str:
    """The gateway's own name for the message, "" when it gives none."""
    try:
        name = json.loads(said).get("id", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return name[:100] if isinstance(name, str) else ""
