"""What the commands of orders do: who may, what is shown before a code is asked for, the move, and what comes next."""

import json
from collections.abc import Callable
from math import ceil

from rich.text import Text

from bot.commands.order_desk import OrderDesk, get, next_words
from bot.commands.order_finding import Filters, found, wanted_of
from bot.commands.order_sending import hold_back_unsendable, warn_unsendable
from bot.commands.order_views import list_table, names_of, order_view, row_of
from bot.core.order.dates import hold_for
from bot.core.order.listening import listener
from bot.core.order.steps import Step, signing, steps
from bot.core.orders import Event, Order, Orders, Reason, State, staff
from bot.core.roles import BadEntry, NotPermitted, Task
from knowledge.normal import visible
from knowledge.rights import Right, rights
from storage.errors import Unreadable
from storage.stores.staff import Member

REVEALS_BURST, REVEALS_AN_HOUR = 30, 60
"""Orders that one member may reveal at once, and in the long run: more is no casework."""
MASKED = "secrets_masked"
"""The item of a checklist (knowledge/rights.toml) by which somebody says that they looked through the files."""
SHOWN_TOO = 1
"""One order more is asked for than shown, to know whether there are more."""

Do = Callable[[Orders, Order], Order | None]


def run_list(desk: OrderDesk, filters: Filters, *, sort: str, limit: int, as_json: bool) -> None:
    """Prints the orders that the filters leave."""
    member = desk.desk.acting(Task.SEE)
    wanted, console = wanted_of(desk, filters, member.id), desk.desk.console
    with desk.reading() as orders:
        listed = found(orders, wanted, limit + SHOWN_TOO, sort)
        more, listed = len(listed) > limit, listed[:limit]
        if as_json:
            names = names_of(orders)
            print(json.dumps([row_of(orders, order, names) for order in listed], ensure_ascii=False, indent=2))
            return
        if not listed:
            console.print("No order fits.")
            return
        todo = [next(iter(steps(orders, order)), None) for order in listed]
        table = list_table(orders, [(order, orders.due_of(order)) for order in listed], todo, console.width)
    console.print(table)
    if more:
        console.print(f"\nThere are more than these {limit}: --limit shows more, filters fewer.")


def run_show(desk: OrderDesk, number: str, *, reveal: bool) -> None:
    """Prints one order. What people wrote only with `reveal`, which the trail notes."""
    member = desk.desk.acting(Task.READ if reveal else Task.SEE)
    if reveal:
        note_reading(desk, desk.look(number), member)
    with desk.reading() as orders:
        order = get(orders, number)
        todo = steps(orders, order)
        try:
            view = order_view(orders, order, todo, revealed=reveal)
        except Unreadable as erased:
            raise NotPermitted(f"{order.number} is {order.state}, and what was written on it was erased") from erased
    desk.desk.console.print(view)
    desk.desk.console.print(f"\n{next_words(todo)}", markup=False)


def run_take(desk: OrderDesk, number: str) -> None:
    member = desk.desk.acting(Task.TAKE)
    _is_free(desk, desk.look(number), member)
    _plain(desk, number, Task.TAKE, lambda me: lambda orders, order: orders.take(order, me.id), "You have it now.")


def _is_free(desk: OrderDesk, order: Order, member: Member) -> None:
    """Raises NotPermitted where somebody has the order, and says who."""
    if order.state != State.IN_PROGRESS or order.assignee is None:
        return
    if order.assignee == member.id:
        raise NotPermitted(f"{order.number}: you have it already")
    with desk.reading() as orders:
        who = names_of(orders).get(order.assignee, "somebody")
    raise NotPermitted(
        f"{order.number}: {who} has it already. If they can't go on with it: clausebot orders release {order.number}, then "
        f"take it"
    )


def run_release(desk: OrderDesk, number: str) -> None:
    _plain(desk, number, Task.TAKE, lambda me: lambda orders, order: orders.release(order, me.id), "It is free again.")


def run_resume(desk: OrderDesk, number: str) -> None:
    def resume(me: Member) -> Do:
        return lambda orders, order: orders.resume(order, staff(me.id))

    _plain(desk, number, Task.EXTEND, resume, "The clock goes on.")


def run_send_back(desk: OrderDesk, number: str, words: str) -> None:
    def send_back(me: Member) -> Do:
        return lambda orders, order: orders.send_back(order, me.id, words)

    _plain(desk, number, Task.APPROVE, send_back, "The proposal is off.")


def run_tick(desk: OrderDesk, number: str, item: str, *, done: bool) -> None:
    def tick(me: Member) -> Do:
        def do(orders: Orders, order: Order) -> None:
            orders.tick(order, item, me.id, done=done)

        return do

    _plain(desk, number, Task.TAKE, tick, "Ticked." if done else "Not ticked any more.")


