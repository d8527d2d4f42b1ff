"""How orders look in the terminal: the list with its due colours, and one order with everything it rests on."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.order.dates import look_by
from bot.core.order.guards import is_proven
from bot.core.order.moves import State
from bot.core.order.steps import Step
from bot.core.orders import Order, Orders
from knowledge.deadlines import Due
from knowledge.normal import visible
from knowledge.rights import Level, Right, rights

COLOURS = {0: "green", 50: "yellow", 80: "red", 100: "bold white on red"}
"""By the last milestone that has passed, in per cent of the time."""
STATE_WORDS = {State.VERIFYING: "unverified", State.IN_PROGRESS: "in progress"}
WIDE = 110
"""Columns from which the list says what comes next."""

_MOVED = re.compile(r"([a-z_]+)>([a-z_]+) v[0-9]+(.*)", re.DOTALL)
"""How the trail notes a move."""

_NEWS = re.compile(r"order:[0-9]+:(?:v[0-9]+:)?(?P<key>[a-z_.]+)(?::[a-z]+)?")
"""The cause of a message about an order (bot/core/order/news.py): order:5:v3:refused.other, order:5:hold_begun:email."""

Names = Mapping[int, str]
"""Staff by id."""


def names_of(orders: Orders) -> Names:
    return {member.id: member.name for member in orders.work.staff.all()}


def left_words(due: Due, now: datetime) -> str:
    """ "in 5 d", "in 3 h", "2 d over"."""
    left = due.due_at - now
    size = abs(left)
    amount = f"{size.days} d" if size >= timedelta(days=1) else f"{int(size.total_seconds()) // 3600} h"
    return f"in {amount}" if left > timedelta(0) else f"{amount} over"


def stage(order: Order) -> str:
    """Where an order is, in a word or two: its state, or what it waits for in it."""
    if order.is_live and order.hold_until is not None and order.hold_over_at is None:
        return "on hold"
    if order.is_live and order.approved_by is not None:
        return "approved"
    if order.is_live and order.proposed_by is not None:
        return "proposed"
    return STATE_WORDS.get(State(order.state), order.state)


def list_table(orders: Orders, found: Sequence[tuple[Order, Due]], todo: Sequence[Step | None], width: int) -> Table:
    """The orders found, a row each. `todo` is what each needs next."""
    names, table = names_of(orders), Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("number", no_wrap=True)
    table.add_column("right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("due", no_wrap=True)
    table.add_column("left", no_wrap=True, justify="right")
    table.add_column("has it", no_wrap=True, overflow="ellipsis", min_width=4)
    if width >= WIDE:
        table.add_column("next", overflow="ellipsis", no_wrap=True)
    for (order, due), step in zip(found, todo, strict=True):
        colour = COLOURS[due.reached(orders.now)] if order.is_live else "dim"
        left = "paused" if order.paused_at else left_words(due, orders.now) if order.is_live else ""
        row: list[RenderableType] = [
            order.number,
            Text(order.right + (" !" if order.urgent else ""), style="bold" if order.urgent else ""),
            stage(order),
            Text(f"{due.due_on:%Y-%m-%d}", style=colour),
            Text(left, style="dim" if order.paused_at else colour),
            Text(names.get(order.assignee or 0, "-")),
        ]
        if width >= WIDE:
            row.append(Text(step.what if step else ""))
        table.add_row(*row)
    return table


def order_view(orders: Orders, order: Order, todo: Sequence[Step], *, revealed: bool) -> Group:
    """One order whole. What people wrote, and the account's full name, only when `revealed`."""
    due, rule, names = orders.due_of(order), rights()[Right(order.right)], names_of(orders)
    head = Text.assemble((order.number, "bold"), f"  {rule.name['en']} · {rule.name['zh']}  ", (stage(order), "bold"))
    if order.urgent:
        head.append("  urgent", style="bold red")
    parts: list[RenderableType] = [head, "", _facts(orders, order, due, names, revealed)]
    parts += ["", _heading("Proof"), _proof(orders, order, names)]
    if order.hold_until is not None:
        parts += ["", _heading("Hold"), _hold(order, due)]
    if checklist := orders.checklist(order):
        ticks = orders.ticks(order)
        parts += ["", _heading("Checklist"), _lines(
            ("[x]" if key in ticks else "[ ]", f"{key}: {words['en']} · {words['zh']}"
             + (f" ({names.get(ticks[key], '?')})" if key in ticks else ""))
            for key, words in checklist
        )]  # fmt: skip
    if files := orders.files(order):
        parts += ["", _heading("Files"), _lines(
            (str(file.id), f"{'for staff' if file.internal else 'for the person'}{', a paper' if file.paper else ''}: "
             f"{visible(file.name) if revealed else '(name hidden)'}, {file.media_type}, {file.size:,} bytes, "
             f"{_who(file.actor, names)} {_at(file.at, due)}")
            for file in files
        )]  # fmt: skip
    if remarks := orders.remarks(order):
        parts += ["", _heading("Remarks"), _lines(
            (_at(remark.at, due), f"{_who(remark.actor, names)}{', among staff' if remark.internal else ''}: "
             + (visible(remark.text) if revealed else f"({len(remark.text)} characters, hidden)"))
            for remark in remarks
        )]  # fmt: skip
    if undelivered := _undelivered(orders, order, due):
        parts += ["", _heading("Not delivered"), _lines(undelivered)]
    parts += ["", _heading(f"Timeline ({due.zone.key})"), _timeline(orders, order, due, names)]
    if todo:
        parts += ["", _heading("Still missing"), _lines(
            (f"{number}.", step.what + (f" ({', '.join(step.who)})" if step.who else " (nobody of staff may)" if step.command else ""))
            for number, step in enumerate(todo, 1)
        )]  # fmt: skip
    return Group(*parts)


