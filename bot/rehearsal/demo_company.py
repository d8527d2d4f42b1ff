"""What a company would bring along, invented for the demo: customers in the account table, and three people of staff."""

import secrets

from bot.core.clock import Clock
from bot.core.contacts import Kind
from bot.core.roles import Role
from bot.core.staff import Staffers
from bot.rehearsal.portal.customers import CUSTOMERS
from storage.engine import Database
from storage.stores.accounts import AccountLine, ContactLine

STAFF = ("ann", "ben", "cem")
STAFF_MAIL = "privacy-desk@example.com"
"""What can't wait goes there; the page of the demo's mailbox shows it."""
PHONES = {number: customer.of_kind(Kind.PHONE)[0].value for number, customer in zip((1, 2), CUSTOMERS[1:], strict=True)}
"""The numbers of the two who hold the demo's phones: customers, so that a shared contact finds an account."""
TOTP_SECRET = "DEMQDEMQDEMQDEMQDEMQDEMQDEMQDEMQ"  # noqa: S105  for the demo's own database alone
"""One for all three, so that a newcomer can enter it into an authenticator once."""


def furnish(database: Database, clock: Clock) -> None:
    """Puts customers and staff into the demo's database, where they aren't yet."""
    now = clock()
    with database.work() as work:
        lines = [
            AccountLine(
                one.id,
                tuple(ContactLine(c.kind.value, c.value, c.since) for c in one.contacts),
                contacts_changed_at=one.contacts_changed_at,
            )
            for one in CUSTOMERS
        ]
        work.accounts.apply(work.accounts.plan(lines, now), now)
        known = {member.name for member in work.staff.all()}
    staffers = Staffers(database, clock)
    for name in STAFF:
        if name not in known:
            staffers.add("demo", name, [Role.OFFICER], secrets.token_urlsafe(24), TOTP_SECRET)
