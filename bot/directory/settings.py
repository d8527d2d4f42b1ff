"""What the company's account system needs to be asked: its settings, checked together."""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from bot.core.errors import Misconfigured

SECRET_LEAST = 32
"""Characters of a secret; `openssl rand -hex 32` gives 64."""
TIMEOUT = timedelta(seconds=3)
TIMEOUT_MOST = timedelta(seconds=10)
"""Somebody is waiting in a chat meanwhile."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class AccountsSettings:
    """How to ask the company's system. Raises Misconfigured with every problem."""

    url: str
    """What comes before /v1/accounts/...: https, or http on this machine alone."""
    secret: str = field(repr=False)
    """Signs what we ask and what is answered."""
    secret_old: str = field(default="", repr=False)
    """The one before: answers signed with it are taken while it is changed."""
    timeout: timedelta = TIMEOUT
    """For a whole call, name look-up and every byte included."""

    def __post_init__(self) -> None:
        problems = []
        try:
            parts = urlsplit(self.url)
            there, _ = parts.hostname, parts.port
        except ValueError:
            parts, there = urlsplit(""), None
        if parts.scheme not in ("https", "http") or not there or parts.query or parts.fragment or parts.username:
            problems.append("ACCOUNTS_URL: must look like https://portal.example.com/clausebot")
        elif parts.scheme == "http" and there not in _LOOPBACK:
            problems.append("ACCOUNTS_URL: must be https: e-mail addresses and phone numbers travel there")
        for name, secret in (("ACCOUNTS_SECRET", self.secret), ("ACCOUNTS_SECRET_OLD", self.secret_old)):
            if secret and (len(secret) < SECRET_LEAST or not secret.isascii() or secret != secret.strip()):
                problems.append(
                    f"{name}: must be at least {SECRET_LEAST} letters and digits; openssl rand -hex 32 makes one"
                )
        if not self.secret:
            problems.append("ACCOUNTS_SECRET: is missing; ACCOUNTS_URL needs it (openssl rand -hex 32 makes one)")
        if not timedelta() < self.timeout <= TIMEOUT_MOST:
            problems.append(f"ACCOUNTS_TIMEOUT: must be above 0 and at most {TIMEOUT_MOST.total_seconds():g} seconds")
        if problems:
            raise Misconfigured(problems)
