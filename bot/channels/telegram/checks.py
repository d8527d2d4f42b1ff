"""What the doctor asks Telegram: who the bot is, and how its webhook stands."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from telegram.error import InvalidToken, TelegramError

from bot.channels.telegram.settings import TelegramSettings
from bot.channels.telegram.setup import PENDING_MAX, WebhookState, webhook_state
from bot.channels.telegram.transport import Transport, make_bot
from bot.core.clock import Clock, system_clock
from bot.core.finding import Finding
from storage.engine import Database

WITHIN = timedelta(seconds=5)
"""For each of the two calls."""
RECENT = timedelta(hours=1)
"""An older failure of Telegram's is history, unless updates still wait."""
SET_IT = "clausebot telegram set-webhook"


async def check(
    settings: TelegramSettings, database: Database, *, within: timedelta = WITHIN, clock: Clock = system_clock
) -> list[Finding]:
    """Asks Telegram twice, for `within` at most each time; changes nothing there. The database isn't needed."""
    transport = Transport(settings.api_url, within)
    bot = make_bot(settings, transport)
    try:
        me = await bot.get_me()
        state = await webhook_state(bot, settings)
    except InvalidToken:
        return [Finding("telegram", "wrong", "Telegram doesn't know TELEGRAM_TOKEN: copy it from @BotFather again")]
    except TelegramError as failure:
        says = f"{settings.api_url} gave no proper answer ({type(failure).__name__})"
        return [Finding("telegram", "warning", f"{says}: check TELEGRAM_API_URL, network and proxy")]
    finally:
        await transport.shutdown()
    named = [Finding("telegram", "ok", f"the token is @{me.username}'s"), *_name(settings.name, me.username or "")]
    return [*named, *_webhook(state, settings, clock())]


def _name(ours: str, really: str) -> Iterator[Finding]:
    """Names are compared without regard to case, as Telegram does."""
    if ours and ours.lower() != really.lower():
        says = f"TELEGRAM_NAME is {ours}, but the token is {really}'s: links from the portal would lead to another bot"
        yield Finding("telegram name", "wrong", says)


def _webhook(state: WebhookState, settings: TelegramSettings, now: datetime) -> Iterator[Finding]:
    if settings.mode == "polling":
        # The bot takes a webhook away when it starts, so one that is there is no fault.
        says = f"polling; {state.pending} updates wait"
        yield Finding("telegram webhook", _state(state.pending), says + _look(state.pending))
        return
    if not state.url:
        yield Finding("telegram webhook", "wrong", f"none is set, so nothing arrives: {SET_IT}")
        return
    if state.url != settings.webhook_url:
        says = f"Telegram posts to another address than {settings.webhook_url}: {SET_IT}"
        yield Finding("telegram webhook", "wrong", f"{says}. If nobody here changed it, renew the token at @BotFather")
        return
    yield Finding(
        "telegram webhook", _state(state.pending), f"{state.pending} updates wait at Telegram{_look(state.pending)}"
    )
    if state.last_error and (state.pending or not state.last_error_at or now - state.last_error_at < RECENT):
        at = f" at {state.last_error_at:%Y-%m-%d %H:%M} UTC" if state.last_error_at else ""
        says = f"Telegram's last try failed{at}: {state.last_error}"
        yield Finding("telegram webhook", "warning", f"{says}. Look whether the bot runs and is reached from outside")
    if not state.takes_all:
        yield Finding(
            "telegram webhook", "warning", f"Telegram sends other kinds of updates than the bot takes: {SET_IT}"
        )


def _state(pending: int) -> Literal["ok", "warning"]:
    return "ok" if pending <= PENDING_MAX else "warning"


def _look(pending: int) -> str:
    return "" if pending <= PENDING_MAX else ": look whether the bot runs and its address is reached from outside"
