"""Accounts for which so many wrong codes came in a row, from chats that aren't connected, that none counts any more."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from storage.crypto import Keyring
from storage.stores.verification import TALLY, VERIFICATION


class Locked(NamedTuple):
    """The tally of one account, which doesn't say which. `at` is when the last wrong code was counted."""

    scope: str
    at: datetime


class Tried(NamedTuple):
    """The latest wish for a code of an account, of a chat that isn't connected to it."""

    verification_id: int
    person_id: int
    account_index: str


class LockedAccounts:
    """Read only; what is counted is in storage/stores/verification.py."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection, self._keyring = connection, keyring

    def since(self, at: datetime, wrong: int) -> list[Locked]:
        """Those that came to `wrong` in a row after then and are locked still, oldest first."""
        of_account = (TALLY.c.person_id.is_(None), TALLY.c.in_a_row >= wrong, TALLY.c.touched_at > at)
        wanted = select(TALLY.c.scope, TALLY.c.touched_at).where(*of_account).order_by(TALLY.c.touched_at)
        return [Locked(*row) for row in self._connection.execute(wanted)]

    def tried(self, scope: str) -> Tried | None:
        """By which wish the account of a tally can be named; None where every chat that tried was erased since."""
        newest = (
            select(func.max(VERIFICATION.c.id))
            .where(VERIFICATION.c.account_index.is_not(None), VERIFICATION.c.is_bound.is_(False))
            .group_by(VERIFICATION.c.account_index)
        )
        wanted = select(VERIFICATION.c.id, VERIFICATION.c.person_id, VERIFICATION.c.account_index)
        for row in self._connection.execute(wanted.where(VERIFICATION.c.id.in_(newest))):
            if self._keyring.blind("tally", "unbound", row.account_index) == scope:
                return Tried(*row)
        return None
