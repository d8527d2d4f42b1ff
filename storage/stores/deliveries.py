"""The outbox: what must go out, who is sending it, and what became of it. storage/stores/claims.py says how."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, delete, func, or_, select

from storage.crypto import Keyring, seal, unseal
from storage.errors import KeyMissing, Unreadable
from storage.stores.claims import (
    CLAIM,
    DELIVERY,
    GIVE_BACK,
    IS_DUE,
    IS_LOST,
    LANES,
    NEXT_DUE,
    PASSIVE,
    RETRY,
    SETTLE,
    SETTLE_SENT,
    STANDING,
    UNSETTLED,
    Lane,
)
from storage.stores.people import KNOWN, PERSON, WITH_KEY, Known, known, user_of
from storage.stores.prepared import Prepared

SENT = (DELIVERY.c.id, DELIVERY.c.created_at, DELIVERY.c.cause, DELIVERY.c.ordinal, DELIVERY.c.body)
ADD = DELIVERY.insert()
ADD_ONE = Prepared(ADD.returning(DELIVERY.c.id))
ADD_SEVERAL = ADD.returning(DELIVERY.c.id, sort_by_parameter_order=True)


class Due(NamedTuple):
    """A delivery that is ours to send now. `user` is the channel's name for the person, `body` the unsealed reply."""

    id: int
    person: Known
    user: str
    cause: str
    ordinal: int
    lane: Lane
    body: bytes
    attempts: int
    maybe_repeat: bool


class Standing(NamedTuple):
    """How a delivery stands that was born claimed. `is_behind`: an older one of the person and lane has not ended."""

    id: int
    person_id: int
    claim: str | None
    claimed_until: datetime | None
    is_behind: bool


class Sent(NamedTuple):
    """What a person was told, `body` unsealed."""

    id: int
    created_at: datetime
    cause: str
    body: bytes


class Fared(NamedTuple):
    """What became of a delivery so far. `reason`: of the last try that failed."""

    cause: str
    state: str
    created_at: datetime
    attempts: int
    reason: str | None


class Undelivered(NamedTuple):
    """A message that was tried and hasn't gone out: nothing of what it says, nor to whom. `state`: "unreachable" and
    "failed" are the end, else it is tried again at `due_at`."""

    cause: str
    channel: str
    state: str
    attempts: int
    due_at: datetime
    settled_at: datetime | None
    reason: str | None


