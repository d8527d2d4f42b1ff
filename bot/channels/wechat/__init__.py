"""The WeChat Official Account: signed and encrypted pushes in, passive answers and customer-service messages out."""

from bot.channels.wechat.adapter import PATH, PassiveDoor, WeChat
from bot.channels.wechat.api import Api
from bot.channels.wechat.errcodes import NO_TOKEN
from bot.channels.wechat.line import NoToken
from bot.channels.wechat.menu import buttons, menu_languages, published
from bot.channels.wechat.settings import WeChatSettings

__all__ = [
    "NO_TOKEN",
    "PATH",
    "Api",
    "NoToken",
    "PassiveDoor",
    "WeChat",
    "WeChatSettings",
    "buttons",
    "menu_languages",
    "published",
]
