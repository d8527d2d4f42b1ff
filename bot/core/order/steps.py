"""What an order still needs, who may do it, and why somebody may not: for people, read off the table of moves."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.order.guards import GUARDS, is_proven
from bot.core.order.moves import TABLE, Act, Event, State
from bot.core.order.moves import staff as staff_actor
from bot.core.orders import Orders
from bot.core.roles import Task, who_may
from knowledge.rights import Level, Right, RightRule, rights
from storage.stores.orders import Order
from storage.stores.staff import Member

WHY = {
    "state": "the order is {state}, and that doesn't come after it",
    "actor": "this isn't for staff to do",
    "owner": "this is for the person who asked",
    "enough": "the proof isn't enough for this right",
    "by_papers": "this right isn't shown by papers",
    "papers_there": "the person hasn't sent papers yet",
    "not_own_account": "it is about your own account; somebody else has to",
    "check_counts": "a check by staff doesn't count here: only a contact with a code, where no portal is connected",
    "unchecked": "who asks was checked already",
    "third_person": "whoever proposed or approved can't check who asks; a third person has to",
    "two_staff_right": "this right takes no two staff: clausebot orders answer",
    "proven": "it isn't proven who asks",
    "unproposed": "it was proposed already; a second person approves",
    "proposed": "nobody has proposed it yet",
    "unapproved": "it was approved already",
    "approved": "two staff have to approve it first",
    "second_person": "whoever proposed can't approve; a second person has to",
    "not_checker": "whoever checked who asks takes no other part; somebody else has to",
    "fresh_eyes": "whoever refused it can neither check nor decide the appeal; somebody else has to",
    "contacts_known": "nobody could be warned of the deletion: no contact of the account can be reached by mail or SMS. "
    "Write to the customer by letter, or check who they are in person; once they have put an address or number on "
    "file, approve it. Else refuse it: clausebot orders refuse {number} --reason insufficient_verification",
    "on_hold": "it isn't on hold",
    "unwarned": "the contacts were told already",
    "hold_by_wall": "it is on hold until {until}",
    "hold_by_steady": "it is on hold until {until}, and the clock has jumped: the full time has to pass",
    "hold_warned": "the contacts have to be told again 24 hours before the end of the hold",
    "no_address": "no link can be made that works from outside, so nothing was sent. "
    "Set CLAUSEBOT_PUBLIC_URL (https://...) for this command and for the server, then do it again",
    "discloses": "this right discloses nothing",
    "alters": "this right changes nothing",
    "words_suffice": "this right isn't answered in words alone",
    "known_reason": "that is no reason code",
    "expiry_come": "its time hasn't come",
    "running": "it is paused already",
    "paused": "it isn't paused",
    "unstopped": "it was stopped by a contact of the account",
    "first_appeal": "there was an appeal already",
    "in_time": "the time for an appeal is over",
    "stands": "it was never verified",
    "stands_not": "it was verified",
    "other_under_way": "another order of this right is under way for them",
    "no_reason": "a reason for the person is needed",
    "no_notice": "the person must be told",
    "notice_too_late": "the told date has passed: it was due {due}",
    "not_provided_for": "the rule that decides knows none for this right",
    "already_extended": "it was extended already",
    "nothing_gained": "it would bring no later date",
    "signed": "two people sign for what the person gets, and one has already, so no file can come to it. If it must: "
    "while the second one hasn't signed, clausebot orders send-back {number}, then attach the file and propose it anew",
    "too_big": "the file is too big: 20 MB at most",
    "empty": "the file is empty",
    "too_many": "there are too many files",
    "no_such_item": "the checklist has no such item",
}
"""Why a move isn't allowed, by the name that NotAllowed carries."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that an order still needs. `who` may do it now (names of staff); `command` is how, without --as."""

    what: str
    who: tuple[str, ...] = ()
    command: str = ""


def why_not(orders: Orders, order: Order, event: Event, staff_id: int, *, contacts: int = 1) -> str | None:
    """The first condition that keeps this member from this move now; None: it is allowed. Changes nothing."""
    move, actor = TABLE[event], staff_actor(staff_id)
    if order.state not in move.sources:
        return "state"
    if actor.kind not in move.actors:
        return "actor"
    member = orders.work.staff.of_id(staff_id)
    act = Act(
        order=order,
        rule=_rule(order),
        actor=actor,
        now=orders.now,
        reason="other",
        has_portal=orders.ports.has_portal,
        contacts=contacts,
        is_owner=True,
        offered=None,
        seen=lambda: orders.work.orders.holds.seen(orders.now),
        has_papers=lambda: any(file.paper for file in orders.files(order)),
        is_own_account=lambda: member is not None and is_own(order, member),
    )
    return next((name for name in move.guards if not GUARDS[name](act)), None)


