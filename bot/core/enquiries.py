"""Asking the company's directory for what waits to be asked, and sending what comes of it.

A code that somebody asked for, and the notice that a chat was connected or is no more, need the contacts on file. The
directory may be slow, down, or untrue, so it is never asked while somebody waits for an answer, nor inside of a
transaction: a row waits (storage/stores/enquiries.py), and whoever is woken by the clock asks. Several processes may.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo

import structlog

from bot.core.accounts import Account, AccountDirectory, DirectoryDown
from bot.core.channel import Lane
from bot.core.clock import Clock
from bot.core.code_sending import reference_of
from bot.core.contacts import Contact, Kind
from bot.core.flood import Flood
from bot.core.message import Reply
from bot.core.order.card import at_clock
from bot.core.verification import CODES_AN_HOUR, LOCK_AT, SENT_WITHIN
from bot.core.voice import Voice
from bot.core.vouching import Usable, Vouching
from knowledge.rights import Level
from storage.engine import Database
from storage.stores.bindings import Bound
from storage.stores.enquiries import Asked
from storage.stores.people import Known
from storage.stores.verification import Wish
from storage.work import Work

CHANNEL_OF = {Kind.PHONE: "sms", Kind.EMAIL: "email", Kind.TELEGRAM: "telegram", Kind.WECHAT: "wechat"}
AT_ONCE = 8
"""Questions to the directory at the same time."""
LEASE = timedelta(seconds=60)
"""Longer than any directory may take, so that nobody else asks for the same meanwhile."""
AGAIN_LEAST = timedelta(seconds=2)
NOTICE_WITHIN = timedelta(hours=24)
"""A notice that could not be worded for so long, because the directory was down, is given up and noted."""

log = structlog.get_logger(__name__)


class Enquiries:
    """What waits for the directory. `run_due` is synchronous and may take seconds: never call it in an event loop."""

    def __init__(
        self,
        database: Database,
        directory: AccountDirectory,
        clock: Clock,
        voice: Callable[[str], Voice],
        *,
        reach: frozenset[str],
        portal_connected: bool,
        zone: tzinfo = UTC,
        staff_mail: str = "",
    ) -> None:
        """`reach`: the channels that are there, of "email" and "sms"; `voice`: speaks a language.

        `portal_connected`: the company's portal makes links. Then a code by e-mail counts beside a fresh login only.
        `zone`: whose clock the notices tell; `staff_mail`: the mailbox of staff, "" where there is none.
        """
        self._database, self._directory, self._clock, self._voice = database, directory, clock, voice
        self._reach, self._portal_connected, self._zone = reach, portal_connected, zone
        self._flood = Flood(staff_mail)

    def run_due(self, limit: int = 16) -> int:
        """Asks for what is due, at most `limit`; how many were asked for. Raises StorageError."""
        now = self._clock()
        with self._database.read() as work:
            if not work.enquiries.is_due(now):
                return 0
        with self._database.work() as work:
            due = work.enquiries.due(now, now + LEASE, limit)
        if due:
            with ThreadPoolExecutor(min(AT_ONCE, len(due)), "enquiry") as threads:
                list(threads.map(self._see_to, due))
        return len(due)

    def _see_to(self, one: Asked) -> None:
        try:
            account = self._ask(one)
        except DirectoryDown as down:
            self._wait(one, max(down.after, AGAIN_LEAST))
            return
        now = self._clock()
        with self._database.work() as work:
            if not work.enquiries.done(one.id):
                return
            if one.kind == "code":
                self._send_code(work, one, account)
            else:
                self._send_notices(work, one, account)
            log.info("enquiry answered", kind=one.kind, waited=(now - one.created_at).total_seconds())

    def _ask(self, one: Asked) -> Account | None:
        if one.kind != "code":
            return self._directory.get(one.asked)
        with self._database.read() as work:
            wish = work.verification.get(one.person, one.thing_id)
        if wish is None:
            return None
        if wish.is_bound:
            return self._directory.get(one.asked)
        with self._database.work() as work:
            if not self._flood.may_look_up(work, self._clock()):
                work.trail.add(self._clock(), "bot", "look-up held back", _thing(one))
                return None
        return self._directory.find(one.asked)

    def _wait(self, one: Asked, wait: timedelta) -> None:
        """The directory is down: later, unless it has been for too long."""
        now = self._clock()
        with self._database.work() as work:
            if now + wait - one.created_at < (SENT_WITHIN if one.kind == "code" else NOTICE_WITHIN):
                work.enquiries.again_at(one.id, now + wait)
            elif work.enquiries.done(one.id):
                work.trail.add(now, "bot", "accounts not reached", _thing(one), one.kind)

    # ---- a code

    def _send_code(self, work: Work, one: Asked, account: Account | None) -> None:
        """Queues the code if there is an account, a contact that may prove something, and room in the account's limits."""
        store, now = work.verification, self._clock()
        wish = store.get(one.person, one.thing_id)
        if wish is None or not store.is_open(wish.id):
            return
        usable = self._contact(work, account, wish) if account else None
        if account is None or usable is None:
            # Counted as if there were somebody, so that the tries that follow find everything as they would then.
            store.count_code(store.scope("nobody", one.person.id), one.person.id, now, CODES_AN_HOUR, LOCK_AT)
            if account:
                work.trail.add(now, "bot", "no contact for a code", _thing(one))
            return
        contact, index = usable.contact, store.account_index(account.id)
        scope = store.scope("bound", index, one.person.id) if wish.is_bound else store.scope("unbound", index)
        counted_for = one.person.id if wish.is_bound else None
        if not store.count_code(scope, counted_for, now, CODES_AN_HOUR, LOCK_AT).is_allowed:
            work.trail.add(now, "bot", "code held back", _thing(one))
            return
        if not wish.is_bound and not self._flood.may_send_code(work, now):
            work.trail.add(now, "bot", "code held back", _thing(one), "too many in all")
            return
        store.meant(one.person, wish, account.id, contact.kind.value, usable.vouched_by)
        key = "code_sms" if contact.kind is Kind.PHONE else "code_mail"
        self._queue(work, contact, reference_of(wish.id), one.language, key)
        work.trail.add(now, "bot", "code queued", _thing(one), contact.kind.value)

    def _contact(self, work: Work, account: Account, wish: Wish) -> Usable | None:
        """Where the code goes: a phone before an e-mail address, the one longest on file. One that is 30 days young only
        where staff vouch for it and no other is left."""
        kinds = [Kind.PHONE]
        # By e-mail never alone: beside the login at the portal, or, where there is none, beside a check by staff.
        if wish.level == Level.PORTAL or not self._portal_connected:
            kinds.append(Kind.EMAIL)
        reached = [contact for kind in kinds if CHANNEL_OF[kind] in self._reach for contact in account.of_kind(kind)]
        usable = Vouching(work, self._clock()).usable(account, reached, hold=True)
        return usable[0] if usable else None

    # ---- a notice that a chat was connected, or is no more

    def _send_notices(self, work: Work, one: Asked, account: Account | None) -> None:
        """To every contact on file, however young, and to the account's other chats."""
        bound, now = work.bindings.get(one.thing_id, one.person), self._clock()
        if bound is None:
            return
        cause = f"{one.kind}:{bound.id}"
        at = bound.unbound_at or bound.bound_at
        told = 0
        for contact in account.contacts if account else ():
            if CHANNEL_OF[contact.kind] in self._reach:
                key = f"{one.kind}_sms" if contact.kind is Kind.PHONE else f"{one.kind}_mail"
                self._queue(work, contact, cause, one.language, key, **self._said(bound, at, one.language))
                told += 1
        for other in work.bindings.of_account(bound.account):
            whom = work.bindings.chat_of(other)
            if whom and whom.id != one.person.id:
                self._tell(work, whom, cause, f"{one.kind}_sms", whom.language, **self._said(bound, at, whom.language))
                told += 1
        work.trail.add(now, "bot", "contacts told", f"binding:{bound.id}", str(told))

    def _said(self, bound: Bound, at: datetime, language: str) -> dict[str, str]:
        """When, and which kind of chat, in the language of whoever is told."""
        chat = self._voice(language).shared(f"chat_{bound.channel}")
        return {"at": at_clock(at, self._zone, language), "chat": chat}

    # ---- the outbox

    def _queue(self, work: Work, contact: Contact, reference: str, language: str, key: str, /, **values: str) -> None:
        """A message to a contact: whoever has it is one more person that the outbox can write to."""
        now = self._clock()
        whom = work.people.meet(CHANNEL_OF[contact.kind], contact.value, now, language)
        work.people.touch(whom.id, now)
        self._tell(work, whom, reference, key, language, **values)

    def _tell(self, work: Work, whom: Known, reference: str, key: str, language: str, /, **values: str) -> None:
        reply = Reply(self._voice(language).shared(key, **values), language=language, reference=reference)
        # A code goes by a lane of its own: it never waits behind a notice that is greylisted.
        lane: Lane = "interactive" if key.startswith("code") else "order"
        work.deliveries.add(whom, reference, [json.dumps(reply.as_data()).encode()], self._clock(), lane=lane)


def _thing(one: Asked) -> str:
    return f"{'verification' if one.kind == 'code' else 'binding'}:{one.thing_id}"
