"""Polling: for where no webhook can reach. The next getUpdates confirms what came before, so it waits for the commits."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bot.channels.telegram.incoming import Incoming
from bot.channels.telegram.transport import TooMany, Transport
from bot.core.channel import Door
from storage.errors import StorageError

ALLOWED_UPDATES = ("message", "callback_query", "inline_query", "my_chat_member")
"""What Telegram is to send. Not edited_message: an edit must never do anything again."""
HOLD = timedelta(seconds=25)
"""How long Telegram holds an empty answer back."""
BATCH = 100
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before asking again after a failure, doubling."""
STORAGE_PAUSE = 5.0

log = structlog.get_logger(__name__)


class Poll:
    """Asks for updates until it is cancelled."""

    def __init__(self, bot: Bot, transport: Transport, incoming: Incoming, hold: timedelta = HOLD) -> None:
        self._bot, self._transport, self._incoming, self._hold = bot, transport, incoming, hold

    async def run(self, door: Door) -> None:
        """Never returns. What was being taken when it is cancelled comes again at the next start."""
        pause, has_webhook = FIRST_PAUSE, True
        first: int | None = None
        while True:
            try:
                if has_webhook:
                    await self._bot.delete_webhook(drop_pending_updates=False)
                    has_webhook = False
                batch = await self._ask(first)
                pause = FIRST_PAUSE
            except TelegramError as failure:
                wait = failure.after.total_seconds() if isinstance(failure, TooMany) else 0.0
                log.warning("telegram getUpdates failed", error=type(failure).__name__, again_in=max(pause, wait))
                await asyncio.sleep(max(pause, wait))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            # An empty answer has confirmed all before it. Ids begin anew at random after a quiet week, perhaps below the
            # last one, so from then on the oldest there is is asked for, whatever its number.
            first = await self._take(batch, door) if batch else None

    async def _ask(self, first: int | None) -> Sequence[Mapping[str, Any]]:
        """The updates from number `first` on. Raises TelegramError."""
        asked = {
            "timeout": str(int(self._hold.total_seconds())),
            "limit": str(BATCH),
            "allowed_updates": json.dumps(ALLOWED_UPDATES),
        }
        if first is not None:
            asked["offset"] = str(first)
        address = f"{self._bot.base_url}/getUpdates"
        status, body = await self._transport.ask(address, asked, self._hold + timedelta(seconds=10))
        if status == 409:
            raise TelegramError("another program asks for this bot's updates, or a webhook is set")
        answer = self._transport.parse_json_payload(body)
        found = answer.get("result")
        if status != 200 or not isinstance(found, list):
            raise TelegramError(f"status {status}")
        return [one for one in found if isinstance(one, dict) and type(one.get("update_id")) is int]

    async def _take(self, batch: Sequence[Mapping[str, Any]], door: Door) -> int:
        """Takes a batch, each chat's in order; the number to ask for next: the first that could not be kept, or the one after."""
        by_person: dict[object, list[Mapping[str, Any]]] = {}
        for update in batch:
            by_person.setdefault(_whose(update), []).append(update)
        failed = await asyncio.gather(*(self._take_in_order(updates, door) for updates in by_person.values()))
        first = min((number for number in failed if number is not None), default=None)
        if first is not None:
            await asyncio.sleep(STORAGE_PAUSE)
            return first
        return int(max(update["update_id"] for update in batch)) + 1

    async def _take_in_order(self, updates: Sequence[Mapping[str, Any]], door: Door) -> int | None:
        """The number of the first update that could not be kept, or None."""
        for update in updates:
            try:
                await self._incoming.take(json.dumps(update).encode(), door)
            except StorageError as busy:
                log.error("telegram update not kept", error=type(busy).__name__)
                return int(update["update_id"])
        return None


def _whose(update: Mapping[str, Any]) -> object:
    """Something that is the same for all updates of one person; their order counts."""
    for part in update.values():
        if isinstance(part, dict) and isinstance(part.get("from"), dict):
            return str(part["from"].get("id"))
    return None