def is_own(order: Order, member: Member) -> bool:
    """Whether the order is about the member's own account at the company."""
    return member.own_account is not None and order.subject == f"account:{member.own_account}"


def signing(order: Order) -> Event:
    """What a signature under the order would be: the proposal, or the approval of one."""
    return Event.PROPOSED if order.proposed_by is None else Event.APPROVED


def steps(orders: Orders, order: Order) -> list[Step]:
    """What the order still needs before its end, in order; the first is next. Empty for one at its end."""
    if not order.is_live:
        return []
    rule = _rule(order)
    return [*_proof(orders, order, rule), *_work(orders, order, rule)]


def _proof(orders: Orders, order: Order, rule: RightRule) -> list[Step]:
    number = order.number
    if order.state == State.VERIFYING and rule.papers:
        if any(file.paper for file in orders.files(order)):
            return [_step(orders, order, Event.PAPERS_CHECKED, Task.CHECK, "papers are checked", f"check {number}")]
        return [Step("the person hands in papers that show who they are, or staff attach them with --paper")]
    if order.state == State.VERIFYING:
        return [Step("the person proves who they are")]
    if rule.two_staff and not is_proven(order):
        if order.level == Level.CONTACT and not orders.ports.has_portal:
            what = "a person who takes no other part checks who asks"
            return [_step(orders, order, Event.CHECKED, Task.CHECK, what, f"check {number}")]
        return [Step("the person proves who they are: a chat bound from the portal, and a code")]
    return []


def _work(orders: Orders, order: Order, rule: RightRule) -> list[Step]:
    number, found = order.number, []
    if order.state != State.IN_PROGRESS:
        found.append(_step(orders, order, Event.TAKEN, Task.TAKE, "somebody takes it", f"take {number}"))
    if not rule.two_staff:
        found.append(Step("it is answered", _names(orders, order, Task.ANSWER), f"answer {number} --words ..."))
        return found
    if order.proposed_by is None:
        found.append(_step(orders, order, Event.PROPOSED, Task.APPROVE, "a first person proposes", f"approve {number}"))
    if order.approved_by is None:
        found.append(
            _step(orders, order, Event.APPROVED, Task.APPROVE, "a second person approves", f"approve {number}")
        )
    if rule.destroys:
        if order.approved_by is None:
            found.append(Step("the hold passes: 72 hours, or 7 days after a change of contact"))
        elif order.hold_over_at is None:
            found.append(Step("the hold passes without anybody stopping it"))
    end = "the package is released to the person" if rule.discloses else "it is carried out, and that is noted"
    found.append(Step(end, _names(orders, order, Task.ANSWER), f"answer {number}"))
    return found


def _step(orders: Orders, order: Order, event: Event, task: Task, what: str, command: str) -> Step:
    """A step with those who may do it, now or as soon as what comes before it is done."""
    return Step(what, _names(orders, order, task, event), command)


def _names(orders: Orders, order: Order, task: Task, event: Event | None = None) -> tuple[str, ...]:
    members: Sequence[Member] = who_may(orders.work, task)
    return tuple(member.name for member in members if not _is_barred(orders, order, event, member))


def _is_barred(orders: Orders, order: Order, event: Event | None, member: Member) -> bool:
    """Whether a member may never do this on this order, whatever else is done first."""
    signed = {order.proposed_by, order.approved_by} - {None}
    refused = order.appealed_at is not None and member.id == order.refused_by
    match event:
        case Event.CHECKED | Event.PAPERS_CHECKED:
            barred = member.id in signed or refused
        case Event.PROPOSED:
            barred = member.id in signed | {order.checked_by} or refused
        case Event.APPROVED:
            barred = member.id in signed | {order.checked_by}
        case _:
            barred = False
    return barred or is_own(order, member)


def _rule(order: Order) -> RightRule:
    return rights()[Right(order.right)]
