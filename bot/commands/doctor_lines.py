"""What the doctor looks at of the lines to the company's own systems: whether they can be reached now; and codes that couldn't go."""

import smtplib
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from bot.core.finding import Finding
from bot.settings import Settings
from storage.errors import StorageError

WITHIN = 3.0
"""Seconds for one line; what takes longer has no place behind people who wait for a code."""
LATELY = timedelta(hours=24)
SUBMISSION = "SMTP_HOST, SMTP_PORT, the firewall and whether the server runs"


def line_findings(settings: Settings, offline: bool) -> Iterator[Finding]:
    """Whether mail server, SMS gateway, account system and webhook receiver answer, of those that are set. Nothing is
    sent, and nobody signs in. With `offline` none is asked."""
    addresses = (
        ("SMS gateway", "SMS_URL", settings.sms_url),
        ("account system", "ACCOUNTS_URL", settings.accounts_url),
        ("webhooks", "WEBHOOK_URL", settings.webhook_url),
    )
    if settings.smtp_host:
        yield Finding("mail server", "ok", "not asked: --offline") if offline else _mail_server(settings)
    for what, setting, url in addresses:
        if url:
            yield Finding(what, "ok", "not asked: --offline") if offline else _address(what, setting, url)


def code_findings(settings: Settings) -> Iterator[Finding]:
    """Codes of the last day that could not go out: whoever waits for one can't go on."""
    from bot.app import open_database

    lost: Counter[str] = Counter()
    with suppress(StorageError), closing(open_database(settings)) as database, database.read() as work:
        since = datetime.now(UTC) - LATELY  # What is wrong with the database the doctor has told before.
        lost.update(
            one.channel for one in work.deliveries.undelivered(["code:"]) if one.settled_at and one.settled_at > since
        )
    if lost:
        counted = ", ".join(f"{count:,} by {channel}" for channel, count in sorted(lost.items()))
        remedy = "Look at the mail server and the SMS gateway above and at the log; whoever waits asks for another one"
        yield Finding("codes", "warning", f"could not be sent in the last 24 hours: {counted}. {remedy}")


def _mail_server(settings: Settings) -> Finding:
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    trusted = ssl.create_default_context()
    try:
        line = (
            smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, "clausebot", timeout=WITHIN, context=trusted)
            if settings.smtp_tls == "tls"
            else smtplib.SMTP(settings.smtp_host, settings.smtp_port, "clausebot", timeout=WITHIN)
        )
        with closing(line):
            code, _ = line.ehlo()
            if code != 250:
                return Finding("mail server", "wrong", f"{where} answers, but refuses EHLO ({code}): ask who runs it")
            if settings.smtp_tls == "starttls":
                line.starttls(context=trusted)
                line.ehlo()
            if settings.smtp_user and not line.has_extn("auth"):
                says = f"{where} offers no sign-in, and SMTP_USER is set: check SMTP_PORT and SMTP_TLS"
                return Finding("mail server", "wrong", says)
    except smtplib.SMTPNotSupportedError:
        says = f"{where} offers no encryption (STARTTLS): check SMTP_PORT, or SMTP_TLS=tls"
        return Finding("mail server", "wrong", says)
    except ssl.SSLError as bad:
        return Finding("mail server", "wrong", f"{where}: {_tls(bad)}; check SMTP_TLS and SMTP_PORT, too")
    except smtplib.SMTPServerDisconnected:  # Also what smtplib makes of a greeting that never came.
        says = f"{where} takes connections, but broke off or said nothing for {WITHIN:.0f} seconds: check SMTP_PORT, and SMTP_TLS=tls"
        return Finding("mail server", "wrong", says)
    except smtplib.SMTPException as bad:
        says = f"{where} speaks, but no mail can be handed to it ({type(bad).__name__}): check SMTP_PORT and SMTP_TLS"
        return Finding("mail server", "wrong", says)
    except OSError as bad:
        return Finding("mail server", "wrong", f"{where} {_why(bad)}: check {SUBMISSION}. No code goes out by mail")
    return Finding("mail server", "ok", f"{where} answers; nobody signed in, and no mail was sent")


def _address(what: str, setting: str, url: str) -> Finding:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return Finding(what, "wrong", f"{setting}: is no address")
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), WITHIN) as line:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(line, server_hostname=host):
                    pass
    except ssl.SSLError as bad:
        return Finding(what, "wrong", f"{where}: {_tls(bad)}")
    except (OSError, UnicodeError) as bad:
        return Finding(what, "wrong", f"{where} {_why(bad)}: check {setting}, the firewall and whether it runs")
    return Finding(what, "ok", f"{where} takes connections; nothing was sent")


def _why(bad: Exception) -> str:
    if isinstance(bad, TimeoutError):
        return f"gave no answer in {WITHIN:.0f} seconds"
    if isinstance(bad, socket.gaierror | UnicodeError):
        return "isn't known by that name"
    return "refuses the connection" if isinstance(bad, ConnectionRefusedError) else "can't be reached"


def _tls(bad: ssl.SSLError) -> str:
    if isinstance(bad, ssl.SSLCertVerificationError):
        return f"its certificate isn't believed ({bad.verify_message})"
    return "no encrypted line came about"
