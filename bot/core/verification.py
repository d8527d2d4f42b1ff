"""Who is chatting: one-time codes to a contact on file, and the level of assurance that one proves.

    verification = Verification(work, codes, now)
    started = verification.begin(person, hint, "order:7f3a")      the same for everybody, whether the account exists or not
    checked = verification.check(person, started.verification_id, "1234 5678")
    checked.proof                                                 Proof(level, code_proven_at, account_id) when it was right

`begin` asks nobody and finds nothing out: it writes down what was typed, and bot/core/enquiries.py asks the company's
directory afterwards, outside of any transaction, and queues the code if there is somebody to send it to. So bytes and
time of what the chat gets can't depend on whether there is. Limits that a chat runs into are its own; those of an
account work in silence. Connecting a chat to an account is bot/core/binding.py; what each level is good for,
docs/verification.md.

Nothing here raises for a wrong code or too many: what was counted must stay counted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.binding import Bindings, is_fresh
from bot.core.codes import VALID_FOR, Codes, digits_of
from knowledge.rights import Level
from storage.stores.bindings import Bound
from storage.stores.people import Known
from storage.stores.verification import TRIES, Counted, Wish
from storage.work import Work

CODES_AN_HOUR = 3
WRONG_A_DAY = 10
LOCK_AT = 100
"""Wrong ones in a row, after which no code counts until a staff member has looked (NIST SP 800-63B 5.2.2)."""
PROVEN_FOR = timedelta(minutes=30)
"""How long a proof may be used for what it was asked for."""
SENT_WITHIN = timedelta(minutes=15)
"""A code that could not be sent for so long isn't sent any more: nobody waits for it."""
OVER_AFTER = SENT_WITHIN + max(VALID_FOR.values())
"""From then on a wish is over, sent or not."""
_NO_CODE = "-" * 8
"""Compared with what was typed where no code can be right; no digits equal it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a right code proved: the account whose owner holds the contact, how far, and when."""

    level: Level
    code_proven_at: datetime
    account_id: str
    """The company's own name for the account."""
    contact_kind: str
    """"phone" or "email"."""
    vouched_by: int | None = None
    """Who of staff checked the person and vouched for the contact, where it is too young to prove anything by itself."""


@dataclass(frozen=True, slots=True)
class Started:
    """The wish was written down. None of it depends on whether there is such an account.

    Without `verification_id` the chat has asked for too many codes and may again at `again_at`.
    """

    verification_id: int | None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a try. Apart from `ok`, the same for a wrong code, an old one, and one that was never sent."""

    ok: bool
    locked: bool = False
    """Too many wrong ones: no more tries in this chat until `locked_until`; None there: until staff have looked."""
    locked_until: datetime | None = None
    tries_left: int = 0
    """At this code. 0: a new one must be asked for."""
    is_code: bool = True
    """False when what was typed isn't eight digits: not counted."""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a chat is connected now. `login_is_fresh`: its owner was at the portal in the last ten minutes."""

    binding: Bound | None
    login_is_fresh: bool


