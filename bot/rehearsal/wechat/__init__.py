"""A stand-in of the WeChat API for an Official Account: tokens, messages inside their quotas, menu, signed pushes, faults.

Behaviour after Tencent's documentation (developers.weixin.qq.com/doc/offiaccount and /doc/service); where that is silent
the choice is said beside it.
"""

from bot.rehearsal.wechat.account import Account
from bot.rehearsal.wechat.stand_in import WeChatStandIn

__all__ = ["Account", "WeChatStandIn"]
