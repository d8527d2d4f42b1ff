"""What was said: conversations, their turns, receipts, and the keys that keep one message from counting twice."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class Conversation(SQLModel, table=True):
    """Where one person's talk stands. `state` is sealed JSON: open flow and its journal, choices, last topic."""

    __tablename__ = "conversation"

    person_id: int = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    holder: str = "bot"
    """Who speaks: "bot", or the staff member who took over."""
    state: bytes
    version: int = 0
    """Grows by one with every turn."""
    updated_at: datetime = Field(sa_type=UtcDateTime)


class Turn(SQLModel, table=True):
    """One message and what came of it. `text` is masked, then sealed; it is forgotten after the retention time."""

    __tablename__ = "turn"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('answered','ask_back','not_covered','intent','command','choice','event','flow','apology')",
            name="outcome",
        ),
        CheckConstraint("rating IN (-1, 0, 1)", name="rating"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    text: bytes
    outcome: str
    intent: str | None = None
    clauses: str = ""
    """Ids of the clauses the reply rests on or offers, best first, separated by spaces."""
    score: float = 0.0
    policy: str = ""
    """Company and version the reply rests on ("kenpai/2023-12-15")."""
    language: str = "en"
    rating: int = 0
    rating_reason: str | None = None


class Receipt(SQLModel, table=True):
    """What an answer rested on, findable by its code. Outlives the turn; without the turn it names nobody."""

    __tablename__ = "receipt"
    __table_args__ = {"sqlite_with_rowid": False}

    code: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    company: str
    version: str
    checksum: str
    clauses: str
    """Clause and law ids, separated by spaces."""
    language: str
    turn_id: int | None = Field(default=None, foreign_key="turn.id", ondelete="SET NULL", index=True)


class Seen(SQLModel, table=True):
    """A message that took effect, by a blind index of its key, which may name who wrote it. Kept 72 h: longer than
    Telegram's 24 h of repeats, shorter than the quiet week after which its update ids start again at random (Bot API,
    Update)."""

    __tablename__ = "seen"
    __table_args__ = {"sqlite_with_rowid": False}

    key: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    turn_id: int | None = None


class Quarantine(SQLModel, table=True):
    """A message that could not be taken, kept sealed for 7 days so that nothing acknowledged is lost."""

    __tablename__ = "quarantine"

    key: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    channel: str
    sender_index: str | None = Field(default=None, index=True)
    """Blind index of who sent it, so that it goes when they ask to be forgotten; None where nobody knows."""
    body: bytes
    key_id: str
    error: str
    """Type of the error and where it rose; never the message's words."""
