"""What staff decide about an order: two for whatever discloses, destroys or changes; the hold; refusals; stop links."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.core.contacts import Contact
from bot.core.errors import NothingFound
from bot.core.order.dates import hold_for
from bot.core.order.moves import CLOCK, Actor, Event, Reason, staff
from bot.core.order.papers import Papers
from storage.stores.orders import Order


class Deciding(Papers):
    """Proposing, approving, ending, stopping."""

    def propose(self, order: Order, staff_id: int) -> Order:
        """One of two: what is asked shall be done."""
        left = len(self.checklist(order)) - len(self._store.papers.ticks(order.id))
        note = f"checklist open: {left}" if left else ""
        return self._move(
            order, Event.PROPOSED, staff(staff_id), {"proposed_by": staff_id, "proposed_at": self.now}, note=note
        )

    def send_back(self, order: Order, staff_id: int, words: str = "") -> Order:
        """The second person doesn't agree: the proposal is off."""
        order = self._move(order, Event.SENT_BACK, staff(staff_id), {"proposed_by": None, "proposed_at": None})
        if words:
            self.remark(order, staff(staff_id), words, internal=True)
        return order

    def approve(
        self,
        order: Order,
        staff_id: int,
        contacts: Sequence[Contact] = (),
        contacts_changed_at: datetime | None = None,
    ) -> Order:
        """Two of two. What destroys is now on hold; all `contacts` of the account (they must be given) are told, each
        with a stop link of its own. `contacts_changed_at`: when one of them last changed or went, None: not known."""
        values: dict[str, Any] = {"approved_by": staff_id, "approved_at": self.now}
        destroys = self._rule(order).destroys
        if destroys:
            length = hold_for(contacts, contacts_changed_at, self.now)
            values["hold_until"] = self.now + length
            values["hold_seen_until"] = self._store.holds.look(self.now) + length.total_seconds()
        order = self._move(order, Event.APPROVED, staff(staff_id), values, contacts=len(self.reachable(contacts)))
        if destroys:
            self.warn(order, [(contact.kind.value, contact.value) for contact in contacts], "hold_begun")
        return order

    def reachable(self, contacts: Sequence[Contact]) -> list[Contact]:
        """Those that can be told of a hold."""
        return [contact for contact in contacts if self.ports.reaches(contact.kind.value, contact.value)]

    def warn(self, order: Order, contacts: Sequence[tuple[str, str]], key: str) -> None:
        """Tells every contact and the person that a hold has begun or ends tomorrow, with a stop link each."""
        values = self._values(order)
        for kind, address in contacts:
            token = self._store.holds.new_link(order.id, kind, address, self.now)
            self.ports.warn(order, kind, address, key, {**values, "token": token})
        self.ports.tell(order, key, values)

    def deliver(self, order: Order, by: Actor) -> Order:
        """The package is there for the person."""
        order = self._move(order, Event.DELIVERED, by, {"delivered_at": self.now})
        self.ports.tell(order, "ready", self._values(order))
        return order

    def execute(self, order: Order, by: Actor) -> Order:
        """What was asked has been carried out: deleted, closed, corrected. Not before the hold is over."""
        order = self._move(order, Event.EXECUTED, by, {"executed_at": self.now})
        self.ports.tell(order, "executed", self._values(order))
        return order

    def answer(self, order: Order, staff_id: int, words: str = "") -> Order:
        """Ends the order as its right asks for: delivered, carried out, or answered in words."""
        rule = self._rule(order)
        if rule.discloses:
            order = self.deliver(order, staff(staff_id))
        elif rule.two_staff:
            order = self.execute(order, staff(staff_id))
        else:
            order = self._move(order, Event.ANSWERED, staff(staff_id))
            self.ports.tell(order, "answered", {**self._values(order), "words": words})
        if words:
            self._say(order, staff_id, words)
        return order

    def refuse(self, order: Order, staff_id: int, reason: str, words: str = "") -> Order:
        """Ends the order with a reason (see Reason) and words for the person."""
        order = self._move(order, Event.REFUSED, staff(staff_id), {"refused_by": staff_id}, reason=reason)
        if words:
            self._say(order, staff_id, words)
        self.ports.tell(order, f"refused.{reason}", {**self._values(order), "words": words})
        return order

    def stop(self, token: str) -> Order:
        """Whoever holds a stop link says "this was not me". Works until the deletion is carried out; pressing twice is
        no mistake. Raises NothingFound for a token we never made, NotAllowed when it is too late."""
        link = self._store.holds.link(token)
        order = self._store.of_id(link.order_id, hold=True) if link else None
        if link is None or order is None:
            raise NothingFound
        if order.stopped_at is not None:
            return order
        order = self._move(
            order, Event.STOPPED, Actor("link", via=link.kind), {"stopped_at": self.now}, reason=Reason.SUSPECTED_FRAUD
        )
        self._store.holds.used(token, self.now)
        self.ports.alarm(order, "stopped", {"via": link.kind})
        self.ports.tell(order, "stopped", self._values(order))
        return order

    def stoppable(self, token: str) -> Order:
        """What a stop link would stop, for the page that shows before the button is pressed. Raises NothingFound."""
        link = self._store.holds.link(token)
        order = self._store.of_id(link.order_id) if link else None
        if order is None:
            raise NothingFound
        return order

    def close(self, order: Order, by: Actor = CLOCK) -> Order:
        return self._move(order, Event.CLOSED, by)
