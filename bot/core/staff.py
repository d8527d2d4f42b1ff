"""Staff: how a member proves who they are, and how members are looked after.

A password and a one-time password (TOTP, RFC 6238: 6 digits, 30 s). A one-time password counts once, whoever is
quicker; every try is counted before anything is compared. Who owns the machine, its database and its keys can pass all
of this by: docs/staff.md says what follows from it.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import datetime
from functools import cached_property

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.core.clock import Clock
from bot.core.roles import (
    BadEntry,
    NotPermitted,
    Role,
    Task,
    may,
    on_record,
    permitted,
    tidy_name,
    who_may,
)
from bot.core.staff_alarm import TOLD_AT, StaffAlarm
from storage.engine import Database
from storage.stores.staff import Member
from storage.work import Work

OPERATOR = "operator"
"""Who acts in the trail when the owner of the machine sets staff up or helps them back in."""
STEP_SECONDS = 30
DRIFT_STEPS = 1
"""Steps before and after the present one that count too, for a phone whose clock is a little off."""
PASSWORD_LEAST, PASSWORD_MOST, DIFFERENT_LEAST = 12, 128, 5
"""Characters of a password, and how many of them must differ."""
_CODE = re.compile(r"[0-9]{6}")

Change = Callable[[Work, Member], None]
"""What is done to a member inside of a transaction."""


class TooManyTries(NotPermitted):
    """The tries of a member don't count until `until`; None: until an admin gives new credentials."""

    def __init__(self, name: str, until: datetime | None) -> None:
        when = (
            f"try again after {until:%H:%M:%S} UTC" if until else "an admin has to let you in: clausebot staff unlock"
        )
        super().__init__(f"{name}: too many wrong codes in a row; {when}")
        self.until = until


def tidy_password(typed: str, name: str) -> str:
    """The password in its one form. Raises BadEntry."""
    password = unicodedata.normalize("NFKC", typed)
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise BadEntry(f"a password has {PASSWORD_LEAST} to {PASSWORD_MOST} characters")
    if len(set(password)) < DIFFERENT_LEAST or name in password.casefold():
        raise BadEntry(f"too easy to guess: at least {DIFFERENT_LEAST} different characters, without the name in it")
    return password


def new_secret() -> str:
    """A secret for one-time passwords: 160 random bits as base 32 (RFC 4226 asks for 128 at least)."""
    return pyotp.random_base32(32)


