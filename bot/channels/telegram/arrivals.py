"""Two small memories of one process. Forgotten at a restart, which costs a second greeting at worst."""

from time import monotonic
from typing import Literal

from bot.core.message import Event, InboundMessage

SAME_ARRIVAL = 10.0
"""Seconds within which the end of a block and a bare /start are one coming back."""
KEPT_MAX = 10_000


class OncePerWhile:
    """Allows a thing once in `seconds`, by name."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, float] = {}

    def may(self, name: str) -> bool:
        """Whether it is time again; if so the while begins anew."""
        now = monotonic()
        if now - self._last.get(name, -self._seconds) < self._seconds:
            return False
        if len(self._last) >= KEPT_MAX:
            self._last = {one: at for one, at in self._last.items() if now - at < self._seconds}
        self._last[name] = now
        return True


class Arrivals:
    """Who is being greeted. Telegram tells a coming back twice, in either order: as an event and as /start."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Literal["event", "start"], float]] = {}

    def is_greeted(self, message: InboundMessage) -> bool:
        """Whether `message` is the second half of a coming back whose first half was greeted; if not, it is noted."""
        user, now = message.sender.user, monotonic()
        kind = _kind(message)
        if message.event is Event.LEFT:
            self._last.pop(user, None)
        if kind is None:
            return False
        before = self._last.pop(user, None)
        if before is not None and before[0] != kind and now - before[1] < SAME_ARRIVAL:
            return True
        if len(self._last) >= KEPT_MAX:
            self._last = {one: it for one, it in self._last.items() if now - it[1] < SAME_ARRIVAL}
        self._last[user] = (kind, now)
        return False

    def forget(self, message: InboundMessage) -> None:
        """It failed: whatever comes next is greeted."""
        self._last.pop(message.sender.user, None)


def _kind(message: InboundMessage) -> Literal["event", "start"] | None:
    if message.event is Event.JOINED:
        return "event"
    return "start" if message.text.strip() == "/start" else None
