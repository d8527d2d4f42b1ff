"""The audit trail, and the pace at which something may happen."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class Trail(SQLModel, table=True):
    """Who moved what, when and why, written in the transaction of the move. Names people by row id only."""

    __tablename__ = "trail"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    actor: str
    action: str
    thing: str = Field(index=True)
    """What was moved, kind and id: "turn:17", "person:4"."""
    detail: str = ""


class Bucket(SQLModel, table=True):
    """A shared pace (GCRA): `full_at` is the instant at which it is rested again, in seconds since 1970."""

    __tablename__ = "bucket"

    key: str = Field(primary_key=True)
    full_at: float
