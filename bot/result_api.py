"""Results that the company's own systems send in, signed (docs/webhooks.md).

POST /api/orders/{number}/result    a file for the person, as it is, in the body

Who sent it is known before a byte of the file is read; a request counts once by its nonce, and what it does is done once
by its key: the same key again within seven days gets the same answer.
"""

import asyncio
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.core.clock import Clock
from bot.core.file_kinds import kind_of, tidy_file_name
from bot.core.numbers import tidy
from bot.core.order.guards import was_signed, was_verified
from bot.core.order.moves import Actor, NotAllowed, State
from bot.core.order.papers import FILE_MOST
from bot.core.requests import Requests
from bot.webhook_signing import DIGEST, KEY, NAME, NONCE, SIGNATURE, TIMESTAMP, secret_of, sign_answer, sign_result
from knowledge.rights import Right, rights
from storage.engine import Database
from storage.errors import StorageError
from storage.stores.webhooks import Taken
from storage.work import Work

PREFIX = "/api/orders/"
CLOCKS_DIFFER = timedelta(seconds=300)
"""Older or newer requests are replays. Their nonces are remembered for twice as long."""
READ_WITHIN = 60
"""Seconds for the body of a request."""
AT_ONCE = 2
"""Files that are read at the same time: 20 MB each, and as much again sealed."""
COMPANY = Actor("company")
_NONCE, _KEY = re.compile(r"[0-9a-f]{32}"), re.compile(r"[A-Za-z0-9._-]{16,64}")
_DIGEST, _NAME = re.compile(r"[0-9a-f]{64}"), re.compile(r"[!-~]{1,400}")

log = structlog.get_logger(__name__)


class Wrong(Exception):
    """A request that is not taken: a status, and one word of why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True, slots=True)
class Sent:
    """A request whose signature is right. `name` as in its header, `secret`: what it was signed with."""

    number: str
    nonce: str
    key: str
    digest: str
    name: str
    secret: str = field(repr=False)

    @property
    def meaning(self) -> str:
        """What a key stands for: the same key with anything else is a mistake."""
        return hashlib.sha256(f"{self.number}\n{self.digest}\n{self.name}".encode()).hexdigest()


class ResultApi:
    """The one call of the company's systems."""

    def __init__(
        self, secret: str, database: Database, requests: Requests, clock: Clock, *, secret_old: str = ""
    ) -> None:
        """`secret_old`: the one before, taken too while it is changed."""
        self._secrets = [one for one in (secret, secret_old) if one]
        self._database, self._requests, self._clock = database, requests, clock
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def routes(self) -> list[Route]:
        """To be mounted beside the others; its path has a cap of its own for the body."""
        return [Route(PREFIX + "{number}/result", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        sent: Sent | None = None
        try:
            sent = self._signed(request)
            async with self._slots, asyncio.timeout(READ_WITHIN):
                body = await _read(request, sent.digest)
                status, told = await asyncio.to_thread(self._run, sent, body)
        except Wrong as wrong:
            log.warning("a result was refused", why=wrong.why)
            status, told = wrong.status, {"error": wrong.why}
        except TimeoutError:
            status, told = 408, {"error": "slow"}
        except ClientDisconnect:
            status, told = 400, {"error": "body"}
        except StorageError as busy:
            log.warning("a result was put off", error=type(busy).__name__)
            status, told = 503, {"error": "busy"}
        raw = json.dumps(told).encode()
        stamp = int(self._clock().timestamp())
        headers = {}
        if sent:  # With the secret of who asks: both know it.
            signature = sign_answer(sent.secret, status, stamp, sent.nonce, raw)
            headers = {TIMESTAMP: str(stamp), SIGNATURE: signature}
        return Response(raw, status, headers, "application/json")

    def _signed(self, request: Request) -> Sent:
        """The request, its signature looked at before its body is. Raises Wrong."""
        names = (NONCE, TIMESTAMP, SIGNATURE, KEY, DIGEST, NAME)
        values = [request.headers.getlist(name) for name in names]
        if any(len(one) != 1 for one in values):
            raise Wrong(401, "signature")
        nonce, stamp, signature, key, digest, name = (one[0] for one in values)
        shaped = _NONCE.fullmatch(nonce) and _KEY.fullmatch(key) and _DIGEST.fullmatch(digest) and _NAME.fullmatch(name)
        if not shaped or not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise Wrong(401, "signature")
        path, at = request.url.path, int(stamp)
        secret = secret_of(self._secrets, lambda one: sign_result(one, path, at, nonce, key, name, digest), signature)
        if secret is None:
            raise Wrong(401, "signature")
        if abs(int(stamp) - self._clock().timestamp()) > CLOCKS_DIFFER.total_seconds():
            raise Wrong(401, "timestamp")
        number = tidy(str(request.path_params["number"]))
        if number is None:
            raise Wrong(404, "order")
        return Sent(number, nonce, key, digest, name, secret)

    def _run(self, sent: Sent, body: bytes) -> tuple[int, dict[str, Any]]:
        now = self._clock()
        with self._database.work() as work:  # By itself, so that a refused request counts once, too.
            if work.bindings.seen_nonce(sent.nonce, now):
                raise Wrong(409, "nonce")
        with self._database.work() as work:
            # Held to the end, so that nobody signs for the order meanwhile, and of two with one key one waits.
            order = work.orders.get(sent.number, hold=True)
            if order is None or not was_verified(order):
                raise Wrong(404, "order")
            if taken := work.webhooks.taken(sent.key):
                if taken.digest != sent.meaning:
                    raise Wrong(409, "key")
                return taken.status, json.loads(taken.answer)
            told = self._attach(work, order.number, unquote(sent.name, errors="replace"), body, now)
            work.webhooks.keep(sent.key, order.id, Taken(sent.meaning, 201, json.dumps(told)), now)
            return 201, told

    def _attach(self, work: Work, number: str, name: str, body: bytes, now: datetime) -> dict[str, Any]:
        """Puts the file on the order, for the person. Raises Wrong."""
        orders = self._requests.orders(work, now)
        order = orders.get(number)
        if not rights()[Right(order.right)].discloses or order.state not in (State.OPEN, State.IN_PROGRESS):
            raise Wrong(409, "state")
        if was_signed(order):
            raise Wrong(409, "decided")
        kind = kind_of(body) if body else None
        if kind is None or not kind.for_person:
            raise Wrong(415, "kind")
        plain = tidy_file_name(name, kind)
        try:
            orders.attach(order, COMPANY, plain, kind.media_type, body, internal=False)
        except NotAllowed as refused:
            raise Wrong(409, refused.why) from None
        return {"order": order.number, "media_type": kind.media_type, "bytes": len(body)}


async def _read(request: Request, digest: str) -> bytes:
    """The body, if it is the one that was signed. Raises Wrong."""
    read, seen = bytearray(), hashlib.sha256()
    async for piece in request.stream():
        if len(read) + len(piece) > FILE_MOST:
            raise Wrong(413, "too_big")
        read += piece
        seen.update(piece)
    if seen.hexdigest() != digest:
        raise Wrong(401, "digest")
    return bytes(read)
