"""Leaves a system alone for a while that has just failed several times: nobody waits for what won't come."""

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from bot.core.accounts import DirectoryDown

FAILURES_MOST = 3
"""In a row, before it is left alone."""
REST, REST_MOST = 10.0, 60.0
"""Seconds; doubled while one question after each rest still fails."""


class Breaker:
    """Counts failures in a row. Any number of threads may use it."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks, self._guard = ticks, Lock()
        self._failures, self._until, self._rest = 0, 0.0, REST

    def enter(self) -> None:
        """Before each question. After a rest it lets one through to try. Raises DirectoryDown."""
        with self._guard:
            if self._failures < FAILURES_MOST:
                return
            now = self._ticks()
            if now < self._until:
                raise DirectoryDown("resting", timedelta(seconds=self._until - now))
            self._rest_from(now)  # The others go on resting until this one is back.

    def failed(self) -> None:
        """A question came to nothing. Of several that fail at once only the third begins a rest."""
        with self._guard:
            self._failures += 1
            if self._failures == FAILURES_MOST:
                self._rest_from(self._ticks())

    def went_well(self) -> None:
        """A question was answered."""
        with self._guard:
            self._failures, self._until, self._rest = 0, 0.0, REST

    def _rest_from(self, now: float) -> None:
        self._until, self._rest = now + self._rest, min(2 * self._rest, REST_MOST)
