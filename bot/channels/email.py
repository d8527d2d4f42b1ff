"""Mail: one-time codes and notices, handed to the company's own mail server by SMTP.

The first line of a reply is the subject. Where a server says "later" (greylisting, a full disk) the pump tries again; where
the line broke after the whole mail was given, nobody knows whether it was taken, and that is said, too. A mail's Message-ID
comes from what the message is, not from the try, so that two copies of one mail can be told for what they are.
Status codes: RFC 5321 4.2; greylisting: RFC 6647.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP as AS_SMTP
from email.utils import formatdate
from html import escape
from typing import Any, Literal

import aiosmtplib
import structlog
from aiosmtplib import errors as smtp

from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.contacts import Kind, one_form
from bot.core.errors import DeliveryError, Misconfigured, Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from knowledge.normal import visible

NAME = "email"
WITHIN = timedelta(seconds=8)
"""For one mail, the line included. The pump waits for a call 10 s."""
SOON, LATER, MISCONFIGURED = timedelta(seconds=30), timedelta(seconds=90), timedelta(minutes=5)
SUBJECT_MOST, TEXT_MAX = 150, 20_000
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Fill = Callable[[Reply], AbstractAsyncContextManager[Reply]]
"""Puts a code into a message just before it is sent (bot/core/code_sending.py)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The company's mail server. Raises Misconfigured with every problem."""

    host: str
    port: int
    sender: str
    """The address that mails come from; people may answer to it."""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    name: str = ""
    """Shown beside the address: the company's name."""

    def __post_init__(self) -> None:
        problems = []
        if not self.host or any(c.isspace() for c in self.host):
            problems.append("SMTP_HOST: give the mail server's name, for example smtp.example.com")
        if not 0 < self.port < 65536:
            problems.append("SMTP_PORT: must be 1 to 65535; 587 with starttls, 465 with tls")
        if one_form(Kind.EMAIL, self.sender) is None:
            problems.append("SMTP_FROM: give the address that mails come from, for example privacy@example.com")
        if self.tls == "none" and self.host not in _LOOPBACK:
            problems.append("SMTP_TLS: none is for a server on this machine; codes must not travel in the clear")
        if self.user and not self.password:
            problems.append("SMTP_PASSWORD: is missing; SMTP_USER needs it")
        if problems:
            raise Misconfigured(problems)


@asynccontextmanager
async def as_it_is(reply: Reply) -> AsyncIterator[Reply]:
    """Fills nothing in."""
    yield reply