def run_remark(desk: OrderDesk, number: str, words: str, *, for_person: bool) -> None:
    def remark(me: Member) -> Do:
        def do(orders: Orders, order: Order) -> None:
            orders.remark(order, staff(me.id), _words(words, "a remark"), internal=not for_person)

        return do

    task = Task.ANSWER if for_person else Task.REMARK
    _plain(desk, number, task, remark, "Said to the person." if for_person else "Noted, among staff.")
    if for_person:
        _say_what_was_masked(desk, words)


def run_check(desk: OrderDesk, number: str) -> None:
    member = desk.desk.acting(Task.CHECK)
    order = desk.look(number)
    event = Event.PAPERS_CHECKED if rights()[Right(order.right)].papers else Event.CHECKED
    desk.hold_back(order, event, member)
    signed(desk, order, Task.CHECK, lambda orders, order: orders.check(order, member.id), "Your check is noted.")


def run_approve(desk: OrderDesk, number: str) -> None:
    """The first name under an order proposes, the second one approves."""
    member = desk.desk.acting(Task.APPROVE)
    order = desk.look(number)
    event = signing(order)
    desk.hold_back(order, event, member)
    rule = rights()[Right(order.right)]
    if event is Event.PROPOSED:
        _summary(desk, order, "You propose")
        signed(desk, order, Task.APPROVE, lambda orders, order: orders.propose(order, member.id), "You proposed it.")
        return
    if rule.discloses:  # Once both have signed nothing can be added; the proposal can still be sent back.
        _has_files(desk, order)
        _is_masked(desk, order)
    account = desk.account(order) if rule.destroys else None
    contacts = account.contacts if account else ()
    changed_at = account.contacts_changed_at if account else None
    says = "You approved it."
    if rule.destroys:
        desk.hold_back_unwarned(order, contacts, member)
        hours = int(hold_for(contacts, changed_at, desk.now).total_seconds()) // 3600
        with desk.reading() as orders:
            told = len(orders.reachable(contacts))
        told_words = f"{told} contacts are told, each can stop it"
        if told < len(contacts):
            told_words += f"; {len(contacts) - told} can't be reached by mail or SMS"
        says = f"You approved it. It is on hold for {hours} hours; {told_words}."
    _summary(desk, order, "You approve")
    if rule.discloses:
        warn_unsendable(desk, order, member)

    def approve(orders: Orders, order: Order) -> Order:
        return orders.approve(order, member.id, contacts, changed_at)

    signed(desk, order, Task.APPROVE, approve, says)


def run_refuse(desk: OrderDesk, number: str, reason: str, words: str) -> None:
    if reason not in set(Reason):
        raise BadEntry(f"{reason}: no such reason. Reasons: {', '.join(Reason)}")
    if reason == Reason.OTHER:
        _words(words, "--reason other")
    member = desk.desk.acting(Task.REFUSE)
    order = desk.look(number)
    desk.hold_back(order, Event.REFUSED, member)
    signed(desk, order, Task.REFUSE, lambda orders, order: orders.refuse(order, member.id, reason, words), "Refused.")
    _say_what_was_masked(desk, words)


def run_answer(desk: OrderDesk, number: str, words: str) -> None:
    member = desk.desk.acting(Task.ANSWER)
    order = desk.look(number)
    rule = rights()[Right(order.right)]
    event = Event.DELIVERED if rule.discloses else Event.EXECUTED if rule.two_staff else Event.ANSWERED
    desk.hold_back(order, event, member)
    if rule.discloses:
        _has_files(desk, order)
        hold_back_unsendable(desk, order, member, "answer")
    _warn_unheard(desk, order)
    says = {Event.DELIVERED: "Released to the person.", Event.EXECUTED: "Noted as carried out."}.get(event, "Answered.")

    def answer(orders: Orders, order: Order) -> Order:
        return orders.answer(order, member.id, words)

    if rule.two_staff:
        _summary(desk, order, "You end")
        signed(desk, order, Task.ANSWER, answer, says)
    else:
        _words(words, "an answer")
        tell(desk, says, desk.move(order, member, Task.ANSWER, answer))
        _say_what_was_masked(desk, words)


def _warn_unheard(desk: OrderDesk, order: Order) -> None:
    """That no chat is left to read what is answered: the person erased it, or disconnected it from the account."""
    with desk.desk.database.read() as work:
        is_heard = listener(work, order) is not None
    if not is_heard:
        says = f"{order.number}: no chat is left that hears of this order; nobody reads your words there. Reach the person another way."
        desk.desk.console.print(says, markup=False, soft_wrap=True)


def run_extend(desk: OrderDesk, number: str, reason: str) -> None:
    member = desk.desk.acting(Task.EXTEND)
    order, reason = desk.look(number), _words(reason, "an extension")
    desk.hold_back(order, Event.EXTENDED, member)
    signed(desk, order, Task.EXTEND, lambda orders, order: orders.extend(order, member.id, reason), "Extended.")
    _say_what_was_masked(desk, reason)


