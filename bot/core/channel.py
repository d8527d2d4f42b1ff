"""What a channel is: four methods and its limits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bot.core.message import Address, InboundMessage, Reply
from storage.stores.claims import Lane as Lane

Door = Callable[[InboundMessage], Awaitable[Sequence[Reply]]]
"""Where a channel hands a message in. Returns, once it is committed, the replies that are the caller's to send."""


def _nobody(address: Address) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry. `text_max` is counted in `text_unit`; rates are messages a second unless they say else.

    All lanes share the pace `per_second`, except those that `lanes` gives one of their own: Limits(4096, per_second=4,
    lanes={"broadcast": 24}) sends at most 28 messages a second, and a broadcast never takes the pace of an answer.
    """

    text_max: int
    text_unit: Literal["characters", "bytes"] = "characters"
    per_second: float = 1000.0
    per_address: float = 10.0
    """To one person; infinite where the platform doesn't mind."""
    buttons: bool = True
    lanes: Mapping[str, float] = field(default_factory=dict)
    """Lanes with a pace of their own: "interactive", "order" or "broadcast" -> messages a second."""
    address_burst: int = 5
    """Messages that one person may get at once after a rest."""
    per_group_minute: float = 20.0
    """To one group, a minute."""
    is_group: Callable[[Address], bool] = _nobody
    """Whether an address is a group's."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A channel's own word that it took a message. `platform_id` is its name for it, "" when it gives none."""

    platform_id: str = ""


class Channel(Protocol):
    """Where people are. `routes` are what the web must mount for it; `send` raises DeliveryError.

    `send` is told the lane, for a channel that counts its messages: an answer leaves the last one to what a company owes.
    """

    name: str
    limits: Limits

    def routes(self, door: Door) -> Sequence[Any]: ...

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt: ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...
