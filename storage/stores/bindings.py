"""Chats connected to accounts of the company, and the one-time links that connect them."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, or_, select, update

from storage.crypto import Keyring, seal, unseal
from storage.stores.insert import insert_new
from storage.stores.people import KNOWN, PERSON, WITH_KEY, Known, known
from storage.tables import Binding, BindingOffer, PortalNonce
from storage.tables.common import table

BINDING, OFFER, NONCE = table(Binding), table(BindingOffer), table(PortalNonce)
MEET_NONCE = insert_new(NONCE, NONCE.c.nonce)

ALIVE = and_(OFFER.c.void_at.is_(None), OFFER.c.done_at.is_(None), OFFER.c.expires_at > bindparam("now"))
# Each step is one statement with all that must hold before it: of two at the same moment one is too late.
OPEN = (
    update(OFFER)
    .where(
        OFFER.c.token_index == bindparam("token"),
        ALIVE,
        or_(OFFER.c.person_id.is_(None), OFFER.c.person_id == bindparam("person")),
        OFFER.c.tried_at.is_(None),
    )
    .values(person_id=bindparam("person"), opened_at=func.coalesce(OFFER.c.opened_at, bindparam("now")))
    .returning(*OFFER.c)
)
VOID_FORWARDED = (
    update(OFFER)
    .where(OFFER.c.token_index == bindparam("token"), ALIVE, OFFER.c.person_id != bindparam("person"))
    .values(void_at=bindparam("now"))
)
VOID_OTHERS = (
    update(OFFER)
    .where(OFFER.c.person_id == bindparam("person"), OFFER.c.id != bindparam("offer"), ALIVE)
    .values(void_at=bindparam("now"))
)
TRY = (
    update(OFFER)
    .where(
        OFFER.c.public_id == bindparam("public"),
        ALIVE,
        OFFER.c.opened_at.is_not(None),
        OFFER.c.tried_at.is_(None),
    )
    .values(tried_at=bindparam("now"))
    .returning(*OFFER.c)
)
ANSWER = (
    update(OFFER)
    .where(
        OFFER.c.person_id == bindparam("person"),
        ALIVE,
        OFFER.c.matched_at.is_not(None),
        OFFER.c.answered_at.is_(None),
    )
    .values(answered_at=bindparam("now"))
    .returning(*OFFER.c)
)
IN_FORCE = BINDING.c.unbound_at.is_(None)
WITH_BINDING = WITH_KEY.join(BINDING, BINDING.c.person_id == PERSON.c.id)


class Offer(NamedTuple):
    """A one-time link. `state`: offered, opened, matched, done, void (also when its time is over)."""

    id: int
    public_id: str
    token_index: str
    account_index: str
    account: str
    login_at: datetime
    expires_at: datetime
    person_id: int | None
    state: str


class Bound(NamedTuple):
    """A chat that is connected to `account`, the company's own name for it, or was until `unbound_at`."""

    id: int
    public_id: str
    person_id: int
    channel: str
    account: str
    login_at: datetime
    bound_at: datetime
    unbound_at: datetime | None


