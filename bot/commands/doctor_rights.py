"""What the doctor looks at of people's requests: whether staff hear of what can't wait."""

from collections.abc import Iterator

from bot.core.finding import Finding
from bot.settings import Settings


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