def row_of(orders: Orders, order: Order, names: Names) -> dict[str, Any]:
    """An order for programs and for export: nothing that anybody wrote, no account, no contact."""
    due = orders.due_of(order)
    signed = ("checked_by", "proposed_by", "approved_by", "refused_by", "assignee")
    times = ("received_at", "due_at", "hard_stop_at", "code_proven_at", "proposed_at", "approved_at", "hold_until",
             "executed_at", "delivered_at", "ended_at", "appealed_at", "paused_at")  # fmt: skip
    plain = ("number", "right", "ground", "state", "reason", "urgent", "language")
    row: dict[str, Any] = {name: getattr(order, name) for name in plain}
    row |= {"level": Level(order.level).name.lower(), "due_on": due.due_on.isoformat()}
    row |= {"legal_basis": due.legal_basis[0].rule, "reached_percent": due.reached(orders.now)}
    row |= {name: at.isoformat() if (at := getattr(order, name)) else None for name in times}
    return row | {name: names.get(id) if (id := getattr(order, name)) else None for name in signed}


def _facts(orders: Orders, order: Order, due: Due, names: Names, revealed: bool) -> Table:
    basis = due.legal_basis[0]
    colour = COLOURS[due.reached(orders.now)] if order.is_live else ""
    when = "paused" if order.paused_at else left_words(due, orders.now) if order.is_live else ""
    asked, account = orders.body(order), orders.account(order)
    shown = visible(asked.decode("utf-8", "replace")) if revealed else f"({len(asked)} bytes, hidden: --reveal)"
    table, by = Table(show_header=False, box=None, padding=(0, 2, 0, 0)), look_by(order)
    rows: list[tuple[str, RenderableType | None]] = [
        ("received", _at(order.received_at, due)),
        ("first look", Text(f"by {_at(by, due)}", style="bold red") if by else None),
        ("due", Text(f"{due.due_on:%Y-%m-%d} {when}".rstrip(), style=colour)),
        ("because", Text(f"{basis.label['en']} · {basis.label['zh']} ({basis.rule})")),
        ("aim for", f"{due.aim_at.astimezone(due.zone):%Y-%m-%d}" if order.is_live else None),
        ("hard stop", f"{due.hard_stop.astimezone(due.zone):%Y-%m-%d}"),
        ("has it", Text(names.get(order.assignee or 0, "nobody"))),
        ("asked by", f"person {order.person_id}, writes {order.language}" if order.person_id else "(erased)"),
        ("account", Text(_account(account, revealed)) if account else None),
        ("ground", order.ground or None),
        ("reason", order.reason),
        ("asked for", Text(shown) if asked else None),
    ]
    for label, value in rows:
        if value is not None:
            table.add_row(Text(label, style="dim"), value)
    return table


