"""The pages that are open now, and what they are told at once.

What is told is only "look" and "typing": what a page shows comes from the history, so a page that was asleep, offline
or served by another process misses nothing.
"""

import asyncio
from collections import defaultdict
from enum import StrEnum

PAGES_AT_MOST = 8
"""Open pages of one visitor; one more closes the oldest."""
SIGNALS_AT_MOST = 32
"""Signals waiting for one page; more would say nothing new."""


class Signal(StrEnum):
    """What an open page is told."""

    LOOK = "look"
    TYPING = "typing"
    QUIET = "quiet"
    END = "end"


class OpenPages:
    """Open pages by visitor. Belongs to one event loop."""

    def __init__(self) -> None:
        self._queues: dict[str, list[asyncio.Queue[Signal]]] = defaultdict(list)

    def enter(self, visitor: str) -> "asyncio.Queue[Signal]":
        """A queue on which the page is told; give it back with `leave`."""
        queues = self._queues[visitor]
        if len(queues) >= PAGES_AT_MOST:
            _put(queues.pop(0), Signal.END)
        queue: asyncio.Queue[Signal] = asyncio.Queue()
        queues.append(queue)
        return queue

    def leave(self, visitor: str, queue: "asyncio.Queue[Signal]") -> None:
        """The page is gone."""
        queues = self._queues.get(visitor, [])
        if queue in queues:
            queues.remove(queue)
        if not queues:
            self._queues.pop(visitor, None)

    def tell(self, visitor: str, signal: Signal) -> int:
        """Tells every open page of `visitor`; returns how many there are."""
        queues = self._queues.get(visitor, [])
        for queue in queues:
            _put(queue, signal)
        return len(queues)

    def end_all(self) -> None:
        """Tells every page to end: the server stops."""
        for visitor in list(self._queues):
            self.tell(visitor, Signal.END)


def _put(queue: "asyncio.Queue[Signal]", signal: Signal) -> None:
    if signal is Signal.END or queue.qsize() < SIGNALS_AT_MOST:
        queue.put_nowait(signal)
