"""Which job runs how often, and why. The scheduler holds no truth: it only wakes jobs that read the database."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.app import App
from bot.core.audit import AnchorFile, chain_new, check_and_note
from bot.core.audit_mail import AnchorMail
from bot.core.retention import forget_old
from storage.errors import Busy

log = structlog.get_logger(__name__)

FORGET_EVERY_HOURS = 6
"""What is past its time goes at the latest 24 h later (promises: retention kept); four tries a day leave room."""
CHAIN_EVERY_SECONDS = 1
"""How long an entry of the trail may stand unproven."""
CHECK_EVERY_HOURS = 1
"""A change of the trail is found within this (promises: audit)."""
ASK_EVERY_SECONDS = 1
"""Somebody waits for a code."""
TICK_EVERY_SECONDS = 60
"""Reminders, ends of holds and expiry are counted in hours and days; a hold counts what lies between two ticks."""
SETTLED = timedelta(minutes=1)
"""The first check waits until the start is over."""


def start(app: App) -> BackgroundScheduler:
    """Starts the jobs of one process. Each is safe to run twice, so several processes do no harm."""
    database, clock = app.database, app.clock
    anchors = app.settings.audit_anchor
    anchor_file = AnchorFile(Path(anchors), database.keyring) if anchors else None
    mailbox = app.settings.audit_mail
    by_mail = [AnchorMail(database, mailbox, app.settings.company, clock)] if mailbox else []
    scheduler = BackgroundScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    )
    # A job that is still under way is simply due again later.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    scheduler.add_job(
        _patient("forget", lambda: forget_old(database, clock())),
        IntervalTrigger(hours=FORGET_EVERY_HOURS),
        id="forget",
        next_run_time=clock(),
    )
    scheduler.add_job(
        _patient("chain", lambda: chain_new(database, clock)),
        IntervalTrigger(seconds=CHAIN_EVERY_SECONDS),
        id="chain",
    )
    scheduler.add_job(
        _patient("audit", lambda: check_and_note(database, clock, anchor_file, by_mail)),
        IntervalTrigger(hours=CHECK_EVERY_HOURS),
        id="audit",
        next_run_time=clock() + SETTLED,
    )
    for name, job in (("enquiries", app.desk.go_on), ("results", app.desk.hand_out)):
        scheduler.add_job(_patient(name, job), IntervalTrigger(seconds=ASK_EVERY_SECONDS), id=name)
    scheduler.add_job(
        _patient("orders", app.desk.tick),
        IntervalTrigger(seconds=TICK_EVERY_SECONDS),
        id="orders",
        next_run_time=clock(),
    )
    scheduler.start()
    return scheduler


def _patient(name: str, job: Callable[[], object]) -> Callable[[], None]:
    """`job`, which tries again when it is due again where the database is busy: a line in the log, and no traceback."""

    def run() -> None:
        try:
            job()
        except Busy:
            log.warning("job put off: the database is busy", job=name)

    return run
