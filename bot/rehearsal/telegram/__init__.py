"""A stand-in of the Telegram Bot API: the methods a bot like ours uses, webhooks with the real server's manners, faults.

Behaviour after tdlib/telegram-bot-api 10.0 (Client.cpp, WebhookActor.cpp, Query.cpp); objects after Bot API 10.0.
"""

from bot.rehearsal.telegram.rates import Rates
from bot.rehearsal.telegram.stand_in import TelegramStandIn

__all__ = ["Rates", "TelegramStandIn"]
