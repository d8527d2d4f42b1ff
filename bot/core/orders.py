"""Work orders: a person's request, from its receipt to its answer.

    with database.work() as work:
        orders = Orders(work, now, deadlines, ports)
        order = orders.open(known.id, Right.DELETION, ground="breach", language="en", level=Level.PORTAL,
                            account_id="K-1", code_proven_at=now)

Every move is one row of the table in order/moves.py, one conditional update, one entry in the trail, and what the person is
told, all in one transaction. Nothing is sent here: what is to be said goes to the ports.
"""

from datetime import datetime
from typing import Any

from bot.core.errors import Declined, NothingFound
from bot.core.numbers import new_number, tidy
from bot.core.order.dates import UNVERIFIED_FOR, columns_of, first_reminder, look_by
from bot.core.order.guards import is_enough_to_open, proof_columns, vouch_note, was_verified
from bot.core.order.moves import Actor, Event, NotAllowed, Reason, State, person, staff
from bot.core.order.moving import ALARMS, TOLD, Alarm, Ports, Tell, Warn
from bot.core.order.pausing import Pausing
from bot.core.order.timing import Timing
from knowledge.rights import Level, Right, RightRule, rights
from storage.errors import Conflict
from storage.stores.orders import Order, Wanted

__all__ = ["ALARMS", "TOLD", "Actor", "Alarm", "Conflict", "Event", "Level", "NotAllowed", "Order", "Orders", "Ports",
           "Reason", "Right", "State", "Tell", "TooManyRequests", "Wanted", "Warn", "person", "staff"]  # fmt: skip

MOST_UNVERIFIED = 3
"""Unverified requests that one chat may have waiting."""
AFRESH = ("proposed_by", "proposed_at", "approved_by", "approved_at", "hold_until", "hold_seen_until", "warned_at",
          "hold_over_at", "assignee", "ended_at", "paused_at", "reason")  # fmt: skip
"""What an appeal empties: the order is decided anew."""


class TooManyRequests(Declined):
    """One chat has too many requests waiting for their proof."""

    wording = "order_too_many"


