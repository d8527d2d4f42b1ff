"""What the doctor looks at of people's requests: whether staff hear of what can't wait, and why deletions wait longer."""

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

from bot.core.contacts import SETTLED_AFTER
from bot.core.finding import Finding
from bot.settings import Settings
from storage.errors import StorageError


def staff_mail_findings(settings: Settings) -> Iterator[Finding]:
    """Whether urgent reports, reminders and what is late go to a mailbox, where people can prove who they are."""
    if settings.staff_mail and not settings.smtp_host:
        yield Finding("staff mail", "wrong", "CLAUSEBOT_STAFF_MAIL: nothing can be mailed to it without SMTP_HOST")
    elif settings.staff_mail:
        yield Finding("staff mail", "ok", f"what can't wait goes to {settings.staff_mail}")
    elif settings.smtp_host or settings.sms_url or settings.portal_secret.get_secret_value():
        says = "nobody is written to about urgent reports and late requests: set CLAUSEBOT_STAFF_MAIL"
        needs = "" if settings.smtp_host else " and SMTP_HOST"
        yield Finding("staff mail", "warning", f"{says}{needs}, or look at `clausebot orders list` every hour")


def account_findings(settings: Settings) -> Iterator[Finding]:
    """Whether deletions wait 7 days and not 72 hours because nobody says when contacts last changed."""
    from bot.app import open_database

    if settings.accounts_url:
        says = "asked of your system; while its answers carry no contacts_changed_at, every deletion waits 7 days"
        yield Finding("accounts", "ok", f"{says} (docs/accounts.md)")
        return
    now = datetime.now(UTC)
    unsteady, listed = 0, 0
    with suppress(StorageError), closing(open_database(settings)) as database, database.read() as work:
        unsteady, listed = work.accounts.unsteady(
            now - SETTLED_AFTER
        )  # What is wrong with it the doctor has told before.
    if not listed:
        return
    counted = f"{unsteady:,} of {listed:,} open accounts: contacts changed in the last 30 days, or nobody says when"
    if unsteady * 2 <= listed:
        yield Finding("accounts", "ok", f"{counted}; their deletions wait 7 days")
    else:
        remedy = "Import them with a column contacts_changed_at (docs/accounts.md)"
        yield Finding("accounts", "warning", f"{counted}, so their deletions wait 7 days. {remedy}")
