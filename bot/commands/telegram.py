"""`clausebot telegram`: tells Telegram where the bot is and which commands it has, and shows how the webhook stands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from telegram import Bot
from telegram.error import BadRequest, InvalidToken, TelegramError

from bot.channels.telegram.settings import TelegramSettings
from bot.channels.telegram.setup import WebhookState, push_commands, set_webhook, webhook_state
from bot.channels.telegram.transport import TooMany, Transport, Unintelligible, make_bot
from bot.commands.quiet import without_log
from bot.core.errors import Misconfigured
from bot.platforms import telegram_settings
from bot.settings import read

T = TypeVar("T")


def run_set_webhook(settings: TelegramSettings) -> None:
    """Sets the webhook and says so. Raises Misconfigured."""
    _ask(settings, lambda bot: set_webhook(bot, settings))
    print(f"Telegram posts to {settings.webhook_url}. Check it: clausebot telegram webhook-info")


def run_webhook_info(settings: TelegramSettings) -> WebhookState:
    """Prints how the webhook stands, and returns it. Raises Misconfigured."""
    state = _ask(settings, lambda bot: webhook_state(bot, settings))
    table = Table(show_header=False, box=None, padding=(0, 1))
    table.add_row("address", state.url or "none")
    table.add_row("waiting", f"{state.pending} updates")
    table.add_row("at once", f"{state.connections} connections at most")
    for warning in state.warnings:
        table.add_row("[yellow]warning[/yellow]", escape(warning))  # Telegram's words are no markup.
    Console(soft_wrap=True).print(table)
    return state


def run_commands(settings: TelegramSettings) -> None:
    """Gives Telegram the commands and prints them. Raises Misconfigured."""
    for language, listed in _ask(settings, push_commands).items():
        print(f"{language}: " + " ".join(f"/{command.command}" for command in listed))
    print("In groups: /start")


def told() -> TelegramSettings:
    """The settings of the environment and .env. Raises Misconfigured."""
    settings = telegram_settings(read())
    if not settings.token:
        raise Misconfigured(["TELEGRAM_TOKEN is empty: get one from @BotFather and put it into .env"])
    return settings


def _ask(settings: TelegramSettings, question: Callable[[Bot], Awaitable[T]]) -> T:
    """What Telegram answers. Raises Misconfigured with what to do when it doesn't."""
    if problems := settings.problems():
        raise Misconfigured(problems)

    async def ask() -> T:
        transport = Transport(settings.api_url)
        try:
            return await question(make_bot(settings, transport))
        finally:
            await transport.shutdown()

    try:
        with without_log():
            return asyncio.run(ask())
    except InvalidToken:
        problem = "Telegram doesn't know TELEGRAM_TOKEN: copy it from @BotFather again"
    except BadRequest as refused:
        problem = f"Telegram refused: {refused.message}"
    except TooMany as wait:
        problem = (
            f"Telegram asks to wait {wait.after.total_seconds():g} s: too much was asked at once. Then run this again"
        )
    except Unintelligible:
        problem = (
            f"{settings.api_url} answered, but not as the Bot API does: check TELEGRAM_API_URL and what stands between"
        )
    except TelegramError as failure:
        problem = (
            f"{settings.api_url} gave no answer ({type(failure).__name__}): check TELEGRAM_API_URL, network and proxy"
        )
    raise Misconfigured([problem])
