"""Caps over all chats that aren't connected, together: look-ups of accounts in a minute, codes in an hour.

A chat's own limits hold for one chat, an account's for one account; whoever makes new web chats by the hundred and names
ever other accounts meets neither. What is over a cap is passed over in silence, as if there were no such account: the
chat has had its answer before anybody was asked. Connected chats aren't counted and never held back. The caps are rows
of the database (storage/stores/pace.py), so they hold for all processes together.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.core.mail_to_company import queue_mail
from storage.work import Work

LOOKUPS_A_MINUTE = 120
"""Two a second. A company of a million customers meets some hundreds of such requests a day, so this is a hundred times
what honest people need, and it takes six days to try a million numbers, which gives away nothing but load."""
CODES_AN_HOUR = 300
"""More people than the staff of any company could serve in a day, and what a flood of SMS costs at most."""
TOLD_EVERY = timedelta(hours=1)
"""Staff are told of one flood once, and again where it still goes on after so long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Flood:
    """The caps. `mailbox`: that of staff; "" where there is none, or no mail server."""

    mailbox: str = ""

    def may_look_up(self, work: Work, now: datetime) -> bool:
        """Counts a look-up in the company's directory; False where there were too many."""
        return self._take(work, "look-ups", LOOKUPS_A_MINUTE, timedelta(minutes=1), now)

    def may_send_code(self, work: Work, now: datetime) -> bool:
        """Counts a code to a contact; False where there were too many."""
        return self._take(work, "codes", CODES_AN_HOUR, timedelta(hours=1), now)

    def _take(self, work: Work, what: str, most: int, within: timedelta, now: datetime) -> bool:
        # Half of them at once, the other half as time passes: so no stretch of that length sees more than the cap.
        half = most / 2
        if not work.pace.take(f"unconnected:{what}", half / within.total_seconds(), int(half), now, ahead=0):
            return True
        if not work.pace.take(f"unconnected:{what}:told", 1 / TOLD_EVERY.total_seconds(), 1, now, ahead=0):
            self._tell_staff(work, what, now)
        return False

    def _tell_staff(self, work: Work, what: str, now: datetime) -> None:
        work.trail.add(now, "bot", "alarm flood", "accounts", what)
        log.error("too many chats that aren't connected ask for codes", over=what)
        if self.mailbox:
            # The lane of what can't wait: never behind notices that a mail server puts off.
            queue_mail(work, self.mailbox, f"flood:{what}:{now:%Y%m%dT%H%M%S}", _text(what, now), now, "interactive")


def _text(what: str, now: datetime) -> str:
    at = f"{now:%Y-%m-%d %H:%M} UTC"
    cap = f"{LOOKUPS_A_MINUTE} look-ups a minute" if what == "look-ups" else f"{CODES_AN_HOUR} codes an hour"
    zh_cap = f"每分钟 {LOOKUPS_A_MINUTE} 次账号查询" if what == "look-ups" else f"每小时 {CODES_AN_HOUR} 个验证码"
    return (
        "clausebot: a flood of requests for codes · 大量索取验证码\n\n"
        f"Since {at} chats that aren't connected to an account ask for more than {cap} in all. What is over that is passed "
        "over in silence; connected chats go on as ever. Look at the web chat's traffic, and let your proxy slow down "
        "whoever it comes from.\n\n"
        f"自 {at} 起，未关联账号的会话索取验证码的总量超过上限（{zh_cap}）。超出部分不再处理，且不作提示；已关联账号的"
        "会话不受影响。请查看网页聊天的流量，并在代理服务器上对来源限流。"
    )
