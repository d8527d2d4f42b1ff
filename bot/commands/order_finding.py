"""Which orders a list or an export is about: filters as they are typed, brought to what the store is asked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.commands.order_desk import OrderDesk
from bot.core.accounts import DirectoryDown
from bot.core.numbers import tidy
from bot.core.order.news import ENDINGS, NOBODY_TOLD
from bot.core.orders import Order, Orders, State, Wanted
from bot.core.retention import TALK
from bot.core.roles import BadEntry, NotPermitted
from knowledge.rights import Right
from storage.stores.orders import LIVE_STATES
from storage.stores.unreached import Unreached

PAGE = 200
SORTED_MOST = 5_000
"""Orders that are sorted by anything but their date."""
SORTS = ("due", "received", "right", "state", "who")
_DAYS = re.compile(r"\+?([0-9]{1,3})d")
_PREFIX = re.compile(r"KP-?[0-9A-Z-]{0,9}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filters:
    """What was typed."""

    state: Sequence[str] = ()
    right: str = ""
    due_before: str = ""
    mine: bool = False
    unassigned: bool = False
    search: str = ""
    undelivered: bool = False


def wanted_of(desk: OrderDesk, filters: Filters, me: int | None) -> Wanted:
    """What the store is asked for. Raises BadEntry, and NotPermitted where the directory can't be asked."""
    if filters.right and filters.right not in set(Right):
        raise BadEntry(f"{filters.right}: no such right. Rights: {', '.join(Right)}")
    if filters.mine and me is None:
        raise BadEntry("--mine: say who you are: --as NAME, or CLAUSEBOT_STAFF=NAME in .env or the environment")
    zone = desk.deadlines.rule_sets[0].zone
    wanted = Wanted(
        states=() if filters.undelivered and not filters.state else _states(filters.state),
        ids=_undelivered(desk) if filters.undelivered else None,
        right=filters.right or None,
        assignee=me if filters.mine else None,
        unassigned=filters.unassigned,
        due_before=_until(filters.due_before, desk.now, zone) if filters.due_before else None,
    )
    return _searched(desk, wanted, filters.search.strip()) if filters.search.strip() else wanted


def found(orders: Orders, wanted: Wanted, most: int, sort: str) -> list[Order]:
    """At most so many orders, sorted; by due date the urgent ones first. By anything else only the first 5,000 due are
    sorted."""
    every = list(_first(orders, wanted, most if sort == "due" else SORTED_MOST))
    if sort == "due":  # What is urgent comes first: its due date is the law's, and somebody has to look before that.
        urgent = list(_first(orders, replace(wanted, urgent=True), most))
        every = urgent + [order for order in every if not order.urgent]
    names = {member.id: member.name for member in orders.work.staff.all()}
    match sort:
        case "received":
            every.sort(key=lambda order: order.received_at)
        case "right":
            every.sort(key=lambda order: order.right)
        case "state":
            every.sort(key=lambda order: list(State).index(State(order.state)))
        case "who":
            every.sort(key=lambda order: (order.assignee is None, names.get(order.assignee or 0, "")))
    return every[:most]


def all_of(orders: Orders, wanted: Wanted) -> Iterator[Order]:
    """Every order, page by page, the earliest due first."""
    while page := orders.search(wanted, PAGE):
        yield from page
        wanted = replace(wanted, after=page[-1])


def _first(orders: Orders, wanted: Wanted, most: int) -> Iterator[Order]:
    for _, order in zip(range(most), all_of(orders, wanted), strict=False):
        yield order


def _undelivered(desk: OrderDesk) -> list[int]:
    """Orders whose end reached nobody, as far as messages are kept."""
    with desk.reading() as orders:
        return Unreached(orders.work.connection, ENDINGS, NOBODY_TOLD).orders(desk.now - TALK)


def _states(typed: Sequence[str]) -> tuple[str, ...]:
    named = [part.strip().lower().replace(" ", "_") for item in typed for part in item.split(",") if part.strip()]
    if not named or named == ["live"]:
        return LIVE_STATES
    if named == ["all"]:
        return ()
    if unknown := [name for name in named if name not in set(State)]:
        raise BadEntry(f"{', '.join(unknown)}: no such state. States: {', '.join(State)}, or live, or all")
    return tuple(named)


def _until(typed: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The end of the day that was typed: a date, or days from today."""
    if days := _DAYS.fullmatch(typed.strip()):
        day = now.astimezone(zone).date() + timedelta(days=int(days[1]))
    else:
        try:
            day = date.fromisoformat(typed.strip())
        except ValueError:
            raise BadEntry(f"--due-before {typed}: write a date, 2026-03-31, or days from today, 3d") from None
    return datetime.combine(day, time(23, 59, 59), zone)


def _searched(desk: OrderDesk, wanted: Wanted, search: str) -> Wanted:
    """By number, whole or its beginning; else by account: its id, or a contact of it."""
    if number := tidy(search):
        return replace(wanted, states=(), number=number)
    if _PREFIX.fullmatch(search):
        digits = search.upper().removeprefix("KP").replace("-", "")
        return replace(wanted, number="KP-" + (f"{digits[:4]}-{digits[4:]}" if len(digits) > 4 else digits))
    try:
        account = desk.directory.find(search)
    except DirectoryDown as down:
        raise NotPermitted(f"the account directory can't be asked now ({down.reason}); search by number") from down
    return replace(wanted, account_id=account.id if account else search)
