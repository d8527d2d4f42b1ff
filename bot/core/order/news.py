"""What is said about orders: to the person in their chat, to the contacts of the account, to staff.

All of it is queued in the transaction of the move. To a chat goes a fixed text with a number and dates, and what staff
wrote to the person; nothing from the account.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from types import MappingProxyType

import structlog

from bot.core.channel import Lane
from bot.core.contacts import Kind
from bot.core.enquiries import CHANNEL_OF
from bot.core.masking import mask
from bot.core.message import Choice, Reply
from bot.core.order.card import clock_of, elsewhere, name_of
from bot.core.order.listening import listener
from bot.core.order.moves import Reason
from bot.core.order.moving import Ports
from bot.core.state import State
from bot.core.voice import Voice
from storage.errors import Conflict, Unreadable
from storage.stores.orders import Order
from storage.stores.people import Known
from storage.work import Work

MAIL = CHANNEL_OF[Kind.EMAIL]
MAILED: Mapping[str, str] = MappingProxyType(
    {
        "urgent": "staff_urgent",
        "papers": "staff_papers",
        "came": "staff_came",
        "look_reminder": "staff_look_reminder",
        "look_missed": "staff_look_missed",
        "reminder": "staff_reminder",
        "escalation": "staff_escalation",
        "stopped": "staff_stopped",
        "result": "staff_result",
    }
)
"""Alarms that go to the mailbox of staff, with their wording: what has to be looked at, or is late. The others wait in
the list of orders."""

URGENT_EACH, URGENT_ALL = 3, 20
"""Mails an hour about urgent reports: of one person or account, which may withdraw and report again as often as they
like; and of all, which is more than somebody at a desk looks into. Beyond them one mail an hour says that there are more."""
PAPERS_ALL = 20
"""Mails an hour about papers: one of an order, however many files come, and so many of all; then one more says so."""
NOBODY_TOLD = "nobody told"
"""In the trail: there was news, and no chat to tell them to."""
REFUSED = "refused."
"""How the key of a refusal begins; its reason follows."""
ENDINGS = ("answered", "executed", REFUSED)
"""How the keys begin by which a chat learns what came of an order; a result is announced by its link."""
ASKING = frozenset({"paused", "remark"})
"""News in which staff may ask for something: a button below them takes the answer."""
_HOUR = timedelta(hours=1)
_MAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

log = structlog.get_logger(__name__)


class News:
    """The ports of one transaction."""

    def __init__(
        self,
        work: Work,
        now: datetime,
        voice: Callable[[str], Voice],
        reach: frozenset[str],
        stop_url: str,
        staff_mail: str = "",
    ) -> None:
        """`voice` speaks a language; `reach`: channels there are for contacts; `stop_url`: what a stop token is put behind;
        `staff_mail`: the mailbox of staff, "" where there is none."""
        self._work, self._now, self._voice, self._reach = work, now, voice, reach
        self._stop_url, self._staff_mail = stop_url, staff_mail

    def ports(self) -> Ports:
        """Where the news of this transaction go."""
        return Ports(tell=self.tell, alarm=self.alarm, warn=self.warn, reaches=self.reaches, shown=self.shown)

    def tell(self, order: Order, key: str, values: Mapping[str, str]) -> None:
        """To the one chat that hears of the order; that there is none is noted."""
        known = listener(self._work, order)
        if known is None:
            self._work.trail.add(self._now, "bot", NOBODY_TOLD, order.thing, key)
            return
        voice = self._voice(known.language)
        said = {"words": "", "due": "", **values, "until": clock_of(values.get("until", ""), voice.language)}
        said["words"] = fit_for_a_chat(said["words"], voice)
        if said["due"]:
            said["due"] = voice.date(date.fromisoformat(said["due"]))
        said["elsewhere"] = elsewhere(order.right, voice)
        if key.startswith(REFUSED):
            which = "order_refused_first" if order.appealed_at is None else "order_refused_again"
            said["next"] = voice.shared(which, elsewhere=said["elsewhere"])
            said["reason"] = voice.shared(f"order_reason_{key.removeprefix(REFUSED)}")
        choices = _choices(order, key, voice)
        said["how"] = voice.shared("order_answer_how") if choices else ""
        text = voice.shared(wording_of(key), **said)
        cause = f"{order.thing}:v{order.version}:{key}{said.get('remark', '')}"  # A remark doesn't move the order.
        self._queue(known.id, cause, Reply(text.strip(), choices, language=voice.language))
        if choices:
            self._offer(known, choices)

    def reaches(self, kind: str, address: str) -> bool:
        """Whether `warn` has a way to a contact. A linked WeChat or Telegram id is none: no link that stops an order goes
        into a chat, and a login's openid may be one that we can't write to."""
        return CHANNEL_OF[Kind(kind)] in self._reach

    def shown(self, words: str) -> str:
        """What a chat gets of words that staff wrote."""
        return fit_for_a_chat(words, self._voice("en"))

    def warn(self, order: Order, kind: str, address: str, key: str, values: Mapping[str, str]) -> None:
        """To a contact of the account, with the link that stops the order."""
        channel = CHANNEL_OF[Kind(kind)]
        if not self.reaches(kind, address):
            self._work.trail.add(self._now, "bot", "contact not reached", order.thing, kind)
            return
        voice = self._voice(order.language)
        link = self._stop_url + values["token"]
        until = clock_of(values.get("until", ""), voice.language)
        wording = f"order_warn_{key}_sms" if Kind(kind) is Kind.PHONE else f"order_warn_{key}"
        text = voice.shared(wording, number=order.number, until=until, link=link)
        whom = self._work.people.meet(channel, address, self._now, order.language)
        # With the version: after an appeal the same contact may be told of a second hold.
        self._queue(whom.id, f"{order.thing}:v{order.version}:{key}:{kind}", Reply(text, language=voice.language))

    def alarm(self, order: Order, key: str, values: Mapping[str, str]) -> None:
        """To staff: noted on the order, in the log that a monitor reads, and what can't wait by mail to their mailbox."""
        self._work.trail.add(self._now, "bot", f"alarm {key}", order.thing, " ".join(values.values()))
        log.warning("work order needs staff", number=order.number, why=key)
        if key not in MAILED or not self._staff_mail or MAIL not in self._reach:
            return
        whom = self._work.people.meet(MAIL, self._staff_mail, self._now, "en")
        self._work.people.touch(whom.id, self._now)
        rationed = {"urgent": self._urgent_wording, "papers": self._papers_wording, "came": self._came_wording}
        wording = rationed[key](order, whom) if key in rationed else MAILED[key]
        if not wording:
            return
        # In both languages, as the command line is: which one a member of staff reads isn't known.
        texts = [self._to_staff(self._voice(language), order, wording, values) for language in ("en", "zh")]
        subjects, bodies = zip(*(text.strip().split("\n", 1) for text in texts), strict=True)
        text = " · ".join(subjects) + "\n" + "\n\n".join(body.strip() for body in bodies)
        cause = f"{order.thing}:v{order.version}:{wording.removeprefix('staff_')}"
        if key == "result" and self._work.deliveries.of_cause(whom, cause):
            return  # A link that staff sent anew has failed, too: they look at it already.
        # The lane of codes: never behind notices that a mail server puts off.
        self._queue(whom.id, cause, Reply(text), "interactive")

    def _urgent_wording(self, order: Order, whom: Known) -> str:
        """What the mailbox gets of an urgent report: a mail of its own, the one mail that there are more, or "": nothing."""
        recent = self._mailed(whom)
        mailed = [self._work.orders.of_id(int(cause[1])) for cause in recent if cause[-1] == "urgent"]
        own = sum(_is_of_same(order, other) for other in mailed if other is not None)
        if own < URGENT_EACH and len(mailed) < URGENT_ALL:
            return MAILED["urgent"]
        return "" if any(cause[-1] == "urgent_more" for cause in recent) else "staff_urgent_more"

    def _papers_wording(self, order: Order, whom: Known) -> str:
        """The same of papers that came in."""
        recent = [cause for cause in self._mailed(whom) if cause[-1] in ("papers", "papers_more")]
        if any(cause[:2] == order.thing.split(":") for cause in recent):
            return ""
        if sum(cause[-1] == "papers" for cause in recent) < PAPERS_ALL:
            return MAILED["papers"]
        return "" if any(cause[-1] == "papers_more" for cause in recent) else "staff_papers_more"

    def _came_wording(self, order: Order, whom: Known) -> str:
        """The same of what a person added while their request is paused: one mail of each pause."""
        return "" if self._work.deliveries.of_cause(whom, f"{order.thing}:v{order.version}:came") else MAILED["came"]

    def _mailed(self, whom: Known) -> list[list[str]]:
        """Causes of the mails to staff within the hour, taken apart: ["order", "5", "v3", "urgent"]."""
        return [cause.split(":") for cause in self._work.deliveries.causes(whom, self._now - _HOUR)]

    @staticmethod
    def _to_staff(voice: Voice, order: Order, wording: str, values: Mapping[str, str]) -> str:
        """Subject and text of a mail to staff: number, right and times, nothing of the person."""
        right, by = name_of(order.right, voice), clock_of(values.get("by", ""), voice.language)
        said = {"number": order.number, "right": right, "percent": values.get("percent", ""), "by": by}
        most = PAPERS_ALL if wording == "staff_papers_more" else URGENT_ALL
        return voice.shared(wording, **said, each=str(URGENT_EACH), most=str(most))

    def _offer(self, known: Known, choices: tuple[Choice, ...]) -> None:
        """What is offered last can be picked by its number or its words, where a channel has no buttons."""
        # They may write at this very moment: what they are asked then is what counts. The button works all the same.
        with suppress(Conflict, Unreadable):
            kept = self._work.conversations.state(known)
            state = State.from_bytes(kept.state)
            state.offer(choices)
            self._work.conversations.save_state(known, state.to_bytes(), kept.version, self._now)

    def _queue(self, person_id: int, cause: str, reply: Reply, lane: Lane = "order") -> None:
        known = self._work.people.of_id(person_id)
        if known is not None:
            body = json.dumps(reply.as_data(), ensure_ascii=False).encode("utf-8", "surrogatepass")
            self._work.deliveries.add(known, cause, [body], self._now, lane=lane)