def secret_address(secret: str, name: str, company: str) -> str:
    """The otpauth:// address that authenticator apps take."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"clausebot {company}")


def step_of(secret: str, typed: str, now: datetime) -> int | None:
    """The step that `typed` is the one-time password of, the latest where several are; None: of none that counts."""
    code = "".join(unicodedata.normalize("NFKC", typed).split())
    if not _CODE.fullmatch(code):
        return None
    present, totp = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    steps = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)]
    return max(matching, default=None)


class Staffers:
    """The company's staff: proving who they are, and looking after them. Everything that changes is in the trail."""

    def __init__(
        self, database: Database, clock: Clock, hasher: PasswordHasher | None = None, alarm: StaffAlarm | None = None
    ) -> None:
        """`hasher` sets the cost of passwords: by default RFC 9106's for little memory (64 MiB, 3 rounds). `alarm` tells
        of wrong tries."""
        self._database, self._clock, self._hasher = database, clock, hasher or PasswordHasher()
        self._alarm = alarm or StaffAlarm()

    # ---- proving who one is

    def sign_in(self, name: str, password: str) -> Member | None:
        """The member, when name and password are right. The same None, in about the same time, for a wrong name, a
        wrong password, a member who isn't active, and a try that doesn't count because too many went before."""
        try:
            name = tidy_name(name)
        except BadEntry:
            name = ""
        with self._database.work() as work:
            member = work.staff.named(name)
            counted = member is not None and work.staff.count_try(member.id, self._clock())
            tried = work.staff.of_id(member.id) if member and counted else None
            kept = work.staff.password_of(member.id) if member and counted else self._nobodys
        # Outside of any transaction: it takes some 50 ms on purpose, and on SQLite all others would wait.
        right = self._verified(kept, unicodedata.normalize("NFKC", password))
        if member is None or not counted or not right:
            if tried is not None and tried.failed in TOLD_AT:
                with self._database.work() as work:
                    self._alarm.wrong_try(work, tried, self._clock())
            return None
        renewed = self._hasher.hash(unicodedata.normalize("NFKC", password)) if self._is_stale(kept) else None
        with self._database.work() as work:
            work.staff.take_back_try(member.id)
            if renewed:
                work.staff.renew_password(member.id, kept, renewed)
            return work.staff.of_id(member.id)

    def totp_ok(self, staff_id: int, typed: str) -> bool:
        """Whether this is a one-time password of the member that hasn't been used; now it has. Raises NotPermitted."""
        now = self._clock()
        with self._database.work() as work:
            if not work.staff.count_try(staff_id, now):
                raise _why_not(work.staff.of_id(staff_id), now)
            step = step_of(work.staff.secret_of(staff_id).decode(), typed, now)
            right = step is not None and work.staff.use_step(staff_id, step)
            if not right:
                work.trail.add(now, f"staff:{staff_id}", "code_refused", f"staff:{staff_id}")
                if member := work.staff.of_id(staff_id):
                    self._alarm.wrong_try(work, member, now)
        return right

    def acting(self, name: str, task: Task) -> Member:
        """The member of this name, who may do this. Raises NotPermitted."""
        with self._database.read() as work:
            return permitted(work, name, task, hold=False)

    # ---- looking after staff; `by` is who does it: "staff:2" or OPERATOR

    def has_admin(self) -> bool:
        """Whether somebody could manage staff who is on record."""
        with self._database.read() as work:
            return bool(who_may(work, Task.MANAGE))

    def add(
        self,
        by: str,
        name: str,
        roles: Collection[Role],
        password: str,
        secret: str,
        *,
        used_step: int = 0,
        own_account: str | None = None,
    ) -> Member:
        """A new member. `used_step` is that of a one-time password that confirmed the secret. Raises BadEntry."""
        name, now = tidy_name(name), self._clock()
        encoded = self._hasher.hash(tidy_password(password, name))
        with self._database.work() as work:
            member = work.staff.add(name, roles, encoded, secret.encode(), now, own_account)
            if member is None:
                raise BadEntry(f"{name}: somebody has this name. Names stay with whom they were given to")
            if used_step:
                work.staff.use_step(member.id, used_step)
            work.trail.add(now, by, "staff_added", f"staff:{member.id}", f"roles={','.join(sorted(roles))}")
        return member

    def set_active(self, by: str, name: str, active: bool) -> Member:
        """Lets a member act, or no longer. Raises NotPermitted, also for the last admin."""
        return self._change(
            by, name, "staff_enabled" if active else "staff_disabled", lambda w, m: w.staff.set_active(m.id, active)
        )

    def set_roles(self, by: str, name: str, roles: Collection[Role]) -> Member:
        """Gives a member these roles and no others. Raises NotPermitted, also for the last admin."""
        detail = f"roles={','.join(sorted(roles))}"
        return self._change(by, name, "staff_roles_set", lambda w, m: w.staff.set_roles(m.id, roles), detail)

    def set_password(self, by: str, name: str, password: str) -> Member:
        """A new password. Raises BadEntry, NotPermitted."""
        encoded = self._hasher.hash(tidy_password(password, tidy_name(name)))
        return self._change(by, name, "staff_password_set", lambda w, m: w.staff.set_password(m.id, encoded))

    def set_secret(self, by: str, name: str, secret: str, *, used_step: int = 0) -> Member:
        """A new secret of one-time passwords; the old one is void. Raises NotPermitted."""

        def change(work: Work, member: Member) -> None:
            work.staff.set_secret(member, secret.encode())
            if used_step:
                work.staff.use_step(member.id, used_step)

        return self._change(by, name, "staff_totp_reset", change)

    def unlock(self, by: str, name: str) -> tuple[Member, int]:
        """Lets a member's tries count again at once; the member, and how many wrong ones there were. Raises NotPermitted."""
        now = self._clock()
        with self._database.work() as work:
            member = on_record(work, name)
            work.staff.unlock(member.id)
            work.trail.add(now, by, "staff_unlocked", f"staff:{member.id}", f"wrong={member.failed}")
        return member, member.failed

    def set_own_account(self, by: str, name: str, account: str | None) -> Member:
        """Which account at the company is the member's own: they may not decide about it. Raises NotPermitted."""
        detail = "given" if account else "none"
        return self._change(
            by, name, "staff_own_account_set", lambda w, m: w.staff.set_own_account(m.id, account), detail
        )

    def _change(self, by: str, name: str, action: str, change: Change, detail: str = "") -> Member:
        now = self._clock()
        with self._database.work() as work:
            member = on_record(work, name)
            change(work, member)
            after = work.staff.of_id(member.id)
            assert after is not None
            if may(member, Task.MANAGE) and not who_may(work, Task.MANAGE):
                raise NotPermitted(f"{member.name} is the only admin: give another member the role first")
            work.trail.add(now, by, action, f"staff:{member.id}", detail)
        return after

    def _verified(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    def _is_stale(self, encoded: str) -> bool:
        return self._hasher.check_needs_rehash(encoded)

    @cached_property
    def _nobodys(self) -> str:
        """A password of the usual cost that nobody knows, so that a wrong name takes as long as a wrong password."""
        return self._hasher.hash(new_secret())


def _why_not(member: Member | None, now: datetime) -> NotPermitted:
    """Why a try didn't count."""
    if member is None or not member.active:
        return NotPermitted("this member of staff can't act; who can: clausebot staff list")
    return TooManyTries(member.name, None if member.is_locked else member.waits_until(now) or now)
