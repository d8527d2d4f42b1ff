"""By when a request is due: the golden cases, 480 generated ones against another calculation, and what always holds."""

import random
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pytest
from dateutil import tz
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.deadlines import RIGHTS, Deadlines, Kind, WorkingCalendar, load_rules, official_calendar
from knowledge.deadlines.days import end_of_day, months_after

CASES = Path(__file__).parent / "deadline_cases"
CALENDAR = official_calendar()
ALL = Deadlines(load_rules("cn", "gdpr", "ccpa"), CALENDAR)
CN = Deadlines(load_rules("cn"), CALENDAR)
SHANGHAI, BERLIN, LOS_ANGELES = (ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles"))

RULES = {
    "working_15": ("cn", "cn.promise", "access", SHANGHAI),
    "days_30": ("cn", "cn.outer", "access", SHANGHAI),
    "month_1": ("gdpr", "gdpr.answer", "access", BERLIN),
    "days_45": ("ccpa", "ccpa.answer", "access", LOS_ANGELES),
}
GOLDEN = tomllib.loads((CASES / "golden.toml").read_text(encoding="utf-8"))["case"]


def noon(day: date, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)


@pytest.mark.parametrize(
    ("case", "column"),
    [(case, column) for case in GOLDEN for column in RULES if column in case],
    ids=lambda value: value if isinstance(value, str) else str(value["received"]),
)
def test_golden(case: dict[str, Any], column: str) -> None:
    rule_set, rule, right, zone = RULES[column]
    due = Deadlines(load_rules(rule_set), CALENDAR).for_right(noon(case["received"], zone), right)
    basis = next(basis for basis in due.legal_basis if basis.rule == rule)
    assert basis.on == case[column]
    assert basis.is_certain == (column != "working_15" or case["received"] != date(2026, 12, 31))


def test_there_are_at_least_the_eight_golden_days_of_2026() -> None:
    assert sum(all(column in case for column in RULES) for case in GOLDEN) == 8


# The other calculation: numpy's calendar arithmetic over a second source of days, dateutil's months and time zones.

TABLE = tomllib.loads((CASES / "prc_days.toml").read_text(encoding="utf-8"))
OFF = [f"{year}-{day}" for year, lists in TABLE.items() for day in lists["off"]]
WORKS = {f"{year}-{day}" for year, lists in TABLE.items() for day in lists["works"]}
EVERY_DAY = numpy.arange("2006-01-01", "2027-01-01", dtype="datetime64[D]")
WEEKENDS = [str(day) for day in EVERY_DAY if not numpy.is_busday(day) and str(day) not in WORKS]
PRC = numpy.busdaycalendar(weekmask="1111111", holidays=OFF + WEEKENDS)


def other(rule: str, received: date) -> date:
    """The last day by the other calculation."""
    match rule:
        case "cn.promise" | "cn.infringement":
            return numpy.busday_offset(received, 15, roll="backward", busdaycal=PRC).item()
        case "cn.acknowledge":
            return numpy.busday_offset(received, 1, roll="backward", busdaycal=PRC).item()
        case "ccpa.acknowledge":
            return numpy.busday_offset(received, 10, roll="backward").item()
        case "ccpa.opt_out":
            return numpy.busday_offset(received, 15, roll="backward").item()
        case "cn.outer":
            return received + relativedelta(days=30)
        case "ccpa.answer" | "ccpa.promise":
            return received + relativedelta(days=45)
        case "gdpr.answer" | "gdpr.promise":
            return numpy.busday_offset(received + relativedelta(months=1), 0, roll="forward").item()
    raise AssertionError(rule)


def instant(day: date, zone: str) -> datetime:
    """The last second of the day, by dateutil's own zones."""
    return (datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=tz.gettz(zone))).astimezone(UTC)


def generated(count: int) -> list[tuple[datetime, str, str]]:
    """Instants of 2006 to autumn 2026 with a right and rule sets; a third lies within a second of some midnight."""
    dice = random.Random(20261123)
    cases = []
    for number in range(count):
        at = datetime(2006, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(7_600 * 86_400))
        if number % 3 == 0:
            zone = dice.choice((SHANGHAI, BERLIN, LOS_ANGELES))
            at = end_of_day(at.date(), zone) + timedelta(seconds=dice.choice((0, 1)))
        rule_sets = dice.choice(("cn", "gdpr", "ccpa", "cn gdpr", "cn ccpa", "gdpr ccpa", "cn gdpr ccpa"))
        cases.append((at, dice.choice(sorted(RIGHTS)), rule_sets))
    return cases


@pytest.mark.parametrize(("received", "right", "rule_sets"), generated(480))
def test_generated(received: datetime, right: str, rule_sets: str) -> None:
    sets = load_rules(*rule_sets.split())
    due = Deadlines(sets, CALENDAR).for_right(received, right)
    expected, confirmed = {}, []
    for rule_set in sets:
        zone = rule_set.zone.key
        day = received.astimezone(tz.gettz(zone)).date()
        expected |= {r.id: instant(other(r.id, day), zone) for r in rule_set.answers if right in r.rights}
        confirmed += [instant(other(r.id, day), zone) for r in rule_set.acknowledgements if right in r.rights]
    assert {basis.rule: basis.at for basis in due.legal_basis} == expected
    assert due.due_at == min(expected.values())
    assert due.acknowledge_by == min(confirmed, default=None)
    limits = [basis.at for basis in due.legal_basis if basis.kind is not Kind.PROMISE]
    assert due.hard_stop == min(limits, default=due.due_at)


