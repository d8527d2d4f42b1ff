"""A channel that keeps what it is given, for tests: it can be told to fail as a platform would."""

from collections import defaultdict
from collections.abc import Sequence
from math import inf
from typing import Any

from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.errors import DeliveryError
from bot.core.message import Address, Reply

UNLIMITED = Limits(text_max=100_000, per_second=1e6, per_address=inf)


class MemoryChannel:
    """Delivered replies by user, in order; `failures` are raised one by one before anything is delivered."""

    def __init__(self, name: str = "memory", limits: Limits | None = None) -> None:
        self.name = name
        self.limits = limits or UNLIMITED
        self.delivered: dict[str, list[Reply]] = defaultdict(list)
        self.failures: list[DeliveryError] = []

    def routes(self, door: Door) -> Sequence[Any]:
        return ()

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.delivered[address.user].append(reply)
        return Receipt(f"{address.user}:{len(self.delivered[address.user])}")

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None
