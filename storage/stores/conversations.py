"""What was said, where each talk stands, which messages took effect, and what the answers rested on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, nulls_first, select, update

from storage.crypto import Keyring, seal, unseal
from storage.errors import AlreadySeen, Conflict
from storage.stores.insert import insert_new
from storage.stores.people import Known
from storage.stores.prepared import Prepared
from storage.tables import Conversation, Receipt, Seen, Turn
from storage.tables.common import table

CONVERSATION, TURN, SEEN, RECEIPT = table(Conversation), table(Turn), table(Seen), table(Receipt)

STATE = Prepared(
    select(CONVERSATION.c.state, CONVERSATION.c.version, CONVERSATION.c.holder).where(
        CONVERSATION.c.person_id == bindparam("person")
    )
)
BEGIN = Prepared(insert_new(CONVERSATION, CONVERSATION.c.person_id))
GO_ON = Prepared(
    update(CONVERSATION)
    .where(CONVERSATION.c.person_id == bindparam("person"), CONVERSATION.c.version == bindparam("read"))
    .values(state=bindparam("sealed"), version=bindparam("written"), updated_at=bindparam("now"))
)
TURN_OF = select(SEEN.c.at, SEEN.c.turn_id).where(SEEN.c.key == bindparam("wanted"))
MARK = Prepared(insert_new(SEEN, SEEN.c.key))
ADD_TURN = Prepared(TURN.insert().returning(TURN.c.id))
ADD_RECEIPT = Prepared(insert_new(RECEIPT, RECEIPT.c.code))


class State(NamedTuple):
    """Where a talk stands. `state` is unsealed JSON, None before the first turn; `version` is 0 then."""

    state: bytes | None
    version: int
    holder: str


class Mark(NamedTuple):
    """A message that took effect, and the turn it became (None when it became none)."""

    key: str
    at: datetime
    turn_id: int | None


class Spoken(NamedTuple):
    """A turn, its text unsealed."""

    id: int
    at: datetime
    text: str
    outcome: str
    intent: str | None
    clauses: tuple[str, ...]
    score: float
    policy: str
    language: str
    rating: int
    rating_reason: str | None


class Basis(NamedTuple):
    """What an answer rested on. `person_id` is its owner's, None once the turn is forgotten."""

    code: str
    at: datetime
    company: str
    version: str
    checksum: str
    clauses: tuple[str, ...]
    language: str
    turn_id: int | None
    person_id: int | None


class Forgotten(NamedTuple):
    """How many rows went."""

    turns: int
    seen: int
    receipts: int