def run_pause(desk: OrderDesk, number: str, reason: str) -> None:
    member = desk.desk.acting(Task.EXTEND)
    order, reason = desk.look(number), _words(reason, "a pause")
    desk.hold_back(order, Event.PAUSED, member)
    signed(desk, order, Task.EXTEND, lambda orders, order: orders.pause(order, member.id, reason), "Paused.")
    _say_what_was_masked(desk, reason)


def _say_what_was_masked(desk: OrderDesk, words: str) -> None:
    """That the person got the words otherwise than they were written: a chat may be anybody's."""
    with desk.reading() as orders:
        shown = orders.ports.shown(words)
    if shown != visible(words):
        says = f"What looks personal or secret was masked before your words went into the chat, which may be anybody's: {shown}"
        desk.desk.console.print(says, markup=False, soft_wrap=True)


def _plain(desk: OrderDesk, number: str, task: Task, do: Callable[[Member], Do], says: str) -> None:
    """A move that takes no code."""
    member = desk.desk.acting(task)
    tell(desk, says, desk.move(desk.look(number), member, task, do(member)))


def signed(desk: OrderDesk, order: Order, task: Task, do: Do, says: str) -> None:
    """A move that takes a code: asked for when nothing else stands against it, used up whatever comes then."""
    member = desk.desk.proven(task)
    tell(desk, says, desk.move(order, member, task, do))


def tell(desk: OrderDesk, says: str, done: tuple[Order, list[Step]]) -> None:
    order, todo = done
    desk.desk.console.print(f"{order.number}: {says} {next_words(todo)}", markup=False, soft_wrap=True)


def _summary(desk: OrderDesk, order: Order, verb: str) -> None:
    """What somebody is about to put their name to, before they do."""
    rule = rights()[Right(order.right)]
    with desk.reading() as orders:
        open_items = [key for key, _ in orders.checklist(order) if key not in orders.ticks(order)]
        files = orders.files(order, for_person=True)
        names = names_of(orders)
    lines = [f"{verb}: {rule.name['en']} · {rule.name['zh']}, {order.number}"]
    if order.proposed_by:
        lines.append(f"  proposed by {names.get(order.proposed_by, '?')}")
    if rule.discloses:
        lines.append(f"  files for the person: {len(files)}")
    if open_items:
        lines.append(f"  not ticked on the checklist: {', '.join(open_items)}")
    for line in lines:
        desk.desk.console.print(Text(line))


def _has_files(desk: OrderDesk, order: Order) -> None:
    """A copy holds what the company knows, not only what was said to the assistant. Raises BadEntry."""
    with desk.reading() as orders:
        there = any(not file.paper for file in orders.files(order, for_person=True))
    if not there:
        raise BadEntry(
            f"{order.number}: there is no file for the person yet, so nothing was done. Send the proposal back (clausebot "
            f"orders send-back {order.number}), attach what the company holds (clausebot orders attach {order.number} FILE "
            f"--for-person), and propose it anew. If it holds nothing, attach a page that says so"
        )


def _is_masked(desk: OrderDesk, order: Order) -> None:
    """Files that staff put into a package have been looked through by somebody who says so. Raises BadEntry."""
    with desk.reading() as orders:
        by_staff = any(file.actor.startswith("staff:") for file in orders.files(order, for_person=True))
        is_open = MASKED in dict(orders.checklist(order)) and MASKED not in orders.ticks(order)
    if by_staff and is_open:
        raise BadEntry(
            f"{order.number}: staff put files for the person on it, and nobody has ticked {MASKED}. Look through them "
            f"(clausebot orders show {order.number}, clausebot orders file {order.number} ID --to PATH), then: "
            f"clausebot orders tick {order.number} {MASKED}"
        )


def note_reading(
    desk: OrderDesk, order: Order, member: Member, action: str = "revealed", detail: str = "", *, counts: bool = True
) -> None:
    """Notes that a member reads what people wrote, before they do; no more than casework needs. Raises NotPermitted.

    `counts`: whether it is one of the orders that a member may reveal in an hour."""
    with desk.desk.database.work() as work:
        key = f"reveal:staff:{member.id}"
        wait = work.pace.take(key, REVEALS_AN_HOUR / 3600, REVEALS_BURST, desk.now, ahead=0) if counts else 0
        if wait:
            work.trail.add(desk.now, f"staff:{member.id}", "reveal_refused", order.thing)
        else:
            work.trail.add(desk.now, f"staff:{member.id}", action, order.thing, detail)
    if wait:
        raise NotPermitted(f"{member.name} has revealed many orders; the next one in {ceil(wait)} seconds")


def _words(typed: str, what: str) -> str:
    """Words that the person reads, not empty. Raises BadEntry."""
    if not typed.strip():
        raise BadEntry(f"{what} needs words for whoever reads it")
    return typed.strip()
