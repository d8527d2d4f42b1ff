"""How an order moves: the table asked, one conditional update, one entry in the trail; and whom news go to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.exc import IntegrityError

from bot.core.order.dates import due_of, wake_at
from bot.core.order.guards import GUARDS
from bot.core.order.moves import BOT, TABLE, Act, Actor, Event, NotAllowed, Reason, State
from knowledge.deadlines import Deadlines, Due
from knowledge.rights import Level, Right, RightRule, rights
from storage.errors import Conflict
from storage.stores.orders import Order
from storage.work import Work

ENDED = frozenset({State.ANSWERED, State.CLOSED, State.REFUSED, State.WITHDRAWN, State.EXPIRED})
NOTHING: Mapping[str, Any] = MappingProxyType({})
TOLD = frozenset(
    {"opened", "taken", "answered", "withdrawn", "expired", "due_moved", "paused", "resumed", "reminder", "stopped"}
    | {"hold_begun", "hold_ending", "executed", "ready", "appealed", "remark", "look_missed"}
    | {f"refused.{reason}" for reason in Reason}
)
"""Every key that `tell` is called with."""
ALARMS = frozenset(
    {"urgent", "look_reminder", "look_missed", "reminder", "escalation", "stopped", "hold_over", "appealed"}
    | {"withdrawn", "remark", "came", "papers", "result"}
)
"""Every key that `alarm` is called with."""

Tell = Callable[[Order, str, Mapping[str, str]], None]
"""What the person is told about their order: tell(order, "due_moved", {"due": "2026-03-12", "words": "..."}); dates and
moments ("until") are ISO 8601 in the legal zone, worded by whoever tells them."""
Alarm = Callable[[Order, str, Mapping[str, str]], None]
"""What staff are told: alarm(order, "escalation", {"percent": "100"})."""
Warn = Callable[[Order, str, str, str, Mapping[str, str]], None]
"""What a contact of the account is told: warn(order, kind, address, "hold_begun", {"token": ..., "until": ...})."""
Reaches = Callable[[str, str], bool]
"""Whether `warn` gets through to a contact: reaches(kind, address)."""
Shown = Callable[[str], str]
"""What a chat gets of words that staff wrote."""


def _nobody(*_: object) -> None:
    """Tells nobody."""


def _everybody(kind: str, address: str) -> bool:
    """For want of channels: no contact is out of reach."""
    return True


def _as_written(words: str) -> str:
    return words


@dataclass(frozen=True, slots=True)
class Ports:
    """Where news of orders go, and whether the company's portal is connected. All are called inside the transaction."""

    tell: Tell = _nobody
    alarm: Alarm = _nobody
    warn: Warn = _nobody
    reaches: Reaches = _everybody
    shown: Shown = _as_written
    has_portal: bool = False


class Moving:
    """Orders in one open transaction. Makes moves; what each is for is in the classes built on it."""

    def __init__(self, work: Work, now: datetime, deadlines: Deadlines, ports: Ports | None = None) -> None:
        self.work, self.now, self.deadlines, self.ports = work, now, deadlines, ports or Ports()
        self._store = work.orders

    def due_of(self, order: Order) -> Due:
        """Its date with the legal basis, aims and milestones."""
        return due_of(order, self.deadlines, self.now)

    def _move(
        self,
        order: Order,
        event: Event,
        actor: Actor,
        values: Mapping[str, Any] = NOTHING,
        *,
        reason: str | None = None,
        note: str = "",
        contacts: int = 0,
        offered: tuple[Level, datetime | None, bool] | None = None,
        account_id: str | None = None,
    ) -> Order:
        """The order after the move. Raises NotAllowed, Conflict."""
        move = TABLE[event]
        if order.state not in move.sources:
            raise NotAllowed("state")
        if actor.kind not in move.actors:
            raise NotAllowed("actor")
        act = Act(
            order=order,
            rule=self._rule(order),
            actor=actor,
            now=self.now,
            reason=reason,
            has_portal=self.ports.has_portal,
            contacts=contacts,
            is_owner=self._is_owner(order, actor, account_id),
            offered=offered,
            seen=lambda: self._store.holds.seen(self.now),
            has_papers=lambda: any(file.paper for file in self._store.papers.files(order.id)),
            is_own_account=lambda: self._is_own_account(order, actor),
        )
        for name in move.guards:
            if not GUARDS[name](act):
                raise NotAllowed(name)
        state = move.target or State(order.state)
        fresh = {**values, "state": state.value}
        if reason is not None:
            fresh["reason"] = reason
        if state in ENDED and order.state not in ENDED:
            fresh["ended_at"] = self.now
        moved = self._write(order, fresh)
        self._trail(moved, actor, event, f"{order.state}>{moved.state} v{moved.version} {reason or ''} {note}".rstrip())
        if state in ENDED and act.rule.papers and (gone := self._store.papers.take_away_papers(order.id)):
            self._trail(moved, BOT, "papers_deleted", str(gone))  # Nobody will check them any more.
        return moved

    def _write(self, order: Order, values: dict[str, Any]) -> Order:
        plain = {name: value for name, value in values.items() if name in Order._fields}
        after = order._replace(**plain)
        values["next_at"] = wake_at(after, due_of(after, self.deadlines, self.now), self.now)
        try:
            return self._store.change(order, **values)
        except IntegrityError as refused:
            if "unique" in str(refused.orig).lower():  # Another one of this right was opened at the same moment.
                raise Conflict(f"order {order.id}: another one of this right is under way") from refused
            raise

    def _trail(self, order: Order, actor: Actor, action: str, detail: str = "") -> None:
        self.work.trail.add(self.now, str(actor), action, order.thing, detail)

    def _say(self, order: Order, staff_id: int, words: str) -> None:
        """Keeps what staff say to the person."""
        self._store.papers.add_remark(order.id, self.now, f"staff:{staff_id}", words, internal=False)

    def _values(self, order: Order) -> dict[str, str]:
        """What can be said of an order: no account, no contact, nothing that was asked."""
        zone = self.deadlines.rule_sets[0].zone
        values = {"number": order.number, "right": order.right, "due": f"{order.told_due_at.astimezone(zone):%Y-%m-%d}"}
        if order.hold_until is not None:
            values["until"] = self._clock(order.hold_until)
        return values

    def _clock(self, at: datetime) -> str:
        """A moment as it goes to the ports: ISO 8601 in the legal zone, "2026-03-05T17:30+08:00"."""
        return at.astimezone(self.deadlines.rule_sets[0].zone).isoformat(timespec="minutes")

    def _is_owner(self, order: Order, actor: Actor, account_id: str | None) -> bool:
        """Whether a person may speak for the order: it is for the account that their chat is bound to, or was opened from
        their chat, as long as that wasn't disconnected from the account since."""
        if actor.kind != "person":
            return True
        if account_id is not None and order.subject == self._store.account_subject(account_id):
            return True
        return order.person_id == actor.id and not self._has_left(order)

    def _has_left(self, order: Order) -> bool:
        """Whether the chat that the order was opened from was connected to its account and is no more."""
        kind, _, index = order.subject.partition(":")
        if kind != "account" or order.person_id is None:
            return False
        return self.work.bindings.has_left(order.person_id, index, order.opened_at)

    def _is_own_account(self, order: Order, actor: Actor) -> bool:
        """Whether the order is about the staff member's own account at the company."""
        member = self.work.staff.of_id(actor.id or 0)
        return (
            member is not None and member.own_account is not None and order.subject == f"account:{member.own_account}"
        )

    @staticmethod
    def _rule(order: Order) -> RightRule:
        return rights()[Right(order.right)]
