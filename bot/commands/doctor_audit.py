"""What the doctor looks at of the audit trail: whether its end is noted outside, and since when."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.clock import Clock, system_clock
from bot.core.finding import Finding
from bot.settings import Settings
from storage.chain import head
from storage.engine import Database

LATE = timedelta(hours=2)
"""Anchors are noted by the hour; an end that is older, while the chain went on, wants looking at."""


def audit_findings(settings: Settings, clock: Clock = system_clock) -> Iterator[Finding]:
    """Where the end of the trail is noted, and what became of it there."""
    from bot.app import open_database

    if not settings.audit_anchor and not settings.audit_mail:
        says = (
            "its end is noted nowhere outside; CLAUSEBOT_AUDIT_ANCHOR or CLAUSEBOT_AUDIT_MAIL does that (docs/audit.md)"
        )
        yield Finding("audit", "ok", says)
        return
    with closing(open_database(settings)) as database:
        with database.read() as work:
            end = head(work).seq
        if settings.audit_anchor:
            yield _file(Path(settings.audit_anchor), database, end, clock())
        if settings.audit_mail and not settings.smtp_host:
            yield Finding("audit", "wrong", "CLAUSEBOT_AUDIT_MAIL: nothing can be mailed to it without SMTP_HOST")
        elif settings.audit_mail:
            yield _mail(settings, database, end, clock)


def _file(path: Path, database: Database, end: int, now: datetime) -> Finding:
    from bot.core.audit import AnchorFile

    try:
        anchors, problems = AnchorFile(path, database.keyring).read()
    except FileNotFoundError:
        return Finding("audit", "warning" if end else "ok", f"{path}: nothing is noted yet; `clausebot serve` does it")
    if problems:
        return Finding("audit", "wrong", f"{problems[0]}. What that means: docs/audit.md")
    last = max(anchors, key=lambda anchor: anchor.seq, default=None)
    if last is None or (last.seq < end and now - last.at > LATE):
        since = f"the last was number {last.seq}, {last.at:%Y-%m-%d %H:%M} UTC" if last else "none is in it"
        return Finding("audit", "warning", f"{path}: no anchor for long, though the trail is at {end}; {since}")
    return Finding("audit", "ok", f"{path}: number {last.seq} of {end} was noted {last.at:%Y-%m-%d %H:%M} UTC")


def _mail(settings: Settings, database: Database, end: int, clock: Clock) -> Finding:
    from bot.core.audit_mail import GIVEN_UP, AnchorMail, number_of

    last = AnchorMail(database, settings.audit_mail, settings.company, clock).last()
    if last is None:
        return Finding(
            "audit", "warning" if end else "ok", "mail: none was sent yet; `clausebot serve` does it by the hour"
        )
    what = f"mail: number {number_of(last)} of {end}, {last.created_at:%Y-%m-%d %H:%M} UTC"
    if last.state in GIVEN_UP:
        why = f"was given up ({last.reason or last.state}). Check SMTP_HOST and CLAUSEBOT_AUDIT_MAIL"
        return Finding("audit", "wrong", f"{what}, {why}; the next is tried within an hour")
    late = clock() - last.created_at > LATE
    if last.state != "sent":
        tried = f"waits after {last.attempts} tries" if last.attempts else "isn't tried yet"
        return Finding("audit", "warning" if late or last.attempts else "ok", f"{what}, {tried}; it is tried for a day")
    if late and number_of(last) < end:
        return Finding(
            "audit", "warning", f"{what}, was the last, though the trail went on: is `clausebot serve` running?"
        )
    return Finding("audit", "ok", f"{what}, was sent")
