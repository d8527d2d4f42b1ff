"""Results of requests: announced by mail, opened by a secure link and a fresh code, fetched three times at most.

    Results(work, codes, now).announce(order)       in the transaction that delivers the order
    results.opened(token)                           what a link leads to, for the page that only shows
    results.send_code(opened)                       a code to a contact on file, as in a chat
    results.check(opened, verification_id, typed)   right: a ticket for this browser
    results.fetch(token, ticket)                    counted; only now may anything be sent

Making the package and writing to the contacts is bot/core/announcing.py. Every way to a package goes through `opened`.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.codes import Codes
from bot.core.errors import NothingFound
from bot.core.order.guards import is_apart
from bot.core.order.moves import NotAllowed, State
from bot.core.verification import PROVEN_FOR, Checked, Proof, Started, Verification
from storage.crypto import Keyring
from storage.errors import Unreadable
from storage.stores.orders import Order
from storage.stores.people import Known
from storage.stores.results import Made
from storage.work import Work

KEPT_FOR = timedelta(hours=72)
"""From the announcement; then package and link are gone (promises: packages, 72 hours)."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_TICKET = re.compile(r"([1-9][0-9]{0,17})\.([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to. `account_id`: whose code opens it."""

    made: Made
    order: Order
    person: Known = field(repr=False)
    account_id: str = field(repr=False)


class Results:
    """Results in one open transaction."""

    def __init__(self, work: Work, codes: Codes, now: datetime) -> None:
        self._work, self._codes, self._now = work, codes, now
        self._store = work.results

    def announce(self, order: Order) -> int:
        """The package of a delivered order will be made and its contacts written to; a link of before stops working.

        Returns the result's id. Raises NotAllowed ("state") for an order that isn't delivered.
        """
        if order.delivered_at is None or order.state not in (State.ANSWERED, State.CLOSED):
            raise NotAllowed("state")
        result_id = self._store.wish(order.id, self._now)
        self._work.trail.add(self._now, "bot", "result to be announced", order.thing)
        return result_id

    def opened(self, token: str) -> Opened | None:
        """What a link leads to. None for every link that leads nowhere, whatever the reason."""
        made = self._store.of_token(token, self._now) if TOKEN.fullmatch(token) else None
        order = self._work.orders.of_id(made.order_id) if made else None
        if made is None or order is None or order.delivered_at is None or order.person_id is None:
            return None
        person = self._work.people.of_id(order.person_id)
        try:
            account_id = self._work.orders.papers.account(order.id)
        except Unreadable:
            return None
        return Opened(made, order, person, account_id) if person and account_id else None

    def is_elsewhere(self, opened: Opened) -> bool:
        """Whether the chat is connected to another account by now: then no code of this one can be asked for."""
        bound = self._verification().binding(opened.person)
        return bound is not None and bound.account != opened.account_id

    def send_code(self, opened: Opened) -> Started:
        """A code to a contact on file, by the rules of every code. Don't call it where `is_elsewhere`."""
        return self._verification().begin(opened.person, opened.account_id, opened.made.thing)

    def check(self, opened: Opened, verification_id: int, typed: str) -> tuple[Checked, str]:
        """What came of a try; where it was right, a ticket with which this browser may fetch for half an hour."""
        wish = self._work.verification.get(opened.person, verification_id)
        if wish is None or wish.purpose != opened.made.thing:
            return Checked(False), ""  # A code for anything else is neither tried nor used up here.
        checked = self._verification().check(opened.person, verification_id, typed)
        if not self._opens(opened, checked.proof):
            return (Checked(False) if checked.ok else checked), ""
        self._note("result opened with a code", opened)
        return checked, self._ticket(opened.made.id, verification_id, int((self._now + PROVEN_FOR).timestamp()))

    def fetch(self, token: str, ticket: str) -> tuple[Made, Order]:
        """Counts one more download and says what to send. Raises NothingFound where there is none, or none left;
        NotAllowed ("proven") without a ticket of this browser's, then nothing is counted."""
        opened = self.opened(token)
        if opened is None:
            raise NothingFound
        if not self._is_good(opened, ticket):
            raise NotAllowed("proven")
        made = self._store.fetch(token, self._now)
        if made is None:
            raise NothingFound
        self._note("result fetched", opened, f"{made.downloads} of {made.downloads + made.left}")
        return made, opened.order

    def _is_good(self, opened: Opened, ticket: str) -> bool:
        match = _TICKET.fullmatch(ticket)
        if match is None or int(match[2]) <= self._now.timestamp():
            return False
        right = self._ticket(opened.made.id, int(match[1]), int(match[2]))
        proof = self._verification().proof(opened.person, opened.account_id, opened.made.thing)
        return hmac.compare_digest(right.encode(), ticket.encode()) and self._opens(opened, proof)

    def _opens(self, opened: Opened, proof: Proof | None) -> bool:
        """Whether a proof opens this result: it is of the account, and who signed the order has no part in it."""
        if proof is None or proof.account_id != opened.account_id:
            return False
        return is_apart(opened.order, proof.vouched_by)

    def _ticket(self, result_id: int, verification_id: int, until: int) -> str:
        stated = f"{verification_id}.{until}"
        mac = hmac.new(self._key(self._work.keyring), f"{result_id}:{stated}".encode(), hashlib.sha256)
        return f"{stated}.{mac.hexdigest()}"

    @staticmethod
    def _key(keyring: Keyring) -> bytes:
        return hmac.new(keyring.signing, b"derived:result tickets", hashlib.sha256).digest()

    def _verification(self) -> Verification:
        return Verification(self._work, self._codes, self._now)

    def _note(self, action: str, opened: Opened, detail: str = "") -> None:
        self._work.trail.add(self._now, "link:result", action, opened.order.thing, detail)
