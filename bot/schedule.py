"""Which job runs how often, and why. The scheduler holds no truth: it only wakes jobs that read the database."""

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.app import App
from bot.core.retention import forget_old

FORGET_EVERY_HOURS = 6
"""What is past its time goes at the latest 24 h later (promises: retention kept); four tries a day leave room."""


def start(app: App) -> BackgroundScheduler:
    """Starts the jobs of one process. Each is safe to run twice, so several processes do no harm."""
    scheduler = BackgroundScheduler(
        timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
    )
    scheduler.add_job(
        lambda: forget_old(app.database, app.clock()),
        IntervalTrigger(hours=FORGET_EVERY_HOURS),
        id="forget",
        next_run_time=app.clock(),
    )
    scheduler.start()
    return scheduler