# Ends of days, months and years.


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2026, 1, 28), "Asia/Shanghai", "2026-01-28T15:59:59"),
        (date(2026, 3, 28), "Europe/Berlin", "2026-03-28T22:59:59"),  # clocks go forward in the next night
        (date(2026, 3, 29), "Europe/Berlin", "2026-03-29T21:59:59"),
        (date(2026, 10, 24), "Europe/Berlin", "2026-10-24T21:59:59"),
        (date(2026, 10, 25), "Europe/Berlin", "2026-10-25T22:59:59"),
        (date(2026, 3, 8), "America/Los_Angeles", "2026-03-09T06:59:59"),
        (date(2026, 11, 1), "America/Los_Angeles", "2026-11-02T07:59:59"),
        (date(2024, 4, 25), "Africa/Cairo", "2024-04-25T21:59:59"),  # the next day begins at 01:00
        (date(2024, 10, 31), "Africa/Cairo", "2024-10-31T21:59:59"),  # 23:00 comes twice, the second counts
        (date(2024, 12, 31), "Pacific/Kiritimati", "2024-12-31T09:59:59"),
    ],
)
def test_a_day_ends_by_its_own_clock(day: date, zone: str, expected: str) -> None:
    end = end_of_day(day, ZoneInfo(zone))
    assert end == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert end.astimezone(ZoneInfo(zone)).date() == day
    assert (end + timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() > day


def test_the_day_of_receipt_changes_at_midnight_in_the_legal_zone() -> None:
    last_second = datetime(2026, 1, 28, 15, 59, 59, tzinfo=UTC)
    assert CN.for_right(last_second, "deletion").due_on == date(2026, 2, 25)
    assert CN.for_right(last_second + timedelta(seconds=1), "deletion").due_on == date(2026, 2, 26)


def test_one_instant_in_any_zone_is_one_deadline() -> None:
    at = datetime(2026, 1, 28, 2, tzinfo=UTC)
    assert ALL.for_right(at, "access") == ALL.for_right(at.astimezone(LOS_ANGELES), "access")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
    ],
)
def test_months_end_with_the_month(day: date, months: int, expected: date) -> None:
    assert months_after(day, months) == expected


def test_a_month_that_ends_on_a_worked_saturday_of_china_still_moves_in_europe() -> None:
    due = Deadlines(load_rules("gdpr"), CALENDAR).for_right(noon(date(2026, 1, 28), BERLIN), "access")
    assert CALENDAR.is_working_day(date(2026, 2, 28))
    assert due.due_on == date(2026, 3, 2)


# What always holds.


def instants(first: date, last: date) -> st.SearchStrategy[datetime]:
    """Whole seconds from noon in Shanghai on the one day to noon on the other."""
    begin = noon(first).astimezone(UTC)
    return st.integers(0, (last - first).days * 86_400).map(lambda seconds: begin + timedelta(seconds=seconds))


INSTANTS = instants(date(2004, 1, 1), date(2026, 10, 31))
ANY_INSTANT = instants(date(1990, 1, 1), date(2060, 1, 1))
RIGHT = st.sampled_from(sorted(RIGHTS))
DAYS = st.dates(date(2025, 12, 1), date(2027, 3, 31))


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    """The calendar as another edition may have it: days off and make-up days come and go, years become known or not."""
    off, works = draw(st.frozensets(DAYS, max_size=25)), draw(st.frozensets(DAYS, max_size=25))
    weekend = frozenset(day for day in works - off if day.weekday() >= 5)
    years = draw(st.frozensets(st.sampled_from((2026, 2027))))
    return WorkingCalendar(CALENDAR.years - {2026} | years, CALENDAR.days_off ^ off, CALENDAR.make_up_days ^ weekend)


@settings(deadline=None)
@given(INSTANTS, INSTANTS, RIGHT)
def test_who_asks_later_is_never_due_earlier(one: datetime, two: datetime, right: str) -> None:
    first, second = sorted((one, two))
    assert ALL.for_right(first, right).due_at <= ALL.for_right(second, right).due_at


@settings(deadline=None)
@given(ANY_INSTANT, RIGHT)
def test_dates_stand_in_order(received: datetime, right: str) -> None:
    due = ALL.for_right(received, right)
    assert received <= due.aim_at <= due.due_at <= due.hard_stop
    assert received < due.due_at == due.legal_basis[0].at
    assert due.acknowledge_by is not None
    assert received < due.acknowledge_by <= due.due_at
    assert [basis.at for basis in due.legal_basis] == sorted(basis.at for basis in due.legal_basis)
    assert [received <= m.at <= due.due_at for m in due.milestones] == [True] * 3
    assert due.due_at.astimezone(due.zone).strftime("%H:%M:%S") == "23:59:59"


@settings(deadline=None)
@given(INSTANTS, RIGHT)
def test_our_promise_ends_on_a_working_day(received: datetime, right: str) -> None:
    promise = next(basis for basis in CN.for_right(received, right).legal_basis if basis.kind is Kind.PROMISE)
    assert CALENDAR.is_working_day(promise.on)


@settings(deadline=None)
@given(
    instants(date(2025, 12, 1), date(2027, 3, 1)),
    RIGHT,
    st.lists(calendars(), min_size=1, max_size=4),
)
def test_what_was_told_never_moves_later(received: datetime, right: str, editions: list[WorkingCalendar]) -> None:
    told = CN.for_right(received, right)
    for edition in editions:
        again = Deadlines(CN.rule_sets, edition)
        fresh, kept = again.for_right(received, right), again.recomputed(told)
        assert kept.due_at == min(told.due_at, fresh.due_at)
        assert kept.due_at > received
        assert again.recomputed(kept) == kept
        told = kept
