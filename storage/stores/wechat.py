"""The WeChat channel's own rows: one access token for all processes, the quota of messages per person, nonces."""

from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from storage.crypto import Keyring, seal, unseal
from storage.errors import KeyMissing, Unreadable
from storage.stores.insert import insert_new
from storage.stores.prepared import Prepared
from storage.tables import Delivery, Person, WeChatNonce, WeChatToken, WeChatWindow
from storage.tables.common import table

TOKEN, WINDOW, NONCE = table(WeChatToken), table(WeChatWindow), table(WeChatNonce)
DELIVERY, PERSON = table(Delivery), table(Person)
CHANNEL = "wechat"

Contact = Literal["message", "action"]
"""What opens a window: something written, or a tap on the menu, a follow, a scan."""
Why = Literal["window_closed", "quota_used"]

QUOTA: dict[Contact, tuple[int, timedelta]] = {"message": (5, timedelta(hours=48)), "action": (3, timedelta(minutes=1))}
"""Messages, and for how long. Source: WeChat, Customer Service Messages (since June 2023)."""
NONCES_MEET_WITHIN = timedelta(seconds=60)
"""Two pushes signed further apart may have the same nonce by chance: it has no more than ten digits."""

ADD_NONCE = Prepared(insert_new(NONCE, NONCE.c.nonce))
NOW = bindparam("now", type_=WINDOW.c.touched_at.type)
COUNT, KEEP = bindparam("count", type_=Integer), bindparam("keep", type_=Integer)
MESSAGE_OPEN, ACTION_OPEN = WINDOW.c.message_until > NOW, WINDOW.c.action_until > NOW


def _less(left: ColumnElement[int], is_open: ColumnElement[bool]) -> ColumnElement[int]:
    return case((and_(is_open, left > COUNT), left - COUNT), (is_open, 0), else_=left)


def _more(kind: Contact, is_open: ColumnElement[bool]) -> ColumnElement[int]:
    left, (most, _) = WINDOW.c[f"{kind}_left"], QUOTA[kind]
    return case((and_(is_open, left + COUNT <= most), left + COUNT), (is_open, most), else_=left)


# Which window WeChat takes a message from isn't written anywhere, so it counts in each that is open.
TAKE = (
    update(WINDOW)
    .where(
        WINDOW.c.person == bindparam("whom"),
        or_(
            and_(MESSAGE_OPEN, WINDOW.c.message_left >= COUNT + KEEP),
            and_(ACTION_OPEN, WINDOW.c.action_left >= COUNT),
        ),
    )
    .values(
        message_left=_less(WINDOW.c.message_left, MESSAGE_OPEN), action_left=_less(WINDOW.c.action_left, ACTION_OPEN)
    )
)
GIVE_BACK = (
    update(WINDOW)
    .where(WINDOW.c.person == bindparam("whom"))
    .values(message_left=_more("message", MESSAGE_OPEN), action_left=_more("action", ACTION_OPEN))
)


def _opening(added: Any, kind: str) -> Executable:
    fresh = (f"{kind}_left", f"{kind}_until", "touched_at")
    return cast(
        Executable,
        added.on_conflict_do_update(
            index_elements=[WINDOW.c.person], set_={name: added.excluded[name] for name in fresh}
        ),
    )


INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
OPEN = {kind: Prepared({name: _opening(insert(WINDOW), kind) for name, insert in INSERTS.items()}) for kind in QUOTA}
# Looks at nothing for a person who was reachable all along.
TAKE_UP = Prepared(
    update(DELIVERY)
    .where(
        DELIVERY.c.person_id.in_(
            select(PERSON.c.id).where(PERSON.c.address_index == bindparam("whom"), PERSON.c.reachable == false())
        ),
        DELIVERY.c.state == "unreachable",
        or_(DELIVERY.c.reason == "window_closed", DELIVERY.c.reason == "quota_used"),
        or_(DELIVERY.c.lane != "interactive", DELIVERY.c.created_at > bindparam("not_before")),
    )
    .values(state="queued", due_at=NOW, settled_at=None, reason=None, claim=None, claimed_until=None)
)
ADD_TOKEN = insert_new(TOKEN, TOKEN.c.app_id)
HOLD = (
    update(TOKEN)
    .where(TOKEN.c.app_id == bindparam("app"), or_(TOKEN.c.holder.is_(None), TOKEN.c.held_until <= bindparam("now")))
    .values(holder=bindparam("me"), held_until=bindparam("until"))
)
OURS = and_(TOKEN.c.app_id == bindparam("app"), TOKEN.c.holder == bindparam("me"))


class Kept(NamedTuple):
    """The account's access token ("" before the first, or when its key is missing) and its times."""

    token: str
    expires_at: datetime | None
    refresh_at: datetime | None
    forced_at: datetime | None


