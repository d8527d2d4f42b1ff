"""The company's own account system, asked over HTTP each time (docs/portal-api.md)."""

import hmac
import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from secrets import token_bytes, token_hex
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import structlog

from bot.core.accounts import Account, DirectoryDown, the_one
from bot.core.clock import Clock
from bot.core.contacts import Named, named
from bot.directory.answers import CLOCKS_DIFFER, Untrue, read_answer
from bot.directory.breaker import Breaker
from bot.directory.line import Answer, Line
from bot.directory.settings import AccountsSettings
from bot.directory.signing import NONCE, SIGNATURE, TIMESTAMP, is_signed_by_one_of, sign_request

PATH = "/v1/accounts/find"
REMEMBERED = 60.0
"""Seconds."""
REMEMBERED_MOST = 10_000

log = structlog.get_logger(__name__)


class HttpDirectory:
    """Accounts as the company's system tells them. Any number of threads may ask; `close` it at the end.

    No account is kept. For a minute it is remembered which account id a hint led to, or that it led to none, under an
    HMAC of the hint by a key that lives as long as this object: no address, no number.
    """

    def __init__(self, settings: AccountsSettings, clock: Clock, *, ticks: Callable[[], float] = monotonic) -> None:
        """`ticks` are seconds that never go back."""
        self._settings, self._clock = settings, clock
        self._url = f"{settings.url.rstrip('/')}{PATH}"
        self._secrets = [secret for secret in (settings.secret, settings.secret_old) if secret]
        self._breaker, self._memory = Breaker(ticks), _Memory(ticks)
        self._guard = Lock()
        self._line: Line | None = None

    def find(self, hint: str) -> Account | None:
        """See AccountDirectory. One call asks for all ways in which the hint can be read."""
        name = named(hint)
        if name.is_nothing:
            return None
        mark = self._memory.mark(name)
        is_known, led_to = self._memory.recall(mark)
        if is_known and led_to is None:
            return None
        if led_to and (account := self.get(led_to)) and account.answers_to(name):
            return account
        account = the_one(self._ask(name))
        self._memory.keep(mark, account.id if account else None)
        return account

    def get(self, account_id: str) -> Account | None:
        """See AccountDirectory."""
        return the_one(self._ask(Named(account_id, None)))

    def close(self) -> None:
        """Ends the connections and their thread; the next question opens them again."""
        with self._guard:
            line, self._line = self._line, None
        if line:
            line.close()

    # ---- one question

    def _ask(self, name: Named) -> Sequence[Account]:
        """The accounts that answer to `name`. Raises DirectoryDown."""
        question: dict[str, Any] = {"account_id": name.account_id} if name.account_id else {}
        if name.contact:
            question["contact"] = {"kind": name.contact[0], "value": name.contact[1]}
        self._breaker.enter()
        try:
            accounts = self._believed(*self._call(json.dumps(question).encode()))
            if not all(account.answers_to(name) for account in accounts):
                raise _lied("an account that was not asked for")
        except DirectoryDown as down:
            self._breaker.failed()
            log.warning("the accounts system gave no answer", reason=down.reason)
            raise
        self._breaker.went_well()
        return accounts

    def _call(self, body: bytes) -> tuple[Answer, str]:
        """The answer, and the nonce of the question. Raises DirectoryDown."""
        nonce, timestamp = token_hex(16), int(self._clock().timestamp())
        signature = sign_request(self._settings.secret, "POST", urlsplit(self._url).path, timestamp, nonce, body)
        headers = {NONCE: nonce, TIMESTAMP: str(timestamp), SIGNATURE: signature}
        with self._guard:
            line = self._line = self._line or Line()
        return line.post(self._url, body, headers, self._settings.timeout), nonce

    def _believed(self, answer: Answer, nonce: str) -> Sequence[Account]:
        """What a signed answer says. Raises DirectoryDown."""
        if answer.status in (401, 403):
            log.error("the accounts system refuses our signature: see ACCOUNTS_SECRET and both clocks")
        if answer.status != 200:
            log.warning("the accounts system answered", status=answer.status)
            raise DirectoryDown("refused")
        now, stamp = self._clock(), answer.headers.get(TIMESTAMP, "")
        signature = answer.headers.get(SIGNATURE, "")
        # The encoding first: nothing that was packed is unpacked.
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise _lied("a packed answer")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            raise _lied("no timestamp")
        if not is_signed_by_one_of(self._secrets, signature, answer.status, int(stamp), nonce, answer.body):
            raise _lied("a wrong signature")
        if abs(int(stamp) - now.timestamp()) > CLOCKS_DIFFER.total_seconds():
            raise _lied("a time too far from ours: see both clocks")
        try:
            return read_answer(answer.body, now)
        except Untrue as untrue:
            raise _lied(str(untrue)) from None


def _lied(what: str) -> DirectoryDown:
    log.warning("the accounts system can't be believed", what=what)
    return DirectoryDown("lied")


class _Memory:
    """Which account id a hint led to, for a minute: by marks that nobody can read a hint from."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks, self._key, self._guard = ticks, token_bytes(32), Lock()
        self._led_to: dict[bytes, tuple[float, str | None]] = {}

    def mark(self, name: Named) -> bytes:
        parts = (name.account_id or "", *(name.contact or ()))
        return hmac.new(self._key, "\0".join(parts).encode(), sha256).digest()

    def recall(self, mark: bytes) -> tuple[bool, str | None]:
        """(whether it is remembered, the account id it led to)."""
        with self._guard:
            until, led_to = self._led_to.get(mark, (0.0, None))
        return (True, led_to) if self._ticks() < until else (False, None)

    def keep(self, mark: bytes, account_id: str | None) -> None:
        now = self._ticks()
        with self._guard:
            if len(self._led_to) >= REMEMBERED_MOST:
                self._led_to = {m: kept for m, kept in self._led_to.items() if kept[0] > now}
            if len(self._led_to) < REMEMBERED_MOST:
                self._led_to[mark] = (now + REMEMBERED, account_id)
