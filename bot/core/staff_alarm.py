"""Tells staff that somebody tries codes or passwords of a member: in the trail, in the log, and by mail where there is a
mailbox. After the first wait, which a slip of the fingers seldom brings, and when the member is locked out."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.core.mail_to_company import queue_mail
from storage.stores.staff import FREE_TRIES, LOCKED_AT, Member
from storage.work import Work

TOLD_AT = (FREE_TRIES, LOCKED_AT)
"""Wrong tries in a row at which staff are told."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StaffAlarm:
    """`mailbox`: that of staff; "" where there is none, or no mail server."""

    mailbox: str = ""

    def wrong_try(self, work: Work, member: Member, now: datetime) -> None:
        """To be called after each wrong try, with the member as that try left them, in a transaction."""
        if member.failed not in TOLD_AT:
            return
        action = "staff_locked" if member.is_locked else "staff_waits"
        work.trail.add(now, "bot", action, f"staff:{member.id}", f"wrong={member.failed}")
        log.error("wrong codes of a member of staff", staff=member.id, wrong=member.failed, locked=member.is_locked)
        if self.mailbox:
            # The lane of what can't wait: never behind notices that a mail server puts off.
            cause = f"staff-alarm:{member.id}:{member.failed}:{now:%Y%m%dT%H%M%S}"
            queue_mail(work, self.mailbox, cause, _text(member, now), now, "interactive")


def _text(member: Member, now: datetime) -> str:
    name, wrong, at = member.name, member.failed, f"{now:%Y-%m-%d %H:%M} UTC"
    if member.is_locked:
        subject = f"clausebot: {name} is locked out · {name} 已被锁定"
        says = "No code and no password of theirs counts until an admin lets them in again:"
        zh_says = "在管理员解除锁定之前，其验证码和密码一律无效，"
    else:
        subject = f"clausebot: wrong codes for {name} · {name} 的验证码多次有误"
        says = "Further tries wait, longer each time. If it wasn't them, give them a new secret and password:"
        zh_says = "后续尝试须等待，且等待时间逐次延长。若非本人操作，请为其更换密钥和密码，"
    commands = f"clausebot staff unlock {name}\nclausebot staff reset-totp {name}\nclausebot staff password {name}"
    return (
        f"{subject}\n\n{wrong} wrong codes or passwords in a row were given for the member of staff {name}, the last one "
        f"on {at}. Ask them whether it was they. {says}\n\n{commands}\n\n"
        f"{at}：工作人员 {name} 的验证码或密码连续 {wrong} 次有误。请向本人确认是否为其操作。{zh_says}见上面的命令。"
    )
