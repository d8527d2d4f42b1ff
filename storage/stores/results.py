"""Packages of results: made piece by piece, sealed with the order's key, fetched by whoever holds the link, three times."""

import hashlib
from datetime import datetime
from secrets import token_urlsafe
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, bindparam, delete, or_, select, update

from storage.crypto import seal, unseal
from storage.errors import Unreadable
from storage.stores.order_papers import OrderPapers
from storage.stores.people import ERASED
from storage.tables import Result, ResultPart
from storage.tables.common import table

RESULT, PART = table(Result), table(ResultPart)

TOKEN_BYTES = 16
"""128 bits; 22 characters of an address."""
DOWNLOADS = 3
"""How often a package can be fetched; the database refuses a fourth (CHECK of the table)."""

CLAIMABLE = (
    select(RESULT.c.id)
    .where(
        RESULT.c.state == "waiting",
        RESULT.c.due_at <= bindparam("now"),
        or_(RESULT.c.claimed_until.is_(None), RESULT.c.claimed_until <= bindparam("now")),
    )
    .order_by(RESULT.c.due_at, RESULT.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("claimable")
)
CLAIM = (
    update(RESULT)
    .where(RESULT.c.id.in_(select(CLAIMABLE.c.id)))
    .values(claimed_until=bindparam("until"), attempts=RESULT.c.attempts + 1)
    .returning(*RESULT.c)
)
OPEN = (RESULT.c.state == "ready", RESULT.c.downloads < DOWNLOADS, RESULT.c.expires_at > bindparam("now"))
BY_TOKEN = select(*RESULT.c).where(RESULT.c.token_hash == bindparam("hashed"), *OPEN)
# All that must hold and the counting are one statement: of any number at the same moment three get through.
FETCH = (
    update(RESULT)
    .where(RESULT.c.token_hash == bindparam("hashed"), *OPEN)
    .values(downloads=RESULT.c.downloads + 1)
    .returning(*RESULT.c)
)


class Made(NamedTuple):
    """One package. See Result for the columns; times aware UTC."""

    id: int
    order_id: int
    state: str
    created_at: datetime
    due_at: datetime
    claimed_until: datetime | None
    attempts: int
    parts: int
    size: int
    sha256: str
    token_hash: str | None
    expires_at: datetime | None
    downloads: int

    @property
    def thing(self) -> str:
        """Its name as the purpose of a code."""
        return f"result:{self.id}"

    @property
    def left(self) -> int:
        """How often it can still be fetched."""
        return DOWNLOADS - self.downloads


class ResultStore:
    """All packages. Links are kept as hashes only: who reads the table can fetch nothing."""

    def __init__(self, connection: Connection, papers: OrderPapers) -> None:
        self.connection, self._papers = connection, papers

    # ---- making

    def wish(self, order_id: int, now: datetime) -> int:
        """A package is to be made and announced, in the place of any before it; its id."""
        earlier = (RESULT.c.order_id == order_id, RESULT.c.state.in_(("waiting", "ready")))
        self.connection.execute(update(RESULT).where(*earlier).values(state="void", expires_at=now, claimed_until=None))
        row = {"order_id": order_id, "state": "waiting", "created_at": now, "due_at": now}
        row |= {"attempts": 0, "parts": 0, "size": 0, "sha256": "", "downloads": 0}
        new: int = self.connection.execute(RESULT.insert().returning(RESULT.c.id), row).scalar_one()
        return new

    def is_due(self, now: datetime) -> bool:
        """Whether a package is to be made now."""
        free = or_(RESULT.c.claimed_until.is_(None), RESULT.c.claimed_until <= now)
        wanted = select(RESULT.c.id).where(RESULT.c.state == "waiting", RESULT.c.due_at <= now, free).limit(1)
        return self.connection.execute(wanted).first() is not None

    def due(self, now: datetime, until: datetime, limit: int = 1) -> list[Made]:
        """What is to be made, oldest first, now ours until then."""
        return [Made(*row) for row in self.connection.execute(CLAIM, {"now": now, "until": until, "most": limit})]

    def begin(self, made: Made, expires_at: datetime) -> None:
        """Takes away what an earlier try has left. What this one leaves goes at `expires_at` at the latest."""
        self.connection.execute(delete(PART).where(PART.c.result_id == made.id))
        self.connection.execute(
            update(RESULT).where(RESULT.c.id == made.id).values(parts=0, size=0, expires_at=expires_at)
        )

    def put_part(self, made: Made, ordinal: int, plain: bytes) -> bool:
        """Keeps a piece, sealed; False when the package isn't wanted any more or somebody else makes it."""
        mine = (RESULT.c.id == made.id, RESULT.c.state == "waiting", RESULT.c.attempts == made.attempts)
        grown = update(RESULT).where(*mine, RESULT.c.parts == ordinal).values(parts=ordinal + 1)
        if self.connection.execute(grown).rowcount != 1:
            return False
        body = seal(self._papers.key(made.order_id), plain, part_place(made.id, ordinal))
        row = {"result_id": made.id, "ordinal": ordinal, "order_id": made.order_id, "body": body}
        self.connection.execute(PART.insert(), row)
        return True

    def ready(self, made: Made, size: int, sha256: str, expires_at: datetime) -> str | None:
        """The token of the one link to the finished package, which can't be had again; None as for `put_part`."""
        token = token_urlsafe(TOKEN_BYTES)
        mine = (RESULT.c.id == made.id, RESULT.c.state == "waiting", RESULT.c.attempts == made.attempts)
        values = {"state": "ready", "size": size, "sha256": sha256, "expires_at": expires_at, "claimed_until": None}
        done = self.connection.execute(
            update(RESULT).where(*mine).values(token_hash=hashed(token), downloads=0, **values)
        )
        return token if done.rowcount == 1 else None

    def again_at(self, made: Made, at: datetime) -> None:
        """Gives it back until then."""
        mine = (RESULT.c.id == made.id, RESULT.c.state == "waiting", RESULT.c.attempts == made.attempts)
        self.connection.execute(update(RESULT).where(*mine).values(due_at=at, claimed_until=None))

    def failed(self, made: Made, now: datetime) -> None:
        """It can't be made; staff have to look."""
        mine = (RESULT.c.id == made.id, RESULT.c.state == "waiting")
        self.connection.execute(update(RESULT).where(*mine).values(state="failed", claimed_until=None, expires_at=now))

    # ---- fetching

    def of_token(self, token: str, now: datetime) -> Made | None:
        """What a link leads to; None for one that was never made, is over, used up, or replaced."""
        row = self.connection.execute(BY_TOKEN, {"hashed": hashed(token), "now": now}).one_or_none()
        return Made(*row) if row else None

    def fetch(self, token: str, now: datetime) -> Made | None:
        """The same, counted as fetched once more; None when it was too late or three times already."""
        row = self.connection.execute(FETCH, {"hashed": hashed(token), "now": now}).one_or_none()
        return Made(*row) if row else None

    def part(self, made: Made, ordinal: int) -> bytes:
        """A piece, unsealed. Raises Unreadable, also when it has gone meanwhile."""
        wanted = select(PART.c.body).where(PART.c.result_id == made.id, PART.c.ordinal == ordinal)
        body = self.connection.execute(wanted).scalar_one_or_none()
        if body is None:
            raise Unreadable(f"{made.thing} has no piece {ordinal}")
        return unseal(self._papers.key(made.order_id), body, part_place(made.id, ordinal))

    def of_order(self, order_id: int) -> list[Made]:
        """The packages of an order, newest first."""
        wanted = select(*RESULT.c).where(RESULT.c.order_id == order_id).order_by(RESULT.c.id.desc())
        return [Made(*row) for row in self.connection.execute(wanted)]

    # ---- forgetting

    def is_left(self, before: datetime) -> bool:
        """Whether something is kept of a package whose time was over before then."""
        return self.connection.execute(self._left(before, 1)).first() is not None

    def forget(self, before: datetime, limit: int = 20) -> int:
        """Takes away the pieces of packages whose time was over before then, and their links; how many packages."""
        ids = list(self.connection.execute(self._left(before, limit)).scalars())
        if ids:
            self.connection.info[ERASED] = True
            self.connection.execute(delete(PART).where(PART.c.result_id.in_(ids)))
            over = update(RESULT).where(RESULT.c.id.in_(ids))
            self.connection.execute(over.where(RESULT.c.state == "ready").values(state="gone"))
            self.connection.execute(over.values(parts=0, token_hash=None))
        return len(ids)

    def _left(self, before: datetime, limit: int) -> Any:
        return (
            select(RESULT.c.id)
            .where(RESULT.c.parts > 0, RESULT.c.expires_at <= before)
            .order_by(RESULT.c.expires_at)
            .limit(limit)
        )


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def part_place(result_id: int, ordinal: int) -> str:
    return f"result_part.body:{result_id}:{ordinal}"
