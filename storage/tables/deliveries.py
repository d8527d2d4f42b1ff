"""The outbox: one row for every message that must go out."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime

UNSETTLED = text("state IN ('queued','claimed')")


class Delivery(SQLModel, table=True):
    """One outgoing message, unique per cause, person and ordinal. `body` is the reply, sealed for this person."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("cause", "person_id", "ordinal", name="uq_delivery_cause"),
        CheckConstraint("lane IN ('interactive','order','broadcast')", name="lane"),
        CheckConstraint("state IN ('queued','claimed','sent','unreachable','failed')", name="state"),
        Index(
            "ix_delivery_unsettled",
            *("channel", "lane", "due_at", "id"),
            sqlite_where=UNSETTLED,
            postgresql_where=UNSETTLED,
        ),
        Index("ix_delivery_oldest", *("person_id", "lane", "id"), sqlite_where=UNSETTLED, postgresql_where=UNSETTLED),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    cause: str
    """What it answers to: "turn:17"."""
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    channel: str
    ordinal: int
    lane: str = "interactive"
    state: str = "queued"
    body: bytes
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    claim: str | None = None
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    maybe_repeat: bool = False
    """True when a crash left it unknown whether an earlier try arrived."""
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = None
