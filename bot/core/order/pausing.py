"""Moving an order's date: extended, paused and resumed. Only with a reason, which the person is told."""

from datetime import timedelta

from bot.core.order.dates import FIRST_LOOK, columns_of, due_of
from bot.core.order.moves import Actor, Event, NotAllowed, staff
from bot.core.order.moving import Moving
from knowledge.deadlines import Due, Refused
from storage.stores.orders import Order


class Pausing(Moving):
    """More time, where the rules of the deadline allow it."""

    def extend(self, order: Order, staff_id: int, words: str) -> Order:
        """More time, where the rules allow it, with the reason, which the person is told together with the new date."""
        longer = self.deadlines.extension(self.due_of(order), words, self.now)
        if isinstance(longer, Refused):
            raise NotAllowed(longer.why)
        values = columns_of(longer) | {"reached": max(longer.reached(self.now), min(order.reached, FIRST_LOOK))}
        order = self._move(order, Event.EXTENDED, staff(staff_id), values)
        self._say(order, staff_id, words)
        self.ports.tell(order, "due_moved", {**self._values(order), "words": words})
        return order

    def pause(self, order: Order, staff_id: int, words: str) -> Order:
        """The clock of our own promise stands still while we wait for what only the person can give."""
        if isinstance(refused := self._with_pause(order, timedelta(days=1)), Refused):
            raise NotAllowed(refused.why)
        order = self._move(order, Event.PAUSED, staff(staff_id), {"paused_at": self.now})
        self._say(order, staff_id, words)
        self.ports.tell(order, "paused", {**self._values(order), "words": words})
        return order

    def resume(self, order: Order, by: Actor) -> Order:
        """The clock goes on; the date has moved by the whole days of the pause, as far as the law lets it."""
        waited = max(self.now - (order.paused_at or self.now), timedelta(0))
        longer = self._with_pause(order, waited)
        moved = {} if isinstance(longer, Refused) else columns_of(longer)
        before = order.told_due_at
        order = self._move(order, Event.RESUMED, by, {**moved, "paused_at": None})
        self.ports.tell(order, "due_moved" if order.told_due_at != before else "resumed", self._values(order))
        return order

    def _with_pause(self, order: Order, more: timedelta) -> Due | Refused:
        """The order's date with another pause of this length."""
        due = due_of(order._replace(paused_at=None), self.deadlines, self.now)
        return self.deadlines.paused(due, timedelta(seconds=order.paused_seconds) + more)
