"""Which days are working days in the PRC.

The State Council's office announces each year's holidays, and the weekend days worked in exchange, in a notice of the
autumn before. The years that are out come from the package chinesecalendar; a year it doesn't have yet can be entered
by two people in a file of the company's own (docs/deadlines.md shows one). For a year that nobody has, no count may
come out later than the real one: see WorkingCalendar.after.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from chinese_calendar import constants

from knowledge.deadlines.days import ONE_DAY, SATURDAY
from knowledge.errors import BrokenFile
from knowledge.tables import read_toml

WHOLE_WEEKS_MARGIN, MARGIN = timedelta(days=3), timedelta(days=4)
"""Taken off a count that reaches a year without data: three days for 5, 10, 15 ... working days, four for other counts.
Counting Monday to Friday, the real day was never earlier by more: every start of 2004-2026, 1 to 30 working days
(tests/knowledge/test_deadlines_calendar.py)."""

_FIXED = ((1, 1), (5, 1), (10, 1))
"""New Year, Labour Day and National Day are days off in every year's notice: a file without one is half entered."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The day a count of working days ends on. `is_certain`: every day of the count lies in a year that is known."""

    on: date
    is_certain: bool


@dataclass(frozen=True)
class WorkingCalendar:
    """The days that differ from Monday-to-Friday, and the years for which they are known.

    `days_off` may hold weekend days too, which changes nothing; `make_up_days` are Saturdays and Sundays worked.
    """

    years: frozenset[int]
    days_off: frozenset[date]
    make_up_days: frozenset[date]

    @cached_property
    def edition(self) -> str:
        """Twelve letters that change when any day does: kept with a deadline, they tell when to count again."""
        days = (*sorted(self.years), *sorted(self.days_off), "works", *sorted(self.make_up_days))
        return hashlib.sha256(" ".join(map(str, days)).encode()).hexdigest()[:12]

    def is_known(self, day: date) -> bool:
        """Whether the notice for the day's year is in."""
        return day.year in self.years

    def is_working_day(self, day: date) -> bool:
        """Whether the PRC works that day; in a year that isn't known, whether it is Monday to Friday."""
        if day in self.make_up_days:
            return True
        return day.weekday() < SATURDAY and day not in self.days_off

    def after(self, day: date, count: int) -> Counted:
        """The `count`-th working day after `day`, which itself isn't counted; `count` is at least 1.

        A count that reaches a year without data goes by Monday to Friday there and is taken back by three or four days,
        so that it is never late, but never to fewer days than it has working days.
        """
        end, left, is_certain = day, count, True
        while left:
            end += ONE_DAY
            is_certain = is_certain and self.is_known(end)
            left -= self.is_working_day(end)
        if not is_certain:
            margin = MARGIN if count % 5 else WHOLE_WEEKS_MARGIN
            end = max(end - margin, day + count * ONE_DAY)
        return Counted(end, is_certain)

    def before(self, day: date, count: int) -> date:
        """The `count`-th working day before `day`."""
        while count:
            day -= ONE_DAY
            count -= self.is_working_day(day)
        return day

    def differences(self, other: "WorkingCalendar") -> list[date]:
        """Days on which the two disagree, in years that both know, oldest first."""
        days = self.days_off ^ other.days_off | self.make_up_days ^ other.make_up_days
        both = self.years & other.years
        return sorted(d for d in days if d.year in both and self.is_working_day(d) != other.is_working_day(d))


def packaged_calendar() -> WorkingCalendar:
    """The years of the package chinesecalendar (2004 to 2026 in its release 1.11)."""
    days_off = frozenset(constants.holidays)
    years = range(min(days_off).year, max(days_off).year + 1)
    return WorkingCalendar(frozenset(years), days_off, frozenset(constants.workdays))


