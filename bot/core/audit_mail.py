"""The end of the audit chain by mail: to a mailbox that whoever owns the database can't empty.

One mail waits at most: while a mail server is down no pile grows, and the first mail afterwards says where the chain was.
One that was given up is followed by another at the next hour.
"""

from datetime import datetime, timedelta

import structlog

from bot.core.audit import TIME, anchor_line
from bot.core.clock import Clock
from bot.core.mail_to_company import last_mail, queue_mail
from storage.chain import Head
from storage.engine import Database
from storage.stores.deliveries import Fared

CAUSE = "audit-head:"
LATE = timedelta(minutes=30)
"""A mail that waits for longer is told in the log."""
GIVEN_UP = ("unreachable", "failed")

log = structlog.get_logger(__name__)


class AnchorMail:
    """A mailbox as a place for anchors (bot/core/audit.py)."""

    def __init__(self, database: Database, mailbox: str, company: str, clock: Clock) -> None:
        self._database, self._mailbox, self._company, self._clock = database, mailbox, company, clock

    def last(self) -> Fared | None:
        """What became of the last mail."""
        with self._database.read() as work:
            return last_mail(work, self._mailbox, CAUSE)

    def noted(self) -> int:
        """The number in the last mail that was sent or is on its way. One that isn't there yet is told in the log."""
        last = self.last()
        if last is None:
            return 0
        number = number_of(last)
        if last.state in GIVEN_UP:
            log.error("audit_not_mailed", seq=number, reason=last.reason or last.state)
            return 0
        if last.state != "sent" and self._clock() - last.created_at > LATE:
            log.error("audit_mail_waits", seq=number, tries=last.attempts)
        return number

    def note(self, at: datetime, end: Head) -> None:
        """Queues a mail with the end of the chain, unless one still waits."""
        with self._database.work() as work:
            last = last_mail(work, self._mailbox, CAUSE)
            if last is not None and last.state not in ("sent", *GIVEN_UP):
                return
            cause = f"{CAUSE}{end.seq}:{at:%Y%m%dT%H}"
            queue_mail(work, self._mailbox, cause, self._text(anchor_line(work.keyring, at, end), at, end), at)

    def _text(self, line: str, at: datetime, end: Head) -> str:
        return (
            f"clausebot {self._company}: audit trail at number {end.seq} · 审计链 {end.seq} 号\n\n"
            f"Number: {end.seq}\nHash: {end.hash.hex()}\nTime: {at.strftime(TIME)}\n\n"
            "Keep this mail. Whoever changes the trail up to this number later can't make it fit this hash again. "
            "As a line for a file of anchors (clausebot audit verify --anchor FILE):\n\n"
            f"{line}\n\n"
            "请保留此邮件。此后若有人改动该序号以前的审计记录，将无法再与上述哈希值相符。上面一行可存入锚点文件核验。"
        )


def number_of(mail: Fared) -> int:
    """The number that a mail told."""
    return int(mail.cause.removeprefix(CAUSE).partition(":")[0])
