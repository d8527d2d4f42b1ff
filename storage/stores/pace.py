"""A pace shared by every process: one row a bucket, one statement a slot.

The algorithm is GCRA (ITU-T I.371): a bucket keeps the instant at which it is rested again. Taking a slot moves that
instant on by 1/rate; a burst may run ahead of now by the slots it may hold.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Float, bindparam, delete, text

from storage.tables import Bucket
from storage.tables.common import table

BUCKET = table(Bucket)
TAKE_SLOT = """
    INSERT INTO bucket (key, full_at) VALUES (:key, :now + :slot)
    ON CONFLICT (key) DO UPDATE SET full_at = later(bucket.full_at, :now) + :slot
    WHERE later(bucket.full_at, :now) - :burst - :now <= :ahead
    RETURNING full_at"""
# In the order of the keys, so that two workers never wait for one another's rows.
TAKE_EACH = """
    INSERT INTO bucket (key, full_at) SELECT each.key, :now + :slot FROM given(:keys) ORDER BY each.key
    ON CONFLICT (key) DO UPDATE SET full_at = later(bucket.full_at, :now) + :slot
    WHERE later(bucket.full_at, :now) - :burst - :now <= :ahead
    RETURNING key, full_at"""
GIVEN = {
    "sqlite": "(SELECT value AS key FROM json_each(:keys)) AS each WHERE true",
    "postgresql": "unnest(CAST(:keys AS text[])) AS each(key)",
}
HALT_ALL = """
    INSERT INTO bucket (key, full_at) VALUES (:key, :until)
    ON CONFLICT (key) DO UPDATE SET full_at = later(bucket.full_at, :until)"""
LATER = {"sqlite": "max(", "postgresql": "greatest("}
"""The databases call the later of two by different names."""
NUMBERS = [bindparam(name, type_=Float(53)) for name in ("now", "slot", "burst", "ahead")]
EACH = {
    name: text(TAKE_EACH.replace("given(:keys)", given).replace("later(", LATER[name])).bindparams(*NUMBERS)
    for name, given in GIVEN.items()
}
TAKE = {name: text(TAKE_SLOT.replace("later(", later)).bindparams(*NUMBERS) for name, later in LATER.items()}
HALT = {
    name: text(HALT_ALL.replace("later(", later)).bindparams(bindparam("until", type_=Float(53)))
    for name, later in LATER.items()
}
GRAIN = 1e-6
"""Seconds. Shorter waits are rounding: a double holds today's time to a quarter of this."""
LOOK = text("SELECT full_at FROM bucket WHERE key = :key")
LOOK_EACH = text("SELECT key, full_at FROM bucket WHERE key IN :keys").bindparams(bindparam("keys", expanding=True))
# Changes nothing, and holds the row until the commit.
HOLD = text(
    "INSERT INTO bucket (key, full_at) VALUES (:key, 0.0) "
    "ON CONFLICT (key) DO UPDATE SET full_at = bucket.full_at RETURNING full_at"
)
MOVE = text("UPDATE bucket SET full_at = :full_at WHERE key = :key")


class Pace:
    """How fast something may happen, counted over all processes."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def take(self, key: str, rate_per_second: float, burst: int, now: datetime, ahead: float = float("inf")) -> float:
        """Takes the next slot: seconds until it comes, 0 for go. A rested bucket gives `burst` slots at once.

        A slot further away than `ahead` seconds is not taken: the answer is then more than `ahead`, and the caller
        asks again later instead of waiting for it.
        """
        moment, slot = seconds(now), 1 / rate_per_second
        tolerance = (burst - 1) * slot
        connection = self.connection
        row = {"key": key, "now": moment, "slot": slot, "burst": tolerance, "ahead": ahead + GRAIN}
        rested = connection.execute(TAKE[connection.dialect.name], row).scalar_one_or_none()
        if rested is None:
            rested = connection.execute(LOOK, {"key": key}).scalar_one() + slot
        wait = float(rested) - slot - tolerance - moment
        return wait if wait > GRAIN else 0.0

    def room(self, key: str, rate_per_second: float, burst: int, now: datetime, ahead: float) -> int:
        """How many slots come within `ahead` seconds. Takes none; others may before we do."""
        rested = self.connection.execute(LOOK, {"key": key}).scalar_one_or_none()
        return _slots_within(rested or 0.0, rate_per_second, burst, seconds(now), ahead)

    def take_several(
        self, key: str, rate_per_second: float, burst: int, most: int, now: datetime, ahead: float
    ) -> list[float]:
        """Takes the next slots, at most `most` and none further away than `ahead`: seconds until each of them."""
        moment, slot, connection = seconds(now), 1 / rate_per_second, self.connection
        rested = float(connection.execute(HOLD, {"key": key}).scalar_one())
        count = min(most, _slots_within(rested, rate_per_second, burst, moment, ahead))
        begin = max(rested, moment)
        if count:
            connection.execute(MOVE, {"key": key, "full_at": begin + count * slot})
        first = begin - (burst - 1) * slot - moment
        waits = (first + number * slot for number in range(count))
        return [wait if wait > GRAIN else 0.0 for wait in waits]

    def take_each(
        self, keys: Sequence[str], rate_per_second: float, burst: int, now: datetime, ahead: float
    ) -> dict[str, float]:
        """Takes the next slot of each of these different buckets: seconds until it comes, as in `take`."""
        if not keys:
            return {}
        moment, slot, connection = seconds(now), 1 / rate_per_second, self.connection
        tolerance, kind = (burst - 1) * slot, connection.dialect.name
        row = {"now": moment, "slot": slot, "burst": tolerance, "ahead": ahead + GRAIN}
        taken = connection.execute(EACH[kind], {**row, "keys": json.dumps(keys) if kind == "sqlite" else list(keys)})
        rested = {key: full_at - slot for key, full_at in taken}
        if full := [key for key in keys if key not in rested]:
            rested |= {row.key: row.full_at for row in connection.execute(LOOK_EACH, {"keys": full})}
        waits = {key: float(full_at) - tolerance - moment for key, full_at in rested.items()}
        return {key: wait if wait > GRAIN else 0.0 for key, wait in waits.items()}

    def halt(self, key: str, rate_per_second: float, burst: int, until: datetime) -> None:
        """No slot comes before then, in any process; what was saved up for a burst is spent."""
        connection = self.connection
        row = {"key": key, "until": seconds(until) + (burst - 1) / rate_per_second}
        connection.execute(HALT[connection.dialect.name], row)

    def forget_before(self, at: datetime) -> int:
        """Takes away the buckets that have been at rest since then: a fresh one is the same. How many went."""
        return self.connection.execute(delete(BUCKET).where(BUCKET.c.full_at < seconds(at))).rowcount


def _slots_within(rested: float, rate: float, burst: int, moment: float, ahead: float) -> int:
    first = max(rested, moment) - (burst - 1) / rate - moment
    return max(0, math.floor((ahead - first) * rate + GRAIN) + 1)


def seconds(at: datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("a time without a zone can't set a pace")
    return at.timestamp()