def official_calendar(folder: Path | None = None) -> WorkingCalendar:
    """The package's years, then those of the files `<folder>/<year>.toml`, which win. Raises BrokenFile."""
    calendar = packaged_calendar()
    for path in sorted(folder.glob("*.toml")) if folder and folder.is_dir() else ():
        calendar = with_year(calendar, path)
    return calendar


def with_year(calendar: WorkingCalendar, path: Path) -> WorkingCalendar:
    """The calendar with the year file `path` in place of that year. Raises BrokenFile. The file may also change the last days of the year before:
    a notice for January now and then has December work (2018-12-29)."""
    data = read_toml(path)
    year = data.get("year")
    if not isinstance(year, int) or path.stem != str(year):
        raise BrokenFile(path, f"is for the year {year!r}", 'Write "year = 2027" and call the file 2027.toml')
    _check_signed(path, data)
    off: set[date] = set()
    works: set[date] = set()
    for block in _blocks(path, data):
        off.update(_days(path, block))
        works.update(_dates(path, block.get("works", [])))
    _check_days(path, year, data.get("statutory_days"), off, works)
    kept_off = {d for d in calendar.days_off if d.year != year}
    kept_works = {d for d in calendar.make_up_days if d.year != year and d not in off}
    return WorkingCalendar(calendar.years | {year}, frozenset(kept_off | off), frozenset(kept_works | works))


def _check_signed(path: Path, data: dict[str, Any]) -> None:
    """A year is entered from its notice by one person and compared with it by another."""
    for key in ("source", "entered_by", "checked_by"):
        if not (isinstance(data.get(key), str) and data[key].strip()):
            raise BrokenFile(path, f'has no "{key}"', "Name the notice, who entered it and who checked it")
    if data["entered_by"].strip().casefold() == data["checked_by"].strip().casefold():
        raise BrokenFile(path, "was entered and checked by the same person", "Let a second person compare the notice")


def _blocks(path: Path, data: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = data.get("days_off")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise BrokenFile(path, "has no [[days_off]]", "Write one [[days_off]] for each holiday of the notice")
    return blocks


def _days(path: Path, block: dict[str, Any]) -> Iterator[date]:
    first, last = _dates(path, [block.get("from"), block.get("to", block.get("from"))])
    if not timedelta(0) <= last - first <= timedelta(days=15):
        raise BrokenFile(path, f"has a holiday from {first} to {last}", "Correct one of the two days")
    for number in range((last - first).days + 1):
        yield first + number * ONE_DAY


def _dates(path: Path, values: object) -> list[date]:
    if not isinstance(values, list) or not all(type(value) is date for value in values):
        raise BrokenFile(path, f"has {values!r} where days belong", "Write days as 2027-02-05, without quotes")
    return values


def _check_days(path: Path, year: int, statutory: object, off: set[date], works: set[date]) -> None:
    """A notice only moves rest days about: weekdays off, less weekend days worked, are the statutory holidays (13 since
    2025, 11 from 2008 to 2024). A make-up day that was forgotten, which would make deadlines late, shows up here."""
    for day in sorted(off | works):
        if day.year != year and (day.year, day.month) != (year - 1, 12):
            raise BrokenFile(path, f"has {day}, which is in another year", f"Only {year} and the December before")
    if wrong := sorted(day for day in works if day.weekday() < SATURDAY):
        raise BrokenFile(path, f"has {wrong[0]} as a make-up day, which is no weekend day", "Correct the day")
    if both := sorted(off & works):
        raise BrokenFile(path, f"has {both[0]} both off and worked", "Take it out of one")
    if missing := [date(year, *fixed) for fixed in _FIXED if date(year, *fixed) not in off]:
        raise BrokenFile(path, f"doesn't have {missing[0]} off", "Enter the whole notice")
    free = sum(day.weekday() < SATURDAY for day in off) - len(works)
    if statutory != free:
        raise BrokenFile(
            path,
            f"gives {free} more days off than Monday to Friday has, and statutory_days = {statutory!r}",
            "A day off or a make-up day is missing or wrong; statutory_days is 13 unless the law has changed",
        )
