"""Who talks to the bot: one person a channel address, known by a blind index and a sealed address only."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class Person(SQLModel, table=True):
    """One address of one channel. Two channels of one human are two persons until they are bound."""

    __tablename__ = "person"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    channel: str
    address_index: str = Field(unique=True)
    """Blind index of channel and user: finds the row, reveals nothing."""
    address: bytes
    """The channel's own name for the person, sealed."""
    language: str = "en"
    """en, zh or zh-Hant: the language of the last reply."""
    language_chosen: bool = False
    """True once the person picked the language; until then it follows what they write."""
    reachable: bool = True
    first_seen: datetime = Field(sa_type=UtcDateTime)
    last_seen: datetime = Field(sa_type=UtcDateTime, index=True)


class PersonKey(SQLModel, table=True):
    """The wrapped data key of one person. Backups write this table to a file of its own (kept 7 days)."""

    __tablename__ = "person_key"

    person_id: int = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    key_id: str
    wrapped: bytes
