"""Staff: who they are, and the counting of what they prove themselves with. Every count is one conditional UPDATE."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, or_, select, true, update

from storage.crypto import Keyring, seal, unseal
from storage.stores.insert import insert_new
from storage.tables import Staff
from storage.tables.common import table

STAFF = table(Staff)
ADD = insert_new(STAFF, STAFF.c.name, returning=STAFF.c.id)

FREE_TRIES = 5
"""Wrong tries before the first wait."""
WAITS = tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120, 240, 480, 900, 1800, 3600))
"""How long after the last wrong try the next one counts, from the fifth on; the last wait holds for all that follow."""
LOCKED_AT = 100
"""Wrong tries in a row after which an admin has to give new credentials. Source: NIST SP 800-63B, rate limiting."""


class Member(NamedTuple):
    """A staff member, without what they prove themselves with."""

    id: int
    name: str
    roles: frozenset[str]
    active: bool
    created_at: datetime
    last_step: int
    failed: int
    tried_at: datetime | None
    own_account: str | None

    @property
    def is_locked(self) -> bool:
        """True after 100 wrong tries in a row."""
        return self.failed >= LOCKED_AT

    def waits_until(self, now: datetime) -> datetime | None:
        """When the next try counts; None: at once."""
        if self.failed < FREE_TRIES or self.tried_at is None:
            return None
        until = self.tried_at + WAITS[min(self.failed - FREE_TRIES, len(WAITS) - 1)]
        return until if until > now else None


class StaffStore:
    """The staff table. Nobody is ever deleted: the trail names the row."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def add(
        self,
        name: str,
        roles: Collection[str],
        password: str,
        secret: bytes,
        now: datetime,
        own_account: str | None = None,
    ) -> Member | None:
        """A new member; None when the name is taken. `password` as argon2 encodes it, `secret` in the clear."""
        row = {
            "name": name,
            "roles": ",".join(sorted(roles)),
            "password": password,
            **self._sealed(name, secret),
            "own_account": self._account_index(own_account),
            "active": True,
            "created_at": now,
            "last_step": 0,
            "failed": 0,
        }
        added = self.connection.execute(ADD[self.connection.dialect.name], row).scalar_one_or_none()
        return None if added is None else self.of_id(added)

    def named(self, name: str, *, hold: bool = False) -> Member | None:
        """The member of exactly this name, active or not. With `hold` nobody changes them before the commit."""
        wanted = select(*COLUMNS).where(STAFF.c.name == name)
        return self._one(wanted.with_for_update(key_share=True) if hold else wanted)

    def of_id(self, id: int) -> Member | None:
        return self._one(select(*COLUMNS).where(STAFF.c.id == id))

    def all(self) -> list[Member]:
        """Everybody, in the order they came."""
        rows = self.connection.execute(select(*COLUMNS).order_by(STAFF.c.id))
        return [_member(row) for row in rows]

    def password_of(self, id: int) -> str:
        """The password as argon2 encodes it."""
        return str(self.connection.execute(select(STAFF.c.password).where(STAFF.c.id == id)).scalar_one())

    def secret_of(self, id: int) -> bytes:
        """The secret of the one-time passwords. Raises KeyMissing, Unreadable."""
        wanted = select(STAFF.c.name, STAFF.c.totp, STAFF.c.key_id).where(STAFF.c.id == id)
        name, sealed, key_id = self.connection.execute(wanted).one()
        return unseal(self.keyring.derived("staff", key_id), sealed, _place(name))

    def count_try(self, id: int, now: datetime) -> bool:
        """Counts a try before anything is compared; False when it doesn't count: waiting, locked or not active."""
        last = len(WAITS) - 1
        rested = [
            and_(
                STAFF.c.failed >= FREE_TRIES + number if number == last else STAFF.c.failed == FREE_TRIES + number,
                STAFF.c.tried_at <= now - wait,
            )
            for number, wait in enumerate(WAITS)
        ]
        counted = (
            update(STAFF)
            .where(
                STAFF.c.id == id,
                STAFF.c.active == true(),
                STAFF.c.failed < LOCKED_AT,
                or_(STAFF.c.failed < FREE_TRIES, STAFF.c.tried_at.is_(None), *rested),
            )
            .values(failed=STAFF.c.failed + 1, tried_at=now)
        )
        return self.connection.execute(counted).rowcount == 1

    def take_back_try(self, id: int) -> None:
        """The try that was counted last was right, and others are still to come before the count begins anew."""
        back = update(STAFF).where(STAFF.c.id == id, STAFF.c.failed > 0).values(failed=STAFF.c.failed - 1)
        self.connection.execute(back)

    def use_step(self, id: int, step: int) -> bool:
        """Makes this step and all before it void, and the count of tries begin anew; False when it was void already."""
        used = (
            update(STAFF)
            .where(STAFF.c.id == id, STAFF.c.active == true(), STAFF.c.last_step < step)
            .values(last_step=step, failed=0, tried_at=None)
        )
        return self.connection.execute(used).rowcount == 1

    def set_password(self, id: int, password: str) -> None:
        """A new password, as argon2 encodes it. The count of tries begins anew."""
        self._change(id, password=password, failed=0, tried_at=None)

    def unlock(self, id: int) -> None:
        """The count of tries begins anew; password, secret and used steps stay as they are."""
        self._change(id, failed=0, tried_at=None)

    def renew_password(self, id: int, old: str, new: str) -> None:
        """The same password encoded at another cost, unless it was changed meanwhile."""
        same = update(STAFF).where(STAFF.c.id == id, STAFF.c.password == old).values(password=new)
        self.connection.execute(same)

    def set_secret(self, member: Member, secret: bytes) -> None:
        """A new secret of one-time passwords. The count of tries begins anew; used steps stay void."""
        self._change(member.id, **self._sealed(member.name, secret), failed=0, tried_at=None)

    def set_roles(self, id: int, roles: Collection[str]) -> None:
        self._change(id, roles=",".join(sorted(roles)))

    def set_active(self, id: int, active: bool) -> None:
        self._change(id, active=active)

    def set_own_account(self, id: int, account: str | None) -> None:
        """The member's own account at the company, by the company's name for it; None for no such account."""
        self._change(id, own_account=self._account_index(account))

    def _change(self, id: int, **values: Any) -> None:
        self.connection.execute(update(STAFF).where(STAFF.c.id == id).values(**values))

    def _one(self, wanted: Select[Any]) -> Member | None:
        row = self.connection.execute(wanted).one_or_none()
        return None if row is None else _member(row)

    def _sealed(self, name: str, secret: bytes) -> dict[str, Any]:
        key_id = self.keyring.current
        return {"totp": seal(self.keyring.derived("staff", key_id), secret, _place(name)), "key_id": key_id}

    def _account_index(self, account: str | None) -> str | None:
        # The same index as the table of accounts has, so that the two can be compared.
        return None if account is None else self.keyring.blind("account", account)


COLUMNS = [STAFF.c[name] for name in Member._fields]


def _member(row: Any) -> Member:
    return Member(**{**row._mapping, "roles": frozenset(row.roles.split(",")) - {""}})


def _place(name: str) -> str:
    return f"staff.totp:{name}"