def _account(account: str, revealed: bool) -> str:
    from bot.core.accounts import Account

    return account if revealed else f"{Account(account).display_hint} (hidden: --reveal)"


def _proof(orders: Orders, order: Order, names: Names) -> Table:
    due = orders.due_of(order)
    level = {0: "the chat alone", 1: "a code to a contact on file", 2: "a chat bound from the portal"}[order.level]
    code = f"code right {_at(order.code_proven_at, due)}" if order.code_proven_at else "no code"
    rule = rights()[Right(order.right)]
    lines = [("", f"{level}; {code}")]
    if order.checked_by:
        lines.append(("", f"checked by {names.get(order.checked_by, '?')}, who takes no other part"))
    if rule.two_staff:
        lines.append(("", "enough to decide" if is_proven(order) else "not enough to decide"))
        lines.append(("", f"proposed by {_signature(order.proposed_by, order.proposed_at, names, due)}"))
        lines.append(("", f"approved by {_signature(order.approved_by, order.approved_at, names, due)}"))
    return _lines(lines)


def _signature(id: int | None, at: datetime | None, names: Names, due: Due) -> str:
    return f"{names.get(id, '?')} {_at(at, due)}" if id and at else "nobody yet"


def _hold(order: Order, due: Due) -> Table:
    until = order.hold_until
    told = f"told again {_at(order.warned_at, due)}" if order.warned_at else "told once, and again 24 hours before"
    over = f"over since {_at(order.hold_over_at, due)}" if order.hold_over_at else "any contact can stop it until then"
    lines = [("", f"until {_at(until, due)}; {over}" if until else ""), ("", f"contacts: {told}")]
    if order.stopped_at:
        lines.append(("", f"stopped by a contact {_at(order.stopped_at, due)}"))
    return _lines(lines)


def _undelivered(orders: Orders, order: Order, due: Due) -> list[tuple[str, str]]:
    """Messages about the order that a platform or a mail server hasn't taken, and whether they are tried again."""
    packages = orders.work.results.of_order(order.id)
    results = [f"result:{made.id}" for made in packages]
    found = []
    if packages and packages[0].state == "failed":
        found.append(("package", "can't be made, or there is no address for its link: see the timeline"))
    for one in orders.work.deliveries.undelivered([f"{order.thing}:", *results]):
        named = _NEWS.fullmatch(one.cause)
        what = "the link to the result" if one.cause in results else named["key"] if named else one.cause
        if one.settled_at is None:
            says = f"tried {one.attempts} times, again {_at(one.due_at, due)}"
        else:
            says = f"given up {_at(one.settled_at, due)}: {one.reason or one.state}"
        found.append((one.channel, f"{what.replace('_', ' ')}: {says}"))
    return found


def _timeline(orders: Orders, order: Order, due: Due, names: Names) -> Table:
    entries = orders.work.trail.of_thing(order.thing)
    return _lines(
        (
            _at(entry.at, due),
            f"{_who(entry.actor, names)}: {entry.action.replace('_', ' ')}  {_told(entry.detail)}".rstrip(),
        )
        for entry in entries
    )


def _told(detail: str) -> str:
    """ "open>in_progress v2 to staff:3" as "open → in progress  to staff:3"; nothing of a state that stayed."""
    moved = _MOVED.match(detail)
    if moved is None:
        return detail
    states = "" if moved[1] == moved[2] else f"{moved[1]} → {moved[2]}".replace("_", " ")
    return f"{states}  {moved[3].strip()}".strip()


def _lines(rows: Any) -> Table:
    """Two columns, the second wrapped beside the first. Everything is text: [brackets] are no markup."""
    table = Table(show_header=False, box=None, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for left, right in rows:
        table.add_row(Text(left, style="dim"), Text(right))
    return table


def _heading(words: str) -> Text:
    return Text(words, style="bold")


def _who(actor: str, names: Names) -> str:
    kind, _, rest = actor.partition(":")
    if kind == "staff" and rest.isdecimal():
        return names.get(int(rest), actor)
    return {"person": "the person", "link": f"a contact ({rest})"}.get(kind, actor)


def _at(at: datetime | None, due: Due) -> str:
    return f"{at.astimezone(due.zone):%Y-%m-%d %H:%M}" if at else "never"
