"""The people who talk to the bot: found by a blind index, each with a data key of their own."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update

from storage.crypto import Keyring, seal, unseal
from storage.errors import KeyMissing, Unreadable
from storage.stores.insert import insert_new
from storage.stores.prepared import Prepared
from storage.tables import Person, PersonKey
from storage.tables.common import table

ERASED = "erased"
"""Set on a connection whose transaction erased somebody: the journal is emptied after the commit."""
PERSON, PERSON_KEY = table(Person), table(PersonKey)

KNOWN = (
    PERSON.c.id,
    PERSON.c.channel,
    PERSON.c.language,
    PERSON.c.language_chosen,
    PERSON.c.reachable,
    PERSON.c.first_seen,
    PERSON.c.last_seen,
    PERSON_KEY.c.key_id,
    PERSON_KEY.c.wrapped,
)
"""The columns that `known` reads."""
WITH_KEY = PERSON.join(PERSON_KEY, PERSON_KEY.c.person_id == PERSON.c.id)

AT_ONLY = select(*KNOWN).select_from(WITH_KEY).where(PERSON.c.address_index == bindparam("index"))
OF_ID = select(*KNOWN).select_from(WITH_KEY).where(PERSON.c.id == bindparam("person_id"))
# PostgreSQL holds the row until the commit, so the turns of one person follow one another; SQLite has one writer anyway.
AT_AND_HOLD = Prepared(AT_ONLY.with_for_update(of=PERSON, key_share=True))
AT = Prepared(AT_ONLY)
MEET = insert_new(PERSON, PERSON.c.address_index, returning=PERSON.c.id)
TOUCH = Prepared(
    update(PERSON)
    .where(PERSON.c.id == bindparam("person_id"))
    .values(
        last_seen=bindparam("now"),
        language=func.coalesce(bindparam("new_language", type_=PERSON.c.language.type), PERSON.c.language),
        language_chosen=func.coalesce(
            bindparam("new_chosen", type_=PERSON.c.language_chosen.type), PERSON.c.language_chosen
        ),
        reachable=func.coalesce(bindparam("new_reachable", type_=PERSON.c.reachable.type), PERSON.c.reachable),
    )
)
ADDRESS = select(PERSON.c.address_index, PERSON.c.address).where(PERSON.c.id == bindparam("person_id"))


@dataclass(frozen=True, slots=True)
class Known:
    """A person, ready to be read and written to. `key` opens what is sealed for them and nobody else."""

    id: int
    channel: str
    language: str
    language_chosen: bool
    reachable: bool
    first_seen: datetime
    last_seen: datetime
    key: bytes = field(repr=False)


def known(row: Any, keyring: Keyring) -> Known:
    """The person in a row that has the columns KNOWN. Raises KeyMissing, Unreadable."""
    key = keyring.unwrap(row.key_id, row.wrapped)
    return Known(
        row.id, row.channel, row.language, row.language_chosen, row.reachable, row.first_seen, row.last_seen, key
    )


def user_of(key: bytes, address_index: str, address: bytes) -> str:
    """The channel's own name for a person, unsealed. Raises Unreadable."""
    return unseal(key, address, address_place(address_index)).decode("utf-8", "surrogatepass")


def address_place(address_index: str) -> str:
    # The row's id isn't known yet when the address is sealed; its blind index is, and is as unique.
    return f"person.address:{address_index}"


class People:
    """Everyone the bot has met. Erasing a person takes their data key too, so no copy of their rows can be read."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def at(self, channel: str, user: str) -> Known | None:
        """Who has this address; None when nobody was met there. Raises KeyMissing, Unreadable."""
        return self._at(self.keyring.blind("address", channel, user), AT)

    def of_id(self, person_id: int) -> Known | None:
        """The person of a row; None when they were erased. Raises KeyMissing, Unreadable."""
        row = self.connection.execute(OF_ID, {"person_id": person_id}).one_or_none()
        return known(row, self.keyring) if row else None

    def meet(self, channel: str, user: str, now: datetime, language: str) -> Known:
        """Who has this address, known from now on. Two that meet the same person at once get the same one,
        the second after the first's commit."""
        index = self.keyring.blind("address", channel, user)
        if there := self._at(index, AT_AND_HOLD):
            return there
        if fresh := self._insert(index, channel, user, now, language):
            return fresh
        if there := self._at(index, AT_AND_HOLD):
            return there
        # A row without its key is what an old backup brings back of an erased person: unreadable, so it goes.
        self.connection.execute(delete(PERSON).where(PERSON.c.address_index == index))
        if fresh := self._insert(index, channel, user, now, language):
            return fresh
        raise Unreadable("a person's row has no data key and can't be replaced; restore the keys from their backup")

    def touch(
        self,
        person_id: int,
        now: datetime,
        language: str | None = None,
        language_chosen: bool | None = None,
        reachable: bool | None = None,
    ) -> None:
        """Notes that the person was heard of now; what is None stays as it is."""
        told = {"new_language": language, "new_chosen": language_chosen, "new_reachable": reachable}
        TOUCH.run(self.connection, {"person_id": person_id, "now": now, **told})

    def address(self, known: Known) -> str:
        """The channel's own name for this person. Raises Unreadable, also when they have been erased meanwhile."""
        row = self.connection.execute(ADDRESS, {"person_id": known.id}).one_or_none()
        if row is None:
            raise Unreadable(f"person {known.id} has been erased")
        return user_of(known.key, row.address_index, row.address)

    def forget(self, person_id: int) -> None:
        """Erases the person: data key, conversation, turns and deliveries. Receipts stay and name nobody."""
        self.connection.execute(delete(PERSON).where(PERSON.c.id == person_id))
        self.connection.info[ERASED] = True

    def idle_since(self, at: datetime, limit: int = 100) -> list[int]:
        """Ids of people not heard of since then, longest silent first; at most `limit`."""
        silent = select(PERSON.c.id).where(PERSON.c.last_seen < at).order_by(PERSON.c.last_seen).limit(limit)
        return list(self.connection.execute(silent).scalars())

    def opens(self) -> bool:
        """Whether the key file belongs to this database: False when it doesn't open the first person's data key."""
        row = self.connection.execute(select(PERSON_KEY).limit(1)).one_or_none()
        try:
            return row is None or bool(self.keyring.unwrap(row.key_id, row.wrapped))
        except (KeyMissing, Unreadable):
            return False

    def count(self) -> int:
        return self.connection.execute(select(func.count()).select_from(PERSON)).scalar_one()

    def _at(self, index: str, wanted: Prepared) -> Known | None:
        row = wanted.row(self.connection, {"index": index})
        return known(row, self.keyring) if row else None

    def _insert(self, index: str, channel: str, user: str, now: datetime, language: str) -> Known | None:
        """The new person, or None when the address is taken."""
        key, key_id, wrapped = self.keyring.new_data_key()
        connection = self.connection
        row = {
            "channel": channel,
            "address_index": index,
            "address": seal(key, user.encode("utf-8", "surrogatepass"), address_place(index)),
            "language": language,
            "language_chosen": False,
            "reachable": True,
            "first_seen": now,
            "last_seen": now,
        }
        person_id = connection.execute(MEET[connection.dialect.name], row).scalar_one_or_none()
        if person_id is None:
            return None
        connection.execute(PERSON_KEY.insert(), {"person_id": person_id, "key_id": key_id, "wrapped": wrapped})
        return Known(person_id, channel, language, False, True, now.astimezone(UTC), now.astimezone(UTC), key)
