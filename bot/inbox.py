"""The async door to the synchronous core: one turn at a time per conversation, each in a worker thread."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from bot.core.assistant import Along, Assistant, Taken
from bot.core.delivery import Sender
from bot.core.ledger import Step
from bot.core.message import Address, InboundMessage, Reply
from bot.turns import Turns

LOOK_EVERY = 0.1
"""Seconds between two looks whether it is known by now where the replies to a repeated message went."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PassiveReply:
    """Replies that go back in the answer to the very push that brought the message.

    Await `confirm` once the answer is written. Without it the claims end by themselves, and the pump sends all of them.
    """

    _sender: Sender
    _taken: Taken
    _send_rest: Callable[[], Awaitable[None]] | None = None
    """Sends the replies that are not in the answer. Not before it, or they could arrive in front of it."""

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
        if self._send_rest is not None:
            await self._send_rest()


def _first_alone(replies: Sequence[Reply]) -> int:
    return 1


class Inbox:
    """Hands messages to the assistant and its replies to the channel they came from."""

    def __init__(self, assistant: Assistant, senders: Mapping[str, Sender], in_place: frozenset[str]) -> None:
        """`in_place`: channels whose replies go back in the answer to the request that brought the message."""
        self._turns, self._senders, self._in_place = Turns(assistant), senders, in_place
        self._chats: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()
        self._late = set[asyncio.Task[Any]]()

    async def put(self, message: InboundMessage) -> Sequence[Reply]:
        """Takes one message; returns after the commit with the replies, which are being sent.

        Where the channel shows them itself nothing is sent; where no pump runs, returns when they have been sent.
        """
        lock = self._chats.setdefault(message.sender, asyncio.Lock())
        sender = self._senders[message.sender.channel]
        async with lock:
            is_shown = message.sender.channel in self._in_place
            taken, granted = await self._turns.take(message, asking=None if is_shown else sender.grant)
            if is_shown:
                await asyncio.to_thread(sender.mark_shown, taken)
            elif not taken.repeated:
                await self._send(sender, taken, message.sender, granted)
        return taken.replies

    async def put_passive(
        self,
        message: InboundMessage,
        within: timedelta,
        together: Callable[[Sequence[Reply]], int] = _first_alone,
        along: Along | None = None,
    ) -> PassiveReply | None:
        """Takes one message, as `put`; its first replies are the caller's to answer with, if they are there in time.

        `together` says how many go into one answer; the channel's `send` has the others. None when there is nothing to
        answer with. Either way it is committed: the push may be acknowledged. Raises TimeoutError when it was not
        committed in time, and StorageError when it can't be: then it must come again, or it would be lost. The same
        message again gets the replies that went back in an answer. `along`: as in `Assistant.take`.
        """
        until = monotonic() + within.total_seconds()
        sender = self._senders[message.sender.channel]
        turn = self._keep(self._take_alone(message, along, until))
        try:
            await asyncio.wait({turn}, timeout=within.total_seconds())
        finally:  # Whoever asked may be gone by now; what is committed all the same must be said.
            if not turn.done():
                self._keep(self._finish_late(turn, message, sender))
        if not turn.done():
            raise TimeoutError("the turn is not committed yet")
        taken = turn.result()
        if taken.repeated:
            went = await self._went_passively(sender, message, until)
            return PassiveReply(sender, _part(taken, 0, went)) if went else None
        if not taken.replies:
            return None
        split = max(1, together(taken.replies))
        rest = _part(taken, split, None)
        send_rest = partial(self._send, sender, rest, message.sender) if rest.replies else None
        return PassiveReply(sender, _part(taken, 0, split), send_rest)

    def close(self) -> None:
        """Waits for the turns under way."""
        self._turns.close()

    async def _take_alone(self, message: InboundMessage, along: Along | None, until: float) -> Taken:
        """One turn, unless its push can't be answered any more before it begins: that one comes again."""
        async with self._chats.setdefault(message.sender, asyncio.Lock()):
            taken, _ = await self._turns.take(message, along, until)
            return taken

    async def _went_passively(self, sender: Sender, message: InboundMessage, until: float) -> int:
        """How many replies to a repeated message went back in an answer. Waits for whoever is still answering it."""
        while (went := await asyncio.to_thread(sender.went_passively, message.key)) is None:
            if monotonic() + LOOK_EVERY > until:
                return 0  # It is committed: if nobody sends it after all, its claim ends and the pump does.
            await asyncio.sleep(LOOK_EVERY)
        return went

    async def _send(self, sender: Sender, taken: Taken, address: Address, granted: Step | None = None) -> None:
        if sender.is_running:
            sender.start_own(taken, address, granted)
        else:
            await sender.send_own(taken, address, granted)

    async def _finish_late(self, turn: asyncio.Task[Taken], message: InboundMessage, sender: Sender) -> None:
        """Sends what came too late for the answer. A turn that failed is the next push's to take."""
        try:
            taken = await turn
        except Exception as failure:
            log.warning("turn given up; its push comes again", error=type(failure).__name__)
            return
        if not taken.repeated:
            await self._send(sender, taken, message.sender)

    def _keep(self, what: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(what)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task


def _part(taken: Taken, begin: int, end: int | None) -> Taken:
    return replace(taken, replies=taken.replies[begin:end], deliveries=taken.deliveries[begin:end])
