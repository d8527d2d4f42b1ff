"""Wishes to be verified by a code, tries that are counted before anything is compared, and what a right one proved."""

import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, delete, func, literal_column, or_, select, update

from storage.crypto import Keyring, seal, unseal
from storage.stores.insert import insert_new
from storage.stores.people import Known
from storage.tables import Verification, VerificationTally
from storage.tables.common import UtcDateTime, table

VERIFICATION, TALLY = table(Verification), table(VerificationTally)

TRIES = 5
"""Guesses at one code (OWASP ASVS 6.6.3 asks for a limit; NIST SP 800-63B 5.2.2 for at most 100 in all)."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NO_LIMIT = 10**9
NOW = bindparam("now", type_=UtcDateTime())
"""With its type: inside of a CASE nothing says that a parameter is a time, and it would be stored in the driver's form."""

MEET_TALLY = insert_new(TALLY, TALLY.c.scope)
TOLD_TALLY = (TALLY.c.in_a_row, TALLY.c.codes_since, TALLY.c.wrong_since)
COUNT_CODE = (
    update(TALLY)
    .where(
        TALLY.c.scope == bindparam("what"),
        TALLY.c.in_a_row < bindparam("row_most"),
        or_(TALLY.c.codes_since <= bindparam("hour_ago"), TALLY.c.codes < bindparam("most")),
    )
    .values(
        codes=case((TALLY.c.codes_since <= bindparam("hour_ago"), 1), else_=TALLY.c.codes + 1),
        codes_since=case((TALLY.c.codes_since <= bindparam("hour_ago"), NOW), else_=TALLY.c.codes_since),
        touched_at=NOW,
    )
    .returning(*TOLD_TALLY)
)
# In one statement, so that two tries at the same moment are two: whoever compares has been counted.
COUNT_WRONG = (
    update(TALLY)
    .where(
        TALLY.c.scope == bindparam("what"),
        TALLY.c.in_a_row < bindparam("row_most"),
        or_(TALLY.c.wrong_since <= bindparam("day_ago"), TALLY.c.wrong < bindparam("most")),
    )
    .values(
        wrong=case((TALLY.c.wrong_since <= bindparam("day_ago"), 1), else_=TALLY.c.wrong + 1),
        wrong_since=case((TALLY.c.wrong_since <= bindparam("day_ago"), NOW), else_=TALLY.c.wrong_since),
        in_a_row=TALLY.c.in_a_row + 1,
        touched_at=NOW,
    )
    .returning(*TOLD_TALLY)
)
WAS_RIGHT = (
    update(TALLY)
    .where(TALLY.c.scope == bindparam("what"))
    .values(wrong=case((TALLY.c.wrong > 0, TALLY.c.wrong - 1), else_=0), in_a_row=0)
)
OPEN = and_(VERIFICATION.c.done_at.is_(None), VERIFICATION.c.void_at.is_(None))
COUNT_TRY = (
    update(VERIFICATION)
    .where(
        VERIFICATION.c.id == bindparam("verification"),
        VERIFICATION.c.person_id == bindparam("person"),
        VERIFICATION.c.tries < TRIES,
        OPEN,
    )
    .values(tries=VERIFICATION.c.tries + 1)
    .returning(*VERIFICATION.c)
)
VOID_OLDER = (
    update(VERIFICATION)
    .where(VERIFICATION.c.person_id == bindparam("person"), VERIFICATION.c.purpose == bindparam("for_what"), OPEN)
    .values(void_at=NOW)
)
# At most one sending ever begins: after a crash nobody knows whether it arrived, and a code never goes out twice.
BEGIN_SENDING = (
    update(VERIFICATION)
    .where(
        VERIFICATION.c.id == bindparam("verification"),
        VERIFICATION.c.sent_at.is_(None),
        VERIFICATION.c.created_at > bindparam("not_before"),
        OPEN,
    )
    .values(
        sent_at=NOW,
        expires_at=case(
            (VERIFICATION.c.contact_kind == literal_column("'phone'"), bindparam("phone_until", type_=UtcDateTime())),
            else_=bindparam("email_until", type_=UtcDateTime()),
        ),
    )
    .returning(VERIFICATION.c.salt)
)


class Wish(NamedTuple):
    """One wish to be verified, as it stands. Where no code goes out `account_index` is None and `account` is empty."""

    id: int
    purpose: str
    salt: bytes
    is_bound: bool
    level: int
    account_index: str | None
    account: str
    contact_kind: str | None
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None
    tries: int
    done_at: datetime | None
    vouched_by: int | None


