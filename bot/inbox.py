"""The async door to the synchronous core: one turn at a time per conversation, each in a worker thread."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, repeat
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from bot.core.assistant import Assistant, Taken
from bot.core.delivery import Sender
from bot.core.message import Address, InboundMessage, Reply
from storage.errors import StorageError

THREADS = 8
LATE_TRIES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a turn is tried again that failed after its push had to be answered; then as long as the last."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PassiveReply:
    """Replies that go back in the answer to the very push that brought the message.

    Await `confirm` once the answer is written. Without it the claim ends by itself, and the pump sends them.
    """

    _sender: Sender
    _taken: Taken

    @property
    def replies(self) -> Sequence[Reply]:
        """What the answer holds, in order; at least one."""
        return self._taken.replies

    @property
    def is_repeat(self) -> bool:
        """Whether they went back before, in the answer to an earlier push of the same message."""
        return self._taken.repeated

    async def confirm(self) -> None:
        """The answer is on its way. If it doesn't arrive the platform pushes again, and gets the same again."""
        await self._sender.mark_passive(self._taken)


def _first_alone(replies: Sequence[Reply]) -> int:
    return 1


class Inbox:
    """Hands messages to the assistant and its replies to the channel they came from."""

    def __init__(self, assistant: Assistant, senders: Mapping[str, Sender], in_place: frozenset[str]) -> None:
        """`in_place`: channels whose replies go back in the answer to the request that brought the message."""
        self._assistant, self._senders, self._in_place = assistant, senders, in_place
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="turn")
        self._turns: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()
        self._late = set[asyncio.Task[Any]]()

    async def put(self, message: InboundMessage) -> Sequence[Reply]:
        """Takes one message; returns after the commit with the replies, which are being sent.

        Where the channel shows them itself nothing is sent; where no pump runs, returns when they have been sent.
        """
        lock = self._turns.setdefault(message.sender, asyncio.Lock())
        sender = self._senders[message.sender.channel]
        async with lock:
            taken = await self._take(message)
            if message.sender.channel in self._in_place:
                await asyncio.get_running_loop().run_in_executor(self._threads, sender.mark_shown, taken)
            elif not taken.repeated:
                await self._send(sender, taken, message.sender)
        return taken.replies

    async def put_passive(
        self, message: InboundMessage, within: timedelta, together: Callable[[Sequence[Reply]], int] = _first_alone
    ) -> PassiveReply | None:
        """Takes one message, as `put`; its first replies are the caller's to answer with, if they are there in time.

        `together` says how many go into one answer; the channel's `send` has the others. None when there is no reply
        in time: then everything is sent by `send`. The same message again gets the replies that went back in an answer.
        """
        turn = self._keep(self._take_alone(message))
        done, _ = await asyncio.wait({turn}, timeout=within.total_seconds())
        sender = self._senders[message.sender.channel]
        if not done:
            self._keep(self._finish_late(turn, message, sender))
            return None
        taken = turn.result()
        if taken.repeated:
            went: int = await asyncio.to_thread(sender.went_passively, message.key)
            return PassiveReply(sender, _part(taken, 0, went)) if went else None
        if not taken.replies:
            return None
        split = max(1, together(taken.replies))
        if split < len(taken.replies):
            await self._send(sender, _part(taken, split, None), message.sender)
        return PassiveReply(sender, _part(taken, 0, split))

    def close(self) -> None:
        """Waits for the turns under way."""
        self._threads.shutdown(wait=True)

    async def _take(self, message: InboundMessage) -> Taken:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._assistant.take, message)

    async def _take_alone(self, message: InboundMessage) -> Taken:
        async with self._turns.setdefault(message.sender, asyncio.Lock()):
            return await self._take(message)

    async def _send(self, sender: Sender, taken: Taken, address: Address) -> None:
        if sender.is_running:
            sender.start_own(taken, address)
        else:
            await sender.send_own(taken, address)

    async def _finish_late(self, turn: asyncio.Task[Taken], message: InboundMessage, sender: Sender) -> None:
        """Sends what came too late for the answer. The push is acknowledged by now, so a failed turn is tried again."""
        for pause in chain(LATE_TRIES, repeat(LATE_TRIES[-1])):
            try:
                taken = await turn
                break
            except StorageError as busy:
                log.error("turn failed after its push was answered", again_in=pause, error=type(busy).__name__)
                await asyncio.sleep(pause)
                turn = self._keep(self._take_alone(message))
        if not taken.repeated:
            await self._send(sender, taken, message.sender)

    def _keep(self, what: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(what)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task


def _part(taken: Taken, begin: int, end: int | None) -> Taken:
    return replace(taken, replies=taken.replies[begin:end], deliveries=taken.deliveries[begin:end])
