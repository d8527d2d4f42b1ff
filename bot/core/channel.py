"""What a channel is: four methods and its limits."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.core.message import Address, InboundMessage, Reply

Door = Callable[[InboundMessage], Awaitable[Sequence[Reply]]]
"""Where a channel hands a message in. Returns, once it is committed, the replies that are the caller's to send."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry. `text_max` is counted in `text_unit`; rates are messages a second."""

    text_max: int
    text_unit: Literal["characters", "bytes"] = "characters"
    per_second: float = 1000.0
    per_address: float = 10.0
    buttons: bool = True


@dataclass(frozen=True, slots=True)
class Receipt:
    """A channel's own word that it took a message. `platform_id` is its name for it, "" when it gives none."""

    platform_id: str = ""


class Channel(Protocol):
    """Where people are. `routes` are what the web must mount for it; `send` raises DeliveryError."""

    name: str
    limits: Limits

    def routes(self, door: Door) -> Sequence[Any]: ...

    async def send(self, address: Address, reply: Reply) -> Receipt: ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...
