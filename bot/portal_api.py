"""What the company's portal asks of us, signed both ways: links that connect a chat to an account (docs/portal-api.md).

POST /api/portal/bindings                {"account_id", "logged_in_at"}   a one-time link
POST /api/portal/bindings/{id}/confirm   {"digits"}                       what the chat shows; answered with what the portal shows
POST /api/portal/bindings/{id}/state     {}                               how the link stands
POST /api/portal/chats                   {"account_id"}                   the chats that are connected
POST /api/portal/chats/{id}/unbind       {"account_id"}                   ends a connection
"""

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.core.binding import Bindings, Offered, Refusal, Shown
from bot.core.clock import Clock
from bot.core.codes import Codes
from bot.core.contacts import account_id
from bot.core.errors import Misconfigured
from bot.directory.settings import SECRET_LEAST
from bot.directory.signing import NONCE, SIGNATURE, TIMESTAMP, sign_answer, sign_request
from storage.engine import Database
from storage.errors import StorageError

PREFIX = "/api/portal"
CLOCKS_DIFFER = timedelta(seconds=300)
NONCE_FOR = timedelta(minutes=10)
"""How long a nonce is remembered: twice as long as a timestamp is taken for."""
_NONCE = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_STATUS = {Refusal.TOO_OLD: 403, Refusal.TOO_MANY: 429, Refusal.VOID: 410}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """The secret that the company's portal signs with. Raises Misconfigured with every problem."""

    secret: str = field(repr=False)
    secret_old: str = field(default="", repr=False)
    """The one before, taken while it is changed."""

    def __post_init__(self) -> None:
        problems = [
            f"{name}: must be at least {SECRET_LEAST} letters and digits; openssl rand -hex 32 makes one"
            for name, secret in (("PORTAL_SECRET", self.secret), ("PORTAL_SECRET_OLD", self.secret_old))
            if secret and (len(secret) < SECRET_LEAST or not secret.isascii() or secret != secret.strip())
        ]
        if not self.secret:
            problems.append("PORTAL_SECRET: is missing; PORTAL_SECRET_OLD alone connects nobody")
        if problems:
            raise Misconfigured(problems)


@dataclass(frozen=True, slots=True)
class Links:
    """Where a link leads. `telegram_name`: the bot's name without @; "" where there is none."""

    public_url: str = ""
    telegram_name: str = ""
    has_wechat: bool = False

    def to(self, token: str) -> dict[str, str]:
        """A way into each chat; "typed" is what a person can write in any of them."""
        ways = {"typed": f"/start {token}"}
        if self.public_url:
            ways["web"] = f"{self.public_url}/?start={token}"
        if self.telegram_name:
            ways["telegram"] = f"https://t.me/{self.telegram_name}?start={token}"
        if self.has_wechat:
            ways["wechat_scene"] = token
        return ways


