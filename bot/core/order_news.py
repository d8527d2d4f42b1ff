"""What is said about orders: to the person in their chat, to the contacts of the account, to staff.

All of it is queued in the transaction of the move. To a chat goes a fixed text with a number and dates, and what staff
wrote to the person; nothing from the account.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime

import structlog

from bot.core.contacts import Kind
from bot.core.enquiries import CHANNEL_OF
from bot.core.message import Reply
from bot.core.order_moving import Ports
from bot.core.voice import Voice
from storage.stores.orders import Order
from storage.work import Work

log = structlog.get_logger(__name__)


class News:
    """The ports of one transaction."""

    def __init__(
        self, work: Work, now: datetime, voice: Callable[[str], Voice], reach: frozenset[str], stop_url: str
    ) -> None:
        """`voice` speaks a language; `reach`: channels there are for contacts; `stop_url`: what a stop token is put behind."""
        self._work, self._now, self._voice, self._reach, self._stop_url = work, now, voice, reach, stop_url

    def ports(self) -> Ports:
        """Where the news of this transaction go."""
        return Ports(tell=self.tell, alarm=self.alarm, warn=self.warn)

    def tell(self, order: Order, key: str, values: Mapping[str, str]) -> None:
        """To the chat that the order was opened from, while there is one."""
        known = self._work.people.of_id(order.person_id) if order.person_id is not None else None
        if known is None:
            return
        voice = self._voice(known.language)
        said = {"words": "", "due": "", "until": "", **values}
        if said["due"]:
            said["due"] = voice.date(date.fromisoformat(said["due"]))
        text = voice.shared(wording_of(key), **said)
        self._queue(known.id, f"{order.thing}:v{order.version}:{key}", Reply(text.strip(), language=voice.language))

    def warn(self, order: Order, kind: str, address: str, key: str, values: Mapping[str, str]) -> None:
        """To a contact of the account, with the link that stops the order."""
        channel = CHANNEL_OF[Kind(kind)]
        if channel not in self._reach:
            self._work.trail.add(self._now, "bot", "contact not reached", order.thing, kind)
            return
        voice = self._voice(order.language)
        link = self._stop_url + values["token"]
        text = voice.shared(f"order_warn_{key}", number=order.number, until=values.get("until", ""), link=link)
        whom = self._work.people.meet(channel, address, self._now, order.language)
        self._queue(whom.id, f"{order.thing}:{key}:{kind}", Reply(text, language=voice.language))

    def alarm(self, order: Order, key: str, values: Mapping[str, str]) -> None:
        """To staff: noted on the order, and in the log that a monitor reads."""
        self._work.trail.add(self._now, "bot", f"alarm {key}", order.thing, " ".join(values.values()))
        log.warning("work order needs staff", number=order.number, why=key)

    def _queue(self, person_id: int, cause: str, reply: Reply) -> None:
        known = self._work.people.of_id(person_id)
        if known is not None:
            body = json.dumps(reply.as_data(), ensure_ascii=False).encode("utf-8", "surrogatepass")
            self._work.deliveries.add(known, cause, [body], self._now, lane="order")


def wording_of(key: str) -> str:
    """The wording of a piece of news: "refused.no_match" is said by order_refused_no_match."""
    return "order_paused_news" if key == "paused" else "order_" + key.replace(".", "_")
