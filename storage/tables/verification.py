"""What proves who is chatting: chats connected to accounts, links that connect them, codes, and tries that are counted."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime

IN_FORCE = text("unbound_at IS NULL")


class Binding(SQLModel, table=True):
    """A chat that is connected to an account of the company, or was. A chat is connected to one at a time."""

    __tablename__ = "binding"
    __table_args__ = (
        CheckConstraint("method IN ('portal')", name="method"),
        Index("uq_binding_in_force", "person_id", unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    """What the company's portal calls it."""
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    account_index: str = Field(index=True)
    """Blind index of the company's own name for the account."""
    account: bytes
    """That name, sealed for the person."""
    method: str = "portal"
    login_at: datetime = Field(sa_type=UtcDateTime)
    """When the account's owner last logged in at the portal and showed it to this chat."""
    bound_at: datetime = Field(sa_type=UtcDateTime)
    unbound_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class BindingOffer(SQLModel, table=True):
    """A one-time link that the company's portal asked for. The numbers that are compared are stored nowhere."""

    __tablename__ = "binding_offer"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    public_id: str = Field(unique=True)
    token_index: str = Field(unique=True)
    """Blind index of the link's token, which is stored nowhere."""
    account_index: str = Field(index=True)
    account: bytes
    """The company's own name for the account, sealed with a key of the installation: no chat is known yet."""
    key_id: str
    login_at: datetime = Field(sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="CASCADE", index=True)
    """The chat that opened the link."""
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the portal said which number the chat shows: once, right or wrong."""
    matched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the chat said which number the portal shows: once, right or wrong."""
    void_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Verification(SQLModel, table=True):
    """One wish to be verified by a code. The code is computed from `salt` and id with a key of the installation."""

    __tablename__ = "verification"
    __table_args__ = (
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
        CheckConstraint("level IN (1,2)", name="level"),
        CheckConstraint("contact_kind IN ('phone','email')", name="contact_kind"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    purpose: str
    """What the code is for, and nothing else: "order:<run of the flow>", "result:17"."""
    salt: bytes
    is_bound: bool
    """Whether the chat was connected to an account when it asked."""
    level: int
    """What the right code proves: 1 CONTACT, 2 PORTAL (connected, and the login is fresh)."""
    account_index: str | None = None
    """Blind index of the account, once it is looked up. None also where there is none, or no code may go out."""
    account: bytes
    """The company's own name for it, sealed for the person; nothing, sealed, where there is none: to open it takes as long."""
    contact_kind: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the code was handed to the mail or SMS server: its clock starts here."""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    void_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a newer one for the same purpose took its place."""
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the right code came."""
    vouched_by: int | None = None
    """Who of staff vouched for the contact that the code goes to; None where it has been on file for long enough."""


class Vouch(SQLModel, table=True):
    """A member of staff checked a person, and says that a contact on file is theirs although it is young."""

    __tablename__ = "vouch"
    __table_args__ = (CheckConstraint("kind IN ('phone','email')", name="kind"),)

    contact_index: str = Field(primary_key=True)
    """Blind index of account, kind and value together: the same address of another account has another one."""
    account_index: str = Field(index=True)
    """Blind index of the company's own name for the account."""
    kind: str
    since: datetime = Field(sa_type=UtcDateTime, index=True)
    """Since when the contact was on file when it was vouched for: with another age it is another contact."""
    staff_id: int = Field(foreign_key="staff.id")
    at: datetime = Field(sa_type=UtcDateTime)
    why: bytes
    """How the person was checked, in the member's words, sealed with a key of the installation."""
    key_id: str


class VerificationTally(SQLModel, table=True):
    """How many codes went out and how many wrong ones came, for one chat, or for one account."""

    __tablename__ = "verification_tally"

    scope: str = Field(primary_key=True)
    """Blind index of what is counted for."""
    person_id: int | None = Field(default=None, foreign_key="person.id", ondelete="CASCADE", index=True)
    """The chat, where one is counted for; None for all unconnected chats of an account together."""
    codes: int = 0
    codes_since: datetime = Field(sa_type=UtcDateTime)
    """When the hour began that `codes` counts."""
    wrong: int = 0
    wrong_since: datetime = Field(sa_type=UtcDateTime)
    """When the day began that `wrong` counts."""
    in_a_row: int = 0
    touched_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Enquiry(SQLModel, table=True):
    """Something for which the company's directory must be asked, which is never done inside of a transaction."""

    __tablename__ = "enquiry"
    __table_args__ = (
        CheckConstraint("kind IN ('code','bound','unbound')", name="kind"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    thing_id: int
    """The verification, or the binding."""
    person_id: int = Field(foreign_key="person.id", ondelete="CASCADE", index=True)
    reference: str
    """Random; names the place of what is sealed."""
    asked: bytes
    """What to ask for, sealed for the person: what was typed to name an account, or the account's own name."""
    language: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PortalNonce(SQLModel, table=True):
    """A signed request of the company's portal that came: the same one counts once."""

    __tablename__ = "portal_nonce"

    nonce: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
