"""The people of an Official Account: who follows, what may still be sent to them, and what they see."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.rehearsal.journal import Clock
from bot.rehearsal.people import Person
from bot.rehearsal.wechat.errcodes import Errcode

Data = dict[str, Any]
WINDOWS = {"message": (5, timedelta(hours=48)), "tap": (3, timedelta(minutes=1))}
"""Customer-service messages after a message of the person's; after a menu tap, a follow or a scan.

Source: doc/offiaccount/Customer_Service/Customer_Service_Messages.html. A tap on a msgmenu line is a tap, no message.
"""
TYPING_LASTS = timedelta(seconds=15)
INTERACTED_WITHIN = timedelta(seconds=30)
UNAVAILABLE = "该公众号提供的服务出现故障，请稍后再试"
"""What WeChat itself says in the chat when the account's server failed."""
SEEN_LINES = 200


@dataclass(slots=True)
class Window:
    left: int
    until: datetime


@dataclass(slots=True)
class Follower:
    """One person at the account. `credits`: one-time permissions by template id."""

    person: Person
    subscribed: bool = True
    subscribed_at: datetime | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)
    lines: deque[Data] = field(default_factory=lambda: deque(maxlen=SEEN_LINES))
    last_contact: datetime | None = None
    typing_until: datetime | None = None

    @property
    def openid(self) -> str:
        return self.person.openid


class Followers:
    """Everybody by openid. `anyone`: whoever is written to exists, follows, and has just written."""

    def __init__(self, clock: Clock, changed: Callable[[], None], *, anyone: bool) -> None:
        self._clock, self._changed, self._anyone = clock, changed, anyone
        self.all: dict[str, Follower] = {}
        self._lines = 0

    def meet(self, who: Person, *, subscribed: bool = True) -> Follower:
        """The person's place here; following from now on when they are new."""
        known = self.all.get(who.openid)
        if known is None:
            known = self.all[who.openid] = Follower(who, subscribed, self._clock())
        return known

    def find(self, openid: Any) -> Follower:
        """Raises Errcode 40003."""
        known = self.all.get(openid) if isinstance(openid, str) else None
        if known is None:
            if not (self._anyone and isinstance(openid, str) and 20 <= len(openid) <= 40):
                raise Errcode(40003)
            known = self.all[openid] = Follower(_Stranger(0, "Example", "en", openid), True, self._clock())
            self.contact(known, "message")
            known.windows["message"].left = 10**9
        return known

    def contact(self, follower: Follower, kind: str) -> None:
        """The person did something that opens a window: a "message" or a "tap"."""
        most, lasts = WINDOWS[kind]
        now = self._clock()
        follower.windows[kind] = Window(most, now + lasts)
        follower.last_contact = now

    def spend(self, follower: Follower) -> None:
        """Takes one message out of the window that ends first. Raises Errcode 45015 or 45047."""
        now = self._clock()
        windows = [window for window in follower.windows.values() if window.until > now]
        if not follower.subscribed or not windows:
            raise Errcode(45015)
        free = [window for window in windows if window.left > 0]
        if not free:
            raise Errcode(45047)
        min(free, key=lambda window: window.until).left -= 1

    def left(self, follower: Follower) -> dict[str, int]:
        """Messages that may still be sent, by window."""
        now = self._clock()
        return {kind: window.left for kind, window in follower.windows.items() if window.until > now}

    def show(self, follower: Follower, sender: str, text: str, **more: Any) -> None:
        """A line in the person's chat. `sender`: "person", "bot" or "wechat"."""
        self._lines += 1
        at = self._clock().isoformat(timespec="seconds")
        follower.lines.append({"number": self._lines, "from": sender, "text": text, "at": at, **more})
        if sender == "bot":
            follower.typing_until = None
        self._changed()


@dataclass(frozen=True, slots=True)
class _Stranger(Person):
    """Somebody who is only an openid."""

    named: str = ""

    @property
    def openid(self) -> str:
        return self.named
