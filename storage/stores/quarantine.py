"""Messages that could not be taken, kept sealed for a few days: acknowledged is never lost."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from storage.crypto import Keyring, seal, unseal
from storage.stores.insert import insert_new
from storage.tables import Quarantine
from storage.tables.common import table

QUARANTINE = table(Quarantine)
PUT = insert_new(QUARANTINE, QUARANTINE.c.key)


class Held(NamedTuple):
    """A message in quarantine, `body` unsealed. `error` is the type of the error and where it rose."""

    key: str
    at: datetime
    channel: str
    body: bytes
    error: str


class QuarantineStore:
    """What waits for somebody to look. Sealed for no person: the failure may have come before the person was known."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def put(self, key: str, channel: str, body: bytes, error: str, now: datetime, user: str | None = None) -> None:
        """Keeps a message that failed, sent by `user` where that is known. The same message again changes nothing."""
        key_id = self.keyring.current
        sealed = seal(self.keyring.derived("quarantine", key_id), body, place(key))
        connection = self.connection
        row = {
            "key": key,
            "at": now,
            "channel": channel,
            "sender_index": None if user is None else self.keyring.blind("address", channel, user),
            "body": sealed,
            "key_id": key_id,
            "error": error,
        }
        connection.execute(PUT[connection.dialect.name], row)

    def get(self, key: str) -> Held | None:
        """The message with this key. Raises KeyMissing, Unreadable."""
        row = self.connection.execute(select(QUARANTINE).where(QUARANTINE.c.key == key)).one_or_none()
        if row is None:
            return None
        body = unseal(self.keyring.derived("quarantine", row.key_id), row.body, place(key))
        return Held(row.key, row.at, row.channel, body, row.error)

    def forget_of(self, channel: str, user: str) -> int:
        """Takes away what this person sent; how many went."""
        index = self.keyring.blind("address", channel, user)
        return self.connection.execute(delete(QUARANTINE).where(QUARANTINE.c.sender_index == index)).rowcount

    def forget_before(self, at: datetime, limit: int = 5_000) -> int:
        """Takes away what came before then, at most `limit`; how many went."""
        oldest = select(QUARANTINE.c.key).where(QUARANTINE.c.at < at).order_by(QUARANTINE.c.at).limit(limit)
        return self.connection.execute(delete(QUARANTINE).where(QUARANTINE.c.key.in_(oldest))).rowcount

    def count(self) -> int:
        return self.connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one()


def place(key: str) -> str:
    return f"quarantine.body:{key}"
