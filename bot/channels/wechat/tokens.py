"""The access token: one for all processes, renewed by one of them at a time, never in a storm.

stable_token gives the same token until five minutes before its end, and then old and new are both good for five
minutes. Forcing a new one ends the old at once; WeChat allows it 20 times a day, at least 30 s apart.
Source: https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.core.clock import Clock
from bot.core.errors import TryLater
from storage.engine import Database
from storage.errors import StorageError
from storage.stores.wechat import Kept
from storage.work import Work

EARLY = timedelta(minutes=5)
"""How long before its end a token is renewed."""
LEASE = timedelta(seconds=15)
"""Longer than the call that renews."""
LOOK_EVERY = 0.1
"""Seconds between two looks whether another process has renewed the token."""
FORCED_APART = timedelta(seconds=30)
FORCED_BURST, FORCED_A_DAY = 3, 20
"""Forced renewals: three when something is wrong, and all together no more than WeChat allows."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What WeChat gave: a token and for how long."""

    token: str = field(repr=False)
    lasts: timedelta


Fetch = Callable[[bool], Awaitable[Fetched]]
"""Calls stable_token; True forces a new one. Raises TryLater."""


class Tokens:
    """The token of one account, as this process knows it."""

    def __init__(self, app_id: str, database: Database, clock: Clock, fetch: Fetch) -> None:
        self._app_id, self._database, self._clock, self._fetch = app_id, database, clock, fetch
        self._me = uuid4().hex
        self._known: Kept | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self) -> str:
        """A token that is good now. Raises TryLater."""
        if (known := self._known) and self._is_good(known):
            return known.token
        return await self._new_one(refused="")

    async def renew(self, refused: str) -> str:
        """Another token than `refused`, which WeChat no longer takes: another process's, or a forced one. Raises TryLater."""
        return await self._new_one(refused)

    def _is_good(self, kept: Kept) -> bool:
        return bool(kept.token) and kept.refresh_at is not None and self._clock() < kept.refresh_at

    async def _new_one(self, refused: str) -> str:
        async with self._one_at_a_time:
            if (known := self._known) and self._is_good(known) and known.token != refused:
                return known.token
            loop = asyncio.get_running_loop()
            patience = loop.time() + LEASE.total_seconds() / 2
            while True:
                try:
                    kept, is_ours = await asyncio.to_thread(self._look_or_hold, refused)
                except StorageError as busy:
                    raise TryLater(timedelta(seconds=1)) from busy
                if is_ours:
                    return await self._fetch_and_keep(forced=bool(refused))
                if kept is not None:
                    self._known = kept
                    return kept.token
                if loop.time() > patience:
                    raise TryLater(timedelta(seconds=2))
                await asyncio.sleep(LOOK_EVERY)

    def _look_or_hold(self, refused: str) -> tuple[Kept | None, bool]:
        """A token that is there already; or else whether this process is to fetch one. Raises TryLater."""
        with self._database.work() as work:
            now, kept = self._clock(), work.wechat.token(self._app_id)
            if kept and self._is_good(kept) and kept.token != refused:
                return kept, False
            if work.wechat.hold(self._app_id, self._me, now, now + LEASE, forced=bool(refused)):
                # Between our look and our hold somebody may have fetched one and let go.
                fresh = work.wechat.token(self._app_id)
                if fresh and self._is_good(fresh) and fresh.token != refused:
                    work.wechat.release(self._app_id, self._me)
                    return fresh, False
                if refused:  # What is raised here undoes the lease with everything else.
                    self._may_force(work, kept.forced_at if kept else None, now)
                return None, True
            # Somebody else renews it; the old one is good until its end.
            if kept and kept.token and not refused and kept.expires_at and now < kept.expires_at:
                return kept, False
            return None, False

    def _may_force(self, work: Work, forced_at: datetime | None, now: datetime) -> None:
        """Counts one forced renewal. Raises TryLater when it is too early for another."""
        if forced_at and now < forced_at + FORCED_APART:
            raise TryLater(forced_at + FORCED_APART - now, halts="everyone")
        per_second = (FORCED_A_DAY - FORCED_BURST) / 86_400
        wait = work.pace.take(f"wechat:forced:{self._app_id}", per_second, FORCED_BURST, now, ahead=0.0)
        if wait > 0:
            log.error("wechat tokens are refused again and again; see WECHAT_APP_SECRET and who else uses the account")
            raise TryLater(timedelta(seconds=min(wait, 3600.0)), halts="everyone")

    async def _fetch_and_keep(self, *, forced: bool) -> str:
        try:
            fetched = await self._fetch(forced)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._release))
            raise
        now = self._clock()
        expires_at = now + fetched.lasts
        # One that WeChat is about to replace by itself is asked for again soon, not at once.
        refresh_at = max(expires_at - EARLY, now + min(fetched.lasts / 2, FORCED_APART))
        self._known = Kept(fetched.token, expires_at, refresh_at, None)
        try:
            await asyncio.to_thread(self._keep, self._known)
        except StorageError as busy:
            log.warning("wechat token not kept", error=type(busy).__name__)
        return fetched.token

    def _keep(self, kept: Kept) -> None:
        assert kept.expires_at is not None
        assert kept.refresh_at is not None
        with self._database.work() as work:
            work.wechat.keep(self._app_id, self._me, kept.token, kept.expires_at, kept.refresh_at)

    def _release(self) -> None:
        try:
            with self._database.work() as work:
                work.wechat.release(self._app_id, self._me)
        except StorageError as busy:
            log.warning("wechat lease left to end by itself", error=type(busy).__name__)