class Deliveries:
    """All outgoing messages."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def add(
        self,
        known: Known,
        cause: str,
        replies: Sequence[bytes],
        now: datetime,
        claim: str | None = None,
        claimed_until: datetime | None = None,
        lane: Lane = "interactive",
    ) -> list[int]:
        """Queues the replies to one cause in order; their ids. With a claim they are born claimed: the caller sends."""
        if (claim is None) != (claimed_until is None):
            raise ValueError("a claim and its end belong together")
        rows = [
            {
                "cause": cause,
                "person_id": known.id,
                "channel": known.channel,
                "ordinal": ordinal,
                "lane": lane,
                "state": "claimed" if claim else "queued",
                "body": seal(known.key, body, body_place(known.id, cause, ordinal)),
                "created_at": now,
                "due_at": now,
                "claim": claim,
                "claimed_until": claimed_until,
                "attempts": 1 if claim else 0,
                "maybe_repeat": False,
            }
            for ordinal, body in enumerate(replies)
        ]
        if not rows:
            return []
        connection = self.connection
        if len(rows) == 1:
            return [ADD_ONE.run(connection, rows[0])[1]]
        return list(connection.execute(ADD_SEVERAL, rows).scalars())

    def settle(self, delivery_id: int, claim: str, state: str, now: datetime, reason: str | None = None) -> bool:
        """Ends a delivery as sent, unreachable or failed. False when the claim is no longer ours."""
        if state not in ("sent", "unreachable", "failed"):
            raise ValueError(f"a delivery can't end as {state!r}")
        row = {"delivery": delivery_id, "token": claim, "end": state, "now": now, "why": reason}
        connection = self.connection
        took_effect = connection.execute(SETTLE, row).rowcount == 1
        if took_effect and state == "unreachable":
            connection.execute(IS_LOST, {"delivery": delivery_id})
        return took_effect

    def settle_sent(self, ended: Sequence[tuple[int, str]], now: datetime, reason: str | None = None) -> int:
        """Ends many (id, claim) as sent, in one statement; how many still were ours."""
        row = {"ids": [delivery_id for delivery_id, _ in ended], "ours": list(ended), "now": now, "why": reason}
        return self.connection.execute(SETTLE_SENT, row).rowcount if ended else 0

    def retry(
        self,
        delivery_id: int,
        claim: str,
        due_at: datetime,
        reason: str | None = None,
        *,
        maybe_repeat: bool = False,
        unless_from_before: datetime | None = None,
    ) -> bool:
        """Gives a delivery back until `due_at`; `maybe_repeat` when this try may have arrived. False as in settle.

        One that was made at or before `unless_from_before` has waited long enough and ends as failed.
        """
        row = {"delivery": delivery_id, "token": claim, "again_at": due_at, "why": reason, "unsure": maybe_repeat}
        return self.connection.execute(RETRY, {**row, "give_up": unless_from_before}).rowcount == 1

    def give_back(self, untried: Sequence[tuple[int, str, datetime]]) -> None:
        """Gives (id, claim, due_at) back that nobody tried to send: neither a try nor a possible repeat."""
        rows = [{"delivery": one, "token": claim, "again_at": due_at} for one, claim, due_at in untried]
        if rows:
            self.connection.execute(GIVE_BACK, rows)

    def standing(self, ids: Sequence[int]) -> dict[int, Standing]:
        """How these deliveries stand, by id; without those that have ended."""
        rows = self.connection.execute(STANDING, {"ids": list(ids)}) if ids else ()
        return {row.id: Standing(*row) for row in rows}

    def is_due(self, channel: str, lanes: Sequence[str], now: datetime) -> bool:
        """Whether anything of these lanes may be claimed now, or waits only behind an older one of its person."""
        rows = ({"on": channel, "in_lane": lane, "now": now} for lane in lanes)
        return any(self.connection.execute(IS_DUE, row).first() for row in rows)

    def next_due(self, channel: str, lanes: Sequence[str], now: datetime) -> datetime | None:
        """The first time after now at which a delivery of these lanes is due; None when none waits."""
        rows = ({"on": channel, "in_lane": lane, "now": now} for lane in lanes)
        times = (self.connection.execute(NEXT_DUE, row).scalar_one_or_none() for row in rows)
        return min((time for time in times if time), default=None)

    def is_in_hand(self, causes: Sequence[str]) -> bool:
        """Whether the first reply to one of these causes is with somebody who may be sending it now."""
        first = select(DELIVERY.c.state).where(DELIVERY.c.cause.in_(causes)).order_by(DELIVERY.c.id).limit(1)
        return self.connection.execute(first).scalar_one_or_none() == "claimed"

    def went_passively(self, causes: Sequence[str]) -> int:
        """How many of the first replies to one of these causes went back in the answer to the push itself."""
        mine = select(func.count()).select_from(DELIVERY).where(DELIVERY.c.cause.in_(causes))
        passive = mine.where(DELIVERY.c.state == "sent", DELIVERY.c.reason == PASSIVE)
        return self.connection.execute(passive).scalar_one()

    def due(
        self,
        channel: str,
        now: datetime,
        limit: int,
        claim: str,
        until: datetime,
        lanes: Sequence[str] = LANES,
    ) -> list[Due]:
        """Deliveries whose time has come, now claimed until then: lane by lane, oldest first, at most `limit`.

        One whose body doesn't open ends as failed; one whose key is missing from the key file waits, and neither
        keeps the others from going out.
        """
        connection, claimed = self.connection, list[Any]()
        for lane in lanes:
            row = {"on": channel, "in_lane": lane, "now": now, "most": limit - len(claimed), "token": claim}
            if len(claimed) < limit:
                found = connection.execute(CLAIM, {**row, "until": until}).all()
                claimed += sorted(found, key=lambda one: (one.due_at, one.id))
        if not claimed:
            return []
        wanted = select(*KNOWN, PERSON.c.address_index, PERSON.c.address).select_from(WITH_KEY)
        wanted = wanted.where(PERSON.c.id.in_({one.person_id for one in claimed}))
        people = {row.id: row for row in connection.execute(wanted)}
        ready = []
        for one in claimed:
            try:
                ready.append(self._opened(one, people.get(one.person_id)))
            except Unreadable:
                self.settle(one.id, claim, "failed", now, "unreadable")
            except KeyMissing:
                self.retry(one.id, claim, until, "key missing")
        return ready

    def history(self, known: Known, after_id: int = 0, limit: int = 100) -> list[Sent]:
        """What this person was or will be told after the delivery `after_id`, oldest first. Raises Unreadable."""
        wanted = select(*SENT).where(DELIVERY.c.person_id == known.id, DELIVERY.c.id > after_id)
        return self._sent(known, wanted.order_by(DELIVERY.c.id).limit(limit))

    def recent(self, known: Known, limit: int = 100) -> list[Sent]:
        """The last `limit` messages this person was or will be told, oldest first. Raises Unreadable."""
        wanted = select(*SENT).where(DELIVERY.c.person_id == known.id)
        return self._sent(known, wanted.order_by(DELIVERY.c.id.desc()).limit(limit))[::-1]

    def of_cause(self, known: Known, cause: str) -> list[bytes]:
        """The replies to one cause, in order. Raises Unreadable."""
        wanted = select(DELIVERY.c.ordinal, DELIVERY.c.body).where(
            DELIVERY.c.cause == cause, DELIVERY.c.person_id == known.id
        )
        rows = self.connection.execute(wanted.order_by(DELIVERY.c.ordinal))
        return [unseal(known.key, row.body, body_place(known.id, cause, row.ordinal)) for row in rows]

    def fared(self, known: Known, beginning: str, limit: int = 1) -> list[Fared]:
        """What became of this person's messages whose cause begins so, newest first."""
        mine = (DELIVERY.c.person_id == known.id, DELIVERY.c.cause.startswith(beginning, autoescape=True))
        wanted = select(*(DELIVERY.c[name] for name in Fared._fields)).where(*mine).order_by(DELIVERY.c.id.desc())
        return [Fared(*row) for row in self.connection.execute(wanted.limit(limit))]

    def causes(self, known: Known, since: datetime) -> list[str]:
        """Causes of what was queued for this person after then, oldest first."""
        mine = (DELIVERY.c.person_id == known.id, DELIVERY.c.created_at > since)
        return list(self.connection.execute(select(DELIVERY.c.cause).where(*mine).order_by(DELIVERY.c.id)).scalars())

    def undelivered(self, beginnings: Sequence[str]) -> list[Undelivered]:
        """Messages of anybody whose cause begins so and that haven't gone out although they were tried, oldest first."""
        wanted = select(*(DELIVERY.c[name] for name in Undelivered._fields)).where(
            or_(*(DELIVERY.c.cause.startswith(one, autoescape=True) for one in beginnings)),
            or_(DELIVERY.c.state.in_(("unreachable", "failed")), and_(UNSETTLED, DELIVERY.c.attempts > 0)),
        )
        return [Undelivered(*row) for row in self.connection.execute(wanted.order_by(DELIVERY.c.id))]

    def pending(self, channel: str) -> int:
        """How many deliveries of this channel have not ended."""
        open_ones = select(func.count()).select_from(DELIVERY).where(DELIVERY.c.channel == channel, UNSETTLED)
        return self.connection.execute(open_ones).scalar_one()

    def forget_before(self, at: datetime, limit: int = 5_000) -> int:
        """Takes away deliveries made before then, sent or not, at most `limit`; how many went."""
        oldest = select(DELIVERY.c.id).where(DELIVERY.c.created_at < at).order_by(DELIVERY.c.id).limit(limit)
        return self.connection.execute(delete(DELIVERY).where(DELIVERY.c.id.in_(oldest))).rowcount

    def _sent(self, known: Known, wanted: Select[Any]) -> list[Sent]:
        return [
            Sent(
                row.id,
                row.created_at,
                row.cause,
                unseal(known.key, row.body, body_place(known.id, row.cause, row.ordinal)),
            )
            for row in self.connection.execute(wanted)
        ]

    def _opened(self, one: Any, person: Any) -> Due:
        if person is None:
            raise Unreadable(f"person {one.person_id} has no data key")
        whom = known(person, self.keyring)
        return Due(
            one.id,
            whom,
            user_of(whom.key, person.address_index, person.address),
            one.cause,
            one.ordinal,
            one.lane,
            unseal(whom.key, one.body, body_place(whom.id, one.cause, one.ordinal)),
            one.attempts,
            one.maybe_repeat,
        )


def body_place(person_id: int, cause: str, ordinal: int) -> str:
    return f"delivery.body:{person_id}:{cause}:{ordinal}"