class Wrong(Exception):
    """A request that is not taken: a status, and one word of why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


Told = tuple[int, dict[str, Any]]
"""Status and JSON of an answer."""
Answering = Callable[[Bindings, dict[str, Any], str], Told]


class PortalApi:
    """The calls of the company's portal."""

    def __init__(
        self, settings: PortalSettings, database: Database, codes: Codes, clock: Clock, links: Links | None = None
    ) -> None:
        self._secrets = [secret for secret in (settings.secret, settings.secret_old) if secret]
        self._database, self._codes, self._clock, self._links = database, codes, clock, links or Links()

    @property
    def routes(self) -> list[BaseRoute]:
        """To be mounted beside the channels'."""
        ways: dict[str, Answering] = {
            "/bindings": self._offer,
            "/bindings/{id}/confirm": self._confirm,
            "/bindings/{id}/state": self._state,
            "/chats": self._chats,
            "/chats/{id}/unbind": self._unbind,
        }
        return [Route(PREFIX + path, self._endpoint(way), methods=["POST"]) for path, way in ways.items()]

    # ---- what is asked

    def _offer(self, bindings: Bindings, asked: dict[str, Any], _: str) -> Told:
        account, seconds = _account(asked, frozenset({"logged_in_at"})), asked["logged_in_at"]
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 < seconds < 10**11:
            raise Wrong(400, "logged_in_at")
        offer = bindings.offer(account, datetime.fromtimestamp(seconds, UTC))
        if isinstance(offer, Offered):
            expires_at = _time(offer.expires_at)
            return 200, {
                "id": offer.id,
                "token": offer.token,
                "links": self._links.to(offer.token),
                "expires_at": expires_at,
            }
        return _refused(offer)

    def _confirm(self, bindings: Bindings, asked: dict[str, Any], public_id: str) -> Told:
        if set(asked) != {"digits"} or not isinstance(asked["digits"], str):
            raise Wrong(400, "digits")
        shown = bindings.confirm(public_id, asked["digits"])
        if isinstance(shown, Shown):
            return 200, {"state": "matched", "digits": shown.digits, "expires_at": _time(shown.expires_at)}
        return _refused(shown)

    def _state(self, bindings: Bindings, asked: dict[str, Any], public_id: str) -> Told:
        if asked:
            raise Wrong(400, "body")
        return 200, {"state": bindings.state(public_id)}

    def _chats(self, bindings: Bindings, asked: dict[str, Any], _: str) -> Told:
        chats = bindings.of_account(_account(asked))
        told = [{"id": chat.public_id, "channel": chat.channel, "bound_at": _time(chat.bound_at)} for chat in chats]
        return 200, {"chats": told}

    def _unbind(self, bindings: Bindings, asked: dict[str, Any], public_id: str) -> Told:
        return 200, {"unbound": bindings.unbind_at_portal(_account(asked), public_id)}

    # ---- the edge

    def _endpoint(self, way: Answering) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            body = await request.body()
            nonce, secret = "", ""
            try:
                nonce, secret = self._signer(request, body)
                status, told = await asyncio.to_thread(
                    self._run, way, nonce, body, str(request.path_params.get("id", ""))
                )
            except Wrong as wrong:
                log.warning("portal refused", why=wrong.why)
                status, told = wrong.status, {"error": wrong.why}
            except StorageError as busy:
                log.warning("portal put off", error=type(busy).__name__)
                status, told = 503, {"error": "busy"}
            raw = json.dumps(told).encode()
            headers = self._signed(secret, status, nonce, raw) if secret else {}
            return Response(raw, status, headers, "application/json")

        return answer

    def _run(self, way: Answering, nonce: str, body: bytes, public_id: str) -> Told:
        asked = _read(body)
        if public_id and not _ID.fullmatch(public_id):
            raise Wrong(404, "id")
        now = self._clock()
        with self._database.work() as work:
            if work.bindings.seen_nonce(nonce, now):
                raise Wrong(409, "nonce")
            return way(Bindings(work, self._codes, now), asked, public_id)

    def _signer(self, request: Request, body: bytes) -> tuple[str, str]:
        """The nonce of a request that is signed as agreed, and the secret it was signed with. Raises Wrong."""
        nonce, stamp, signature = (request.headers.get(name, "") for name in (NONCE, TIMESTAMP, SIGNATURE))
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12 and _NONCE.fullmatch(nonce)):
            raise Wrong(401, "signature")
        path = request.url.path
        fits = [
            hmac.compare_digest(
                sign_request(secret, request.method, path, int(stamp), nonce, body).encode(),
                signature.encode(errors="surrogatepass"),
            )
            for secret in self._secrets
        ]
        if not any(fits):
            raise Wrong(401, "signature")
        if abs(int(stamp) - self._clock().timestamp()) > CLOCKS_DIFFER.total_seconds():
            raise Wrong(401, "timestamp")
        return nonce, self._secrets[fits.index(True)]

    def _signed(self, secret: str, status: int, nonce: str, body: bytes) -> Mapping[str, str]:
        stamp = int(self._clock().timestamp())
        return {TIMESTAMP: str(stamp), SIGNATURE: sign_answer(secret, status, stamp, nonce, body)}


def _read(body: bytes) -> dict[str, Any]:
    """The JSON object of a request, no name twice. Raises Wrong."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    try:
        asked = json.loads(body.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Wrong(400, "body") from None
    if not isinstance(asked, dict):
        raise Wrong(400, "body")
    return asked


def _account(asked: dict[str, Any], others: frozenset[str] = frozenset()) -> str:
    """The account that is asked about, exactly as the company writes it. Raises Wrong."""
    name = asked.get("account_id")
    if set(asked) != {"account_id", *others} or not isinstance(name, str) or account_id(name) != name:
        raise Wrong(400, "account_id")
    return name


def _refused(why: Refusal) -> Told:
    return _STATUS[why], {"error": why.value}


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