class WeChatStore:
    """What the WeChat channel of every process shares. People are named by the blind index of their address."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    # ---- the access token

    def token(self, app_id: str) -> Kept | None:
        """The token of this account; None when there never was one."""
        row = self.connection.execute(select(TOKEN).where(TOKEN.c.app_id == app_id)).one_or_none()
        if row is None:
            return None
        try:
            plain = row.token and unseal(self.keyring.derived("wechat.token", row.key_id), row.token, place(app_id))
        except (KeyMissing, Unreadable):
            plain = None  # A new one is had for the asking.
        return Kept((plain or b"").decode(), row.expires_at, row.refresh_at, row.forced_at)

    def hold(self, app_id: str, holder: str, now: datetime, until: datetime, *, forced: bool = False) -> bool:
        """Whether `holder` is now the one who renews the token; the lease ends by itself."""
        self.connection.execute(ADD_TOKEN[self.connection.dialect.name], {"app_id": app_id})
        held = self.connection.execute(HOLD, {"app": app_id, "me": holder, "now": now, "until": until}).rowcount == 1
        if held and forced:
            self.connection.execute(update(TOKEN).where(OURS).values(forced_at=now), {"app": app_id, "me": holder})
        return held

    def keep(self, app_id: str, holder: str, token: str, expires_at: datetime, refresh_at: datetime) -> bool:
        """Keeps the new token and ends the lease. False when the lease was lost meanwhile: then nothing is kept."""
        key_id = self.keyring.current
        sealed = seal(self.keyring.derived("wechat.token", key_id), token.encode(), place(app_id))
        renewed = update(TOKEN).where(OURS)
        renewed = renewed.values(token=sealed, key_id=key_id, expires_at=expires_at, refresh_at=refresh_at)
        renewed = renewed.values(holder=None, held_until=None)
        return self.connection.execute(renewed, {"app": app_id, "me": holder}).rowcount == 1

    def release(self, app_id: str, holder: str) -> None:
        """Ends a lease that came to nothing."""
        ended = update(TOKEN).where(OURS).values(holder=None, held_until=None)
        self.connection.execute(ended, {"app": app_id, "me": holder})

    # ---- pushes

    def is_new_or_same(self, nonce: str, signed_at: datetime, body: str, now: datetime) -> bool:
        """Notes a push. False when another body came with this nonce; `body` is its SHA-256 in hex."""
        row = {"nonce": nonce, "signed_at": signed_at, "body": body, "at": now}
        if ADD_NONCE.run(self.connection, row)[1] is not None:
            return True
        before = self.connection.execute(select(NONCE).where(NONCE.c.nonce == nonce)).one_or_none()
        return before is None or before.body == body or abs(before.signed_at - signed_at) > NONCES_MEET_WITHIN

    # ---- the quota of one person

    def person(self, user: str) -> str:
        """The blind index of a person's address, by which this store names them."""
        return self.keyring.blind("address", CHANNEL, user)

    def open_window(self, person: str, contact: Contact, now: datetime, *, not_before: datetime) -> int:
        """The person was in touch: they may be written to again. Takes up what could not be sent to them for want of a
        window, answers only if made after `not_before`; how many that were."""
        count, lasts = QUOTA[contact]
        row = {"person": person, "message_left": 0, "action_left": 0, "touched_at": now}
        row |= {"message_until": None, "action_until": None, f"{contact}_left": count, f"{contact}_until": now + lasts}
        OPEN[contact].run(self.connection, row)
        return TAKE_UP.run(self.connection, {"whom": person, "now": now, "not_before": not_before})[0]

    def take(self, person: str, count: int, now: datetime, *, keep: int = 0) -> Why | None:
        """Takes `count` messages of the quota, leaving `keep` of what a message gave. None when that is done."""
        if self.connection.execute(TAKE, {"whom": person, "count": count, "keep": keep, "now": now}).rowcount == 1:
            return None
        any_open = select(WINDOW.c.person).where(WINDOW.c.person == bindparam("whom"), or_(MESSAGE_OPEN, ACTION_OPEN))
        still = self.connection.execute(any_open, {"whom": person, "now": now}).first()
        return "quota_used" if still else "window_closed"

    def give_back(self, person: str, count: int, now: datetime) -> None:
        """Returns what was taken for messages that were certainly not sent."""
        self.connection.execute(GIVE_BACK, {"whom": person, "count": count, "now": now})

    def use_up(self, person: str, why: Why) -> None:
        """WeChat says so, whatever was counted here: nothing more until the person is in touch again."""
        if why == "window_closed":
            self.connection.execute(delete(WINDOW).where(WINDOW.c.person == person))
        else:
            spent = update(WINDOW).where(WINDOW.c.person == person)
            self.connection.execute(spent.values(message_left=0, action_left=0))

    def left(self, person: str, now: datetime) -> dict[Contact, int]:
        """How many messages each open window still holds."""
        row = self.connection.execute(select(WINDOW).where(WINDOW.c.person == person)).one_or_none()
        found: dict[Contact, int] = {}
        if row and row.message_until and row.message_until > now:
            found["message"] = row.message_left
        if row and row.action_until and row.action_until > now:
            found["action"] = row.action_left
        return found

    # ---- what is forgotten

    def forget(self, now: datetime, nonces_before: datetime) -> int:
        """Takes away old nonces, windows that are over, and those of people erased since; how many rows went."""
        old = delete(NONCE).where(NONCE.c.at < nonces_before)
        over = delete(WINDOW).where(WINDOW.c.touched_at < now - QUOTA["message"][1])
        erased = delete(WINDOW).where(
            WINDOW.c.touched_at < nonces_before, ~exists().where(PERSON.c.address_index == WINDOW.c.person)
        )
        return sum(self.connection.execute(statement).rowcount for statement in (old, over, erased))


def place(app_id: str) -> str:
    return f"wechat_token.token:{app_id}"