class Verification:
    """Codes and levels, in one transaction."""

    def __init__(self, work: Work, codes: Codes, now: datetime) -> None:
        self._work, self._codes, self._now = work, codes, now
        self._store = work.verification
        self.bindings = Bindings(work, codes, now)

    def binding(self, person: Known) -> Bound | None:
        """The account that this chat is connected to."""
        return self.bindings.of(person)

    def standing(self, person: Known) -> Standing:
        """Whether the chat is connected, and whether a code would now prove PORTAL."""
        bound = self.binding(person)
        return Standing(bound, bound is not None and is_fresh(bound.login_at, self._now))

    def begin(self, person: Known, hint: str, purpose: str) -> Started:
        """Asks for a code to the account that `hint` names, or to the one that the chat is connected to.

        `purpose` is what the code is for and nothing else. Of a connected chat the hint doesn't count.
        """
        now, store, standing = self._now, self._store, self.standing(person)
        counted = store.count_code(store.scope("chat", person.id), person.id, now, CODES_AN_HOUR)
        if not counted.is_allowed:
            return Started(None, counted.hour_until)
        level = Level.PORTAL if standing.login_is_fresh else Level.CONTACT
        verification_id = store.begin(
            person, purpose, is_bound=standing.binding is not None, level=level.value, now=now
        )
        asked = standing.binding.account if standing.binding else hint
        self._work.enquiries.add("code", verification_id, person, asked, person.language, now)
        self._work.trail.add(now, f"person:{person.id}", "code asked for", f"verification:{verification_id}")
        return Started(verification_id)

    def check(self, person: Known, verification_id: int, typed: str) -> Checked:
        """Whether `typed` is the code of this wish. Counted before anything is compared; right only once."""
        plain = digits_of(typed)
        if plain is None:
            return Checked(False, is_code=False, tries_left=self._tries_left(person, verification_id))
        wish = self._store.count_try(person, verification_id)
        if wish is None:
            return Checked(False)
        left = TRIES - wish.tries
        chat, account = self._scopes(person, wish)
        of_chat = self._store.count_wrong(chat, person.id, self._now, WRONG_A_DAY)
        if not of_chat.is_allowed:
            return Checked(False, True, of_chat.day_until)
        counted_for = None if wish.account_index and not wish.is_bound else person.id
        of_account = self._store.count_wrong(account, counted_for, self._now, WRONG_A_DAY, LOCK_AT)
        code = self._codes.code(wish.id, wish.salt)
        counts = of_account.is_allowed and self._may_be_right(person, wish)
        if self._codes.are_same(code if counts else _NO_CODE, plain):
            return self._right(person, wish, chat, account, left)
        self._work.trail.add(self._now, f"person:{person.id}", "code wrong", f"verification:{wish.id}")
        return self._wrong(wish, of_account, left)

    def proof(self, person: Known, account_id: str, purpose: str) -> Proof | None:
        """What this chat has proved of the account for this purpose, if it did so in the last half hour."""
        return next((proof for wish, proof in self._proofs(person, account_id) if wish.purpose == purpose), None)

    def level(self, person: Known, account_id: str) -> Level:
        """How far this chat has shown in the last half hour, for whatever purpose, that it belongs to the account."""
        return max((proof.level for _, proof in self._proofs(person, account_id)), default=Level.CHANNEL)

    # ---- staff

    def is_locked(self, account_id: str) -> bool:
        """Whether so many wrong codes came in a row, from chats that aren't connected, that none counts any more."""
        return self._store.in_a_row(self._unbound(account_id)) >= LOCK_AT

    def unlock(self, account_id: str, actor: str) -> bool:
        """A staff member ("staff:2") has looked: codes count again, in connected chats too. False: nothing was counted."""
        scopes = [self._unbound(account_id)]
        index = self._store.account_index(account_id)
        scopes += [self._store.scope("bound", index, b.person_id) for b in self.bindings.of_account(account_id)]
        unlocked = [scope for scope in scopes if self._store.unlock(scope, self._now)]
        if unlocked:
            self._work.trail.add(self._now, actor, "codes unlocked", f"account:{index[:16]}")
        return bool(unlocked)

    def _tries_left(self, person: Known, verification_id: int) -> int:
        wish = self._store.get(person, verification_id)
        return TRIES - wish.tries if wish and wish.done_at is None else 0

    def _scopes(self, person: Known, wish: Wish) -> tuple[str, str]:
        """The tallies of the chat and of the account. A stranger's wrong codes never count for a connected chat."""
        scope, account = self._store.scope, wish.account_index
        if account is None:
            return scope("chat", person.id), scope("nobody", person.id)  # The same statements as for an account.
        if wish.is_bound:
            return scope("chat", person.id), scope("bound", account, person.id)
        return scope("chat", person.id), scope("unbound", account)

    def _unbound(self, account_id: str) -> str:
        return self._store.scope("unbound", self._store.account_index(account_id))

    def _may_be_right(self, person: Known, wish: Wish) -> bool:
        """Whether a code went out, is still good, and the chat is connected as it was when it asked."""
        bound = self.binding(person)
        in_time = wish.sent_at is not None and wish.expires_at is not None and self._now < wish.expires_at
        as_it_was = (bound.account if bound else None) == (wish.account if wish.is_bound else None)
        return wish.account_index is not None and in_time and as_it_was

    def _right(self, person: Known, wish: Wish, chat: str, account: str, left: int) -> Checked:
        self._store.done(wish.id, self._now)
        self._store.was_right(chat)
        self._store.was_right(account)
        # What was counted for no account goes with it, or it would outlive the chat's own tally and be seen in /mydata.
        self._store.was_right(self._store.scope("nobody", person.id))
        actor, thing = f"person:{person.id}", f"verification:{wish.id}"
        self._work.trail.add(self._now, actor, "code right", thing, Level(wish.level).name.lower())
        proof = Proof(Level(wish.level), self._now, wish.account, wish.contact_kind or "", wish.vouched_by)
        return Checked(True, tries_left=left, proof=proof)

    def _wrong(self, wish: Wish, of_account: Counted, left: int) -> Checked:
        if not wish.is_bound or of_account.is_allowed:
            return Checked(False, tries_left=left)  # An account's own limits show in no chat that may be a stranger's.
        return Checked(False, True, None if of_account.is_locked else of_account.day_until)

    def _proofs(self, person: Known, account_id: str) -> list[tuple[Wish, Proof]]:
        bound = self.binding(person)
        found = []
        for wish in self._store.proven(person, account_id, self._now - PROVEN_FOR):
            # What rests on a connection is worth nothing once that has ended.
            if wish.done_at and (not wish.is_bound or (bound and bound.account == account_id)):
                proof = Proof(Level(wish.level), wish.done_at, account_id, wish.contact_kind or "", wish.vouched_by)
                found.append((wish, proof))
        return found
