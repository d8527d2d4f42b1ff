"""Where days, months and weeks end: plain arithmetic of dates and zones."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SATURDAY = 5


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last second of `day` in `zone`, as UTC, also where a change of the clock makes midnight odd."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone) + ONE_DAY  # the zone's own next midnight
    return midnight.astimezone(UTC) - SECOND


def months_after(day: date, count: int) -> date:
    """The same date `count` months later, or that month's last day where there is none (Regulation 1182/71, 3(2)(c);
    Civil Code 202)."""
    years, month = divmod(day.month - 1 + count, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def business_days_after(day: date, count: int) -> date:
    """The `count`-th day from Monday to Friday after `day`; holidays count, so it is early rather than late."""
    while count:
        day += ONE_DAY
        count -= day.weekday() < SATURDAY
    return day
