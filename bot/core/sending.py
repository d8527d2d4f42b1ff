"""One message on its way: it waits for its slot and goes out, and what the platform says of it is understood."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from bot.core.channel import Channel, Lane
from bot.core.clock import Clock
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.ledger import Fate, Halt, Outcome, Times
from bot.core.message import Address, Reply
from bot.core.pace import Bucket, Slots, Suspicion

log = structlog.get_logger(__name__)


class Sending:
    """The calls of one channel. `wake` is called when a wait of the platform holds everybody."""

    def __init__(self, channel: Channel, clock: Clock, times: Times, wake: Callable[[], None]) -> None:
        self._channel, self._clock, self._times, self._wake = channel, clock, times, wake
        self._suspicion = Suspicion()
        self.slots = Slots()
        self.halts: list[Halt] = []
        """Waits of the platform that are not written down yet."""
        self.is_stopping = False

    def stop(self) -> None:
        """Begins nothing more, and ends all waits for a slot."""
        self.is_stopping = True
        self.slots.interrupt()

    async def at_slot(
        self, bucket: Bucket, at: float, until: float, person_id: int, address: Address, reply: Reply, lane: Lane
    ) -> Outcome:
        """Waits for the slot and sends. After `until` somebody else may have the claim, so nothing is begun."""
        loop = asyncio.get_running_loop()
        if self.is_stopping or not await self.slots.come(bucket, at) or self.is_stopping or loop.time() > until:
            return Fate.UNTRIED
        began = loop.time()
        outcome = await self.at_once(address, reply, lane)
        if outcome is Fate.SENT:
            self._suspicion.reached(began)
        elif isinstance(outcome, TryLater) and not outcome.unsure:
            everyone = self._suspicion.is_for_everyone(person_id, outcome, loop.time())
            self.halts.append(Halt(self._clock() + outcome.after, None if everyone else (person_id, address)))
            if everyone:
                log.warning("channel halted", channel=self._channel.name, seconds=outcome.after.total_seconds())
                self.slots.interrupt()
                self._wake()
        return outcome

    async def at_once(self, address: Address, reply: Reply, lane: Lane) -> Outcome:
        """Sends, whatever the pace."""
        try:
            async with asyncio.timeout(self._times.call.total_seconds()):
                await self._channel.send(address, reply, lane)
        except (TryLater, Unreachable, Refused) as failure:
            return failure
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            return TryLater(timedelta(0), unsure=True)  # Cut off by `stop`: it may arrive all the same.
        except Exception as failure:
            # No answer in time, or a channel's mistake: it must not cost the message, and it may have arrived.
            log.error("send failed", channel=self._channel.name, error=type(failure).__name__)
            return TryLater(self._times.retry_first, unsure=True)
        return Fate.SENT
