"""The queue of those who want to write to a SQLite file, which lets in one writer at a time.

SQLite's own wait is a poll with growing naps: unfair, and slow when many wait. Inside one process they queue here,
first come first served, and only writers of other processes meet SQLite's poll.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from time import monotonic

from storage.errors import Busy


class WriterQueue:
    """Lets in one thread at a time, in order of arrival. `patience` (seconds) is for queue and database together."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._guard = Lock()
        self._inside: int | None = None
        self._waiting: deque[tuple[int, Lock]] = deque()

    @contextmanager
    def turn(self) -> Iterator[float]:
        """The block runs alone. Yields the seconds of patience that are left. Raises Busy when none are."""
        arrived = monotonic()
        self._enter()
        try:
            yield max(0.0, self.patience - (monotonic() - arrived))
        finally:
            self._leave()

    def _enter(self) -> None:
        me = get_ident()
        with self._guard:
            if self._inside is None:
                self._inside = me
                return
            if self._inside == me:
                raise RuntimeError("this thread is already writing: one work() inside another can never begin")
            called = Lock()
            called.acquire()
            self._waiting.append((me, called))
        if called.acquire(timeout=self.patience):
            return
        with self._guard:
            if self._inside == me:  # Called at the very moment our patience ended.
                return
            self._waiting.remove((me, called))
        raise Busy(f"the database is busy: {self.patience:g} s in the queue of writers. Try again")

    def _leave(self) -> None:
        """Hands the turn straight to the longest waiting, so nobody newly come can slip in between."""
        with self._guard:
            self._inside = None
            if self._waiting:
                self._inside, called = self._waiting.popleft()
                called.release()
