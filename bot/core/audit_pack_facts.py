"""What an audit pack tells of an order, in plain data: for order.json and for its page.

Staff stand in it by name, the person and other chats by row id only. Of the account there is a hint, no contact at all.
What people wrote is masked as it is everywhere: no number of a document, card or account, no password, no key.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.core.accounts import Account
from bot.core.order.guards import is_proven
from bot.core.order.moves import Reason
from bot.core.orders import Order, Orders
from bot.core.package.held import masked, stamp
from knowledge.deadlines import Due
from knowledge.rights import Right, rights
from storage.chain import Entry
from storage.errors import Unreadable
from storage.stores.order_papers import Attachment

Row = dict[str, Any]
_MOVED = re.compile(r"([a-z_]+)>([a-z_]+)(?: v([0-9]+))?(?: (.*))?", re.DOTALL)
"""How the trail notes a move: from, to, version, why."""
DATES = ("opened_at", "received_at", "code_proven_at", "proposed_at", "approved_at", "hold_until", "warned_at",
         "hold_over_at", "executed_at", "delivered_at", "stopped_at", "appealed_at", "ended_at", "expires_at", "paused_at")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told, and the files with the row that tells of each, all but the file's own name."""

    told: Row
    files: list[Attachment]
    file_rows: list[Row]


def facts_of(orders: Orders, order: Order, entries: Sequence[Entry], *, words: bool) -> Facts:
    """Everything about an order. `entries` are its lines of the trail; without `words` nothing that anybody wrote."""
    names = {member.id: member.name for member in orders.work.staff.all()}
    erased = _is_erased(orders, order)
    files = [] if erased else orders.files(order)
    told = {
        "order": _order(order),
        "right": _right(order),
        "account": _account(orders, order, erased),
        "proof": _proof(order, names),
        "deadlines": _deadlines(orders.due_of(order), order),
        "moves": [move_of(entry, names) for entry in entries],
        "checklist": _checklist(orders, order, names),
        "words_included": words,
        "erased": erased,
        "asked": _asked(orders, order) if words and not erased else None,
        "remarks": _remarks(orders, order, names) if words and not erased else [],
    }
    return Facts(told, files, [_file(file, names) for file in files])


def who(actor: str, names: Mapping[int, str]) -> str | None:
    """The name of a member of staff; None for anybody else."""
    kind, _, rest = actor.partition(":")
    return names.get(int(rest)) if kind == "staff" and rest.isdecimal() else None


def _is_erased(orders: Orders, order: Order) -> bool:
    try:
        orders.work.orders.papers.key(order.id)
    except Unreadable:
        return True
    return False


def _order(order: Order) -> Row:
    row: Row = {
        "number": order.number,
        "thing": order.thing,
        "state": order.state,
        "version": order.version,
        "ground": order.ground or None,
        "reason": order.reason,
        "language": order.language,
        "urgent": order.urgent,
        "person": f"person:{order.person_id}" if order.person_id is not None else None,
    }
    return row | {name: _stamp(getattr(order, name)) for name in DATES}


def _right(order: Order) -> Row:
    rule = rights()[Right(order.right)]
    return {"id": order.right, "name": dict(rule.name), "clauses": list(rule.clauses), "law": list(rule.law),
            "two_staff": rule.two_staff}  # fmt: skip


def _account(orders: Orders, order: Order, erased: bool) -> str | None:
    """A hint such as "K***34": enough for the company to find it, nothing for anybody else."""
    account = None if erased else orders.account(order)
    return Account(account).display_hint if account else None


def _proof(order: Order, names: Mapping[int, str]) -> Row:
    def signed(staff_id: int | None, at: datetime | None = None) -> Row | None:
        if staff_id is None:
            return None
        return {"by": f"staff:{staff_id}", "name": names.get(staff_id), "at": _stamp(at)}

    return {
        "level": {0: "channel", 1: "contact", 2: "portal"}[order.level],
        "code_proven_at": _stamp(order.code_proven_at),
        "is_enough": is_proven(order),
        "checked": signed(order.checked_by),
        "proposed": signed(order.proposed_by, order.proposed_at),
        "approved": signed(order.approved_by, order.approved_at),
        "refused": signed(order.refused_by),
        "assignee": signed(order.assignee),
    }


def _deadlines(due: Due, order: Order) -> Row:
    """When it was due, and what every rule that binds came to, the one that decides first."""
    return {
        "told_due_at": stamp(order.told_due_at),
        "last_day": due.due_on.isoformat(),
        "zone": due.zone.key,
        "acknowledge_by": _stamp(due.acknowledge_by),
        "hard_stop": stamp(due.hard_stop),
        "paused_seconds": order.paused_seconds,
        "extended": list(due.extended),
        "calendar": order.calendar,
        "rules": [
            {
                "rule": basis.rule,
                "kind": basis.kind.value,
                "label": dict(basis.label),
                "last_day": basis.on.isoformat(),
                "is_certain": basis.is_certain,
                "is_extended": basis.is_extended,
                "version": basis.version,
                "source": {"article": basis.source.article, "title": basis.source.title, "where": basis.source.where},
            }
            for basis in due.legal_basis
        ],
    }


def move_of(entry: Entry, names: Mapping[int, str]) -> Row:
    """A line of the trail in words. `from`, `to`, `version` where it moved the order; `why` is a reason code or a note."""
    row: Row = {"number": entry.seq, "at": f"{entry.at[:10]}T{entry.at[11:19]}Z", "by": entry.actor}
    row |= {"name": who(entry.actor, names), "what": entry.action, "detail": entry.detail}
    moved = _MOVED.fullmatch(entry.detail)
    if moved is None:
        return row | {"from": None, "to": None, "version": None, "reason": None, "note": entry.detail}
    rest = (moved[4] or "").strip()
    reason, _, note = rest.partition(" ")
    if reason not in set(Reason):
        reason, note = "", rest
    version = int(moved[3]) if moved[3] else 1
    return row | {"from": moved[1], "to": moved[2], "version": version, "reason": reason or None, "note": note}


def _checklist(orders: Orders, order: Order, names: Mapping[int, str]) -> list[Row]:
    ticks = orders.ticks(order)
    return [
        {
            "item": key,
            "label": dict(words),
            "ticked": key in ticks,
            "by": f"staff:{ticks[key]}" if key in ticks else None,
            "name": names.get(ticks[key]) if key in ticks else None,
        }
        for key, words in orders.checklist(order)
    ]


def _asked(orders: Orders, order: Order) -> str | None:
    return masked(orders.body(order).decode("utf-8", "replace")) or None


def _remarks(orders: Orders, order: Order, names: Mapping[int, str]) -> list[Row]:
    return [
        {"at": stamp(one.at), "by": one.actor, "name": who(one.actor, names), "among_staff": one.internal,
         "text": masked(one.text)}
        for one in orders.remarks(order)
    ]  # fmt: skip


def _file(file: Attachment, names: Mapping[int, str]) -> Row:
    kind = "paper" if file.paper else "among_staff" if file.internal else "for_person"
    return {"media_type": file.media_type, "bytes": file.size, "kind": kind, "at": stamp(file.at), "by": file.actor,
            "name": who(file.actor, names)}  # fmt: skip


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None
