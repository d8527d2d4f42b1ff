"""What the Telegram channel must be told."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

API_URL = "https://api.telegram.org"
PATH = "/telegram"
"""Where Telegram posts updates, below the public address. The token is no part of it: addresses end up in logs."""
_TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{3,128}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Source: Bot API, setWebhook, secret_token.


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """One bot. Rates are messages a second; `public_url` is where people, and Telegram, reach our web pages.

    `webhook_secret_old` is still accepted while Telegram changes over to the new one.
    """

    token: str = field(repr=False)
    api_url: str = API_URL
    mode: Literal["webhook", "polling"] = "webhook"
    webhook_secret: str = field(default="", repr=False)
    webhook_secret_old: str = field(default="", repr=False)
    live_per_second: float = 4.0
    broadcast_per_second: float = 24.0
    public_url: str = ""
    name: str = ""
    """The bot's name without @, as links to it are written."""

    @property
    def bot_id(self) -> int:
        """The bot's own id: what stands before the colon of its token."""
        return int(self.token.partition(":")[0])

    @property
    def webhook_url(self) -> str:
        """Where Telegram is to post updates."""
        return self.public_url.rstrip("/") + PATH

    def problems(self) -> list[str]:
        """What is wrong, one sentence each with the setting's name; never with its value."""
        found = []
        if not _TOKEN.fullmatch(self.token):
            found.append("TELEGRAM_TOKEN doesn't look like a token of BotFather: digits, a colon, letters and digits")
        if urlsplit(self.api_url).scheme not in ("http", "https") or not urlsplit(self.api_url).hostname:
            found.append(f"TELEGRAM_API_URL must be an address like {API_URL}")
        if self.mode == "webhook" and not self.webhook_secret:
            found.append("TELEGRAM_WEBHOOK_SECRET is needed in webhook mode: without it anybody could post as Telegram")
        for name, secret in (
            ("TELEGRAM_WEBHOOK_SECRET", self.webhook_secret),
            ("TELEGRAM_WEBHOOK_SECRET_OLD", self.webhook_secret_old),
        ):
            if secret and not _SECRET.fullmatch(secret):
                found.append(f"{name} may hold only letters, digits, - and _, at most 256")
        if not (self.live_per_second > 0 and self.broadcast_per_second > 0):
            found.append("TELEGRAM_LIVE_PER_SECOND and TELEGRAM_BROADCAST_PER_SECOND must be above 0")
        return found
