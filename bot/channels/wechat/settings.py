"""What an Official Account needs to be talked to: its settings, checked together."""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.core.errors import Misconfigured

API_URL = "https://api.weixin.qq.com"
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class WeChatSettings:
    """The account as the platform's console shows it under Basic Configuration. Raises Misconfigured with every problem."""

    app_id: str
    app_secret: str = field(repr=False)
    token: str = field(repr=False)
    """Signs pushes: 3 to 32 letters and digits of our choice."""
    aes_key: str = field(default="", repr=False)
    """EncodingAESKey: 43 letters and digits. Needed unless `plain_mode`."""
    aes_key_old: str = field(default="", repr=False)
    """The one before, while WeChat changes over."""
    api_url: str = API_URL
    plain_mode: bool = False
    """Takes pushes that are not encrypted too. Whoever sees one signed address can then forge messages."""

    def __post_init__(self) -> None:
        problems = []
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", self.app_id):
            problems.append("WECHAT_APP_ID: give the account's AppID, which begins with wx")
        if not self.app_secret:
            problems.append("WECHAT_APP_SECRET: is missing; without it nothing can be sent")
        if not re.fullmatch(r"[0-9A-Za-z]{3,32}", self.token):
            problems.append("WECHAT_TOKEN: must be 3 to 32 letters and digits, the same as in WeChat's console")
        if not self.aes_key and not self.plain_mode:
            problems.append("WECHAT_AES_KEY: is missing; safe mode needs it (43 letters and digits)")
        problems += [
            f"{name}: must be the 43 letters and digits of an EncodingAESKey"
            for name, key in (("WECHAT_AES_KEY", self.aes_key), ("WECHAT_AES_KEY_OLD", self.aes_key_old))
            if key and (not _AES_KEY.fullmatch(key) or len(base64.b64decode(key + "=")) != 32)
        ]
        if urlsplit(self.api_url).scheme not in ("http", "https") or not urlsplit(self.api_url).hostname:
            problems.append(f"WECHAT_API_URL: must look like {API_URL}")
        if problems:
            raise Misconfigured(problems)
