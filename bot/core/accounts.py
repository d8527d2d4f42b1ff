"""The company's accounts: a port with three forms, which one contract suite holds to the same answers.

MemoryDirectory     tests and the demo
StoredDirectory     our own table, filled by `clausebot accounts import`
HttpDirectory       the company's system, asked each time (bot/directory)

Being listed proves nothing about who is chatting, and a directory tells nobody anything: whoever asks must answer the
same, in the same time, whether an account was found or not (see docs/accounts.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol

from bot.core.contacts import Contact, Kind, Named, named
from bot.core.errors import Declined
from storage.engine import Database
from storage.stores.accounts import Kept


class State(StrEnum):
    """Whether the company still has the account in use."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """One account at the company. `id` is the company's name for it; `contacts` are all that it has on file."""

    id: str
    contacts: tuple[Contact, ...] = ()
    state: State = State.OPEN
    contacts_changed_at: datetime | None = None
    """When one of them last changed or went; None: not known, and then what is to be erased waits longer."""

    @property
    def display_hint(self) -> str:
        """What may be shown of its name: "K***34"."""
        return f"{self.id[0]}***{self.id[-2:]}" if len(self.id) > 5 else f"{self.id[0]}***"

    def of_kind(self, kind: Kind) -> tuple[Contact, ...]:
        """Its contacts of one kind, longest on file first."""
        return tuple(sorted((c for c in self.contacts if c.kind is kind), key=lambda contact: contact.since))

    def has(self, kind: Kind, value: str) -> bool:
        """Whether this is a contact on file. `value` is in its one form."""
        return any(contact.kind is kind and contact.value == value for contact in self.contacts)

    def answers_to(self, name: Named) -> bool:
        """Whether it has the id or the contact that was typed."""
        return self.id == name.account_id or (name.contact is not None and self.has(*name.contact))

    def __repr__(self) -> str:
        return f"Account({self.display_hint}, {self.state}, contacts={len(self.contacts)})"


class DirectoryDown(Declined):
    """The directory can't be asked now.

    `reason`: "unreachable" (no connection), "stalled" (no whole answer in time), "refused" (it answered that it
    doesn't answer), "lied" (its answer is unsigned, broken or untrue), "resting" (it has just failed several times
    and isn't asked). `after` is when asking again makes sense. Holds nothing of what was asked.
    """

    def __init__(
        self,
        reason: Literal["unreachable", "stalled", "refused", "lied", "resting"],
        after: timedelta = timedelta(seconds=10),
    ) -> None:
        super().__init__()
        self.reason, self.after = reason, after


class AccountDirectory(Protocol):
    """Where accounts are looked up. May wait for as long as its settings allow: never ask inside of a transaction."""

    def find(self, hint: str) -> Account | None:
        """The account that `hint` names: an account id, e-mail address or phone number as a person types it.

        None when none does, or when more than one does and so none can be meant. Raises DirectoryDown.
        """
        ...

    def get(self, account_id: str) -> Account | None:
        """The account of this id, exactly as the company writes it. Raises DirectoryDown."""
        ...


def the_one(accounts: Iterable[Account]) -> Account | None:
    """The account that is meant when these all answer to one hint: the open one, else the closed one; else none.

    A number that went on from a closed account to another one's owner means that other one.
    """
    found = {account.id: account for account in accounts}
    still_open = [account for account in found.values() if account.state is State.OPEN]
    meant = still_open or list(found.values())
    return meant[0] if len(meant) == 1 else None


class MemoryDirectory:
    """Accounts kept in memory."""

    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        self._accounts = {account.id: account for account in accounts}

    def put(self, account: Account) -> None:
        """Adds the account, or replaces the one of the same id."""
        self._accounts[account.id] = account

    def close_account(self, account_id: str) -> None:
        """Marks the account as closed."""
        self._accounts[account_id] = replace(self._accounts[account_id], state=State.CLOSED)

    def find(self, hint: str) -> Account | None:
        name = named(hint)
        return the_one(account for account in self._accounts.values() if account.answers_to(name))

    def get(self, account_id: str) -> Account | None:
        return self._accounts.get(account_id)


class StoredDirectory:
    """Our own table of accounts. Never down: what is wrong with it is a StorageError, as with everything kept there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, hint: str) -> Account | None:
        name = named(hint)
        with self._database.read() as work:
            found = [work.accounts.get(name.account_id)] if name.account_id else []
            found += work.accounts.with_contact(*name.contact) if name.contact else []
        return the_one(account_of(kept) for kept in found if kept)

    def get(self, account_id: str) -> Account | None:
        with self._database.read() as work:
            kept = work.accounts.get(account_id)
        return account_of(kept) if kept else None


def account_of(kept: Kept) -> Account:
    """An account as the store has it."""
    contacts = tuple(Contact(Kind(contact.kind), contact.value, contact.since) for contact in kept.contacts)
    state = State.CLOSED if kept.closed else State.OPEN
    return Account(kept.account_id, contacts, state, kept.contacts_changed_at)
