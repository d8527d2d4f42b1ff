"""The chat platforms that the settings switch on. Each is imported only when it is: they are large."""

from typing import TYPE_CHECKING

from bot.core.channel import Channel
from bot.core.clock import Clock
from bot.inbox import Inbox
from bot.settings import Settings
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database

if TYPE_CHECKING:
    from bot.channels.telegram import TelegramSettings
    from bot.channels.wechat import WeChatSettings


def platforms(
    settings: Settings,
    database: Database,
    policy: PolicyVersion,
    wording: Wording,
    recogniser: Recogniser,
    clock: Clock,
    inbox: Inbox,
) -> list[Channel]:
    """The platforms that have a token or an account. Raises Misconfigured."""
    found: list[Channel] = []
    if settings.telegram_token.get_secret_value():
        from bot.channels.telegram import Telegram

        def quarantine(key: str, body: bytes, error: str, user: str | None) -> None:
            with database.work() as work:
                work.quarantine.put(key, "telegram", body, error, clock(), user)

        found.append(
            Telegram(
                telegram_settings(settings),
                database.keyring.signing,
                policy,
                wording,
                clock,
                recogniser=recogniser,
                quarantine=quarantine,
            )
        )
    if settings.wechat_app_id:
        from bot.channels.wechat import WeChat

        found.append(WeChat(wechat_settings(settings), database, clock, inbox.put_passive))
    return found


def telegram_settings(settings: Settings) -> "TelegramSettings":
    """Telegram's part of the settings."""
    from bot.channels.telegram import TelegramSettings

    return TelegramSettings(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        mode=settings.telegram_mode,
        webhook_secret=settings.telegram_webhook_secret.get_secret_value(),
        webhook_secret_old=settings.telegram_webhook_secret_old.get_secret_value(),
        live_per_second=settings.telegram_live_per_second,
        broadcast_per_second=settings.telegram_broadcast_per_second,
        public_url=settings.public_url,
        name=settings.telegram_name,
    )


def wechat_settings(settings: Settings) -> "WeChatSettings":
    """The Official Account's part of the settings. Raises Misconfigured."""
    from bot.channels.wechat import WeChatSettings

    return WeChatSettings(
        app_id=settings.wechat_app_id,
        app_secret=settings.wechat_app_secret.get_secret_value(),
        token=settings.wechat_token.get_secret_value(),
        aes_key=settings.wechat_aes_key.get_secret_value(),
        aes_key_old=settings.wechat_aes_key_old.get_secret_value(),
        api_url=settings.wechat_api_url,
        plain_mode=settings.wechat_plain_mode,
    )
