"""What a failed call means for the message. The reasons are codes of ours: Telegram's words may repeat the text."""

from datetime import timedelta

import structlog
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.channels.telegram.transport import NotSent, TooMany
from bot.core.errors import DeliveryError, Refused, TryLater, Unreachable

NO_CONNECTION = timedelta(seconds=2)
"""Until everybody's next try when there is no way to Telegram."""
WRONG_TOKEN = timedelta(minutes=1)
"""Until the next try when Telegram doesn't know our token: somebody must set it right first."""
SOON = timedelta(seconds=1)

FORBIDDEN = {
    "blocked by the user": "blocked",
    "user is deactivated": "deactivated",
    "can't initiate conversation": "not_started",
    "can't send messages to bots": "is_a_bot",
    "kicked": "removed",
    "not a member": "removed",
}
GONE = {
    "chat not found": "chat_not_found",
    "user not found": "chat_not_found",
    "peer_id_invalid": "chat_not_found",
    "input_user_deactivated": "deactivated",
    "group chat was deactivated": "removed",
    "chat_write_forbidden": "removed",
    "not enough rights": "removed",
}
REFUSED = {
    "message is too long": "too_long",
    "text is empty": "empty",
    "text must be non-empty": "empty",
    "button_data_invalid": "button",
    "reply_markup_too_long": "buttons_too_long",
    "can't parse": "markup",
    "message thread not found": "thread_not_found",
}
"""Part of the description, in small letters -> reason. Source: tdlib/telegram-bot-api 10.0."""

log = structlog.get_logger(__name__)


def meaning(failure: Exception) -> DeliveryError:
    """TryLater, Unreachable or Refused. Anything unknown may have arrived and is tried again."""
    match failure:
        case TooMany(after=after):
            return TryLater(after)
        case RetryAfter():  # Only if the library makes one by itself: our transport raises TooMany.
            return TryLater(SOON)
        case NotSent():
            return TryLater(NO_CONNECTION, halts="everyone")
        case Forbidden():
            return Unreachable(_code(failure, FORBIDDEN, "forbidden"))
        case ChatMigrated():
            return Unreachable("migrated")
        case BadRequest():
            if reason := _code(failure, GONE, ""):
                return Unreachable(reason)
            return Refused(_code(failure, REFUSED, "bad_request"))
        case InvalidToken():
            log.error("telegram doesn't know the token", setting="TELEGRAM_TOKEN")
            return TryLater(WRONG_TOKEN, halts="everyone")
        case Conflict():
            return TryLater(SOON)
        case _:  # No answer in time, a reset, 5xx, or an answer that can't be read.
            return TryLater(SOON, unsure=True)


def _code(failure: TelegramError, known: dict[str, str], otherwise: str) -> str:
    said = failure.message.lower()
    return next((code for words, code in known.items() if words in said), otherwise)
