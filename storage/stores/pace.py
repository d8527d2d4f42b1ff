"""A pace shared by every process: one row a bucket, one statement a slot.

The algorithm is GCRA (ITU-T I.371): a bucket keeps the instant at which it is rested again. Taking a slot moves that
instant on by 1/rate; a burst may run ahead of now by the slots it may hold.
"""

from datetime import datetime

from sqlalchemy import Float, bindparam, delete, text
from sqlmodel import Session

from storage.tables import Bucket
from storage.tables.common import table

BUCKET = table(Bucket)
TAKE_SLOT = """
    INSERT INTO bucket (key, full_at) VALUES (:key, :now + :slot)
    ON CONFLICT (key) DO UPDATE SET full_at = later(bucket.full_at, :now) + :slot
    WHERE later(bucket.full_at, :now) - :burst - :now <= :ahead
    RETURNING full_at"""
HALT_ALL = """
    INSERT INTO bucket (key, full_at) VALUES (:key, :until)
    ON CONFLICT (key) DO UPDATE SET full_at = later(bucket.full_at, :until)"""
LATER = {"sqlite": "max(", "postgresql": "greatest("}
"""The databases call the later of two by different names."""
NUMBERS = [bindparam(name, type_=Float(53)) for name in ("now", "slot", "burst", "ahead")]
TAKE = {name: text(TAKE_SLOT.replace("later(", later)).bindparams(*NUMBERS) for name, later in LATER.items()}
HALT = {
    name: text(HALT_ALL.replace("later(", later)).bindparams(bindparam("until", type_=Float(53)))
    for name, later in LATER.items()
}
GRAIN = 1e-6
"""Seconds. Shorter waits are rounding: a double holds today's time to a quarter of this."""
LOOK = text("SELECT full_at FROM bucket WHERE key = :key")


class Pace:
    """How fast something may happen, counted over all processes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def take(self, key: str, rate_per_second: float, burst: int, now: datetime, ahead: float = float("inf")) -> float:
        """Takes the next slot: seconds until it comes, 0 for go. A rested bucket gives `burst` slots at once.

        A slot further away than `ahead` seconds is not taken: the answer is then more than `ahead`, and the caller
        asks again later instead of waiting for it.
        """
        moment, slot = seconds(now), 1 / rate_per_second
        tolerance = (burst - 1) * slot
        connection = self.session.connection()
        row = {"key": key, "now": moment, "slot": slot, "burst": tolerance, "ahead": ahead + GRAIN}
        rested = connection.execute(TAKE[connection.dialect.name], row).scalar_one_or_none()
        if rested is None:
            rested = connection.execute(LOOK, {"key": key}).scalar_one() + slot
        wait = float(rested) - slot - tolerance - moment
        return wait if wait > GRAIN else 0.0

    def halt(self, key: str, rate_per_second: float, burst: int, until: datetime) -> None:
        """No slot comes before then, in any process; what was saved up for a burst is spent."""
        connection = self.session.connection()
        row = {"key": key, "until": seconds(until) + (burst - 1) / rate_per_second}
        connection.execute(HALT[connection.dialect.name], row)

    def forget_before(self, at: datetime) -> int:
        """Takes away the buckets that have been at rest since then: a fresh one is the same. How many went."""
        return self.session.connection().execute(delete(BUCKET).where(BUCKET.c.full_at < seconds(at))).rowcount


def seconds(at: datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("a time without a zone can't set a pace")
    return at.timestamp()