class Counted(NamedTuple):
    """Whether something was counted and so may happen; when the hour of codes and the day of wrong ones end."""

    is_allowed: bool
    is_locked: bool
    hour_until: datetime
    day_until: datetime


class VerificationStore:
    """Codes asked for, and the tallies that bound them."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def account_index(self, account_id: str) -> str:
        """The blind index of the company's own name for an account."""
        return self.keyring.blind("account", account_id)

    def begin(self, known: Known, purpose: str, *, is_bound: bool, level: int, now: datetime) -> int:
        """A new wish of this person; the open ones for the same purpose are void. Its id."""
        self.connection.execute(VOID_OLDER, {"person": known.id, "for_what": purpose, "now": now})
        salt = secrets.token_bytes(16)
        row = {
            "person_id": known.id,
            "purpose": purpose,
            "salt": salt,
            "account": seal(known.key, b"", place(salt)),
            "is_bound": is_bound,
            "level": level,
            "created_at": now,
            "tries": 0,
        }
        new: int = self.connection.execute(VERIFICATION.insert().returning(VERIFICATION.c.id), row).scalar_one()
        return new

    def get(self, known: Known, verification_id: int) -> Wish | None:
        """A wish of this person. Raises Unreadable."""
        wanted = select(VERIFICATION).where(VERIFICATION.c.id == verification_id, VERIFICATION.c.person_id == known.id)
        row = self.connection.execute(wanted).one_or_none()
        return self._wish(row, known) if row else None

    def is_open(self, verification_id: int) -> bool:
        """Whether a right code would still count, now or once it is sent."""
        wanted = select(VERIFICATION.c.id).where(VERIFICATION.c.id == verification_id, OPEN)
        return self.connection.execute(wanted).first() is not None

    def meant(
        self, known: Known, wish: Wish, account_id: str, contact_kind: str, vouched_by: int | None = None
    ) -> None:
        """Notes the account that was meant, the kind of contact that the code goes to, and who of staff vouched for it."""
        self.connection.execute(
            update(VERIFICATION)
            .where(VERIFICATION.c.id == wish.id, VERIFICATION.c.person_id == known.id)
            .values(
                account_index=self.account_index(account_id),
                account=seal(known.key, account_id.encode(), place(wish.salt)),
                contact_kind=contact_kind,
                vouched_by=vouched_by,
            )
        )

    def disown(self, account_id: str, contact_kind: str) -> None:
        """What rests on a vouched contact of that kind proves nothing from now on, as if there were no such account: no
        code that is out, and no proof."""
        theirs = VERIFICATION.c.account_index == self.account_index(account_id)
        kind = VERIFICATION.c.contact_kind == contact_kind
        rests = update(VERIFICATION).where(theirs, kind, VERIFICATION.c.vouched_by.is_not(None))
        self.connection.execute(rests.values(account_index=None))

    def begin_sending(
        self, verification_id: int, now: datetime, *, not_before: datetime, valid_for: dict[str, timedelta]
    ) -> bytes | None:
        """The salt of a code that is sent now, for the first time; None when it was before, is void or older than that."""
        row = {"verification": verification_id, "now": now, "not_before": not_before}
        until = {f"{kind}_until": now + span for kind, span in valid_for.items()}
        return self.connection.execute(BEGIN_SENDING, {**row, **until}).scalar_one_or_none()

    def was_not_sent(self, verification_id: int) -> None:
        """Takes the sending back that is known not to have arrived."""
        mine = VERIFICATION.c.id == verification_id
        self.connection.execute(update(VERIFICATION).where(mine, OPEN).values(sent_at=None, expires_at=None))

    def count_try(self, known: Known, verification_id: int) -> Wish | None:
        """Counts a try at this person's code and gives what it is tried at; None when none is left. Raises Unreadable."""
        row = self.connection.execute(COUNT_TRY, {"verification": verification_id, "person": known.id}).one_or_none()
        return self._wish(row, known) if row else None

    def done(self, verification_id: int, now: datetime) -> None:
        """The right code came."""
        self.connection.execute(update(VERIFICATION).where(VERIFICATION.c.id == verification_id).values(done_at=now))

    def proven(self, known: Known, account_id: str, since: datetime) -> list[Wish]:
        """What this person proved of an account since then, newest first. Raises Unreadable."""
        mine = VERIFICATION.c.person_id == known.id, VERIFICATION.c.account_index == self.account_index(account_id)
        wanted = select(VERIFICATION).where(*mine, VERIFICATION.c.done_at >= since)
        rows = self.connection.execute(wanted.order_by(VERIFICATION.c.id.desc()))
        return [self._wish(row, known) for row in rows]

    # ---- tallies

    def scope(self, *parts: str | int) -> str:
        """The name of a tally: scope("chat", 17), scope("unbound", account_index)."""
        return self.keyring.blind("tally", *map(str, parts))

    def count_code(
        self, scope: str, person_id: int | None, now: datetime, most: int, row_most: int = NO_LIMIT
    ) -> Counted:
        """Counts a code in this hour unless there were `most`, or `row_most` wrong ones in a row."""
        row = {"most": most, "row_most": row_most, "hour_ago": now - HOUR}
        return self._count(COUNT_CODE, scope, person_id, now, row)

    def count_wrong(
        self, scope: str, person_id: int | None, now: datetime, most: int, row_most: int = NO_LIMIT
    ) -> Counted:
        """Counts a try as wrong, before it is compared, unless there were `most` in this day or `row_most` in a row."""
        row = {"most": most, "row_most": row_most, "day_ago": now - DAY}
        return self._count(COUNT_WRONG, scope, person_id, now, row)

    def was_right(self, scope: str) -> None:
        """The try counted last was right: it doesn't count, and the row of wrong ones ends."""
        self.connection.execute(WAS_RIGHT, {"what": scope})

    def in_a_row(self, scope: str) -> int:
        """Wrong ones since the last right one."""
        wanted = select(TALLY.c.in_a_row).where(TALLY.c.scope == scope)
        return self.connection.execute(wanted).scalar_one_or_none() or 0

    def unlock(self, scope: str, now: datetime) -> bool:
        """Begins the row of wrong ones anew; whether there was any."""
        mine = update(TALLY).where(TALLY.c.scope == scope, TALLY.c.in_a_row > 0)
        return self.connection.execute(mine.values(in_a_row=0, touched_at=now)).rowcount > 0

    def forget_before(self, at: datetime, now: datetime, limit: int = 5_000) -> int:
        """Takes away wishes begun before then, at most `limit`, and tallies at rest that lock nobody; how many went."""
        old = select(VERIFICATION.c.id).where(VERIFICATION.c.created_at < at).limit(limit)
        gone = self.connection.execute(delete(VERIFICATION).where(VERIFICATION.c.id.in_(old))).rowcount
        # A row of wrong ones is kept until a right one comes: a patient guesser must not get it back by waiting.
        rested = TALLY.c.touched_at < min(at, now - DAY), TALLY.c.in_a_row == 0
        still = select(TALLY.c.scope).where(*rested).limit(limit)
        return gone + self.connection.execute(delete(TALLY).where(TALLY.c.scope.in_(still))).rowcount

    def count(self) -> int:
        """How many wishes are kept."""
        return self.connection.execute(select(func.count()).select_from(VERIFICATION)).scalar_one()

    def _count(self, statement: Any, scope: str, person_id: int | None, now: datetime, more: dict[str, Any]) -> Counted:
        fresh = {"scope": scope, "person_id": person_id, "codes": 0, "codes_since": now, "wrong": 0, "wrong_since": now}
        connection = self.connection
        connection.execute(MEET_TALLY[connection.dialect.name], {**fresh, "in_a_row": 0, "touched_at": now})
        row = connection.execute(statement, {"what": scope, "now": now, **more}).one_or_none()
        there = row or connection.execute(select(*TOLD_TALLY).where(TALLY.c.scope == scope)).one()
        locked = row is None and there.in_a_row >= more["row_most"]
        return Counted(row is not None, locked, there.codes_since + HOUR, there.wrong_since + DAY)

    def _wish(self, row: Any, known: Known) -> Wish:
        account = unseal(known.key, row.account, place(row.salt)).decode()
        return Wish(
            row.id,
            row.purpose,
            row.salt,
            row.is_bound,
            row.level,
            row.account_index,
            account,
            row.contact_kind,
            row.created_at,
            row.sent_at,
            row.expires_at,
            row.tries,
            row.done_at,
            row.vouched_by,
        )


def place(salt: bytes) -> str:
    return f"verification.account:{salt.hex()}"
