"""The company's own people who work the orders: who they are here, and what they prove themselves with."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class Staff(SQLModel, table=True):
    """One staff member. Never deleted: the trail and the orders name the row."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint("failed >= 0", name="failed"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    """What they sign with; never changed."""
    roles: str = ""
    """Some of agent, officer, publisher, admin, auditor, separated by commas."""
    password: str
    """As argon2 encodes it, with its salt and cost."""
    totp: bytes
    """The secret of their one-time passwords, sealed."""
    key_id: str
    """The wrapping key that `totp` is sealed under."""
    own_account: str | None = None
    """Blind index of the account that they have at the company themselves: they may not decide about it."""
    active: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    last_step: int = 0
    """The latest step of their one-time passwords that was used, counted from 1970; it and all before are void."""
    failed: int = 0
    """Tries since the last one-time password that was right. Counted before the comparing."""
    tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
