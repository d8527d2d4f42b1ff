"""The flood limits, enforced strictly: so many messages in any second, not so many on average."""

from collections import deque
from collections.abc import Callable
from math import ceil
from time import monotonic


class _Window:
    """At most `most` moments in any `seconds`."""

    def __init__(self, most: float, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self.moments: deque[float] = deque()

    def wait(self, now: float) -> float:
        """Seconds until there is room; 0 when there is."""
        while self.moments and self.moments[0] <= now - self.seconds:
            self.moments.popleft()
        if len(self.moments) < self.most:
            return 0.0
        return self.moments[0] + self.seconds - now


class Rates:
    """30 messages a second to all, 1 a second to one chat, 20 a minute to one group. Source: core.telegram.org/bots/faq.

    What is refused doesn't count. The real limits are soft; these are not, so that a sender's own pace shows. The one of
    a chat may be `averaged` over more than a second, as the real one is: "short bursts" are let through, it is said there.
    """

    def __init__(
        self,
        overall: float = 30,
        per_chat: float = 1,
        per_group: float = 20,
        *,
        averaged: float = 1.0,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.overall, self.per_chat, self.per_group = overall, per_chat, per_group
        self._averaged, self._now = averaged, now
        self._all = _Window(overall, 1.0)
        self._chats: dict[int, list[_Window]] = {}

    def take(self, chat: int) -> int:
        """Counts one message to `chat`: 0, or the seconds to wait when it is refused."""
        windows = self._chats.get(chat)
        if windows is None:
            windows = [self._all, _Window(self.per_chat * self._averaged, self._averaged)]
            if chat < 0:
                windows.append(_Window(self.per_group, 60.0))
            self._chats[chat] = windows
        now = self._now()
        wait = max(window.wait(now) for window in windows)
        if wait > 0:
            return max(1, ceil(wait))
        for window in windows:
            window.moments.append(now)
        return 0
