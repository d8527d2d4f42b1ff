"""News of orders to the company's own system: signed, at least once, until it has taken them (docs/webhooks.md).

What happened is read from the audit trail by the numbers of its chain, which come after the commit and have no gap: no
move of an order can slip by, whoever made it and wherever. Each piece of news has a row and a key of its own, which stays
the same at every try.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

import structlog

from bot.core.accounts import DirectoryDown
from bot.core.clock import Clock
from bot.core.errors import Misconfigured
from bot.core.order.guards import was_verified
from bot.core.package.held import stamp
from bot.directory.line import Line
from bot.directory.settings import SECRET_LEAST
from bot.webhook_signing import KEY, NONCE, SIGNATURE, SIGNATURE_OLD, TIMESTAMP, sign_event
from storage.engine import Database
from storage.errors import Unreadable
from storage.stores.orders import Order
from storage.stores.webhooks import Noted, Told, new_public_id
from storage.work import Work

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "opened": "order.opened",
        "proved": "order.opened",
        "papers_checked": "order.opened",
        "approved": "order.approved",
        "hold_over": "order.hold_over",
        "delivered": "order.delivered",
        "executed": "order.executed",
        "answered": "order.answered",
        "refused": "order.refused",
        "stopped": "order.refused",
        "withdrawn": "order.withdrawn",
        "appealed": "order.opened",
        "alarm urgent": "order.urgent",
        "alarm look_missed": "order.look_missed",
    }
)
"""What is told, by what the trail notes."""
WAITS: tuple[timedelta, ...] = (
    *(timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=2), timedelta(hours=6), timedelta(hours=12)),
)
"""After the first try, the second ...; from then on every 12 hours."""
GIVEN_UP_AFTER = timedelta(days=3)
"""A piece of news that nobody took for so long is parked: state failed, and an error in the log."""
KEPT_FOR = timedelta(days=7)
"""News that were settled, and keys of what came in."""
STALE = timedelta(days=7)
"""When webhooks were off for longer, what happened meanwhile isn't told any more."""
WITHIN = timedelta(seconds=8)
LEASE = timedelta(seconds=60)
READ_AT_ONCE, SENT_AT_ONCE = 500, 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where news go, and the secret that both ways are signed with. Raises Misconfigured with every problem."""

    url: str
    secret: str = field(repr=False)
    secret_old: str = field(default="", repr=False)
    """The one before: news bear its signature, too, while it is changed."""

    def __post_init__(self) -> None:
        problems = []
        try:
            parts = urlsplit(self.url)
            there, _ = parts.hostname, parts.port
        except ValueError:
            parts, there = urlsplit(""), None
        if parts.scheme not in ("https", "http") or not there or parts.query or parts.fragment or parts.username:
            problems.append("WEBHOOK_URL: must look like https://privacy.example.com/clausebot")
        elif parts.scheme == "http" and there not in _LOOPBACK:
            problems.append("WEBHOOK_URL: must be https: requests of customers travel there")
        problems += secret_problems(self.secret, self.secret_old)
        if problems:
            raise Misconfigured(problems)


def secret_problems(secret: str, secret_old: str) -> list[str]:
    """What is wrong with the secrets; the old one may be empty."""
    named = {"WEBHOOK_SECRET": secret} | ({"WEBHOOK_SECRET_OLD": secret_old} if secret_old else {})
    return [
        f"{name}: must be at least {SECRET_LEAST} letters and digits; openssl rand -hex 32 makes one"
        for name, one in named.items()
        if len(one) < SECRET_LEAST or not one.isascii() or one != one.strip()
    ]


class Webhooks:
    """News on their way. `run_due` is synchronous and may take seconds: never call it in an event loop."""

    def __init__(self, settings: WebhookSettings, database: Database, clock: Clock) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._path = urlsplit(settings.url).path or "/"
        self._line: Line | None = None

    def run_due(self) -> int:
        """Notes what happened, sends what is due, forgets what is old; how many were tried. Raises StorageError."""
        now = self._clock()
        self._note(now)
        with self._database.read() as work:
            if not work.webhooks.is_due(now):
                return 0
        with self._database.work() as work:
            due = work.webhooks.due(now, now + LEASE, SENT_AT_ONCE)
        for told in due:
            self._send(told)
        return len(due)

    def forget(self) -> int:
        """Takes away what is past its time; how many rows. Part of the housekeeping."""
        with self._database.work() as work:
            return work.webhooks.forget(self._clock() - KEPT_FOR)

    def close(self) -> None:
        """Ends the connections."""
        line, self._line = self._line, None
        if line:
            line.close()

    # ---- what happened

    def _note(self, now: datetime) -> None:
        with self._database.read() as work:
            cursor, end = work.webhooks.cursor(), work.webhooks.end_of_trail()
        if cursor is not None and cursor[0] == end and now - cursor[1] < timedelta(hours=1):
            return
        with self._database.work() as work:
            if cursor is None or now - cursor[1] > STALE:
                work.webhooks.move_cursor(end, now)
                return
            noted, until = work.webhooks.noted(cursor[0], READ_AT_ONCE)
            for one in noted:
                self._queue(work, one, now)
            work.webhooks.move_cursor(until, now)

    def _queue(self, work: Work, one: Noted, now: datetime) -> None:
        kind = KINDS.get(one.action)
        order = work.orders.of_id(one.order_id) if kind else None
        # A request that isn't verified is nobody's but the chat's (the trail says "received>verifying").
        if kind is None or order is None or ">verifying" in one.detail or not was_verified(order):
            return
        public_id = new_public_id()
        try:
            body = body_of(public_id, kind, one.at, order, work.orders.papers.account(order.id))
            work.webhooks.add(one.seq, order.id, kind, public_id, body, now)
        except Unreadable:
            log.warning("an order was erased before it was told", number=order.number)

    # ---- telling it

    def _send(self, told: Told) -> None:
        status = self._post(told)
        now = self._clock()
        with self._database.work() as work:
            if status.startswith("2") or status == "409":
                work.webhooks.settle(told.id, "taken", status)
            elif status == "410" or now - told.created_at > GIVEN_UP_AFTER:
                work.webhooks.settle(told.id, "failed", status)
                work.trail.add(now, "bot", "news not taken", f"order:{told.order_id}", f"{told.kind} {status}")
                log.error("the company's system didn't take news of an order", kind=told.kind, status=status)
            else:
                wait = WAITS[min(told.attempts, len(WAITS)) - 1]
                work.webhooks.again_at(told.id, now + wait, status)
                log.warning("news of an order is tried again", kind=told.kind, status=status, tries=told.attempts)

    def _post(self, told: Told) -> str:
        """The status of the answer, or one word of why there was none."""
        nonce, timestamp = secrets.token_hex(16), int(self._clock().timestamp())
        headers = {NONCE: nonce, TIMESTAMP: str(timestamp), KEY: told.public_id}
        for name, secret in ((SIGNATURE, self._settings.secret), (SIGNATURE_OLD, self._settings.secret_old)):
            if secret:
                headers[name] = sign_event(secret, self._path, timestamp, nonce, told.public_id, told.body)
        self._line = self._line or Line()
        try:
            return str(self._line.post(self._settings.url, told.body, headers, WITHIN).status)
        except DirectoryDown as down:
            return down.reason


def body_of(public_id: str, kind: str, at: datetime, order: Order, account_id: str | None) -> bytes:
    """The JSON of a piece of news: the order as it is now, nothing that anybody wrote."""
    told = {
        "id": public_id,
        "event": kind,
        "at": stamp(at),
        "order": {
            "number": order.number,
            "right": order.right,
            "ground": order.ground,
            "state": order.state,
            "reason": order.reason,
            "account_id": account_id,
            "received_at": stamp(order.received_at),
            "due_at": stamp(order.told_due_at),
            "hold_until": stamp(order.hold_until) if order.hold_until else None,
        },
    }
    return json.dumps(told, ensure_ascii=False).encode()
