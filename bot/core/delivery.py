"""Sending what the outbox holds, and settling what became of it.

The request that took a message sends its own replies at once. What it leaves behind (a crash, a full queue) comes up
again when its claim ends, and `sweep` sends it. A delivery whose first try may have arrived is flagged `maybe_repeat`.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import structlog

from bot.core.assistant import CLAIM_FOR, Taken
from bot.core.channel import Channel
from bot.core.clock import Clock
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from storage.engine import Database
from storage.stores.deliveries import Due

BATCH = 100
RETRY_FIRST, RETRY_MOST = timedelta(seconds=1), timedelta(seconds=60)
"""The wait after a first failed try; it doubles with each further one."""

log = structlog.get_logger(__name__)


class Sender:
    """Sends through one channel and settles in one database."""

    def __init__(self, database: Database, channel: Channel, clock: Clock) -> None:
        self._database, self._channel, self._clock = database, channel, clock

    async def send_own(self, taken: Taken, address: Address) -> None:
        """Sends the replies of a turn that was just taken."""
        outcomes = []
        for position, reply in enumerate(taken.replies):
            outcomes.append(await self._try(address, reply, 1))
            if position < len(taken.deliveries) and isinstance(outcomes[-1], TryLater):
                break  # The rest waits its turn behind this one.
        if taken.deliveries:
            await asyncio.to_thread(self._settle, list(zip(taken.deliveries, outcomes, strict=False)), taken.claim)

    async def sweep(self) -> int:
        """Sends what is due on this channel; how many were tried."""
        claim, now = uuid4().hex, self._clock()
        due = await asyncio.to_thread(self._claim, claim)
        outcomes = []
        for one in due:
            reply = Reply.from_data(json.loads(one.body))
            outcomes.append((one.id, await self._try(Address(self._channel.name, one.user), reply, one.attempts)))
        if outcomes:
            await asyncio.to_thread(self._settle, outcomes, claim)
            log.info("swept", channel=self._channel.name, tried=len(outcomes), seconds=(self._clock() - now).total_seconds())
        return len(outcomes)

    def mark_shown(self, taken: Taken) -> None:
        """Settles replies that went back in the answer to the very request that brought the message."""
        if taken.deliveries:
            self._settle([(delivery, None) for delivery in taken.deliveries], taken.claim)

    def _claim(self, claim: str) -> Sequence[Due]:
        now = self._clock()
        with self._database.work() as work:
            return work.deliveries.due(self._channel.name, now, BATCH, claim, now + CLAIM_FOR)

    async def _try(self, address: Address, reply: Reply, attempts: int) -> TryLater | Unreachable | Refused | None:
        try:
            await self._channel.send(address, reply)
        except (TryLater, Unreachable, Refused) as failure:
            return failure
        except Exception as failure:
            # A channel's mistake must not cost the message: it waits and is tried again.
            log.error("send failed", channel=self._channel.name, error=type(failure).__name__)
            return TryLater(min(RETRY_FIRST * 2 ** min(attempts, 6), RETRY_MOST))
        return None

    def _settle(self, outcomes: Sequence[tuple[int, TryLater | Unreachable | Refused | None]], claim: str) -> None:
        now = self._clock()
        with self._database.work() as work:
            for delivery, outcome in outcomes:
                match outcome:
                    case None:
                        work.deliveries.settle(delivery, claim, "sent", now)
                    case TryLater(after=after):
                        work.deliveries.retry(delivery, claim, now + after)
                    case Unreachable(reason=reason):
                        work.deliveries.settle(delivery, claim, "unreachable", now, reason)
                    case Refused(reason=reason):
                        work.deliveries.settle(delivery, claim, "failed", now, reason)
