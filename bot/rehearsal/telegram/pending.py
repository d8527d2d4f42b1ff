"""Updates that wait for the bot: what getUpdates reads and a webhook is sent."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.rehearsal.control import Control
from bot.rehearsal.telegram.chats import Data
from bot.rehearsal.telegram.refusal import Refusal

LIVES = 24 * 3600
NOT_BY_DEFAULT = ("chat_member", "message_reaction", "message_reaction_count")


@dataclass(slots=True)
class Update:
    """One update and its fate: waiting, delivered, dropped."""

    id: int
    kind: str
    queue: str
    data: Data
    expires_at: float
    tries: int = 0
    delay: float = 1.0
    state: str = "waiting"
    person: str = ""
    answers: list[str] = field(default_factory=list)

    def as_data(self) -> Data:
        said = {name: getattr(self, name) for name in ("kind", "queue", "tries", "state", "person", "answers")}
        return {"update_id": self.id, **said, "update": self.data}


class Pending:
    """Updates that the bot hasn't confirmed, oldest first; what getUpdates reads."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.waiting: dict[int, Update] = {}
        self.past: deque[Update] = deque(maxlen=10_000)
        self.allowed: list[str] = []
        self.next_id = 100_000_000
        self.has_webhook = False
        self._arrived = asyncio.Event()
        self._poll = 0
        self.delivered = self.dropped = 0

    def allow(self, kinds: Sequence[str]) -> None:
        self.allowed = [kind for kind in kinds if isinstance(kind, str)]

    def is_wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT

    def add(self, kind: str, queue: str, payload: Data, person: str, number: int | None = None) -> Update:
        if number is None:
            number, self.next_id = self.next_id, self.next_id + 1
        expires = self._control.clock().timestamp() + LIVES
        update = Update(number, kind, queue, {"update_id": number, kind: payload}, expires, person=person)
        self.waiting[number] = update
        self.wake()
        return update

    def wake(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()

    def settle(self, update: Update, state: str) -> None:
        if self.waiting.pop(update.id, None) is None:
            return
        update.state = state
        self.delivered += state == "delivered"
        self.dropped += state == "dropped"
        self.past.append(update)
        self._control.journal.changed()

    def clear(self) -> None:
        for update in tuple(self.waiting.values()):
            self.settle(update, "dropped")

    def drop_expired(self) -> None:
        now = self._control.clock().timestamp()
        for update in [update for update in self.waiting.values() if update.expires_at < now]:
            self.settle(update, "dropped")

    async def poll(self, offset: int, limit: int, patience: float) -> list[Data]:
        """What getUpdates gives. Raises Refusal beside a webhook, and in the older of two calls."""
        if self.has_webhook:
            raise Refusal(
                409,
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            )
        self._poll += 1
        mine = self._poll
        self.wake()  # The call before this one ends.
        numbers = list(self.waiting)
        for number in numbers[:offset] if offset < 0 else [n for n in numbers if n < offset]:
            self.settle(self.waiting[number], "delivered")
        self.drop_expired()
        loop = asyncio.get_running_loop()
        until = loop.time() + patience
        while not self.waiting and (left := until - loop.time()) > 0:
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                break
            if self.has_webhook:
                raise Refusal(409, "terminated by setWebhook request")
            if mine != self._poll:
                raise Refusal(
                    409, "terminated by other getUpdates request; make sure that only one bot instance is running"
                )
        given = list(self.waiting.values())[:limit]
        for update in given:
            update.tries += 1
        return [update.data for update in given]
