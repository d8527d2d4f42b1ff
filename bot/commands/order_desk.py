"""What the commands of orders work with: deadlines, the directory of accounts, and where news of orders go."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from bot.commands.acting import Desk, at_desk
from bot.core.accounts import Account, AccountDirectory, DirectoryDown
from bot.core.codes import Codes
from bot.core.contacts import Contact
from bot.core.errors import NothingFound
from bot.core.order.steps import WHY, Step, steps, why_not
from bot.core.orders import Conflict, Event, NotAllowed, Order, Orders, Ports
from bot.core.roles import NotPermitted, Task, permitted
from bot.core.voice import Voice
from bot.request_desk import deadlines, directory_of, ports_of
from knowledge.deadlines import Deadlines
from storage.work import Work

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.stores.staff import Member

PortsOf = Callable[[Work, datetime], Ports]


@dataclass(frozen=True)
class OrderDesk:
    """A desk with orders on it."""

    desk: Desk
    deadlines: Deadlines
    ports: PortsOf
    directory: AccountDirectory

    def orders(self, work: Work) -> Orders:
        """The orders as this transaction sees them."""
        return Orders(work, self.now, self.deadlines, self.ports(work, self.now))

    @property
    def now(self) -> datetime:
        return self.desk.clock()

    @contextmanager
    def reading(self) -> Iterator[Orders]:
        """Orders that are only looked at."""
        with self.desk.database.read() as work:
            yield self.orders(work)

    def look(self, number: str) -> Order:
        """The order of a number as it was typed. Raises NotPermitted where there is none."""
        with self.reading() as orders:
            return get(orders, number)

    def hold_back(self, order: Order, event: Event, member: "Member") -> None:
        """Raises NotPermitted when this move can't be, before a code is asked for and used up."""
        with self.reading() as orders:
            if why := why_not(orders, order, event, member.id):
                raise NotPermitted(explain(orders, order, why))

    def account(self, order: Order) -> Account | None:
        """The order's account with every contact, asked for outside of any transaction. Raises NotPermitted."""
        with self.reading() as orders:
            account_id = orders.account(order)
        try:
            return self.directory.get(account_id) if account_id else None
        except DirectoryDown as down:
            seconds = int(down.after.total_seconds())
            raise NotPermitted(
                f"the account directory can't be asked now ({down.reason}), so nobody could be written to. "
                f"Nothing was changed; try again in {seconds} seconds"
            ) from down

    def hold_back_unwarned(self, order: Order, contacts: Sequence[Contact], member: "Member") -> None:
        """Raises NotPermitted where nobody could be told of a hold, and notes it, so that whoever looks at the order
        sees why it stands still."""
        with self.reading() as orders:
            if orders.reachable(contacts):
                return
            says = explain(orders, order, "contacts_known")
        with self.desk.database.work() as work:
            detail = f"no hold begins: {len(contacts)} contacts on file, none can be reached by mail or SMS"
            work.trail.add(self.now, f"staff:{member.id}", "nobody_to_warn", order.thing, detail)
        raise NotPermitted(says)

    def move(
        self, seen: Order, member: "Member", task: Task, do: Callable[[Orders, Order], Order | None]
    ) -> tuple[Order, list[Step]]:
        """Does something to an order as it was seen, if the member still may: the order and what it needs then.

        Raises NotPermitted, also where somebody else moved the order meanwhile."""
        try:
            with self.desk.database.work() as work:
                permitted(work, member.name, task)
                orders = self.orders(work)
                order = get(orders, seen.number)
                if order.version != seen.version:
                    raise Conflict
                try:
                    after = do(orders, order) or order
                except NotAllowed as not_now:
                    raise NotPermitted(explain(orders, order, not_now.why)) from not_now
                return after, steps(orders, after)
        except Conflict as moved:
            says = (
                f"{seen.number} was moved by somebody else meanwhile; look again: clausebot orders show {seen.number}"
            )
            raise NotPermitted(says) from moved


@contextmanager
def at_order_desk(me: str = "", *, secrets_from_stdin: bool = False) -> Iterator[OrderDesk]:
    """A desk with the orders of the settings' database; see at_desk for how it ends."""
    with at_desk(me, secrets_from_stdin=secrets_from_stdin) as desk:
        settings = desk.settings
        directory, ports = (
            directory_of(settings, desk.database, desk.clock),
            ports_of(settings, Codes.of(desk.database.keyring), _voices(settings)),
        )
        try:
            yield OrderDesk(desk, deadlines(settings), ports, directory)
        finally:
            if close := getattr(directory, "close", None):
                close()


def _voices(settings: "Settings") -> Callable[[str], Voice]:
    """Speaks a language; the policy and the wording are read when something is said."""
    from intents.wording import Wording
    from knowledge.library import load_policy

    @cache
    def voice(language: str) -> Voice:
        policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
        return Voice(Wording.load(), policy, language)

    return voice


def get(orders: Orders, number: str) -> Order:
    """The order of a number as it was typed. Raises NotPermitted."""
    try:
        return orders.get(number)
    except NothingFound:
        from knowledge.normal import visible

        typed = visible(number)[:40]
        raise NotPermitted(
            f"{typed!r} is no order's number; one character may be wrong. All: clausebot orders list"
        ) from None


def explain(orders: Orders, order: Order, why: str) -> str:
    """Why a move isn't allowed, and what is."""
    zone = orders.due_of(order).zone
    until = f"{order.hold_until.astimezone(zone):%Y-%m-%d %H:%M}" if order.hold_until else "later"
    says = WHY.get(why, why).format(
        number=order.number, state=order.state, until=until, due=f"{order.told_due_at.astimezone(zone):%Y-%m-%d}"
    )
    todo = steps(orders, order)
    return f"{order.number}: {says}. {next_words(todo) if todo else f'It is {order.state}: nothing more to do'}"


def next_words(todo: Sequence[Step]) -> str:
    """ "Next: a second person approves (ben, 王芳): clausebot orders approve KP-7M2D-Q4XK --as NAME"."""
    if not todo:
        return "Next: nothing, it is at its end"
    step = todo[0]
    if not step.command:
        return f"Next: {step.what}"
    who = f" ({', '.join(step.who)})" if step.who else " (nobody of staff may now: add somebody)"
    return f"Next: {step.what}{who}: clausebot orders {step.command} --as NAME"
