"""Contacts of the company's customers that staff vouch for: who did, when, and of what age the contact was then."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from storage.crypto import Keyring, seal, unseal
from storage.stores.insert import insert_new
from storage.tables import Vouch
from storage.tables.common import table

VOUCH = table(Vouch)
ADD = insert_new(VOUCH, VOUCH.c.contact_index)


class Vouched(NamedTuple):
    """One contact that somebody vouched for."""

    contact_index: str
    since: datetime
    staff_id: int
    at: datetime


class VouchStore:
    """What staff say of contacts. Knows neither the contacts nor whether it still holds: bot/core/vouching.py does."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def contact_index(self, account_id: str, kind: str, value: str) -> str:
        """What a contact of this account is found by."""
        return self.keyring.blind("vouch", account_id, kind, value)

    def account_index(self, account_id: str) -> str:
        """The blind index of an account; the same as the staff table has."""
        return self.keyring.blind("account", account_id)

    def add(
        self, account_id: str, kind: str, value: str, since: datetime, staff_id: int, now: datetime, why: str
    ) -> bool:
        """Notes it; False where somebody else did at the same moment. What was said of the contact before must be gone."""
        contact_index, key_id = self.contact_index(account_id, kind, value), self.keyring.current
        row = {
            "contact_index": contact_index,
            "account_index": self.account_index(account_id),
            "kind": kind,
            "since": since,
            "staff_id": staff_id,
            "at": now,
            "why": seal(self.keyring.derived("vouch", key_id), why.encode(), place(contact_index)),
            "key_id": key_id,
        }
        return self.connection.execute(ADD[self.connection.dialect.name], row).scalar_one_or_none() is not None

    def of_account(self, account_id: str, *, hold: bool = False) -> list[Vouched]:
        """What was said of the account's contacts. `hold`: nobody takes it back before the commit."""
        mine = select(*(VOUCH.c[name] for name in Vouched._fields)).where(
            VOUCH.c.account_index == self.account_index(account_id)
        )
        rows = self.connection.execute(mine.with_for_update() if hold else mine)
        return [Vouched(*row) for row in rows]

    def why(self, contact_index: str) -> str:
        """How the person was checked, in the member's words; "" where nobody vouched. Raises KeyMissing, Unreadable."""
        wanted = select(VOUCH.c.why, VOUCH.c.key_id).where(VOUCH.c.contact_index == contact_index)
        row = self.connection.execute(wanted).one_or_none()
        if row is None:
            return ""
        return unseal(self.keyring.derived("vouch", row.key_id), row.why, place(contact_index)).decode()

    def drop(self, contact_index: str) -> None:
        """Takes one away that doesn't hold any more."""
        self.connection.execute(delete(VOUCH).where(VOUCH.c.contact_index == contact_index))

    def take_back(self, account_id: str, kind: str) -> int:
        """Takes away what was said of the account's contacts of this kind; how many."""
        mine = VOUCH.c.account_index == self.account_index(account_id), VOUCH.c.kind == kind
        return self.connection.execute(delete(VOUCH).where(*mine)).rowcount

    def forget_before(self, since: datetime, limit: int = 5_000) -> int:
        """Takes away, at most `limit`, what was said of contacts that have been on file since before then; how many."""
        old = select(VOUCH.c.contact_index).where(VOUCH.c.since < since).limit(limit)
        return self.connection.execute(delete(VOUCH).where(VOUCH.c.contact_index.in_(old))).rowcount


def place(contact_index: str) -> str:
    return f"vouch.why:{contact_index}"
