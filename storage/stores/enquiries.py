"""What the company's directory must be asked for, one row each until it was: never inside of a transaction."""

import secrets
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Integer, bindparam, delete, or_, select, update

from storage.crypto import Keyring, seal, unseal
from storage.errors import KeyMissing, Unreadable
from storage.stores.people import KNOWN, PERSON, WITH_KEY, Known, known
from storage.tables import Enquiry
from storage.tables.common import table

ENQUIRY = table(Enquiry)
Kind = Literal["code", "bound", "unbound"]

CLAIMABLE = (
    select(ENQUIRY.c.id)
    .where(
        ENQUIRY.c.due_at <= bindparam("now"),
        or_(ENQUIRY.c.claimed_until.is_(None), ENQUIRY.c.claimed_until <= bindparam("now")),
    )
    .order_by(ENQUIRY.c.due_at, ENQUIRY.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("claimable")
)
CLAIM = (
    update(ENQUIRY)
    .where(ENQUIRY.c.id.in_(select(CLAIMABLE.c.id)))
    .values(claimed_until=bindparam("until"))
    .returning(*ENQUIRY.c)
)


class Asked(NamedTuple):
    """One thing to ask for. `asked`, unsealed: for a code what was typed or the account's name, else that name."""

    id: int
    kind: Kind
    thing_id: int
    person: Known
    asked: str
    language: str
    created_at: datetime


class EnquiryStore:
    """What waits to be asked for."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def add(self, kind: Kind, thing_id: int, known: Known, asked: str, language: str, now: datetime) -> None:
        """Notes that something must be asked for on behalf of this person."""
        reference = secrets.token_hex(16)
        row = {
            "kind": kind,
            "thing_id": thing_id,
            "person_id": known.id,
            "reference": reference,
            "asked": seal(known.key, asked.encode("utf-8", "surrogatepass"), place(reference)),
            "language": language,
            "created_at": now,
            "due_at": now,
        }
        self.connection.execute(ENQUIRY.insert(), row)

    def due(self, now: datetime, until: datetime, limit: int = 16) -> list[Asked]:
        """What is due, oldest first, now ours until then. What can't be opened any more is dropped."""
        rows = self.connection.execute(CLAIM, {"now": now, "until": until, "most": limit}).all()
        wanted = select(*KNOWN).select_from(WITH_KEY).where(PERSON.c.id.in_({row.person_id for row in rows}))
        people = {row.id: row for row in self.connection.execute(wanted)} if rows else {}
        found = []
        for row in sorted(rows, key=lambda one: one.id):
            try:
                found.append(self._opened(row, people.get(row.person_id)))
            except Unreadable:
                self.done(row.id)
            except KeyMissing:
                continue  # Comes back when the claim ends; by then the key file may be whole again.
        return found

    def done(self, enquiry_id: int) -> bool:
        """Ends one; False when somebody else has."""
        return self.connection.execute(delete(ENQUIRY).where(ENQUIRY.c.id == enquiry_id)).rowcount == 1

    def again_at(self, enquiry_id: int, at: datetime) -> None:
        """Gives one back until then."""
        mine = update(ENQUIRY).where(ENQUIRY.c.id == enquiry_id)
        self.connection.execute(mine.values(due_at=at, claimed_until=None))

    def is_due(self, now: datetime) -> bool:
        """Whether anything may be asked for now."""
        free = or_(ENQUIRY.c.claimed_until.is_(None), ENQUIRY.c.claimed_until <= now)
        wanted = select(ENQUIRY.c.id).where(ENQUIRY.c.due_at <= now, free).limit(1)
        return self.connection.execute(wanted).first() is not None

    def _opened(self, row: Any, person: Any) -> Asked:
        if person is None:
            raise Unreadable(f"person {row.person_id} has no data key")
        whom = known(person, self.keyring)
        asked = unseal(whom.key, row.asked, place(row.reference)).decode("utf-8", "surrogatepass")
        return Asked(row.id, row.kind, row.thing_id, whom, asked, row.language, row.created_at)


def place(reference: str) -> str:
    return f"enquiry.asked:{reference}"
