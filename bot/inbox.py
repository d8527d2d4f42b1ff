"""The async door to the synchronous core: one turn at a time per conversation, each in a worker thread."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from bot.core.assistant import Assistant
from bot.core.delivery import Sender
from bot.core.message import Address, InboundMessage, Reply

THREADS = 8


class Inbox:
    """Hands messages to the assistant and its replies to the channel they came from."""

    def __init__(self, assistant: Assistant, senders: Mapping[str, Sender], in_place: frozenset[str]) -> None:
        """`in_place`: channels whose replies go back in the answer to the request that brought the message."""
        self._assistant, self._senders, self._in_place = assistant, senders, in_place
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="turn")
        self._turns: WeakValueDictionary[Address, asyncio.Lock] = WeakValueDictionary()

    async def put(self, message: InboundMessage) -> Sequence[Reply]:
        """Takes one message; returns after the commit with the replies. Sends them unless the channel shows them itself."""
        lock = self._turns.setdefault(message.sender, asyncio.Lock())
        loop = asyncio.get_running_loop()
        async with lock:
            taken = await loop.run_in_executor(self._threads, self._assistant.take, message)
            channel = message.sender.channel
            if channel in self._in_place:
                await loop.run_in_executor(self._threads, self._senders[channel].mark_shown, taken)
            elif not taken.repeated:
                await self._senders[channel].send_own(taken, message.sender)
        return taken.replies

    def close(self) -> None:
        """Waits for the turns under way."""
        self._threads.shutdown(wait=True)
