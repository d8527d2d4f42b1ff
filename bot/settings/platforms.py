"""Settings of the chat platforms."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr


class Platforms(BaseModel):
    """Telegram and WeChat; without a token, or an AppID, a platform is off."""

    telegram_token: Annotated[
        SecretStr,
        Field(alias="TELEGRAM_TOKEN", description="Token of the Telegram bot, from @BotFather; empty: no Telegram."),
    ] = SecretStr("")
    telegram_name: Annotated[
        str,
        Field(
            alias="TELEGRAM_NAME",
            pattern=r"^([A-Za-z][A-Za-z0-9_]{4,31})?$",
            description="The bot's name without @: links that connect a chat from the portal lead there; empty: none do.",
        ),
    ] = ""
    telegram_api_url: Annotated[
        str, Field(alias="TELEGRAM_API_URL", description="Address of the Bot API; another one for a rehearsal.")
    ] = "https://api.telegram.org"
    telegram_mode: Annotated[
        Literal["webhook", "polling"],
        Field(
            alias="TELEGRAM_MODE",
            description="webhook needs CLAUSEBOT_PUBLIC_URL; polling needs nothing and suits trying out.",
        ),
    ] = "webhook"
    telegram_webhook_secret: Annotated[
        SecretStr,
        Field(
            alias="TELEGRAM_WEBHOOK_SECRET",
            description="What Telegram proves itself with: 1 to 256 letters, digits, - and _; best 43 random ones.",
        ),
    ] = SecretStr("")
    telegram_webhook_secret_old: Annotated[
        SecretStr,
        Field(alias="TELEGRAM_WEBHOOK_SECRET_OLD", description="The secret before, accepted too while it is changed."),
    ] = SecretStr("")
    telegram_live_per_second: Annotated[
        float,
        Field(
            alias="TELEGRAM_LIVE_PER_SECOND",
            gt=0,
            description="Answers a second to all chats together; Telegram allows some 30 with broadcasts.",
        ),
    ] = 4.0
    telegram_broadcast_per_second: Annotated[
        float,
        Field(
            alias="TELEGRAM_BROADCAST_PER_SECOND",
            gt=0,
            description="Broadcast messages a second to all chats together.",
        ),
    ] = 24.0
    wechat_app_id: Annotated[
        str, Field(alias="WECHAT_APP_ID", description="AppID of the WeChat Official Account; empty: no WeChat.")
    ] = ""
    wechat_app_secret: Annotated[
        SecretStr, Field(alias="WECHAT_APP_SECRET", description="AppSecret of the account.")
    ] = SecretStr("")
    wechat_token: Annotated[
        SecretStr,
        Field(
            alias="WECHAT_TOKEN",
            description="Token that signs pushes: 3 to 32 letters and digits, the same as in WeChat's console.",
        ),
    ] = SecretStr("")
    wechat_aes_key: Annotated[
        SecretStr,
        Field(
            alias="WECHAT_AES_KEY", description="EncodingAESKey of WeChat's console, 43 letters and digits (safe mode)."
        ),
    ] = SecretStr("")
    wechat_aes_key_old: Annotated[
        SecretStr,
        Field(alias="WECHAT_AES_KEY_OLD", description="The EncodingAESKey before, tried too while it is changed."),
    ] = SecretStr("")
    wechat_api_url: Annotated[
        str, Field(alias="WECHAT_API_URL", description="Address of the WeChat API; another one for a rehearsal.")
    ] = "https://api.weixin.qq.com"
    wechat_plain_mode: Annotated[
        bool,
        Field(
            alias="WECHAT_PLAIN_MODE",
            description="true also takes pushes that are not encrypted; one leaked address then lets anybody forge them.",
        ),
    ] = False
