"""What Telegram is told about the bot: where to post updates, and which commands to show."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from telegram import Bot, BotCommand, BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats

from bot.channels.telegram import words
from bot.channels.telegram.polling import ALLOWED_UPDATES
from bot.channels.telegram.settings import API_URL, TelegramSettings
from bot.core.errors import Misconfigured

PENDING_MAX = 50
"""Updates that wait at Telegram beyond which something is wrong."""
CONNECTIONS = 40
"""Updates that Telegram may post at once; it keeps the order within a chat."""


@dataclass(frozen=True, slots=True)
class WebhookState:
    """What Telegram says about the webhook. `warnings`: one sentence each, with what to do."""

    url: str
    pending: int
    connections: int
    last_error: str
    last_error_at: datetime | None
    takes_all: bool
    """Whether Telegram sends just the kinds of updates that the bot takes."""
    warnings: tuple[str, ...]


async def set_webhook(bot: Bot, settings: TelegramSettings) -> None:
    """Has Telegram post updates to our address with our secret; what waits there is kept. Raises Misconfigured, TelegramError."""
    problems = []
    secure = settings.public_url.startswith("https://")
    # A Bot API server of one's own, or a stand-in, also posts to plain http.
    if not secure and (settings.api_url.rstrip("/") == API_URL or not settings.public_url):
        problems.append("CLAUSEBOT_PUBLIC_URL must be the https:// address that Telegram reaches this bot at")
    if not settings.webhook_secret:
        problems.append("TELEGRAM_WEBHOOK_SECRET must be set, so that nobody else can post as Telegram")
    if problems:
        raise Misconfigured(problems)
    await bot.set_webhook(
        settings.webhook_url,
        secret_token=settings.webhook_secret,
        allowed_updates=ALLOWED_UPDATES,
        max_connections=CONNECTIONS,
        drop_pending_updates=False,
    )


async def webhook_state(bot: Bot, settings: TelegramSettings) -> WebhookState:
    """How the webhook stands. Raises TelegramError."""
    said = await bot.get_webhook_info()
    error = said.last_error_message or ""
    state = WebhookState(
        said.url,
        said.pending_update_count,
        said.max_connections or 0,
        error,
        said.last_error_date,
        set(said.allowed_updates or ()) == set(ALLOWED_UPDATES),
        (),
    )
    return replace(state, warnings=tuple(_warnings(state, settings)))


async def push_commands(bot: Bot) -> dict[str, list[BotCommand]]:
    """Gives Telegram the commands, by language: all of them in private chats, only /start in groups. Raises TelegramError.

    English goes to everybody without a language of their own. Telegram takes two-letter codes only, so Chinese is one
    list for both scripts. Source: Bot API, setMyCommands; td/telegram/misc.cpp, validate_bot_language_code.
    """
    pushed = {}
    for language in words.LANGUAGES:
        listed = words.commands(language)
        code = None if language == "en" else language
        await bot.set_my_commands(listed, BotCommandScopeAllPrivateChats(), code)
        await bot.set_my_commands(
            [command for command in listed if command.command == "start"], BotCommandScopeAllGroupChats(), code
        )
        pushed[language] = listed
    return pushed


def _warnings(state: WebhookState, settings: TelegramSettings) -> Iterator[str]:
    if not state.url:
        if settings.mode == "webhook":
            yield "No webhook is set, so nothing arrives: clausebot telegram set-webhook"
        return
    if settings.mode == "polling":
        yield "A webhook is set, but TELEGRAM_MODE is polling: the bot removes it when it starts"
    elif state.url != settings.webhook_url:
        yield "Telegram posts to another address than ours: if nobody here changed it, renew the token at BotFather"
    if state.pending > PENDING_MAX:
        yield f"{state.pending} updates wait: look whether the bot runs and its address is reached from outside"
    if state.last_error:
        at = f" at {state.last_error_at:%Y-%m-%d %H:%M} UTC" if state.last_error_at else ""
        yield f"Telegram's last try failed{at}: {state.last_error}"
    if not state.takes_all:
        yield "Telegram sends other kinds of updates than the bot takes: clausebot telegram set-webhook"