class BindingStore:
    """Links, and what came of them."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def seen_nonce(self, nonce: str, now: datetime) -> bool:
        """Whether a request of the portal with this nonce came before; from now on it has."""
        connection = self.connection
        row = {"nonce": nonce, "at": now}
        return connection.execute(MEET_NONCE[connection.dialect.name], row).scalar_one_or_none() is None

    def offer(
        self, public_id: str, token: str, account_id: str, login_at: datetime, now: datetime, expires_at: datetime
    ) -> int:
        """Keeps a link until then; its id."""
        key_id = self.keyring.current
        row = {
            "public_id": public_id,
            "token_index": self.token_index(token),
            "account_index": self._account_index(account_id),
            "account": seal(self.keyring.derived("binding", key_id), account_id.encode(), offer_place(public_id)),
            "key_id": key_id,
            "login_at": login_at,
            "created_at": now,
            "expires_at": expires_at,
        }
        new: int = self.connection.execute(OFFER.insert().returning(OFFER.c.id), row).scalar_one()
        return new

    def token_index(self, token: str) -> str:
        """What a link is found by."""
        return self.keyring.blind("binding token", token)

    def offers_since(self, account_id: str, since: datetime) -> int:
        """How many links were made for the account since then."""
        mine = OFFER.c.account_index == self._account_index(account_id), OFFER.c.created_at > since
        return self.connection.execute(select(func.count()).select_from(OFFER).where(*mine)).scalar_one()

    def open_offer(self, token: str, known: Known, now: datetime) -> Offer | None:
        """The link, opened by this chat, or again by the same; None when it is over.

        A second chat makes it void; a second link makes the one before it void.
        """
        row = {"token": self.token_index(token), "person": known.id, "now": now}
        found = self.connection.execute(OPEN, row).one_or_none()
        if found is None:
            self.connection.execute(VOID_FORWARDED, row)
            return None
        self.connection.execute(VOID_OTHERS, {"person": known.id, "offer": found.id, "now": now})
        return self._offer(found, now)

    def try_offer(self, public_id: str, now: datetime) -> Offer | None:
        """The opened link, for the portal's one try at the number; None when there is none."""
        row = self.connection.execute(TRY, {"public": public_id, "now": now}).one_or_none()
        return self._offer(row, now) if row else None

    def answer_offer(self, known: Known, now: datetime) -> Offer | None:
        """The matched link of this chat, for its one try at the number; None when there is none."""
        row = self.connection.execute(ANSWER, {"person": known.id, "now": now}).one_or_none()
        return self._offer(row, now) if row else None

    def mark_offer(self, offer_id: int, state: str, now: datetime) -> None:
        """`state`: matched, void or done."""
        changed = update(OFFER).where(OFFER.c.id == offer_id)
        self.connection.execute(changed.values({f"{state}_at": now}))

    def offer_of(self, public_id: str, now: datetime) -> Offer | None:
        """How a link stands. Raises KeyMissing, Unreadable."""
        row = self.connection.execute(select(OFFER).where(OFFER.c.public_id == public_id)).one_or_none()
        return self._offer(row, now) if row else None

    def offer_in(self, known: Known, now: datetime) -> Offer | None:
        """The link that this chat has opened last and that isn't over. Raises KeyMissing, Unreadable."""
        mine = select(OFFER).where(OFFER.c.person_id == known.id, ALIVE).order_by(OFFER.c.id.desc()).limit(1)
        row = self.connection.execute(mine, {"now": now}).one_or_none()
        return self._offer(row, now) if row else None

    def bind(self, known: Known, public_id: str, account_id: str, login_at: datetime, now: datetime) -> int:
        """Connects the chat; its binding's id. It must not be connected already."""
        row = {
            "public_id": public_id,
            "person_id": known.id,
            "account_index": self._account_index(account_id),
            "account": seal(known.key, account_id.encode(), binding_place(public_id)),
            "method": "portal",
            "login_at": login_at,
            "bound_at": now,
        }
        new: int = self.connection.execute(BINDING.insert().returning(BINDING.c.id), row).scalar_one()
        return new

    def log_in(self, binding_id: int, login_at: datetime) -> None:
        """The account's owner has logged in anew and shown it to the chat."""
        self.connection.execute(update(BINDING).where(BINDING.c.id == binding_id).values(login_at=login_at))

    def unbind(self, binding_id: int, now: datetime) -> bool:
        """Ends a connection; False when it had ended."""
        ended = update(BINDING).where(BINDING.c.id == binding_id, IN_FORCE).values(unbound_at=now)
        return self.connection.execute(ended).rowcount == 1

    def of(self, known: Known) -> Bound | None:
        """What this chat is connected to. Raises Unreadable."""
        return self._one(select(BINDING).where(BINDING.c.person_id == known.id, IN_FORCE), known)

    def get(self, binding_id: int, known: Known) -> Bound | None:
        """A connection of this chat, ended or not. Raises Unreadable."""
        return self._one(select(BINDING).where(BINDING.c.id == binding_id, BINDING.c.person_id == known.id), known)

    def of_account(self, account_id: str) -> list[Bound]:
        """The chats that are connected to the account, oldest first. Raises KeyMissing, Unreadable."""
        mine = BINDING.c.account_index == self._account_index(account_id), IN_FORCE
        wanted = select(BINDING.c.id.label("binding_id"), *KNOWN).select_from(WITH_BINDING).where(*mine)
        found = []
        for row in self.connection.execute(wanted.order_by(BINDING.c.id)):
            if bound := self.get(row.binding_id, known(row, self.keyring)):
                found.append(bound)
        return found

    def has_left(self, person_id: int, account_index: str, since: datetime) -> bool:
        """Whether this chat was connected to the account then or later, and is no more. `account_index`: blind index."""
        mine = BINDING.c.person_id == person_id, BINDING.c.account_index == account_index
        ends = self.connection.execute(select(BINDING.c.unbound_at).where(*mine)).scalars().all()
        return None not in ends and any(end >= since for end in ends)

    def chat_of(self, bound: Bound) -> Known | None:
        """Who chats there; None once they are erased. Raises KeyMissing, Unreadable."""
        wanted = select(*KNOWN).select_from(WITH_KEY).where(PERSON.c.id == bound.person_id)
        row = self.connection.execute(wanted).one_or_none()
        return known(row, self.keyring) if row else None

    def forget_before(self, at: datetime, nonces_at: datetime, limit: int = 5_000) -> int:
        """Takes away links that were over before then and old nonces; how many went. Connections stay with their chat."""
        gone = 0
        for rows, key, time, until in (
            (OFFER, OFFER.c.id, OFFER.c.expires_at, at),
            (NONCE, NONCE.c.nonce, NONCE.c.at, nonces_at),
        ):
            old = select(key).where(time < until).limit(limit)
            gone += self.connection.execute(delete(rows).where(key.in_(old))).rowcount
        return gone

    def _one(self, wanted: Select[Any], known: Known) -> Bound | None:
        row = self.connection.execute(wanted).one_or_none()
        if row is None:
            return None
        account = unseal(known.key, row.account, binding_place(row.public_id)).decode()
        return Bound(
            row.id, row.public_id, known.id, known.channel, account, row.login_at, row.bound_at, row.unbound_at
        )

    def _account_index(self, account_id: str) -> str:
        return self.keyring.blind("account", account_id)

    def _offer(self, row: Any, now: datetime) -> Offer:
        key = self.keyring.derived("binding", row.key_id)
        account = unseal(key, row.account, offer_place(row.public_id)).decode()
        over = row.void_at is not None or row.expires_at <= now
        states = (
            (row.done_at is not None, "done"),
            (over, "void"),
            (row.matched_at is not None, "matched"),
            (row.tried_at is not None, "void"),
            (row.opened_at is not None, "opened"),
        )
        state = next((name for holds, name in states if holds), "offered")
        return Offer(
            row.id,
            row.public_id,
            row.token_index,
            row.account_index,
            account,
            row.login_at,
            row.expires_at,
            row.person_id,
            state,
        )


def offer_place(public_id: str) -> str:
    return f"binding_offer.account:{public_id}"


def binding_place(public_id: str) -> str:
    return f"binding.account:{public_id}"
