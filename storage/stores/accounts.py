"""The company's accounts as imports listed them: found by blind indexes, sealed with a key for each account."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, LargeBinary, bindparam, delete, func, insert, or_, select, text, update

from storage.crypto import Keyring, seal, unseal
from storage.stores.people import ERASED
from storage.tables import Account, AccountContact, AccountKey
from storage.tables.common import table

ACCOUNT, KEY, CONTACT = table(Account), table(AccountKey), table(AccountContact)

SHARED_MOST = 8
"""Accounts that are looked at for one contact: from two on it finds nobody who is open, whatever the others are."""

FOUND = (ACCOUNT.c.id, ACCOUNT.c.account_index, ACCOUNT.c.name, ACCOUNT.c.closed, ACCOUNT.c.contacts_changed_at,
         KEY.c.key_id, KEY.c.wrapped)  # fmt: skip
WITH_KEY = ACCOUNT.join(KEY, KEY.c.account_id == ACCOUNT.c.id)
BY_INDEX = select(*FOUND).select_from(WITH_KEY).where(ACCOUNT.c.account_index == bindparam("index"))
BY_CONTACT = (
    select(*FOUND)
    .select_from(WITH_KEY.join(CONTACT, CONTACT.c.account_id == ACCOUNT.c.id))
    .where(CONTACT.c.value_index == bindparam("index"))
    .order_by(ACCOUNT.c.closed, ACCOUNT.c.id)
    .limit(SHARED_MOST)
)
CONTACTS = select(CONTACT).where(CONTACT.c.account_id == bindparam("account")).order_by(CONTACT.c.id)
ADD = insert(ACCOUNT).returning(ACCOUNT.c.id, ACCOUNT.c.account_index)
RENEW = (
    update(CONTACT)
    .where(CONTACT.c.id == bindparam("contact", type_=Integer))
    .values(
        value_index=bindparam("new_index"),
        value=bindparam("new_value", type_=LargeBinary),
        since=bindparam("new_since", type_=CONTACT.c.since.type),
    )
)
LATER = (
    update(CONTACT)
    .where(CONTACT.c.id == bindparam("contact", type_=Integer))
    .values(since=bindparam("new_since", type_=CONTACT.c.since.type))
)
TURNED = (
    update(ACCOUNT)
    .where(ACCOUNT.c.id == bindparam("account", type_=Integer))
    .values(contacts_changed_at=bindparam("changed_at", type_=ACCOUNT.c.contacts_changed_at.type))
)


class ContactLine(NamedTuple):
    """A contact as a list says it; `since` None when the list doesn't say."""

    kind: str
    value: str
    since: datetime | None = None

    def __repr__(self) -> str:
        return f"ContactLine({self.kind})"


class AccountLine(NamedTuple):
    """An account as a list says it, with all its contacts: those not named here are taken away."""

    account_id: str
    contacts: tuple[ContactLine, ...]
    closed: bool = False
    contacts_changed_at: datetime | None = None
    """When one of them last changed or went, None when the list doesn't say."""

    def __repr__(self) -> str:
        return f"AccountLine(contacts={len(self.contacts)})"


