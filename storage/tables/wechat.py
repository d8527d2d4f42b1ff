"""What the WeChat channel keeps: the access token and who renews it, the right to write to people, nonces of pushes."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime


class WeChatToken(SQLModel, table=True):
    """The access token of one account, sealed, and the lease of the process that is renewing it."""

    __tablename__ = "wechat_token"

    app_id: str = Field(primary_key=True)
    token: bytes | None = None
    key_id: str | None = None
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refresh_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a new one is to be had: some minutes before its end."""
    forced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a renewal was last forced upon WeChat, which bounds how often that may be."""
    holder: str | None = None
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class WeChatWindow(SQLModel, table=True):
    """How many messages one person may still be sent, and until when. Messages and actions open a window each."""

    __tablename__ = "wechat_window"

    person: str = Field(primary_key=True)
    """Blind index of the person's address: a push opens the window before the person is known."""
    message_left: int = 0
    message_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    action_left: int = 0
    action_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    touched_at: datetime = Field(sa_type=UtcDateTime, index=True)


class WeChatNonce(SQLModel, table=True):
    """A push that came: the same nonce may come again with the same body only."""

    __tablename__ = "wechat_nonce"

    nonce: str = Field(primary_key=True)
    signed_at: datetime = Field(sa_type=UtcDateTime)
    """The time that WeChat signed."""
    body: str
    """SHA-256 of the body, hex."""
    at: datetime = Field(sa_type=UtcDateTime, index=True)
