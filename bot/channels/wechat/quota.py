"""What the channel writes down by itself: pushes and the windows they open, and what is taken of them.

Whatever waits to be written while a transaction is under way goes into the next one together, so that a hundred
pushes at once cost a few commits.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from bot.core.channel import Lane
from bot.core.clock import Clock
from bot.core.errors import Unreachable
from storage.engine import Database
from storage.stores.wechat import Contact, Why
from storage.work import Work

TOGETHER_MOST = 100
NONCES_KEPT = timedelta(minutes=10)
"""Twice the time for which a signed push is fresh."""
FORGET_EVERY = timedelta(minutes=10)
ANSWERS_WAIT = timedelta(hours=24)
"""How long an answer that found no window waits for the person's next contact; later it would only confuse."""
LAST_KEPT_FROM: Lane = "interactive"
"""The lane that leaves the last message of a window to the others: to what the company owes the person."""

T = TypeVar("T")
Step = Callable[[Work, datetime], T]


@dataclass(frozen=True, slots=True)
class _Waiting:
    person: str
    step: Step[Any]
    done: asyncio.Future[Any]


class Quota:
    """Nonces and quotas of one account. Belongs to one event loop; all processes share the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._forget_at = clock()

    def noting(
        self, user: str, nonce: str, signed_at: datetime, body_digest: str, contact: Contact | None, *, left: bool
    ) -> Step[bool]:
        """The step that notes a push and opens the window it gives; `left`: the person is gone.

        False when another body came with this nonce.
        """
        person = self._person(user)

        def step(work: Work, now: datetime) -> bool:
            if not work.wechat.is_new_or_same(nonce, signed_at, body_digest, now):
                return False
            if contact:
                work.wechat.open_window(person, contact, now, not_before=now - ANSWERS_WAIT)
            if left:
                work.wechat.use_up(person, "window_closed")
            if now >= self._forget_at:
                work.wechat.forget(now, now - NONCES_KEPT)
                self._forget_at = now + FORGET_EVERY
            return True

        return step

    async def take(self, user: str, count: int, lane: Lane) -> None:
        """Takes `count` messages of the person's quota, all or none. Raises Unreachable when there are too few."""
        person, keep = self._person(user), 1 if lane == LAST_KEPT_FROM else 0
        if why := await self.write(user, lambda work, now: work.wechat.take(person, count, now, keep=keep)):
            raise Unreachable(why)

    async def give_back(self, user: str, count: int) -> None:
        """Returns what was taken for messages that were certainly not sent."""
        person = self._person(user)
        await self.write(user, lambda work, now: work.wechat.give_back(person, count, now))

    async def use_up(self, user: str, why: Why) -> None:
        """WeChat counted otherwise than we."""
        person = self._person(user)
        await self.write(user, lambda work, now: work.wechat.use_up(person, why))

    def _person(self, user: str) -> str:
        return self._database.keyring.blind("address", "wechat", user)

    async def write(self, user: str, step: Step[T]) -> T:
        """What `step` returns, once it is committed. Raises StorageError."""
        waiting = _Waiting(self._person(user), step, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return cast(T, await waiting.done)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:TOGETHER_MOST], self._waiting[TOGETHER_MOST:]
                try:
                    results = await asyncio.to_thread(self._commit, group)
                except Exception as failure:
                    for one in group:
                        if not one.done.done():
                            one.done.set_exception(failure)
                    continue
                for one, result in zip(group, results, strict=True):
                    if not one.done.done():
                        one.done.set_result(result)
        finally:
            self._writer = None

    def _commit(self, group: list[_Waiting]) -> list[Any]:
        # In the order of people, so that two processes never wait for one another's rows.
        order = sorted(range(len(group)), key=lambda place: group[place].person)
        results: list[Any] = [None] * len(group)
        with self._database.work() as work:
            now = self._clock()
            for place in order:
                results[place] = group[place].step(work, now)
        return results
