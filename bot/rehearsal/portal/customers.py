"""Invented customers of the demo's company: their accounts, with contacts that no one has."""

from datetime import UTC, datetime

from bot.core.accounts import Account
from bot.core.contacts import Contact, Kind

LONG_AGO = datetime(2024, 1, 15, tzinfo=UTC)


def _customer(number: int, name: str) -> Account:
    phone, mail = f"+861380000{number:04}", f"{name}@mail.example.com"
    contacts = Contact(Kind.PHONE, phone, LONG_AGO), Contact(Kind.EMAIL, mail, LONG_AGO)
    return Account(f"K-10{number:04}", contacts, contacts_changed_at=LONG_AGO)


CUSTOMERS = (_customer(1, "ada"), _customer(2, "bo"), _customer(3, "chen"))
"""Ada, Bo and Chen: K-100001, K-100002, K-100003."""
