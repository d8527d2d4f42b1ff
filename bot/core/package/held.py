"""What the bot itself holds on who asked, in plain data: for the JSON and for the page of a package.

All of the chat that the request came from, the account's contacts on file if they are kept here, its connections and its
requests. Not the talk of other chats that are connected to the account: somebody else may have led it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.core.masking import READ_AT_MOST, mask
from bot.core.message import Reply
from bot.core.privacy import KIND
from storage.engine import Database
from storage.errors import Unreadable
from storage.stores.holdings import Holdings, Told
from storage.stores.orders import Order
from storage.stores.people import Known
from storage.work import Work

PAGE = 100
"""Turns that are read at a time, each page in a short transaction of its own."""
DATES = ("opened_at", "received_at", "due_at", "code_proven_at", "approved_at", "hold_until", "delivered_at", "executed_at",
         "ended_at", "stopped_at", "appealed_at")  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """Everything but the talk, which is read page by page."""

    facts: Row
    person: Known | None


def held_on(work: Work, order: Order, made_at: datetime) -> Held:
    """What is held on who asked with this order, as of `made_at`. Raises Unreadable."""
    person = work.people.of_id(order.person_id) if order.person_id is not None else None
    account_id = work.orders.papers.account(order.id)
    facts: Row = {
        "format": "clausebot-package-1",
        "order": {"number": order.number, "right": order.right, "made_at": stamp(made_at)},
        "account": _account(work, account_id) if account_id else None,
        "chat": _chat(person) if person else None,
        "connections": _connections(work, person, account_id),
        "requests": [_request(work, one, one.id == order.id) for one in _requests(work, order, account_id)],
        "kept": _kept(work, person) if person else {},
    }
    return Held(facts, person)


def talk(database: Database, person: Known | None, until: datetime) -> Iterator[Row]:
    """Everything said in the chat until then, newest first: {"at", "you" or None, "replies", ...}."""
    before: int | None = None
    upper, has_more = until, person is not None
    while person is not None and has_more:
        with database.read() as work:
            rows, before, upper, has_more = _page(work, person, before, upper, until)
        yield from rows


def stamp(at: datetime) -> str:
    """ "2026-03-02T09:30:00Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def masked(text: str) -> str:
    """`text` without numbers of documents, cards and accounts, without passwords and keys; all of it, however long."""
    if len(text) <= READ_AT_MOST // 2:
        return mask(text)
    pieces, length = [""], READ_AT_MOST // 2
    for line in text.splitlines(keepends=True):
        # Cut between lines, so that no number is cut in two; a line longer than that is cut at blanks.
        for word in [line] if len(line) <= length else line.split(" "):
            if len(pieces[-1]) + len(word) > length:
                pieces.append("")
            pieces[-1] += word if word.endswith("\n") or len(line) <= length else f"{word} "
    return "".join(mask(piece) for piece in pieces)


def _account(work: Work, account_id: str) -> Row:
    kept = work.accounts.get(account_id)
    contacts = (
        [{"kind": one.kind, "value": one.value, "since": stamp(one.since)} for one in kept.contacts] if kept else []
    )
    return {"id": account_id, "contacts_kept_here": contacts}


def _chat(person: Known) -> Row:
    return {
        "channel": person.channel,
        "language": person.language,
        "first_heard_of": stamp(person.first_seen),
        "last_heard_of": stamp(person.last_seen),
    }


def _connections(work: Work, person: Known | None, account_id: str | None) -> list[Row]:
    """The chats that are connected to the account now, this one marked."""
    bound = work.bindings.of_account(account_id) if account_id else []
    return [
        {
            "channel": one.channel,
            "connected_at": stamp(one.bound_at),
            "last_login": stamp(one.login_at),
            "is_this_chat": person is not None and one.person_id == person.id,
        }
        for one in bound
    ]


def _requests(work: Work, order: Order, account_id: str | None) -> list[Order]:
    """Requests of this chat and verified ones of the account, newest first."""
    found = {one.id: one for one in work.orders.of_account(account_id)} if account_id else {}
    if order.person_id is not None:
        found |= {one.id: one for one in work.orders.of_person(order.person_id)}
    found[order.id] = order
    return [found[key] for key in sorted(found, reverse=True)]


def _request(work: Work, order: Order, is_this: bool) -> Row:
    row: Row = {"number": order.number, "right": order.right, "state": order.state, "reason": order.reason}
    row |= {name: stamp(at) for name in DATES if (at := getattr(order, name)) is not None}
    try:
        said = work.orders.papers.body(order.id).decode("utf-8", "replace")
        remarks = work.orders.papers.remarks(order.id, for_person=True)
    except Unreadable:  # Emptied long after its end; number, dates and decision stay.
        return row | {"is_this": is_this, "asked": None, "remarks": []}
    noted = [{"at": stamp(one.at), "by": one.actor.partition(":")[0], "text": masked(one.text)} for one in remarks]
    return row | {"is_this": is_this, "asked": masked(said), "remarks": noted}


def _kept(work: Work, person: Known) -> Row:
    """Every table that holds something on the person: how much, from when to when."""
    counts = Holdings(work.connection, person).counts()
    return {
        name: {
            "rows": count.rows,
            "oldest": stamp(count.oldest) if count.oldest else None,
            "newest": stamp(count.newest) if count.newest else None,
        }
        for name, count in counts.items()
        if count.rows
    }


def _page(
    work: Work, person: Known, before: int | None, upper: datetime, until: datetime
) -> tuple[list[Row], int | None, datetime, bool]:
    held = Holdings(work.connection, person)
    turns = work.conversations.turns(person, limit=PAGE + 1, before=before)
    shown, has_more = turns[:PAGE], len(turns) > PAGE
    ids = [turn.id for turn in shown]
    codes, replies = held.receipts(ids), dict[str, list[Told]]()
    for told in held.replies(ids):
        replies.setdefault(told.cause, []).append(told)
    rows: list[Row] = [
        {
            "at": stamp(turn.at),
            "you": masked(turn.text),
            "outcome": turn.outcome,
            "clauses": list(turn.clauses),
            "receipts": codes.get(turn.id, []),
            "rating": turn.rating,
            "replies": [_words(told) for told in replies.get(f"turn:{turn.id}", [])],
        }
        for turn in shown
        if turn.at <= until
    ]
    lower = shown[-1].at if has_more else None
    rows += [{"at": stamp(told.at), "you": None, "replies": [_words(told)]} for told in held.unasked(lower, upper)]
    rows.sort(key=lambda row: str(row["at"]), reverse=True)
    return rows, ids[-1] if ids else before, lower or upper, has_more


def _words(told: Told) -> str:
    """A reply in words. An overview of what is kept would repeat all that stands here anyway."""
    reply = Reply.from_data(json.loads(told.body))
    return "(/mydata)" if any(choice.value.startswith(f"{KIND}:") for choice in reply.choices) else masked(reply.text)
