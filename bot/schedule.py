"""Which job runs how often, and why. The scheduler holds no truth: it only wakes jobs that read the database."""

from datetime import timedelta
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.app import App
from bot.core.audit import AnchorFile, chain_new, check_and_note
from bot.core.audit_mail import AnchorMail
from bot.core.retention import forget_old

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
    scheduler.add_job(
        lambda: forget_old(database, clock()),
        IntervalTrigger(hours=FORGET_EVERY_HOURS),
        id="forget",
        next_run_time=clock(),
    )
    scheduler.add_job(lambda: chain_new(database, clock), IntervalTrigger(seconds=CHAIN_EVERY_SECONDS), id="chain")
    scheduler.add_job(
        lambda: check_and_note(database, clock, anchor_file, by_mail),
        IntervalTrigger(hours=CHECK_EVERY_HOURS),
        id="audit",
        next_run_time=clock() + SETTLED,
    )
    scheduler.add_job(app.desk.go_on, IntervalTrigger(seconds=ASK_EVERY_SECONDS), id="enquiries")
    scheduler.add_job(app.desk.hand_out, IntervalTrigger(seconds=ASK_EVERY_SECONDS), id="results")
    scheduler.add_job(app.desk.tick, IntervalTrigger(seconds=TICK_EVERY_SECONDS), id="orders", next_run_time=clock())
    scheduler.start()
    return scheduler
