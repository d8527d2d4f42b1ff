"""Working days of the PRC: against a second source, for a year nobody knows, and from a company's own file."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

import numpy
import pytest

from knowledge.deadlines.calendar import (
    MARGIN,
    WHOLE_WEEKS_MARGIN,
    WorkingCalendar,
    official_calendar,
    packaged_calendar,
    with_year,
)
from knowledge.errors import BrokenFile

CASES = Path(__file__).parent / "deadline_cases"
ONE_DAY = timedelta(days=1)
FIRST, LAST = 2004, 2026
CALENDAR = packaged_calendar()

# An invented notice for 2027, not the real one: 18 weekdays off, 5 weekend days worked.
NOTICE = """\
year = 2027
source = "an invented notice, for tests"
entered_by = "officer one"
checked_by = "officer two"
statutory_days = 13

[[days_off]]
from = 2027-01-01
to = 2027-01-03

[[days_off]]
from = 2027-02-05
to = 2027-02-12
works = [2027-02-13, 2027-02-20]

[[days_off]]
from = 2027-04-05

[[days_off]]
from = 2027-05-01
to = 2027-05-05
works = [2027-05-08]

[[days_off]]
from = 2027-06-09

[[days_off]]
from = 2027-09-15

[[days_off]]
from = 2027-10-01
to = 2027-10-07
works = [2027-09-26, 2027-10-09]
"""


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def second_source() -> dict[date, bool]:
    """Whether each day of 2004 to 2026 is worked, by prc_days.toml."""
    table = tomllib.loads((CASES / "prc_days.toml").read_text(encoding="utf-8"))
    off = {date.fromisoformat(f"{year}-{day}") for year, lists in table.items() for day in lists["off"]}
    works = {date.fromisoformat(f"{year}-{day}") for year, lists in table.items() for day in lists["works"]}
    span = days(date(FIRST, 1, 1), date(LAST, 12, 31))
    return {day: day in works or (day.weekday() < 5 and day not in off) for day in span}


def counted(starts: list[date], counts: list[int], worked: dict[date, bool]) -> list[list[date]]:
    """The n-th working day after each start, a row for each n: by numpy's calendar arithmetic, which doesn't walk."""
    free = numpy.array([day for day, is_worked in worked.items() if not is_worked], dtype="datetime64[D]")
    calendar = numpy.busdaycalendar(weekmask="1111111", holidays=free)
    begin = numpy.array(starts, dtype="datetime64[D]")
    rows = (numpy.busday_offset(begin, n, roll="backward", busdaycal=calendar).tolist() for n in counts)
    return list(rows)


def without(calendar: WorkingCalendar, years: set[int]) -> WorkingCalendar:
    """The calendar as if nothing had been announced for `years`."""
    return WorkingCalendar(
        calendar.years - years,
        frozenset(day for day in calendar.days_off if day.year not in years),
        frozenset(day for day in calendar.make_up_days if day.year not in years),
    )


def test_both_sources_agree_on_every_day_but_one() -> None:
    differing = [day for day, is_worked in second_source().items() if CALENDAR.is_working_day(day) != is_worked]
    assert differing == [date(2005, 12, 31)]


def test_weekends_are_free_unless_made_up_for() -> None:
    weekend = [day for day in second_source() if day.weekday() >= 5 and CALENDAR.is_working_day(day)]
    assert set(weekend) == CALENDAR.make_up_days
    assert date(2026, 2, 28) in CALENDAR.make_up_days


@pytest.mark.parametrize("count", [1, 10, 15, 20])
def test_counting_agrees_with_the_second_source_from_every_day_of_23_years(count: int) -> None:
    worked = second_source() | {date(2005, 12, 31): False}
    starts = days(date(FIRST, 1, 1), date(LAST, 11, 15))
    (expected,) = counted(starts, [count], worked)
    assert [CALENDAR.after(day, count).on for day in starts] == expected


def test_counting_back_undoes_counting() -> None:
    for day in days(date(2026, 1, 1), date(2026, 11, 30)):
        if CALENDAR.is_working_day(day):
            assert CALENDAR.before(CALENDAR.after(day, 15).on, 15) == day


def test_what_monday_to_friday_is_late_by_at_most() -> None:
    """What the two margins rest on: as if nothing had been announced for any year, one to thirty working days."""
    starts = days(date(FIRST, 1, 1), date(LAST, 10, 15))
    begin = numpy.array(starts, dtype="datetime64[D]")
    worst = {}
    for count, real in zip(range(1, 31), counted(starts, list(range(1, 31)), second_source()), strict=True):
        plain = numpy.busday_offset(begin, count, roll="backward").tolist()
        worst[count] = max((p - r).days for p, r in zip(plain, real, strict=True))
    assert {worst[count] for count in (10, 15, 20, 25, 30)} == {WHOLE_WEEKS_MARGIN.days}
    assert max(worst.values()) == MARGIN.days


@pytest.mark.parametrize("unknown", range(2005, LAST + 1))
def test_an_unknown_year_is_never_counted_late(unknown: int) -> None:
    calendar = without(CALENDAR, set(range(unknown, LAST + 1)))
    starts = days(date(unknown - 1, 11, 1), date(unknown, 10, 15))
    counts = [1, 2, 5, 6, 8, 10, 12, 15, 18, 20, 30]
    for count, row in zip(counts, counted(starts, counts, second_source()), strict=True):
        for start, real in zip(starts, row, strict=True):
            ours = calendar.after(start, count)
            assert start < ours.on <= real
            assert not ours.is_certain or ours.on == real or real == date(2005, 12, 31)


def test_a_year_in_between_may_be_the_unknown_one() -> None:
    calendar = without(CALENDAR, {2025})
    assert not calendar.after(date(2024, 12, 20), 15).is_certain
    assert calendar.after(date(2026, 1, 5), 15).is_certain


def test_one_working_day_from_the_last_known_day_is_the_next_day() -> None:
    counted_day = CALENDAR.after(date(2026, 12, 31), 1)
    assert (counted_day.on, counted_day.is_certain) == (date(2027, 1, 1), False)


def test_a_year_file_makes_the_year_known(tmp_path: Path) -> None:
    (tmp_path / "2027.toml").write_text(NOTICE, encoding="utf-8")
    calendar = official_calendar(tmp_path)
    assert calendar.is_known(date(2027, 6, 1))
    assert not calendar.is_working_day(date(2027, 2, 8))
    assert calendar.is_working_day(date(2027, 2, 13))
    assert calendar.after(date(2026, 12, 31), 15).on == date(2027, 1, 22)
    assert calendar.edition != CALENDAR.edition
    assert calendar.after(date(2026, 1, 30), 15) == CALENDAR.after(date(2026, 1, 30), 15)


def test_a_year_file_can_have_december_worked(tmp_path: Path) -> None:
    (tmp_path / "2027.toml").write_text(
        NOTICE.replace(
            "to = 2027-01-03\n",
            "to = 2027-01-03\nworks = [2026-12-26]\n\n[[days_off]]\nfrom = 2026-12-31\n\n",
        ),
        encoding="utf-8",
    )
    calendar = official_calendar(tmp_path)
    assert calendar.is_working_day(date(2026, 12, 26))
    assert not calendar.is_working_day(date(2026, 12, 31))
    assert calendar.differences(CALENDAR) == [date(2026, 12, 26), date(2026, 12, 31)]


def test_a_notice_can_take_back_a_december_day_worked(tmp_path: Path) -> None:
    path = tmp_path / "2027.toml"
    path.write_text(
        NOTICE.replace("[[days_off]]", "[[days_off]]\nfrom = 2026-12-26\n\n[[days_off]]", 1), encoding="utf-8"
    )
    worked = WorkingCalendar(CALENDAR.years, CALENDAR.days_off, CALENDAR.make_up_days | {date(2026, 12, 26)})
    assert worked.is_working_day(date(2026, 12, 26))
    assert not with_year(worked, path).is_working_day(date(2026, 12, 26))


def test_a_year_file_wins_over_the_package(tmp_path: Path) -> None:
    text = NOTICE.replace("2027", "2026").replace("2026-02-13, 2026-02-20", "2026-02-14, 2026-02-28")
    text = text.replace("2026-05-08", "2026-05-09").replace("2026-09-26, 2026-10-09", "2026-09-27, 2026-10-10")
    text = text.replace("from = 2026-02-05\nto = 2026-02-12", "from = 2026-02-16\nto = 2026-02-23")
    text = text.replace("to = 2026-05-05", "to = 2026-05-06").replace("statutory_days = 13", "statutory_days = 14")
    (tmp_path / "2026.toml").write_text(text, encoding="utf-8")
    calendar = official_calendar(tmp_path)
    assert calendar.is_working_day(date(2026, 9, 27))
    assert date(2026, 9, 27) in calendar.differences(CALENDAR)


def test_without_a_folder_the_package_alone_counts(tmp_path: Path) -> None:
    assert official_calendar(tmp_path / "none") == official_calendar(None) == CALENDAR


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("works = [2027-05-08]\n", "", "day off or a make-up day is missing"),
        ("statutory_days = 13\n", "", "statutory_days = None"),
        ("[2027-05-08]", "[2027-05-07]", "no weekend day"),
        ("[2027-05-08]", '["2027-05-08"]', "where days belong"),
        ("[2027-05-08]", "[2027-05-02]", "both off and worked"),
        ("[2027-05-08]", "[2028-05-06]", "another year"),
        ("from = 2027-10-01\n", "from = 2027-10-02\n", "2027-10-01 off"),
        ("to = 2027-10-07", "to = 2027-09-07", "Correct one of the two days"),
        ("to = 2027-10-07", "to = 2027-11-07", "Correct one of the two days"),
        ("officer two", "Officer One ", "same person"),
        ('checked_by = "officer two"\n', "", "checked_by"),
        ('"an invented notice, for tests"', '" "', "source"),
        ("year = 2027", "year = 2028", "call the file"),
        ("[[days_off]]", "[[free]]", "has no [[days_off]]"),
    ],
)
def test_a_year_file_that_was_half_entered_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in NOTICE
    (tmp_path / "2027.toml").write_text(NOTICE.replace(old, new), encoding="utf-8")
    with pytest.raises(BrokenFile) as broken:
        official_calendar(tmp_path)
    assert problem in str(broken.value)
