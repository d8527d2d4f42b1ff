"""The company's customers as an import listed them: accounts and where they can be reached, sealed for each account."""

from datetime import datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class Account(SQLModel, table=True):
    """One account at the company. Nothing here says who in the chats has it."""

    __tablename__ = "account"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    account_index: str = Field(unique=True)
    """Blind index of the company's own name for the account."""
    name: bytes
    """The company's own name for the account, sealed."""
    closed: bool = False
    listed_at: datetime = Field(sa_type=UtcDateTime, index=True)
    """When an import last listed it."""
    contacts_changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a contact of it last went or was replaced, as far as is known; for what came before the first import, that
    import. A contact that has gone leaves no other trace. None: not known."""


class AccountKey(SQLModel, table=True):
    """The wrapped data key of one account; without it nothing sealed for the account opens."""

    __tablename__ = "account_key"

    account_id: int = Field(primary_key=True, foreign_key="account.id", ondelete="CASCADE")
    key_id: str
    wrapped: bytes


class AccountContact(SQLModel, table=True):
    """One way to reach an account's owner, with the time since when it is on file."""

    __tablename__ = "account_contact"
    __table_args__ = (
        UniqueConstraint("account_id", "kind"),
        CheckConstraint("kind IN ('email','phone','wechat','telegram')", name="kind"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE")
    kind: str
    value_index: str = Field(index=True)
    """Blind index of kind and value. Not unique: two accounts may name the same address, and then it finds neither."""
    value: bytes
    """Sealed with the account's key."""
    since: datetime = Field(sa_type=UtcDateTime)
