"""Tells staff that an account is locked: so many wrong codes in a row came for it, from chats that aren't connected.

A job of the clock looks for it, and not the turn that counts: what a chat is told, and how long that takes, must not
depend on whether there is such an account, and a mail is queued only where there is one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.core.accounts import Account
from bot.core.mail_to_company import queue_mail
from bot.core.verification import LOCK_AT
from storage.engine import Database
from storage.errors import KeyMissing, Unreadable
from storage.stores.locked_accounts import Locked, LockedAccounts
from storage.work import Work

LOOKS_BACK = timedelta(days=2)
"""A lock that is older and that nobody was told of was one before this job stood still."""
TOLD_EVERY = timedelta(hours=1)
"""At most one mail of one account in this time, however often it is unlocked and locked again."""
ACTION = "alarm codes locked"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LockAlarm:
    """`mailbox`: that of staff; "" where there is none, or no mail server."""

    mailbox: str = ""

    def run_due(self, database: Database, now: datetime) -> int:
        """Tells of every account that was locked and that nobody was told of; how many. Raises StorageError."""
        with database.read() as work:
            untold = _untold(work, now)
        if not untold:
            return 0
        with database.work() as work:
            return sum(self._tell(work, one, now) for one in _untold(work, now))

    def _tell(self, work: Work, one: Locked, now: datetime) -> bool:
        # One row of the database for all processes: whoever takes the slot tells.
        if work.pace.take(f"locked:{one.scope}", 1 / TOLD_EVERY.total_seconds(), 1, now, ahead=0):
            return False
        account, mark = _account(work, one)
        work.trail.add(now, "bot", ACTION, _thing(one), mark)
        log.error("codes of an account are locked", wrong=LOCK_AT, account=mark)
        if self.mailbox:
            cause = f"codes-locked:{one.scope[:16]}:{one.at:%Y%m%dT%H%M%S}"
            queue_mail(work, self.mailbox, cause, _text(account, one.at), now, "interactive")
        return True


def _untold(work: Work, now: datetime) -> list[Locked]:
    """Accounts that are locked, without those of which the trail says that staff were told since."""
    locked = LockedAccounts(work.connection, work.keyring).since(now - LOOKS_BACK, LOCK_AT)
    return [
        one
        for one in locked
        if not any(entry.action == ACTION and entry.at >= one.at for entry in work.trail.of_thing(_thing(one)))
    ]


def _thing(one: Locked) -> str:
    return f"tally:{one.scope[:16]}"


def _account(work: Work, one: Locked) -> tuple[Account | None, str]:
    """Which account it is, and how the trail calls it. None where the chats that tried were erased."""
    tried = LockedAccounts(work.connection, work.keyring).tried(one.scope)
    if tried is None:
        return None, ""
    mark = f"account:{tried.account_index[:16]}"
    try:
        person = work.people.of_id(tried.person_id)
        wish = work.verification.get(person, tried.verification_id) if person else None
    except (Unreadable, KeyMissing):
        return None, mark
    return (Account(wish.account) if wish and wish.account else None), mark


def _text(account: Account | None, at: datetime) -> str:
    hint = account.display_hint if account else "(the chats that tried were erased)"
    zh_hint = account.display_hint if account else "（尝试的会话已清除，无法得知）"
    when = f"{at:%Y-%m-%d %H:%M} UTC"
    return (
        "clausebot: codes of an account are locked · 账号的验证码已锁定\n\n"
        f"Account: {hint}. {LOCK_AT} wrong codes in a row were typed for it in chats that aren't connected to it, the last "
        f"one on {when}. Codes of such chats don't count for it any more, not even a right one, until one of you has "
        "looked; the chats aren't told. A chat that is connected to the account goes on as ever. Find the account in your "
        "own system, ask its owner through a contact on file whether it was they, then look and unlock, with its full id:"
        "\n\nclausebot accounts show ID\nclausebot accounts unlock ID\n\n"
        f"账号：{zh_hint}。在未关联该账号的会话里，连续输错验证码 {LOCK_AT} 次，最近一次是 {when}。在工作人员核实之前，"
        "这类会话里的验证码一律无效（输对也无效），会话中不作提示；已关联该账号的会话不受影响。请在贵司系统里找到该账号，"
        "通过登记的联系方式向其所有者确认是否本人操作，再用完整的账号 ID 执行上面的命令查看并解锁。"
    )
