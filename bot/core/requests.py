"""What it takes to use a right from a chat: deadlines, codes, the ways to prove who one is, and whom news go to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.codes import Codes
from bot.core.order.listening import listener
from bot.core.order.moving import Ports, Tell
from bot.core.orders import Orders
from bot.core.paper_links import token_of, waits_for_papers
from bot.core.verification import Verification
from knowledge.deadlines import Deadlines, load_rules, official_calendar
from knowledge.rights import Level, Right, rights
from storage.stores.orders import Order
from storage.work import Work

SAID_IN_THE_CHAT = frozenset({"opened", "withdrawn", "appealed", "remark"})
"""News of what the person just did in this very chat, which the dialogue tells them itself."""


def usual_deadlines() -> Deadlines:
    """The rule set that binds every company in the PRC, by the calendar as it was announced."""
    return Deadlines(load_rules("cn"), official_calendar())


@dataclass(frozen=True, slots=True)
class Requests:
    """The desk that requests are handed in at. `ports` makes, for one transaction, where news of orders go.

    `reach`: the channels that codes can go out by, of "email" and "sms". Without any, and without a portal, nobody can
    show who they are, so rights that need it are not taken here.
    """

    codes: Codes
    deadlines: Deadlines = field(default_factory=usual_deadlines)
    reach: frozenset[str] = frozenset()
    has_portal: bool = False
    ports: Callable[[Work, datetime], Ports] = lambda work, now: Ports()
    papers_url: str = ""
    """What the token of an upload link is put behind; "" where people can't reach our pages, so no link is given."""

    def papers_link(self, work: Work, order: Order) -> str:
        """Where the order's papers can be handed in; "" where nowhere."""
        return self.papers_url + token_of(work.keyring, order) if self.papers_url and waits_for_papers(order) else ""

    def orders(self, work: Work, now: datetime, *, from_chat: int | None = None) -> Orders:
        """The orders of one transaction. `from_chat`: the person whose dialogue tells what is done now in their chat;
        where another one hears of the order, that is told as ever."""
        ports = replace(self.ports(work, now), has_portal=self.has_portal)
        if from_chat is not None:
            ports = replace(ports, tell=_but_in_chat(work, ports.tell, from_chat))
        return Orders(work, now, self.deadlines, ports)

    def verification(self, work: Work, now: datetime) -> Verification:
        """The codes of one transaction."""
        return Verification(work, self.codes, now)

    def are_handled(self, work: Work, right: Right) -> bool:
        """Whether there are staff for such an order, and a way to show who asks as far as it needs."""
        can_prove = rights()[right].level is Level.CHANNEL or bool(self.reach)
        return can_prove and any(member.active for member in work.staff.all())


def _but_in_chat(work: Work, tell: Tell, person_id: int) -> Tell:
    """`tell`, without what the dialogue of this person says itself."""

    def told(order: Order, key: str, values: Mapping[str, str]) -> None:
        hears = listener(work, order) if key in SAID_IN_THE_CHAT else None
        if hears is None or hears.id != person_id:
            tell(order, key, values)

    return told
