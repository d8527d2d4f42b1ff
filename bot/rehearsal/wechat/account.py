"""The Official Account: its four secrets, its access tokens, and how often it may call what in a day."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.rehearsal.journal import Clock
from bot.rehearsal.wechat.envelope import Box
from bot.rehearsal.wechat.errcodes import Errcode

TOKEN_LIVES = 7200
RENEWED_BEFORE = 300
"""Seconds before its end from which a stable token is renewed, and for which the one before stays valid."""
FORCED_A_DAY = 20
FORCED_APART = 30
DAY_QUOTAS = {
    "token": 2_000,
    "stable_token": 500_000,
    "custom/send": 500_000,
    "template/send": 100_000,
    "menu/create": 1_000,
    "media/upload": 100_000,
    "user/info": 5_000_000,
}
"""Source: doc/service/Message_Management/API_Call_Limits.html and the pages of the calls."""


@dataclass(frozen=True, slots=True)
class Account:
    """An invented account. Raises ValueError for a key that isn't one."""

    app_id: str = "wx00000000example0"
    app_secret: str = field(default="00000000000000000000000000example", repr=False)
    token: str = field(default="rehearsal", repr=False)
    aes_key: str = field(
        default=base64.b64encode(hashlib.sha256(b"an invented key of a rehearsal").digest()).decode().rstrip("="),
        repr=False,
    )
    original_id: str = "gh_example000000"
    """The account's own name in pushes (ToUserName)."""

    def __post_init__(self) -> None:
        Box(self.aes_key, self.app_id)

    @property
    def box(self) -> Box:
        return Box(self.aes_key, self.app_id)


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    until: datetime


class Tokens:
    """Access tokens by both calls, which know nothing of one another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current: dict[str, _Token] = {}
        self._all: dict[str, datetime] = {}
        self._made = 0
        self._forced: list[datetime] = []

    def new(self) -> tuple[str, int]:
        """cgi-bin/token: a new one; the one before ends within five minutes. (token, seconds)"""
        return self._issue("plain"), TOKEN_LIVES

    def stable(self, *, force: bool = False) -> tuple[str, int]:
        """cgi-bin/stable_token: the same until five minutes before its end, or a new one when forced. Raises Errcode."""
        now = self._clock()
        if force:
            self._forced = [at for at in self._forced if at > now - timedelta(days=1)]
            if self._forced and now < self._forced[-1] + timedelta(seconds=FORCED_APART):
                raise Errcode(45011)
            if len(self._forced) >= FORCED_A_DAY:
                raise Errcode(45009)
            self._forced.append(now)
        current = self._current.get("stable")
        if current and not force and current.word in self._all:
            left = (current.until - now).total_seconds()
            if left > RENEWED_BEFORE:
                return current.word, int(left)
        word = self._issue("stable")
        if force and current:
            self._all.pop(current.word, None)  # A forced one ends the one before at once.
        return word, TOKEN_LIVES

    def _issue(self, which: str) -> str:
        now = self._clock()
        before = self._current.get(which)
        if before and before.word in self._all:
            self._all[before.word] = min(before.until, now + timedelta(seconds=RENEWED_BEFORE))
        self._made += 1
        digest = hashlib.sha256(f"{which}/{self._made}".encode()).hexdigest()
        word = f"REHEARSAL_{which}_{self._made}_{digest * 2}"[:136]
        until = now + timedelta(seconds=TOKEN_LIVES)
        self._current[which] = _Token(word, until)
        self._all[word] = until
        return word

    def check(self, word: str) -> None:
        """Raises Errcode 41001, 40001 or 42001."""
        if not word:
            raise Errcode(41001)
        until = self._all.get(word)
        if until is None:
            raise Errcode(40001)
        if until <= self._clock():
            raise Errcode(42001)

    def revoke(self) -> None:
        """All tokens are bad from now on, as after a new AppSecret."""
        self._all.clear()


class DayQuotas:
    """How often each call was made today; the day is Beijing's."""

    def __init__(self, clock: Clock, limits: Mapping[str, int] = DAY_QUOTAS) -> None:
        self._clock = clock
        self.limits = dict(limits)
        self.used: Counter[str] = Counter()
        self._day = ""

    def count(self, name: str) -> None:
        """Raises Errcode 45009 when the day's number is used up."""
        today = f"{self._clock() + timedelta(hours=8):%Y-%m-%d}"
        if today != self._day:
            self._day = today
            self.used.clear()
        if self.used[name] >= self.limits.get(name, 10**9):
            raise Errcode(45009)
        self.used[name] += 1
