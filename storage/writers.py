"""The queue of those who want to write to a SQLite file, and the transaction that those in it share.

SQLite's own wait is a poll with growing naps: unfair, and slow when many wait. Inside one process they queue here,
first come first served, and only writers of other processes meet SQLite's poll. Whoever is done hands the open
transaction to the next in the queue; where nobody waits it is committed, for all who wrote in it. No turn ends before
that commit, and no turn waits for others to come. See docs/decisions/0015-group-commit.md.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from time import monotonic
from typing import Generic, Protocol, TypeVar

from storage.errors import Busy

TOGETHER_MOST = 32
"""Turns that one commit may hold."""
OPEN_AT_MOST = 0.05
"""Seconds after which an open transaction is handed on no more, so that nobody's commit waits for many slow turns."""


class Transaction(Protocol):
    """An open transaction, in which a part can be undone by itself."""

    def mark(self) -> None:
        """A part begins."""

    def keep(self) -> None:
        """The part is over and stays."""

    def undo(self) -> None:
        """Takes back the part. Raises when the whole transaction is gone."""

    def commit(self) -> None:
        """Ends it. Raises when nothing of it was kept."""

    def roll_back(self) -> None:
        """Ends it and takes everything back."""


T = TypeVar("T", bound=Transaction)


class _Group(Generic[T]):
    """Turns that are committed together."""

    __slots__ = ("closes", "failure", "transaction", "turns", "waiting")

    def __init__(self, transaction: T) -> None:
        self.transaction, self.closes = transaction, monotonic() + OPEN_AT_MOST
        self.turns = 0
        self.waiting: list[Lock] = []
        self.failure: BaseException | None = None


class _Batch:
    """The turns of one thread that wants them committed together."""

    __slots__ = ("failure", "is_writing", "until")

    def __init__(self, until: float) -> None:
        self.until, self.is_writing = until, False
        self.failure: BaseException | None = None


class Writers(Generic[T]):
    """Lets in one thread at a time, in order of arrival. `patience` (seconds) is for queue and database together.

    `begin` opens a transaction, given the patience that is left, or raises Busy.
    """

    def __init__(self, patience: float, begin: Callable[[float], T]) -> None:
        self.patience, self._begin = patience, begin
        self._guard = Lock()
        self._inside: int | None = None
        self._waiting: deque[tuple[int, Lock]] = deque()
        self._group: _Group[T] | None = None
        self._batch: _Batch | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Every turn of this thread in the block goes into one transaction, committed when this returns.

        A turn that fails is taken back alone, as ever. Raises Busy when the patience ends or the commit fails: then
        nothing of any of them stays.
        """
        me, told, group = get_ident(), None, None
        if self._inside == me:
            raise RuntimeError("this thread is already writing")
        try:
            left = self._enter(me)
            self._batch = batch = _Batch(monotonic() + left)
            yield
        finally:
            if self._inside == me:
                self._batch, group = None, self._group
                told = self._leave()
        if told is not None:
            told.acquire()
        failure = batch.failure or (group.failure if group else None)
        if failure is not None:
            raise Busy("what several wrote could not be committed, so nothing was. Try again") from failure

    @contextmanager
    def turn(self) -> Iterator[T]:
        """The block writes alone; what it wrote is committed when this returns. An exception takes that back, and no more.

        Raises Busy when the patience ends, or the commit failed that the block shared with others; and what `begin` and
        `commit` raise.
        """
        me, told = get_ident(), None
        if self._inside == me:
            yield from self._turn_of(self._batch)
            return
        try:
            left = self._enter(me)
            group = self._group = self._group or _Group(self._begin(left))
            yield from self._part(group)
        finally:
            if self._inside == me:  # Not whoever lost patience, or was interrupted, in the queue.
                told = self._leave()
        if told is not None:
            told.acquire()
            if group.failure is not None:
                raise Busy("what several wrote could not be committed, so nothing was. Try again") from group.failure
        elif group.failure is not None:
            raise group.failure

    def _turn_of(self, batch: "_Batch | None") -> Iterator[T]:
        """A turn of the thread that is inside already, with many."""
        if batch is None or batch.is_writing:
            raise RuntimeError("this thread is already writing: one work() inside another can never begin")
        if batch.failure is not None:
            raise Busy("what several wrote is lost, and so would this be. Try again") from batch.failure
        group = self._group = self._group or _Group(self._begin(max(0.0, batch.until - monotonic())))
        batch.is_writing = True
        try:
            yield from self._part(group)
        finally:
            batch.is_writing = False
            if self._group is None and group.turns > 1:
                batch.failure = group.failure  # SQLite took back what the turns before had written, too.

    def _enter(self, me: int) -> float:
        """Returns when it is our turn, with the seconds of patience that are left. Raises Busy."""
        with self._guard:
            if self._inside is None:
                self._inside = me
                return self.patience
            called = _locked()
            self._waiting.append((me, called))
        arrived = monotonic()
        try:
            called.acquire(timeout=self.patience)
        finally:
            with self._guard:
                is_inside = self._inside == me  # Also when we were called at the very moment our patience ended.
                if not is_inside:
                    self._waiting.remove((me, called))
        if not is_inside:
            raise Busy(f"the database is busy: {self.patience:g} s in the queue of writers. Try again")
        return max(0.0, self.patience - (monotonic() - arrived))

    def _part(self, group: _Group[T]) -> Iterator[T]:
        """Our part of the transaction. The first has no mark: nothing came before it that would have to stay."""
        group.turns += 1
        transaction, is_first = group.transaction, group.turns == 1
        try:
            if not is_first:
                transaction.mark()
            yield transaction
            if not is_first:
                transaction.keep()
        except BaseException as failure:
            if is_first or not _is_undone(transaction):
                transaction.roll_back()
                self._end(group, failure)
            raise

    def _leave(self) -> "Lock | None":
        """Lets in the longest waiting: into the same transaction, or, where it can take no more, after its commit.

        Returns what opens when it is committed; None when that is over.
        """
        group = self._group
        if group is not None:
            if self._waiting and group.turns < TOGETHER_MOST and monotonic() < group.closes:
                told = _locked()
                group.waiting.append(told)
                if self._let_in():
                    return told
                group.waiting.pop()
            failure = None
            try:
                group.transaction.commit()
            except BaseException as uncommitted:
                failure = uncommitted
            self._end(group, failure)
        self._let_in(or_nobody=True)
        return None

    def _let_in(self, *, or_nobody: bool = False) -> bool:
        """Hands our turn straight to the longest waiting, so nobody newly come can slip in between. False: nobody waits."""
        with self._guard:
            if not self._waiting:
                if or_nobody:
                    self._inside = None
                return False
            self._inside, called = self._waiting.popleft()
        called.release()
        return True

    def _end(self, group: _Group[T], failure: BaseException | None) -> None:
        """Tells all who wrote in it what became of their transaction."""
        self._group, group.failure = None, failure
        for told in group.waiting:
            told.release()


def _locked() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


def _is_undone(transaction: Transaction) -> bool:
    try:
        transaction.undo()
    except Exception:
        return False  # SQLite takes back the whole transaction by itself when the disk is full or fails.
    return True
