"""Makes the packages that wait to be made, and writes to the account's contacts where they can be fetched.

One at a time, and never inside of a long transaction: the directory is asked first, then the package is written piece by
piece, each in a transaction of its own, and only then the link comes about and the mails are queued, in one. A crash
between leaves a claim that ends by itself; whoever takes it up begins anew.

The link goes by mail to every e-mail contact that has been on file for 30 days, or else that staff vouch for; never into a
chat, and not by SMS, because the code that goes with it does. Where there is none, nothing is released (`takers`), or, where
it was found out later, staff are told.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import structlog

from bot.core.accounts import Account, AccountDirectory, DirectoryDown
from bot.core.clock import Clock
from bot.core.contacts import Contact, Kind
from bot.core.enquiries import CHANNEL_OF
from bot.core.message import Reply
from bot.core.order.card import at_clock
from bot.core.order.guards import is_apart
from bot.core.order.news import News
from bot.core.package.files import PackageTooBig
from bot.core.packages import Built, build
from bot.core.results import KEPT_FOR
from bot.core.voice import Voice
from bot.core.vouching import Vouching
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from storage.stores.orders import Order
from storage.stores.results import Made
from storage.work import Work

LEASE = timedelta(minutes=10)
"""Longer than the largest package takes."""
AGAIN_LEAST = timedelta(seconds=10)
GIVEN_UP_AFTER = timedelta(hours=24)
"""From the announcement on; staff see it and may announce again."""

log = structlog.get_logger(__name__)


def takers(work: Work, order: Order, account: Account | None, now: datetime) -> list[Contact]:
    """The e-mail addresses that may get the link to an order's result: settled ones, or else those that somebody who
    didn't sign the order vouches for. None of them: a phone alone would get the link and its code (docs/results.md)."""
    usable = Vouching(work, now).usable(account, account.of_kind(Kind.EMAIL)) if account else []
    return [one.contact for one in usable if is_apart(order, one.vouched_by)]


class _Dropped(Exception):
    """The package isn't wanted any more, or somebody else makes it."""


class Announcing:
    """Synchronous, and takes seconds: never call it in an event loop. Several processes may."""

    def __init__(
        self,
        database: Database,
        directory: AccountDirectory,
        clock: Clock,
        voice: Callable[[str], Voice],
        *,
        reach: frozenset[str],
        company: dict[str, str],
        result_url: str,
        zone: tzinfo = UTC,
        staff_mail: str = "",
    ) -> None:
        """`reach`: the channels that are there; `company`: its name by language; `result_url`: what a token is put behind;
        `zone`: whose clock the mails tell; `staff_mail`: the mailbox of staff, "" where there is none."""
        self._database, self._directory, self._clock, self._voice = database, directory, clock, voice
        self._reach, self._company, self._result_url, self._zone = reach, company, result_url, zone
        self._staff_mail = staff_mail

    def run_due(self) -> int:
        """Makes what is due, and takes away what is over; how many were made. Raises StorageError."""
        now = self._clock()
        with self._database.read() as work:
            is_due, is_left = work.results.is_due(now), work.results.is_left(now)
        if is_left:
            with self._database.work() as work:
                work.results.forget(now)
        if not is_due:
            return 0
        with self._database.work() as work:
            due = work.results.due(now, now + LEASE)
        for made in due:
            self._see_to(made)
        return len(due)

    def _see_to(self, made: Made) -> None:
        try:
            contacts = self._contacts(made)
            built = self._build(made)
            with self._database.work() as work:
                self._announce(work, made, built, contacts)
        except DirectoryDown as down:
            self._later(made, max(down.after, AGAIN_LEAST))
        except PackageTooBig:
            self._give_up(made, "too_big")
        except (Unreadable, KeyMissing) as bad:
            self._give_up(made, type(bad).__name__.lower())
        except _Dropped:
            log.info("a package was replaced while it was made", result=made.id)

    def _contacts(self, made: Made) -> list[Contact]:
        """Where the link goes. Raises DirectoryDown, Unreadable."""
        with self._database.read() as work:
            account_id = work.orders.papers.account(made.order_id)
        account = self._directory.get(account_id) if account_id else None
        if account is None or CHANNEL_OF[Kind.EMAIL] not in self._reach:
            return []
        with self._database.read() as work:
            order = work.orders.of_id(made.order_id)
            return takers(work, order, account, self._clock()) if order is not None else []

    def _build(self, made: Made) -> Built:
        def put(ordinal: int, plain: bytes) -> None:
            with self._database.work() as work:
                if not work.results.put_part(made, ordinal, plain):
                    raise _Dropped

        with self._database.work() as work:
            work.results.begin(made, self._clock() + KEPT_FOR)
        return build(self._database, made.order_id, made.created_at, self._company, put)

    def _announce(self, work: Work, made: Made, built: Built, contacts: list[Contact]) -> None:
        now = self._clock()
        order = work.orders.of_id(made.order_id)
        if order is None:
            raise Unreadable("the order has gone")
        if not contacts:
            work.results.failed(made, now)
            self._alarm(work, order, "no contact for the result")
            return
        until = now + KEPT_FOR
        token = work.results.ready(made, built.size, built.sha256, until)
        if token is None:
            raise _Dropped
        for contact in contacts:
            self._tell(
                work,
                order,
                contact,
                f"result:{made.id}",
                self._result_url + token,
                at_clock(until, self._zone, order.language),
            )
        detail = f"{len(contacts)} contacts, {built.size} bytes, sha256 {built.sha256}"
        work.trail.add(now, "bot", "result announced", order.thing, detail)

    def _tell(self, work: Work, order: Order, contact: Contact, cause: str, link: str, until: str) -> None:
        now, voice = self._clock(), self._voice(order.language)
        whom = work.people.meet(CHANNEL_OF[contact.kind], contact.value, now, order.language)
        work.people.touch(whom.id, now)
        text = voice.shared("result_mail", number=order.number, link=link, until=until)
        reply = Reply(text, language=voice.language, reference=cause)
        work.deliveries.add(whom, cause, [json.dumps(reply.as_data()).encode()], now, lane="order")

    def _later(self, made: Made, after: timedelta) -> None:
        now = self._clock()
        if now - made.created_at > GIVEN_UP_AFTER:
            self._give_up(made, "directory_down")
            return
        with self._database.work() as work:
            work.results.again_at(made, now + after)

    def _give_up(self, made: Made, why: str) -> None:
        with self._database.work() as work:
            work.results.failed(made, self._clock())
            order = work.orders.of_id(made.order_id)
            if order is not None:
                self._alarm(work, order, f"result can't be made: {why}")

    def _alarm(self, work: Work, order: Order, why: str) -> None:
        News(work, self._clock(), self._voice, self._reach, "", self._staff_mail).ports().alarm(
            order, "result", {"why": why}
        )