def _choices(order: Order, key: str, voice: Voice) -> tuple[Choice, ...]:
    """What the person can do about a piece of news, at once or days later: answer staff, or appeal a first refusal."""
    if key in ASKING and order.is_live:
        return (Choice(voice.shared("order_answer"), f"answer:{order.number}"),)
    if key.startswith(REFUSED) and order.appealed_at is None:
        return (Choice(voice.shared("order_appeal"), f"appeal:{order.number}"),)
    return ()


def _is_of_same(order: Order, other: Order) -> bool:
    """Whether both are of one chat or one account."""
    return other.subject == order.subject or (order.person_id is not None and other.person_id == order.person_id)


def fit_for_a_chat(words: str, voice: Voice) -> str:
    """What staff wrote, masked as everything that people paste: who reads it may have proved nothing, and be abroad.

    Addresses that the policy itself gives stay as they are.
    """
    if "@" not in words:
        return mask(words)
    ours = {
        one for clause in voice.policy.clauses.values() for text in clause.plain.values() for one in _MAIL.findall(text)
    }
    pieces = re.split(f"({'|'.join(map(re.escape, ours))})", words) if ours else [words]
    return "".join(piece if piece in ours else mask(piece) for piece in pieces)


def wording_of(key: str) -> str:
    """The wording of a piece of news: "refused.no_match" is said by order_refused, with order_reason_no_match in it."""
    if key.startswith(REFUSED):
        return "order_refused_other" if key.removeprefix(REFUSED) == Reason.OTHER else "order_refused"
    return "order_paused_news" if key == "paused" else f"order_{key}"
