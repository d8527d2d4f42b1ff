"""What WeChat's error codes mean for a message: wait, this person can't be reached, or it will never be taken.

Codes: https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html
"""

from datetime import datetime, timedelta, timezone
from typing import Literal

from wechatpy.constants import WeChatErrorCode as Code

from bot.core.errors import DeliveryError, Refused, TryLater, Unreachable

Halts = Literal["person", "everyone"] | None

BEIJING = timezone(timedelta(hours=8))
"""WeChat counts a day's quota from midnight there."""
SLOW_DOWN = timedelta(seconds=60)
TOKEN_REFUSED = frozenset(
    int(code) for code in (Code.INVALID_CREDENTIAL, Code.INVALID_ACCESS_TOKEN, Code.EXPIRED_ACCESS_TOKEN)
)
"""40001, 40014, 42001: the token was replaced, is wrong, or is over."""
PERSON = {
    int(Code.INVALID_OPENID): "unknown_person",
    int(Code.REQUIRE_SUBSCRIBE): "not_following",
    int(Code.USER_REFUSE_TO_ACCEPT_THE_MESSAGE): "not_subscribed",
    int(Code.OUT_OF_RESPONSE_TIME_LIMIT): "window_closed",
    int(Code.OUT_OF_RESPONSE_COUNT_LIMIT): "quota_used",
    int(Code.USER_BLOCK_MESSAGE): "refuses_messages",
}
"""States of a person rather than errors: 40003, 43004, 43101, 45015, 45047, 48002."""
WAIT: dict[int, tuple[timedelta, Halts]] = {
    int(Code.SYSTEM_ERROR): (timedelta(seconds=2), None),
    int(Code.SYSTEM_BUSY): (timedelta(seconds=2), None),
    int(Code.API_MINUTE_QUOTA_REACH_LIMIT): (SLOW_DOWN, "everyone"),
    43116: (SLOW_DOWN, "person"),  # Too many alike.
    43117: (SLOW_DOWN, "person"),  # Too often to one person.
}

NO_TOKEN = {
    40013: "WECHAT_APP_ID is not known to WeChat: copy the AppID again",
    40125: "WECHAT_APP_SECRET is wrong: copy it again, or reset it in WeChat's console under Basic Configuration",
    40164: "this machine's address is not on WeChat's list: add it in WeChat's console under Basic Configuration",
    40243: "the AppSecret is frozen: unfreeze it in WeChat's console under Basic Configuration",
}
"""What to do about the codes with which WeChat refuses a token."""


def failure_of(errcode: int, now: datetime) -> DeliveryError:
    """What an answer with this code means. An unknown one is never taken, so that nothing is repeated for ever."""
    if reason := PERSON.get(errcode):
        return Unreachable(reason)
    if errcode == Code.OUT_OF_API_FREQ_LIMIT:
        return TryLater(until_midnight(now), halts="everyone")
    if waiting := WAIT.get(errcode):
        return TryLater(waiting[0], halts=waiting[1])
    if errcode in TOKEN_REFUSED:
        return TryLater(SLOW_DOWN, halts="everyone")
    return Refused(str(errcode))


def until_midnight(now: datetime) -> timedelta:
    """Until the day's quota is full again."""
    there = now.astimezone(BEIJING)
    return (there + timedelta(days=1)).replace(hour=0, minute=0, second=5, microsecond=0) - there
