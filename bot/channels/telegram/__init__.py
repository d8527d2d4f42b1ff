"""Telegram: the Bot API through python-telegram-bot's Bot and types, on a webhook of our own or by polling."""

from bot.channels.telegram.adapter import Telegram
from bot.channels.telegram.settings import TelegramSettings
from bot.channels.telegram.updates import Quarantine

__all__ = ["Quarantine", "Telegram", "TelegramSettings"]
