"""What comes of an order: packages behind secure links; and what is exchanged with the company's own systems."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime

WAITS = text("state = 'waiting'")
LEFT = text("parts > 0")
QUEUED = text("state = 'queued'")


class Result(SQLModel, table=True):
    """A package for the person, and the one link that leads to it. `downloads` is counted in one conditional update."""

    __tablename__ = "result"
    __table_args__ = (
        CheckConstraint("state IN ('waiting','ready','void','gone','failed')", name="state"),
        CheckConstraint("downloads BETWEEN 0 AND 3", name="downloads"),
        CheckConstraint("state <> 'ready' OR (token_hash IS NOT NULL AND expires_at IS NOT NULL)", name="ready"),
        Index("ix_result_waits", "due_at", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("ix_result_left", "expires_at", sqlite_where=LEFT, postgresql_where=LEFT),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    state: str = "waiting"
    """waiting: to be made and announced; ready; void: another one took its place; gone: its time is over; failed."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    """When it is to be made, or tried again."""
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    parts: int = 0
    """Sealed pieces of the package that are kept."""
    size: int = 0
    """Bytes of the package, unsealed."""
    sha256: str = ""
    """Of the package, hex."""
    token_hash: str | None = Field(default=None, unique=True)
    """The link itself is kept nowhere."""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Of a package that isn't announced yet: when what is kept of it goes all the same."""
    downloads: int = 0


class ResultPart(SQLModel, table=True):
    """A piece of a package, sealed with the order's key."""

    __tablename__ = "result_part"

    result_id: int = Field(primary_key=True, foreign_key="result.id", ondelete="CASCADE")
    ordinal: int = Field(primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    body: bytes


class WebhookEvent(SQLModel, table=True):
    """Something that happened to an order and that the company's system is told, until it has taken it."""

    __tablename__ = "webhook_event"
    __table_args__ = (
        CheckConstraint("state IN ('queued','taken','failed')", name="state"),
        Index("ix_webhook_event_due", "due_at", sqlite_where=QUEUED, postgresql_where=QUEUED),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    """The idempotency key: the same at every try."""
    seq: int = Field(unique=True)
    """The place in the trail's chain of what happened, so that nothing is told twice."""
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    kind: str
    body: bytes
    """The JSON that is sent, the same bytes at every try, sealed with the order's key: it names the account."""
    state: str = "queued"
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    due_at: datetime = Field(sa_type=UtcDateTime)
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    status: str = ""
    """What the last try came to: an HTTP status, or one word."""


class WebhookKey(SQLModel, table=True):
    """A result that the company's system sent in, and what it was answered: the same key again gets the same answer."""

    __tablename__ = "webhook_key"

    key_hash: str = Field(primary_key=True)
    order_id: int = Field(foreign_key="work_order.id", ondelete="CASCADE", index=True)
    digest: str
    """SHA-256 of everything that the request meant, hex."""
    status: int
    answer: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)


class WebhookCursor(SQLModel, table=True):
    """How far the trail was read for news to the company's system."""

    __tablename__ = "webhook_cursor"

    name: str = Field(primary_key=True)
    seq: int
    at: datetime = Field(sa_type=UtcDateTime)
    """When it was read last."""
