"""Where the link to a result can go: looked up before staff release it, and `clausebot orders announce`, which sends a new one."""

from bot.commands.order_desk import OrderDesk, explain, get
from bot.core.announcing import takers
from bot.core.codes import Codes
from bot.core.order.moves import NotAllowed
from bot.core.orders import Order
from bot.core.results import Results
from bot.core.roles import NotPermitted, Task, permitted
from knowledge.rights import Right, rights
from storage.errors import Unreadable
from storage.stores.staff import Member

NO_TAKER = (
    "no e-mail address of the account may get the link to the result: none can be reached that has been on file for 30 "
    "days, or that somebody who didn't sign vouches for. A phone alone would get the link and its code. Ask the customer "
    "to put an address on file; somebody who checked who they are and signed nothing vouches for it (clausebot accounts "
    "vouch); then: clausebot orders {command} {number}"
)


def can_be_sent(desk: OrderDesk, order: Order, member: Member | None = None) -> bool:
    """Whether an address may get the link, if `member` signs, too. Raises NotPermitted where the directory is down."""
    account = desk.account(order)
    seen = order._replace(approved_by=member.id) if member else order
    with desk.reading() as orders:
        found = takers(orders.work, seen, account, desk.now)
        return any(orders.ports.reaches(contact.kind.value, contact.value) for contact in found)


def hold_back_unsendable(desk: OrderDesk, order: Order, member: Member, command: str) -> None:
    """Raises NotPermitted where no address may get the link, and notes it, so that whoever looks at the order sees why
    its result isn't released."""
    if can_be_sent(desk, order):
        return
    with desk.desk.database.work() as work:
        work.trail.add(desk.now, f"staff:{member.id}", "nobody_to_send_to", order.thing, "no link is sent")
    raise NotPermitted(f"{order.number}: {NO_TAKER.format(number=order.number, command=command)}")


def warn_unsendable(desk: OrderDesk, order: Order, member: Member) -> None:
    """Says to whoever is about to sign that the result couldn't be released yet, while there is time to mend it."""
    try:
        if can_be_sent(desk, order, member):
            return
        says = NO_TAKER.format(number=order.number, command="answer")
    except NotPermitted as down:
        says = f"where the link can go isn't known: {down}"
    desk.desk.console.print(f"  Before it is released: {says}", markup=False, soft_wrap=True)


def run_announce(desk: OrderDesk, number: str) -> None:
    """Sends a new link to a result that was released; the one of before stops working."""
    member = desk.desk.acting(Task.ANSWER)
    order = desk.look(number)
    if not rights()[Right(order.right)].discloses or order.delivered_at is None:
        raise NotPermitted(f"{order.number}: no result of it was released, so there is no link to send")
    if not desk.desk.settings.public_url:
        with desk.reading() as orders:
            raise NotPermitted(explain(orders, order, "no_address"))
    _hold_back_erased(desk, order)
    hold_back_unsendable(desk, order, member, "announce")
    member = desk.desk.proven(Task.ANSWER)
    with desk.desk.database.work() as work:
        permitted(work, member.name, Task.ANSWER)
        order = get(desk.orders(work), order.number)
        if any(made.state == "waiting" for made in work.results.of_order(order.id)):
            raise NotPermitted(f"{order.number}: a link is being made at this moment; look again in a minute")
        try:
            Results(work, Codes.of(work.keyring), desk.now).announce(order)
        except NotAllowed as refused:
            raise NotPermitted(explain(desk.orders(work), order, refused.why)) from refused
        work.trail.add(desk.now, f"staff:{member.id}", "result announced again", order.thing)
    desk.desk.console.print(
        f"{order.number}: a new link goes out by mail within a minute, while the server runs; any link of before has "
        f"stopped working. Whether it went: clausebot orders show {order.number}",
        markup=False,
        soft_wrap=True,
    )


def _hold_back_erased(desk: OrderDesk, order: Order) -> None:
    """Raises NotPermitted where a link would open nothing: the code goes by the chat's proof, and by the account."""
    try:
        with desk.reading() as orders:
            is_there = order.person_id is not None and orders.account(order) is not None
    except Unreadable:
        is_there = False
    if not is_there:
        raise NotPermitted(
            f"{order.number}: the chat or what was written on it was erased, so no link would open anything"
        )