class Orders(Timing, Pausing):
    """The work orders as one transaction sees them. Methods that move raise NotAllowed, and Conflict where the order was
    moved since it was read. Deciding, Pausing,
    Timing and Papers (remarks, files, the checklist) hold the rest of them."""

    # ---- opening and finding

    def open(
        self,
        person_id: int,
        right: Right,
        *,
        ground: str = "",
        language: str,
        level: Level,
        account_id: str | None = None,
        code_proven_at: datetime | None = None,
        vouched_by: int | None = None,
        body: bytes = b"",
    ) -> Order:
        """A new order, or the one of this right that is under way already (`joined`); `body` is then a remark on it.
        `vouched_by`: who of staff vouched for the contact that the code went to.

        What isn't proved enough goes to the pool of unverified requests, which knows only the chat: it meets no
        verified order. A request of the same chat that waits there is proved by this one. Raises TooManyRequests.
        """
        rule = rights()[right]
        if ground and ground not in rule.grounds:
            raise ValueError(f"{ground!r} is no ground of {right}; grounds: {', '.join(rule.grounds) or 'none'}")
        enough = is_enough_to_open(rule, level, code_proven_at, account_id is not None, self.ports.has_portal)
        pool = f"unverified:{person_id}"
        subject = self._subject(person_id, account_id, level) if enough else pool
        if there := self._store.live_of(subject, right):
            return self._join(there, person_id, ground, body)
        if enough and (waiting := self._store.live_of(pool, right)) and self._is_same(waiting, account_id):
            proved = self.prove(waiting, level, account_id, code_proven_at, vouched_by)
            return self._join(proved, person_id, ground, body)._replace(joined=False)
        if not enough and len(self._pool_of(person_id)) >= MOST_UNVERIFIED:
            raise TooManyRequests
        proof = proof_columns(level, code_proven_at, vouched_by if enough else None)
        return self._open(rule, person_id, subject, ground, language, account_id, proof, body)

    def get(self, number: str) -> Order:
        """The order of a number as it was typed. Raises NothingFound."""
        known = tidy(number)
        order = self._store.get(known) if known else None
        if order is None:
            raise NothingFound
        return order

    def of_person(self, person_id: int) -> list[Order]:
        """Orders opened from this chat, newest first."""
        return self._store.of_person(person_id)

    def of_account(self, account_id: str) -> list[Order]:
        """Verified orders of the account, newest first."""
        return self._store.of_account(account_id)

    def search(self, wanted: Wanted, limit: int = 50) -> list[Order]:
        """A page of orders, the earliest due first."""
        return self._store.search(wanted, limit)

    def due(self, before: datetime, limit: int = 50) -> list[Order]:
        """Orders under way that are due before then."""
        return self._store.due(before, limit)

    def account(self, order: Order) -> str | None:
        """The company's name for the order's account; of an unverified order only what was claimed."""
        return self._store.papers.account(order.id)

    def body(self, order: Order) -> bytes:
        """What was asked."""
        return self._store.papers.body(order.id)

    # ---- proof

    def prove(
        self,
        order: Order,
        level: Level,
        account_id: str | None,
        code_proven_at: datetime | None,
        vouched_by: int | None = None,
    ) -> Order:
        """A request leaves the pool of unverified ones. Its clock goes on from its receipt. `vouched_by`: as for `open`."""
        subject = self._subject(order.person_id or 0, account_id, level)
        if self._store.live_of(subject, order.right):
            raise NotAllowed("other_under_way")
        sealed = self._store.papers.sealed(order.id, account_id, b"")
        values = {**proof_columns(level, code_proven_at, vouched_by), "subject": subject, "expires_at": None, **sealed}
        offered, by = (level, code_proven_at, account_id is not None), person(order.person_id or 0)
        order = self._move(order, Event.PROVED, by, values, offered=offered, note=vouch_note(vouched_by))
        self.ports.tell(order, "opened", self._values(order))
        return order

    def check(self, order: Order, staff_id: int) -> Order:
        """A staff member who takes no other part has checked who asks, or the papers that show it. The papers go."""
        if order.state != State.VERIFYING:
            return self._move(order, Event.CHECKED, staff(staff_id), {"checked_by": staff_id})
        subject = f"person:{order.person_id}"
        if self._store.live_of(subject, order.right):
            raise NotAllowed("other_under_way")
        values = {"checked_by": staff_id, "subject": subject, "expires_at": None}
        order = self._move(order, Event.PAPERS_CHECKED, staff(staff_id), values)
        gone = self._store.papers.take_away_papers(order.id)
        self._trail(order, staff(staff_id), "papers_deleted", str(gone))
        self.ports.tell(order, "opened", self._values(order))
        return order

    # ---- work

    def take(self, order: Order, staff_id: int) -> Order:
        order = self._move(order, Event.TAKEN, staff(staff_id), {"assignee": staff_id})
        self.ports.tell(order, "taken", self._values(order))
        return order

    def release(self, order: Order, staff_id: int) -> Order:
        return self._move(order, Event.RELEASED, staff(staff_id), {"assignee": None})

    def assign(self, order: Order, staff_id: int, to: int) -> Order:
        """Gives the order to another staff member."""
        return self._move(order, Event.ASSIGNED, staff(staff_id), {"assignee": to}, note=f"to staff:{to}")

    def withdraw(self, order: Order, person_id: int, account_id: str | None = None) -> Order:
        """The person takes the request back, before it is done. `account_id`: the account that their chat is bound to."""
        order = self._move(order, Event.WITHDRAWN, person(person_id), account_id=account_id)
        self.ports.tell(order, "withdrawn", self._values(order))
        if order.assignee is not None:
            self.ports.alarm(order, "withdrawn", {})
        return order

    def appeal(self, order: Order, person_id: int, words: str = "", account_id: str | None = None) -> Order:
        """A second look at a refusal, by somebody else; the clock starts anew. Once, within 30 days."""
        if self._store.live_of(order.subject, order.right):
            raise NotAllowed("other_under_way")
        due = self.deadlines.for_right(self.now, self._rule(order).deadline)
        stands = was_verified(order)
        event = Event.APPEALED if stands else Event.APPEALED_UNPROVEN
        again: dict[str, Any] = dict.fromkeys(AFRESH)
        again |= {"received_at": self.now, "appealed_at": self.now, "reached": 0, **columns_of(due)}
        again["expires_at"] = None if stands else self.now + UNVERIFIED_FOR
        order = self._move(order, event, person(person_id), again, account_id=account_id)
        if words:
            self._store.papers.add_remark(order.id, self.now, f"person:{person_id}", words, internal=False)
        self.ports.alarm(order, "appealed", {})
        self.ports.tell(order, "appealed", self._values(order))
        return order

    # ---- moving

    def move(
        self, order: Order, event: Event, actor: Actor, *, reason: str | None = None, words: str | None = None
    ) -> Order:
        """The move of that name. For callers that have an event rather than a method, such as buttons."""
        said, id = words or "", actor.id or 0
        match event:
            case Event.TAKEN:
                return self.take(order, id)
            case Event.RELEASED:
                return self.release(order, id)
            case Event.CHECKED | Event.PAPERS_CHECKED:
                return self.check(order, id)
            case Event.PROPOSED:
                return self.propose(order, id)
            case Event.SENT_BACK:
                return self.send_back(order, id, said)
            case Event.DELIVERED:
                return self.deliver(order, actor)
            case Event.EXECUTED:
                return self.execute(order, actor)
            case Event.ANSWERED:
                return self.answer(order, id, said)
            case Event.REFUSED:
                return self.refuse(order, id, reason or "", said)
            case Event.WITHDRAWN:
                return self.withdraw(order, id)
            case Event.EXTENDED:
                return self.extend(order, id, said)
            case Event.PAUSED:
                return self.pause(order, id, said)
            case Event.RESUMED:
                return self.resume(order, actor)
            case Event.APPEALED | Event.APPEALED_UNPROVEN:
                return self.appeal(order, id, said)
            case Event.CLOSED:
                return self.close(order, actor)
        raise ValueError(f"{event} needs more than an actor")

    # ---- within

    def _open(
        self,
        rule: RightRule,
        person_id: int,
        subject: str,
        ground: str,
        language: str,
        account_id: str | None,
        proof: dict[str, Any],
        body: bytes,
    ) -> Order:
        due = self.deadlines.for_right(self.now, rule.deadline)
        is_open = not subject.startswith("unverified:")
        values = {
            "person_id": person_id,
            "subject": subject,
            "right": rule.right.value,
            "ground": ground,
            "state": (State.OPEN if is_open else State.VERIFYING).value,
            "version": 1,
            "language": language,
            "urgent": rule.urgent,
            "opened_at": self.now,
            "received_at": self.now,
            "reached": 0,
            **proof,
            "expires_at": None if is_open else self.now + UNVERIFIED_FOR,
            **columns_of(due),
        }
        first = first_reminder(rule, due)
        values["next_at"] = first if is_open else min(first, self.now + UNVERIFIED_FOR)
        for _ in range(5):
            order = self._store.add(account_id, body, number=new_number(), **values)
            if order is not None:
                break
            if there := self._store.live_of(subject, rule.right):  # Opened at the same moment from another chat.
                return self._join(there, person_id, ground, body)
        else:
            raise Conflict("no free number was found; try again")
        proven = f"{Level(order.level).name} {vouch_note(order.checked_by)}".rstrip()
        self._trail(order, person(person_id), Event.OPENED, f"{State.RECEIVED}>{order.state} v1 {order.right} {proven}")
        if is_open:
            self.ports.tell(order, "opened", self._values(order))
        if rule.urgent:
            by = look_by(order)
            self.ports.alarm(order, "urgent", {"by": self._clock(by)} if by else {})
        return order

    def _join(self, order: Order, person_id: int, ground: str, body: bytes) -> Order:
        """The order that is there already; what is new about the second request becomes a remark on it."""
        said = [ground] if ground and ground != order.ground else []
        said += [body.decode("utf-8", "replace")] if body else []
        if said:
            self._store.papers.add_remark(order.id, self.now, f"person:{person_id}", "\n".join(said), internal=False)
        self._trail(order, person(person_id), "joined")
        return order._replace(joined=True)

    def _subject(self, person_id: int, account_id: str | None, level: Level) -> str:
        """Of whose orders it is one: the account's where the account is shown, else the chat's."""
        if account_id is not None and level > Level.CHANNEL:
            return self._store.account_subject(account_id)
        return f"person:{person_id}"

    def _pool_of(self, person_id: int) -> list[Order]:
        return [order for order in self._store.of_person(person_id) if order.state == State.VERIFYING]

    def _is_same(self, waiting: Order, account_id: str | None) -> bool:
        """Whether a waiting request was about this account, or about none yet."""
        claimed = self._store.papers.account(waiting.id)
        return claimed is None or claimed == account_id