@dataclass(frozen=True, slots=True)
class KeptContact:
    """A contact, unsealed."""

    kind: str
    value: str = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An account, unsealed."""

    account_id: str = field(repr=False)
    closed: bool
    contacts: tuple[KeptContact, ...]
    contacts_changed_at: datetime | None = None


@dataclass(slots=True)
class Plan:
    """What a part of a list comes to. Made by `plan`, carried out by `apply` in the same transaction or a later one."""

    new: list[AccountLine] = field(default_factory=list)
    changed: int = 0
    """Known accounts of which something is otherwise."""
    same: int = 0
    seen: list[int] = field(default_factory=list)
    closing: list[int] = field(default_factory=list)
    opening: list[int] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list, repr=False)
    renewed: list[dict[str, Any]] = field(default_factory=list, repr=False)
    later: list[dict[str, Any]] = field(default_factory=list, repr=False)
    gone: list[int] = field(default_factory=list)
    turned: list[dict[str, Any]] = field(default_factory=list, repr=False)
    """Accounts of which a contact went or was replaced, with the time of it."""


class Counts(NamedTuple):
    """What the table holds. `contacts` and `settled` (on file before the time asked for) by kind."""

    open: int
    closed: int
    contacts: dict[str, int]
    settled: dict[str, int]
    shared: int
    """Values that more than one account has."""
    listed_at: datetime | None
    """The latest import."""


class AccountStore:
    """Accounts of the company. Erasing one takes its key along, so no copy of its rows can be read."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    # ---- looking up

    def get(self, account_id: str) -> Kept | None:
        """The account of this id. Raises KeyMissing, Unreadable."""
        row = self.connection.execute(BY_INDEX, {"index": self._account_index(account_id)}).one_or_none()
        return self._kept(row) if row else None

    def with_contact(self, kind: str, value: str) -> list[Kept]:
        """The accounts that have this contact, open ones first; at most 8. Raises KeyMissing, Unreadable."""
        rows = self.connection.execute(BY_CONTACT, {"index": self._value_index(kind, value)}).all()
        return [self._kept(row) for row in rows]

    def count(self) -> int:
        return self.connection.execute(select(func.count()).select_from(ACCOUNT)).scalar_one()

    def counts(self, settled_before: datetime) -> Counts:
        """What the table holds, in figures."""
        by_state = dict(self._pairs(select(ACCOUNT.c.closed, func.count()).group_by(ACCOUNT.c.closed)))
        of_kind = select(CONTACT.c.kind, func.count()).group_by(CONTACT.c.kind).order_by(CONTACT.c.kind)
        twice = select(CONTACT.c.value_index).group_by(CONTACT.c.value_index).having(func.count() > 1).subquery()
        return Counts(
            by_state.get(False, 0),
            by_state.get(True, 0),
            dict(self._pairs(of_kind)),
            dict(self._pairs(of_kind.where(CONTACT.c.since < settled_before))),
            self.connection.execute(select(func.count()).select_from(twice)).scalar_one(),
            self.connection.execute(select(func.max(ACCOUNT.c.listed_at))).scalar_one(),
        )

    def unsteady(self, since: datetime) -> tuple[int, int]:
        """Of how many open accounts a contact changed since then, or nobody knows; and how many are open."""
        unsteady = or_(ACCOUNT.c.contacts_changed_at.is_(None), ACCOUNT.c.contacts_changed_at >= since)
        counted = select(func.count().filter(unsteady), func.count()).select_from(ACCOUNT)
        few, every = self.connection.execute(counted.where(ACCOUNT.c.closed.is_(False))).one()
        return few, every

    # ---- importing

    def plan(self, lines: Sequence[AccountLine], now: datetime) -> Plan:
        """What `lines` (each account once) come to. Changes nothing. Raises KeyMissing, Unreadable.

        A contact that is on file already keeps its `since`, but for a later one that the list gives: then it was taken
        off and put on again. A new or different one gets the list's `since`, else `now`. That a contact went or was
        replaced is noted as of `now`, unless the list names a later change; nobody knows what went before an account was
        first listed, so without a word of the list that counts as `now` too.
        """
        plan, by_index = Plan(), {self._account_index(line.account_id): line for line in lines}
        rows = self.connection.execute(
            select(*FOUND).select_from(WITH_KEY).where(ACCOUNT.c.account_index.in_(by_index))
        ).all()
        there: dict[int, dict[str, Any]] = {row.id: {} for row in rows}
        for contact in self.connection.execute(
            select(CONTACT.c.id, CONTACT.c.account_id, CONTACT.c.kind, CONTACT.c.value_index, CONTACT.c.since).where(
                CONTACT.c.account_id.in_(there)
            )
        ):
            there[contact.account_id][contact.kind] = contact
        for row in rows:
            self._compare(plan, row, there[row.id], by_index.pop(row.account_index), now)
        plan.new = list(by_index.values())
        return plan

    def apply(self, plan: Plan, now: datetime) -> None:
        """Carries out a plan made in this same transaction."""
        execute = self.connection.execute
        self._add(plan.new, now)
        if plan.gone or plan.renewed:
            self.connection.info[ERASED] = True
        if plan.gone:
            execute(delete(CONTACT).where(CONTACT.c.id.in_(plan.gone)))
        if plan.renewed:
            execute(RENEW, plan.renewed)
        if plan.later:
            execute(LATER, plan.later)
        if plan.added:
            execute(insert(CONTACT), plan.added)
        if plan.turned:
            execute(TURNED, plan.turned)
        for ids, closed in ((plan.closing, True), (plan.opening, False)):
            if ids:
                execute(update(ACCOUNT).where(ACCOUNT.c.id.in_(ids)).values(closed=closed))
        if plan.seen:
            execute(update(ACCOUNT).where(ACCOUNT.c.id.in_(plan.seen)).values(listed_at=now))

    def one_import_at_a_time(self) -> None:
        """Until the commit no other import writes. SQLite has one writer anyway. Raises Busy."""
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(text("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE"))

    def count_listed_before(self, at: datetime) -> int:
        """How many accounts no import has listed since then."""
        return self.connection.execute(
            select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.listed_at < at)
        ).scalar_one()

    def forget_listed_before(self, at: datetime, limit: int = 500) -> int:
        """Takes away accounts that no import has listed since then, at most `limit`; how many went."""
        oldest = select(ACCOUNT.c.id).where(ACCOUNT.c.listed_at < at).order_by(ACCOUNT.c.listed_at).limit(limit)
        return self._forget(ACCOUNT.c.id.in_(oldest))

    def forget(self, account_id: str) -> bool:
        """Erases one account: its rows and its key. False when there was none."""
        return self._forget(ACCOUNT.c.account_index == self._account_index(account_id)) == 1

    # ---- within

    def _compare(self, plan: Plan, row: Any, there: dict[str, Any], line: AccountLine, now: datetime) -> None:
        """Adds to `plan` what a known account's line comes to."""
        before = len(plan.added) + len(plan.renewed) + len(plan.later) + len(plan.gone)
        lost = len(plan.renewed) + len(plan.gone)
        key: bytes | None = None
        for said in line.contacts:
            index = self._value_index(said.kind, said.value)
            known = there.pop(said.kind, None)
            if known is not None and known.value_index == index:
                if said.since is not None and said.since > known.since:
                    plan.later.append({"contact": known.id, "new_since": said.since})
                continue
            key = key or self.keyring.unwrap(row.key_id, row.wrapped)
            fresh = self._contact_row(key, row.account_index, said, index, now)
            if known is None:
                plan.added.append({"account_id": row.id, **fresh})
            else:
                renewed = {"contact": known.id, "new_index": index}
                plan.renewed.append(renewed | {"new_value": fresh["value"], "new_since": fresh["since"]})
        plan.gone += [contact.id for contact in there.values()]
        plan.seen.append(row.id)
        if row.closed != line.closed:
            (plan.closing if line.closed else plan.opening).append(row.id)
        moved = len(plan.added) + len(plan.renewed) + len(plan.later) + len(plan.gone) > before
        turned = now if len(plan.renewed) + len(plan.gone) > lost else line.contacts_changed_at
        if turned and (row.contacts_changed_at is None or turned > row.contacts_changed_at):
            plan.turned.append({"account": row.id, "changed_at": turned})
            moved = True
        if moved or row.closed != line.closed:
            plan.changed += 1
        else:
            plan.same += 1

    def _add(self, lines: Sequence[AccountLine], now: datetime) -> None:
        if not lines:
            return
        keys, rows, by_index = {}, [], {}
        for line in lines:
            index = self._account_index(line.account_id)
            keys[index] = self.keyring.new_data_key()
            name = seal(keys[index][0], line.account_id.encode(), name_place(index))
            changed = {"contacts_changed_at": line.contacts_changed_at or now}
            rows.append({"account_index": index, "name": name, "closed": line.closed, "listed_at": now, **changed})
            by_index[index] = line
        ids = {row.account_index: row.id for row in self.connection.execute(ADD, rows)}
        self.connection.execute(
            insert(KEY),
            [
                {"account_id": ids[index], "key_id": key_id, "wrapped": wrapped}
                for index, (_, key_id, wrapped) in keys.items()
            ],
        )
        contacts = [
            {"account_id": ids[index]}
            | self._contact_row(keys[index][0], index, said, self._value_index(said.kind, said.value), now)
            for index, line in by_index.items()
            for said in line.contacts
        ]
        if contacts:
            self.connection.execute(insert(CONTACT), contacts)

    def _contact_row(
        self, key: bytes, account_index: str, said: ContactLine, index: str, now: datetime
    ) -> dict[str, Any]:
        return {
            "kind": said.kind,
            "value_index": index,
            "value": seal(key, said.value.encode(), contact_place(account_index, said.kind)),
            "since": said.since or now,
        }

    def _kept(self, row: Any) -> Kept:
        key = self.keyring.unwrap(row.key_id, row.wrapped)
        contacts = tuple(
            KeptContact(c.kind, unseal(key, c.value, contact_place(row.account_index, c.kind)).decode(), c.since)
            for c in self.connection.execute(CONTACTS, {"account": row.id})
        )
        name = unseal(key, row.name, name_place(row.account_index)).decode()
        return Kept(name, row.closed, contacts, row.contacts_changed_at)

    def _forget(self, which: Any) -> int:
        gone = self.connection.execute(delete(ACCOUNT).where(which)).rowcount
        if gone:
            self.connection.info[ERASED] = True
        return gone

    def _pairs(self, query: Any) -> list[tuple[Any, int]]:
        return [(row[0], row[1]) for row in self.connection.execute(query)]

    def _account_index(self, account_id: str) -> str:
        return self.keyring.blind("account", account_id)

    def _value_index(self, kind: str, value: str) -> str:
        return self.keyring.blind("contact", kind, value)


def name_place(account_index: str) -> str:
    return f"account.name:{account_index}"


def contact_place(account_index: str, kind: str) -> str:
    return f"account_contact.value:{account_index}:{kind}"
