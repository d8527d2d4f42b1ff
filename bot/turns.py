"""The threads in which turns run: where commits are shared, one, that takes whatever waits together.

What a turn's replies need next, their slots for sending, is asked for in the same transaction.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic

from bot.core.assistant import Along, Assistant, Taken
from bot.core.ledger import Ask, Step
from bot.core.message import InboundMessage
from storage.errors import StorageError

THREADS = 24
"""Turns under way at once where each commits by itself."""
TOGETHER_MOST = 32
"""Turns that one thread takes together: as many as one commit holds (docs/decisions/0015-group-commit.md)."""
LOOP_FIRST = 4
"""Rounds of the event loop that answer what was just decided, before the one thread takes more: side by side, the two
fight for Python's lock and both lose a fifth (docs/decisions/0015-group-commit.md). Two to sixteen are alike."""
LOOP_WITHIN = 0.05
"""Seconds after which the thread goes on all the same."""

Asking = Callable[[Sequence[Ask]], Step]
"""Grants slots to the replies of several turns at once (`Sender.grant`)."""
Took = tuple[Taken, Step | None]
"""What became of a message, and the step in which its replies got their slots; None where nobody asked for them."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: InboundMessage
    along: Along | None
    until: float
    asking: Asking | None
    done: asyncio.Future[Took]


class Turns:
    """Runs the turns of an assistant for one event loop. Two messages of one chat must not wait here at once."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._at_once = TOGETHER_MOST if assistant.shares_commits else 1
        self._waiting = SimpleQueue[_Waiting | None]()
        self._threads = [
            Thread(target=self._run, name=f"turn_{number}", daemon=True)
            for number in range(1 if assistant.shares_commits else THREADS)
        ]
        for thread in self._threads:
            thread.start()

    async def take(
        self,
        message: InboundMessage,
        along: Along | None = None,
        until: float = float("inf"),
        asking: Asking | None = None,
    ) -> Took:
        """One turn, after its commit; `asking` where its replies are to be sent at once. Raises what `Assistant.take` does; TimeoutError when it has not begun by `until`
        (time.monotonic())."""
        done: asyncio.Future[Took] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Waiting(message, along, until, asking, done))
        return await done

    def close(self) -> None:
        """Waits for the turns under way."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, is_last = [first], False
            while len(batch) < self._at_once:
                try:
                    one = self._waiting.get_nowait()
                except Empty:
                    break
                if is_last := one is None:
                    break
                batch.append(one)
            told = _tell(batch, self._take_all(batch))
            if is_last:
                return
            if self._assistant.shares_commits:
                told.wait(LOOP_WITHIN)

    def _take_all(self, batch: Sequence[_Waiting]) -> list[Took | BaseException]:
        try:
            with self._assistant.together():
                taken = [self._take(one) for one in batch]
                steps = _ask(batch, taken)
        except Exception as failure:  # The commit: nothing of them is kept.
            return [failure] * len(batch)
        return [one if isinstance(one, BaseException) else (one, step) for one, step in zip(taken, steps, strict=True)]

    def _take(self, one: _Waiting) -> Taken | BaseException:
        if monotonic() > one.until:
            return TimeoutError("the turn was not begun in time")
        try:
            return self._assistant.take(one.message, one.along)
        except BaseException as failure:
            return failure


def _ask(batch: Sequence[_Waiting], taken: Sequence[Taken | BaseException]) -> list[Step | None]:
    """Asks once for the replies of each channel; the step of each turn."""
    asks = defaultdict[Asking, dict[int, Ask]](dict)
    for place, (one, became) in enumerate(zip(batch, taken, strict=True)):
        if one.asking and isinstance(became, Taken) and became.deliveries and not became.repeated:
            asks[one.asking][place] = Ask(became.deliveries, became.claim, one.message.sender)
    steps: list[Step | None] = [None] * len(batch)
    for asking, of in asks.items():
        with suppress(StorageError):  # Whoever sends asks again.
            step = asking(list(of.values()))
            for place in of:
                steps[place] = step
    return steps


def _tell(batch: Sequence[_Waiting], results: Sequence[Took | BaseException]) -> Event:
    """Hands the results to those who wait, waking their loop once; set when they have gone on with them."""
    gone_on = Event()
    loop = batch[0].done.get_loop()

    def tell() -> None:
        for one, result in zip(batch, results, strict=True):
            if one.done.done():
                continue
            if isinstance(result, BaseException):
                one.done.set_exception(result)
            else:
                one.done.set_result(result)
        go_on(LOOP_FIRST)

    def go_on(rounds: int) -> None:
        if rounds:
            loop.call_soon(go_on, rounds - 1)
        else:
            gone_on.set()

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:  # The loop has ended; what was taken is committed all the same.
        gone_on.set()
    return gone_on