class Email:
    """One mail server as a channel: people are named by their e-mail address. A connection a mail."""

    name = NAME
    limits = Limits(text_max=TEXT_MAX, per_second=5, per_address=0.2, buttons=False, address_burst=5)

    def __init__(self, settings: EmailSettings, fill: Fill = as_it_is, *, trust: ssl.SSLContext | None = None) -> None:
        """`trust`: whose certificates are believed, where it isn't the machine's own list."""
        self._settings, self._fill, self._trust = settings, fill, trust

    def routes(self, door: Door) -> Sequence[Any]:
        """Nothing: mail is not read."""
        return ()

    async def open(self) -> None:
        """Asks nothing, so that the rest starts without the mail server too."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        """Hands one mail to the server. Raises TryLater, Unreachable, Refused."""
        if one_form(Kind.EMAIL, address.user) != address.user:
            raise Unreachable("no_address")
        async with self._fill(reply) as filled:
            mail = drawn(filled, self._settings, address.user)
            step = _Step()
            try:
                async with asyncio.timeout(WITHIN.total_seconds()):
                    await self._hand_over(mail, address.user, step)
            except smtp.SMTPResponseException as refused:
                raise _meaning(refused.code, step) from None  # Its words may repeat the address.
            except (OSError, smtp.SMTPException, TimeoutError) as broken:
                if isinstance(broken, smtp.SMTPNotSupported) or (step.now == "connect" and "TLS" in str(broken)):
                    log.error("mail server offers no encryption", setting="SMTP_TLS")
                    raise TryLater(MISCONFIGURED, halts="everyone") from None
                log.warning("mail server broke off", at=step.now, error=type(broken).__name__)
                raise TryLater(SOON, unsure=step.now == "data", halts="everyone") from None
        return Receipt(str(mail["Message-ID"]))

    async def _hand_over(self, mail: EmailMessage, to: str, step: "_Step") -> None:
        own, client = self._settings, self._client()
        try:
            await client.connect()
            if own.user:
                step.now = "login"
                await client.login(own.user, own.password)
            step.now = "mail"
            await client.mail(own.sender)
            step.now = "rcpt"
            await client.rcpt(to)
            step.now = "data"
            await client.data(mail.as_bytes(policy=AS_SMTP))
            with suppress(OSError, smtp.SMTPException, TimeoutError):  # It is taken, whatever comes now.
                async with asyncio.timeout(1):
                    await client.quit()
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        own = self._settings
        return aiosmtplib.SMTP(
            hostname=own.host,
            port=own.port,
            local_hostname=_domain(own.sender),  # Its own default looks names up, and may hang.
            use_tls=own.tls == "tls",
            start_tls=own.tls == "starttls",  # Never "if offered": somebody between could take the offer out.
            tls_context=self._trust,
            timeout=WITHIN.total_seconds(),
        )


@dataclass(slots=True)
class _Step:
    """How far a mail has come: connect, login, mail, rcpt, data."""

    now: str = "connect"


def _meaning(code: int, step: _Step) -> DeliveryError:
    """What a refusal of the server means."""
    if step.now == "login":
        log.error("mail server refuses to log us in", setting="SMTP_USER", code=code)
        return TryLater(MISCONFIGURED, halts="everyone")
    if step.now == "connect" or code == 421:
        return TryLater(LATER, halts="everyone")
    if code < 500:
        return TryLater(LATER, halts="person")
    if step.now == "rcpt":
        return Unreachable(f"smtp_{code}")
    log.error("mail server refuses a mail", at=step.now, code=code, setting="SMTP_FROM")
    return Refused(f"smtp_{code}")


def drawn(reply: Reply, settings: EmailSettings, to: str) -> EmailMessage:
    """A reply as a mail: plain text, and the same as simple HTML."""
    subject, _, text = visible(reply.text).strip()[:TEXT_MAX].partition("\n")
    text = text.strip() or subject
    if reply.link:
        text += f"\n\n{reply.link}"
    mail = EmailMessage(policy=AS_SMTP)
    user, _, domain = settings.sender.partition("@")
    mail["From"] = MailAddress(_one_line(settings.name), user, domain)
    mail["To"] = to
    mail["Subject"] = _one_line(subject)[:SUBJECT_MOST]
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = message_id(reply, settings, to)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine should answer it.
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(_html(text, reply), subtype="html", cte="quoted-printable")
    mail["Content-Language"] = {"zh": "zh-Hans"}.get(reply.language, reply.language)
    return mail


def message_id(reply: Reply, settings: EmailSettings, to: str) -> str:
    """The same for every try at one message to one person, and for nothing else."""
    named = reply.reference or reply.text
    digest = hashlib.sha256(f"{named}\0{to}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<{digest}@{_domain(settings.sender)}>"


def _html(text: str, reply: Reply) -> str:
    """The text in paragraphs, nothing fetched from anywhere; the link as one."""
    shown = [escape(part).replace("\n", "<br>\n") for part in text.split("\n\n")]
    if reply.link:
        link = escape(reply.link, quote=True)
        shown[-1] = f'<a href="{link}">{link}</a>'
    body = "\n".join(f"<p>{part}</p>" for part in shown)
    return f'<!doctype html>\n<html><body style="font-family: sans-serif">\n{body}\n</body></html>\n'


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _domain(address: str) -> str:
    return address.partition("@")[2]
