"""A phone number that somebody shared in a chat: a hint which account is meant, and never a proof.

Telegram fills in the user id of one's own contact itself, so it shows which Telegram account has the number; not who holds
the number today, nor that it is a number of the company's customer. What follows is a code, as for a typed number.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.contacts import Kind, one_form

ASKED_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SharedContact:
    """A contact as the platform tells it."""

    phone: str
    user_id: int | None
    """Whose contact it is, as the platform says; None when it doesn't."""
    sender_id: int
    """Who sent it."""
    is_private: bool
    """Whether it came in a chat of two."""
    is_forwarded: bool
    answers_request_at: datetime | None
    """When we asked for it, by the message that this one answers; None when it answers none of ours."""

    def __repr__(self) -> str:
        return "SharedContact(***)"


def contact_hint(shared: SharedContact, now: datetime) -> str | None:
    """The number in its one form if it is the sender's own, given to us and asked for just now; else None."""
    asked_at = shared.answers_request_at
    asked_for = asked_at is not None and timedelta() <= now - asked_at <= ASKED_WITHIN
    own = shared.user_id is not None and shared.user_id == shared.sender_id
    if not (own and asked_for and shared.is_private) or shared.is_forwarded:
        return None
    # Telegram writes some numbers without their +.
    plain = shared.phone.strip()
    return one_form(Kind.PHONE, plain if plain.startswith("+") else f"+{plain}")
