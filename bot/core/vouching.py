"""Vouching: a member of staff has checked a person, and says that a contact is theirs although it is young.

A contact proves something when it has been on file for more than 30 days. Where an account has none left, an officer who
has looked at the person may vouch for one that the company put on file anew. A code sent there then counts, and whoever
vouched counts as the one who checked who asks: they sign nothing of what comes of it.

Kept are blind indexes and an age, never the contact: with another value or another age it is another contact, and nothing
was said of it. All in one transaction; the company's directory is asked before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.accounts import Account
from bot.core.contacts import SETTLED_AFTER, Contact, Kind
from bot.core.roles import NotPermitted, Task, may
from storage.stores.staff import Member
from storage.stores.vouches import Vouched
from storage.work import Work


@dataclass(frozen=True, slots=True)
class Usable:
    """A contact by which somebody can be verified. `vouched_by`: who of staff says so, where it is too young."""

    contact: Contact
    vouched_by: int | None = None


class Vouching:
    """What staff say of contacts, in one transaction."""

    def __init__(self, work: Work, now: datetime) -> None:
        self._work, self._now = work, now
        self._store = work.vouches

    def usable(self, account: Account, contacts: Sequence[Contact], *, hold: bool = False) -> list[Usable]:
        """Those of `contacts` by which somebody can be verified, in their order: the settled ones; if there is none,
        those that staff vouch for. `hold`: nobody takes that back before the commit."""
        if settled := [Usable(contact) for contact in contacts if contact.is_settled(self._now)]:
            return settled
        vouched = self.of(account, hold=hold)
        return [Usable(contact, vouched[contact].staff_id) for contact in contacts if contact in vouched]

    def of(self, account: Account, *, hold: bool = False) -> dict[Contact, Vouched]:
        """The account's contacts that somebody vouches for now. Not any more where the contact has changed or is settled
        by itself, nor where whoever vouched may do so no more."""
        said = {one.contact_index: one for one in self._store.of_account(account.id, hold=hold)}
        found = {
            contact: said[index]
            for contact in account.contacts
            if not contact.is_settled(self._now) and (index := self._index(account, contact)) in said
        }
        return {
            contact: one for contact, one in found.items() if one.since == contact.since and self._counts(one, account)
        }

    def hold_back(self, account: Account, contact: Contact, member: Member) -> None:
        """Raises NotPermitted where this member can't vouch for this contact of the account now."""
        if self._is_own(account, member):
            raise NotPermitted("it is your own account; somebody else has to check who asks")
        if contact.is_settled(self._now):
            raise NotPermitted(
                f"{contact.masked} has been on file for more than 30 days: a code sent there counts by itself"
            )
        if there := self.of(account).get(contact):
            who = self._work.staff.of_id(there.staff_id)
            raise NotPermitted(f"{who.name if who else 'somebody'} vouches for {contact.masked} already")

    def vouch(self, account: Account, contact: Contact, member: Member, why: str) -> datetime:
        """From now on codes sent to this contact count. Until when. Raises NotPermitted."""
        self.hold_back(account, contact, member)
        kind, store = contact.kind.value, self._store
        store.drop(self._index(account, contact))  # What was said of it at another age, or by somebody who has gone.
        if not store.add(account.id, kind, contact.value, contact.since, member.id, self._now, why):
            raise NotPermitted(f"somebody vouched for {contact.masked} at this moment; look again")
        self._note(member, "contact vouched for", account.id, kind)
        return contact.since + SETTLED_AFTER

    def take_back(self, account_id: str, kind: Kind, member: Member) -> int:
        """Nobody vouches for the account's contacts of this kind any more: how many that were. Codes that are out, and
        proofs that rest on them, are worth nothing."""
        taken = self._store.take_back(account_id, kind.value)
        if taken:
            self._work.verification.disown(account_id, kind.value)
            self._note(member, "vouch taken back", account_id, kind.value)
        return taken

    def told(self, account: Account) -> dict[Contact, str]:
        """For staff, of each contact that somebody vouches for: who, until when, and how they checked the person.
        Raises KeyMissing, Unreadable."""
        names = {member.id: member.name for member in self._work.staff.all()}
        return {
            contact: f"{names[one.staff_id]} vouches until {contact.since + SETTLED_AFTER:%Y-%m-%d %H:%M} UTC: "
            f"{self._store.why(one.contact_index)}"
            for contact, one in self.of(account).items()
        }

    def _counts(self, one: Vouched, account: Account) -> bool:
        member = self._work.staff.of_id(one.staff_id)
        return member is not None and may(member, Task.CHECK) and not self._is_own(account, member)

    def _is_own(self, account: Account, member: Member) -> bool:
        return member.own_account is not None and member.own_account == self._store.account_index(account.id)

    def _index(self, account: Account, contact: Contact) -> str:
        return self._store.contact_index(account.id, contact.kind.value, contact.value)

    def _note(self, member: Member, action: str, account_id: str, kind: str) -> None:
        thing = f"account:{self._store.account_index(account_id)[:16]}"
        self._work.trail.add(self._now, f"staff:{member.id}", action, thing, kind)
