"""The moves that nobody makes but the clock."""

from bot.core.order.dates import FIRST_LOOK, columns_of, due_of, look_by
from bot.core.order.deciding import Deciding
from bot.core.order.guards import WARN_BEFORE
from bot.core.order.moves import CLOCK, Event
from storage.stores.orders import Order


class Timing(Deciding):
    """Reminders, the second warning and the end of a hold, expiry, a new count. See order_clock."""

    def remind(self, order: Order, reached: int) -> Order:
        """Staff are told how much of the time has passed; at 100 their superior, and the person what they can do.
        `reached` as the column counts: up to FIRST_LOOK it is the time to a first look."""
        if reached <= FIRST_LOOK:
            return self._remind_to_look(order, reached * 100 // FIRST_LOOK, reached)
        percent = reached
        order = self._move(order, Event.REMINDED, CLOCK, {"reached": percent}, note=f"{percent}%")
        self.ports.alarm(order, "escalation" if percent == 100 else "reminder", {"percent": str(percent)})
        if percent == 100:
            self.ports.tell(order, "reminder", self._values(order))
        return order

    def _remind_to_look(self, order: Order, percent: int, reached: int) -> Order:
        order = self._move(order, Event.REMINDED, CLOCK, {"reached": reached}, note=f"first look {percent}%")
        missed = percent == 100
        by = look_by(order)
        values = {"percent": str(percent)} | ({"by": self._clock(by)} if by else {})
        self.ports.alarm(order, "look_missed" if missed else "look_reminder", values)
        if missed:
            self.ports.tell(order, "look_missed", self._values(order))
        return order

    def warn_again(self, order: Order) -> Order:
        """A day before a hold ends every contact is told again; where that comes late, the hold lasts a day from it."""
        seen = self._store.holds.look(self.now) + WARN_BEFORE.total_seconds()
        values = {
            "warned_at": self.now,
            "hold_until": max(order.hold_until or self.now, self.now + WARN_BEFORE),
            "hold_seen_until": max(order.hold_seen_until or 0.0, seen),
        }
        order = self._move(order, Event.WARNED, CLOCK, values)
        self.warn(order, self._store.holds.contacts(order.id), "hold_ending")
        return order

    def end_hold(self, order: Order) -> Order:
        """Staff, or the company's system, may carry it out now."""
        order = self._move(order, Event.HOLD_OVER, CLOCK, {"hold_over_at": self.now})
        self.ports.alarm(order, "hold_over", {})
        return order

    def expire(self, order: Order) -> Order:
        """Nobody proved the request in time."""
        order = self._move(order, Event.EXPIRED, CLOCK)
        self.ports.tell(order, "expired", self._values(order))
        return order

    def recount(self, order: Order) -> Order:
        """The date by the newest calendar; the person is told where it is earlier. A pause under way goes on."""
        dates = columns_of(due_of(order._replace(paused_at=None), self.deadlines, self.now))
        after = self._move(order, Event.RECOUNTED, CLOCK, dates)
        if after.told_due_at != order.told_due_at:
            self.ports.tell(after, "due_moved", self._values(after))
        return after