class Conversations:
    """The talks of everybody, each readable with its person's key alone."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    def state(self, known: Known) -> State:
        """Where this person's talk stands. Raises Unreadable."""
        row = STATE.row(self.connection, {"person": known.id})
        if row is None:
            return State(None, 0, "bot")
        return State(unseal(known.key, row.state, state_place(known, row.version)), row.version, row.holder)

    def save_state(self, known: Known, state: bytes, version: int, now: datetime) -> int:
        """Writes where the talk stands and returns the new version. `version` is the one that was read.

        Raises Conflict when another turn came between.
        """
        connection, written = self.connection, version + 1
        sealed = seal(known.key, state, state_place(known, written))
        if version == 0:
            row = {"person_id": known.id, "holder": "bot", "state": sealed, "version": written, "updated_at": now}
            took_effect = BEGIN.run(connection, row)[1] is not None
        else:
            row = {"person": known.id, "read": version, "sealed": sealed, "written": written, "now": now}
            took_effect = GO_ON.run(connection, row)[0] == 1
        if not took_effect:
            raise Conflict(f"another turn of person {known.id} came between; version {version} is gone")
        return written

    def turn_of(self, key: str) -> Mark | None:
        """What became of the message with this key; None when it is new."""
        row = self.connection.execute(TURN_OF, {"wanted": self._blind(key)}).one_or_none()
        return Mark(key, *row) if row else None

    def mark_seen(self, key: str, now: datetime, turn_id: int | None = None) -> None:
        """Notes that this message takes effect now. Raises AlreadySeen when it has before."""
        connection = self.connection
        row = {"key": self._blind(key), "at": now, "turn_id": turn_id}
        if MARK.run(connection, row)[1] is None:
            raise AlreadySeen(f"message {key} has taken effect before")

    def add_turn(
        self,
        known: Known,
        at: datetime,
        text: str,
        outcome: str,
        intent: str | None = None,
        clauses: Sequence[str] = (),
        score: float = 0.0,
        policy: str = "",
        language: str = "en",
    ) -> int:
        """Keeps one message (masked by the caller, sealed here) and what came of it; the turn's id."""
        row = {
            "person_id": known.id,
            "at": at,
            "text": seal(known.key, text.encode("utf-8", "surrogatepass"), text_place(known, at)),
            "outcome": outcome,
            "intent": intent,
            "clauses": joined(clauses),
            "score": score,
            "policy": policy,
            "language": language,
            "rating": 0,
        }
        turn_id: int = ADD_TURN.run(self.connection, row)[1]
        return turn_id

    def turns(self, known: Known, limit: int, before: int | None = None) -> list[Spoken]:
        """This person's turns, newest first, older than the turn `before`. Raises Unreadable."""
        wanted = select(*(TURN.c[name] for name in Spoken._fields)).where(TURN.c.person_id == known.id)
        if before is not None:
            wanted = wanted.where(TURN.c.id < before)
        rows = self.connection.execute(wanted.order_by(TURN.c.id.desc()).limit(limit))
        return [
            Spoken(*row)._replace(
                text=unseal(known.key, row.text, text_place(known, row.at)).decode("utf-8", "surrogatepass"),
                clauses=tuple(row.clauses.split()),
            )
            for row in rows
        ]

    def rate(self, person_id: int, turn_id: int, rating: int, reason: str | None = None) -> bool:
        """Notes how good a turn was: -1, 0 or 1, and a word from a fixed list. False for somebody else's turn."""
        own = update(TURN).where(TURN.c.id == turn_id, TURN.c.person_id == person_id)
        return self.connection.execute(own.values(rating=rating, rating_reason=reason)).rowcount == 1

    def add_receipt(
        self,
        code: str,
        at: datetime,
        company: str,
        version: str,
        checksum: str,
        clauses: Sequence[str],
        language: str,
        turn_id: int | None,
    ) -> None:
        """Keeps what an answer rests on. Raises Conflict when the code is taken: start again with another."""
        connection = self.connection
        row = {
            "code": code,
            "at": at,
            "company": company,
            "version": version,
            "checksum": checksum,
            "clauses": joined(clauses),
            "language": language,
            "turn_id": turn_id,
        }
        if ADD_RECEIPT.run(connection, row)[1] is None:
            raise Conflict(f"receipt {code} exists already")

    def receipt(self, code: str) -> Basis | None:
        """What the answer with this receipt rested on, and whose it was."""
        found = (
            select(*RECEIPT.c, TURN.c.person_id)
            .select_from(RECEIPT.outerjoin(TURN, TURN.c.id == RECEIPT.c.turn_id))
            .where(RECEIPT.c.code == code)
        )
        row = self.connection.execute(found).mappings().one_or_none()
        return Basis(**{**row, "clauses": tuple(row["clauses"].split())}) if row else None

    def forget_before(
        self, turns_before: datetime, seen_before: datetime, receipts_before: datetime, limit: int = 5_000
    ) -> Forgotten:
        """Takes away what is older, at most `limit` rows of each kind a call. Receipts outlive their turns."""
        return Forgotten(
            self._forget(TURN, TURN.c.id, TURN.c.id, turns_before, limit),
            self._forget(SEEN, SEEN.c.key, SEEN.c.at, seen_before, limit),
            self._forget(RECEIPT, RECEIPT.c.code, RECEIPT.c.turn_id, receipts_before, limit),
        )

    def _blind(self, key: str) -> str:
        # A channel's key can hold the name of who wrote (the web's does), and outlives them by up to 72 hours.
        return self.keyring.blind("seen", key)

    def _forget(
        self, rows: Table, key: ColumnElement[Any], order: ColumnElement[Any], before: datetime, limit: int
    ) -> int:
        """Deletes the old ones among the first `limit` rows in `order`, which an index holds and in which the old come
        first: turns by id, receipts by turn (those whose turn is gone have none). A time index would cost every turn a page."""
        first = select(key, rows.c.at).order_by(nulls_first(order)).limit(limit).subquery()
        old = select(first.c[0]).where(first.c.at < before)
        return self.connection.execute(delete(rows).where(key.in_(old))).rowcount


def state_place(known: Known, version: int) -> str:
    # The version is part of the place, so an earlier state put back into the row doesn't open.
    return f"conversation.state:{known.id}:{version}"


def text_place(known: Known, at: datetime) -> str:
    # Made of what is known before the row has its id, so the text goes in with the insert.
    return f"turn.text:{known.id}:{at.astimezone(UTC).isoformat()}"


def joined(clauses: Sequence[str]) -> str:
    if isinstance(clauses, str):
        raise TypeError("clauses are a sequence of ids, not one string")
    return " ".join(clauses)
