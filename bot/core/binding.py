"""Connecting a chat to an account: a one-time link from the company's portal, and a number shown on each side.

The portal, where the account's owner is logged in, asks for a link (`offer`). The chat that opens it shows two digits
(`start`), which the owner types into the portal (`confirm`); then the portal shows two digits, which the owner types
into the chat (`finish`). A forwarded link comes to nothing: whoever holds only one of the two screens can't copy the
number of the other. Each number may be tried once.

What goes wrong is returned, never raised: a link that was spoilt must stay so, and an exception would undo that.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.codes import Codes, digits_of
from storage.stores.bindings import Bound, Offer
from storage.stores.people import Known
from storage.work import Work

LINK_FOR = timedelta(minutes=10)
FRESH_LOGIN = timedelta(minutes=10)
"""How old a login at the portal may be to count as the present one."""
LINKS_AN_HOUR = 20
"""For one account."""
TOKEN_BYTES = 16
"""128 bits, 22 characters: fits /start of Telegram (64) and the scene of a WeChat code (64)."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Refusal(StrEnum):
    """Why a link isn't taken. Words for the person; never more than this."""

    VOID = "void"
    """Unknown, over, used, or opened in another chat as well: always the same words."""
    GROUP = "group"
    """Others read along."""
    OTHER_ACCOUNT = "other_account"
    """This chat is connected to another account; that connection must end first."""
    TOO_OLD = "too_old"
    """The login at the portal is too long ago, or lies ahead."""
    TOO_MANY = "too_many"
    """Too many links for this account in the last hour."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A link for the portal to show. `token` is told once and stored nowhere."""

    id: str
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """The two digits that the chat, or the portal, shows now."""

    digits: str = field(repr=False)
    expires_at: datetime


class Bindings:
    """The connections between chats and accounts, in one transaction."""

    def __init__(self, work: Work, codes: Codes, now: datetime) -> None:
        self._work, self._codes, self._now = work, codes, now

    # ---- the portal's side

    def offer(self, account_id: str, login_at: datetime) -> Offered | Refusal:
        """A link for the account whose owner logged in at the portal then."""
        now, store = self._now, self._work.bindings
        if not is_fresh(login_at, now):
            return Refusal.TOO_OLD
        if store.offers_since(account_id, now - timedelta(hours=1)) >= LINKS_AN_HOUR:
            return Refusal.TOO_MANY
        token, public_id = secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES)
        offer_id = store.offer(public_id, token, account_id, login_at, now, now + LINK_FOR)
        self._work.trail.add(now, "portal", "link made", f"link:{offer_id}")
        return Offered(public_id, token, now + LINK_FOR)

    def confirm(self, public_id: str, digits: str) -> Shown | Refusal:
        """The owner typed into the portal what the chat shows. A wrong number spoils the link."""
        now, store = self._now, self._work.bindings
        offer = store.try_offer(public_id, now)
        if offer is None or offer.person_id is None:
            return Refusal.VOID
        if not self._is_right("chat", offer, offer.person_id, digits):
            return self._spoil(offer, "portal")
        store.mark_offer(offer.id, "matched", now)
        self._work.trail.add(now, "portal", "link matched", f"link:{offer.id}")
        return Shown(self._number("portal", offer, offer.person_id), offer.expires_at)

    def state(self, public_id: str) -> str:
        """How a link stands: offered, opened, matched, done, void."""
        offer = self._work.bindings.offer_of(public_id, self._now)
        return offer.state if offer else "void"

    def of_account(self, account_id: str) -> list[Bound]:
        """The chats that are connected to the account."""
        return self._work.bindings.of_account(account_id)

    def unbind_at_portal(self, account_id: str, public_id: str) -> bool:
        """The owner ends a connection at the portal; False when the account has none of that name."""
        for bound in self.of_account(account_id):
            if bound.public_id == public_id:
                return self._end(bound, "portal")
        return False

    # ---- the chat's side

    def start(self, token: str, person: Known, *, is_private: bool) -> Shown | Refusal:
        """The chat opened a link: what it shows now, to be typed into the portal."""
        now, store = self._now, self._work.bindings
        if not is_private:
            return Refusal.GROUP
        if not TOKEN.fullmatch(token):
            return Refusal.VOID
        offer = store.open_offer(token, person, now)
        if offer is None:
            return Refusal.VOID
        bound = store.of(person)
        if bound and bound.account != offer.account:
            self._spoil(offer, f"person:{person.id}")
            return Refusal.OTHER_ACCOUNT
        self._work.trail.add(now, f"person:{person.id}", "link opened", f"link:{offer.id}")
        return Shown(self._number("chat", offer, person.id), offer.expires_at)

    def is_waiting(self, person: Known) -> bool:
        """Whether the portal shows a number for this chat now, so that two digits are meant for `finish`."""
        offer = self._work.bindings.offer_in(person, self._now)
        return offer is not None and offer.state == "matched"

    def finish(self, person: Known, typed: str) -> Bound | Refusal:
        """The owner typed into the chat what the portal shows: connected. A wrong number spoils the link."""
        now, store = self._now, self._work.bindings
        offer = store.answer_offer(person, now)
        if offer is None:
            return Refusal.VOID
        actor = f"person:{person.id}"
        if not self._is_right("portal", offer, person.id, typed):
            return self._spoil(offer, actor)
        bound = store.of(person)
        if bound and bound.account != offer.account:
            self._spoil(offer, actor)
            return Refusal.OTHER_ACCOUNT
        store.mark_offer(offer.id, "done", now)
        if bound:
            store.log_in(bound.id, offer.login_at)
            self._work.trail.add(now, actor, "login shown", f"binding:{bound.id}")
        else:
            binding_id = store.bind(person, secrets.token_urlsafe(TOKEN_BYTES), offer.account, offer.login_at, now)
            self._work.trail.add(now, actor, "bound", f"binding:{binding_id}", f"link:{offer.id}")
            self._work.enquiries.add("bound", binding_id, person, offer.account, person.language, now)
        connected = store.of(person)
        assert connected is not None
        return connected

    def of(self, person: Known) -> Bound | None:
        """What this chat is connected to."""
        return self._work.bindings.of(person)

    def unbind(self, person: Known) -> bool:
        """The chat ends its connection; False when it has none."""
        bound = self.of(person)
        return bound is not None and self._end(bound, f"person:{person.id}", person)

    def _end(self, bound: Bound, actor: str, person: Known | None = None) -> bool:
        if not self._work.bindings.unbind(bound.id, self._now):
            return False
        self._work.trail.add(self._now, actor, "unbound", f"binding:{bound.id}")
        whom = person or self._work.bindings.chat_of(bound)
        if whom:
            self._work.enquiries.add("unbound", bound.id, whom, bound.account, whom.language, self._now)
        return True

    def _spoil(self, offer: Offer, actor: str) -> Refusal:
        self._work.bindings.mark_offer(offer.id, "void", self._now)
        self._work.trail.add(self._now, actor, "link spoilt", f"link:{offer.id}")
        return Refusal.VOID

    def _number(self, side: str, offer: Offer, person_id: int) -> str:
        return self._codes.number(side, offer.id, person_id, offer.token_index)

    def _is_right(self, side: str, offer: Offer, person_id: int, typed: str) -> bool:
        plain = digits_of(typed, 2)
        return plain is not None and self._codes.are_same(self._number(side, offer, person_id), plain)


def is_fresh(login_at: datetime, now: datetime) -> bool:
    """Whether a login is at most 10 minutes old. A minute ahead is a difference of clocks, more is none of ours."""
    return timedelta(minutes=-1) <= now - login_at <= FRESH_LOGIN
