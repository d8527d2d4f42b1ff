"""What the doctor asks WeChat: whether it gives the account a token."""

from datetime import timedelta

from bot.channels.wechat.errcodes import NO_TOKEN
from bot.channels.wechat.line import Line, NoToken
from bot.channels.wechat.settings import WeChatSettings
from bot.core.clock import Clock, system_clock
from bot.core.errors import TryLater
from bot.core.finding import Finding
from storage.engine import Database

WITHIN = timedelta(seconds=5)


async def check(
    settings: WeChatSettings, database: Database, *, within: timedelta = WITHIN, clock: Clock = system_clock
) -> list[Finding]:
    """Asks WeChat once, for `within` at most. The token of the running bot stays good: none is forced.

    `database` is what the doctor gives to every check; the token that it keeps would prove nothing about today.
    """
    return [await _token(settings, within, clock)]


async def _token(settings: WeChatSettings, within: timedelta, clock: Clock) -> Finding:
    try:
        async with Line(settings, clock, within) as line:
            fetched = await line.stable_token(False)
    except NoToken as refused:
        says = NO_TOKEN.get(refused.errcode, f"WeChat gives no token (code {refused.errcode}); try again later")
        return Finding("wechat", "wrong", says)
    except TryLater:
        says = f"{settings.api_url} gave no answer within {within.total_seconds():g} s"
        return Finding("wechat", "warning", f"{says}: check WECHAT_API_URL, network and proxy")
    return Finding(
        "wechat", "ok", f"WeChat gives a token, good for another {fetched.lasts.total_seconds() / 60:.0f} min"
    )
