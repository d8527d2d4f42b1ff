"""Reading what the company's system answers. Whatever isn't exactly as agreed is a lie: taken whole or not at all."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.core.accounts import Account, State
from bot.core.contacts import EARLIEST, Contact, Kind, account_id, one_form

ACCOUNTS_MOST = 8
"""Of two that are open neither is meant, so more than a few say nothing new."""
CONTACTS_MOST = 20
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the clock over there may be from ours."""


class Untrue(Exception):
    """The answer can't be believed. Says which part, never its value."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _ContactSaid(_Strict):
    kind: Annotated[str, Field(max_length=16)]
    value: Annotated[str, Field(max_length=320)]
    since: Annotated[str, Field(max_length=40)]


class _AccountSaid(_Strict):
    account_id: Annotated[str, Field(max_length=64)]
    state: Annotated[str, Field(max_length=16)]
    contacts: Annotated[list[_ContactSaid], Field(max_length=CONTACTS_MOST)]
    contacts_changed_at: Annotated[str | None, Field(max_length=40)] = None


class _Said(_Strict):
    accounts: Annotated[list[_AccountSaid], Field(max_length=ACCOUNTS_MOST)]


def read_answer(body: bytes, now: datetime) -> tuple[Account, ...]:
    """The accounts in an answer. Raises Untrue."""
    try:
        said = _Said.model_validate(json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number))
    except ValidationError as bad:
        raise Untrue(_place(bad)) from None
    except (ValueError, RecursionError):
        raise Untrue("no JSON") from None
    accounts = tuple(_account(account, now) for account in said.accounts)
    if len({account.id for account in accounts}) != len(accounts):
        raise Untrue("the same account twice")
    return accounts


def _account(said: _AccountSaid, now: datetime) -> Account:
    if account_id(said.account_id) != said.account_id:
        raise Untrue("account_id")
    if said.state not in set(State):
        raise Untrue("state")
    contacts = tuple(_contact(contact, now) for contact in said.contacts)
    if len({(contact.kind, contact.value) for contact in contacts}) != len(contacts):
        raise Untrue("the same contact twice")
    changed = said.contacts_changed_at
    changed_at = None if changed is None else _moment(changed, now, "contacts_changed_at")
    return Account(said.account_id, contacts, State(said.state), changed_at)


def _contact(said: _ContactSaid, now: datetime) -> Contact:
    if said.kind not in set(Kind):
        raise Untrue("kind")
    kind = Kind(said.kind)
    value = one_form(kind, said.value)
    if value is None:
        raise Untrue(f"{kind} value")
    return Contact(kind, value, _moment(said.since, now, f"{kind} since"))


def _moment(said: str, now: datetime, place: str) -> datetime:
    try:
        there = datetime.fromisoformat(said)
        moment = there.astimezone(UTC) if there.tzinfo else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not EARLIEST <= moment <= now + CLOCKS_DIFFER:
        raise Untrue(place)
    return moment


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two, programs disagree about which one counts."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise ValueError(name)


def _place(bad: ValidationError) -> str:
    """Where an answer departs from what was agreed. A name that wasn't agreed may be anything, so it isn't repeated."""
    agreed = {*_Said.model_fields, *_AccountSaid.model_fields, *_ContactSaid.model_fields}
    place = [str(part) for part in bad.errors(include_input=False)[0]["loc"] if part in agreed]
    return ".".join(place) or "not the shape that was agreed"
