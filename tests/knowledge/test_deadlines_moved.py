"""What happens to a deadline later: reminders, a changed calendar, a pause, an extension."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.deadlines import Deadlines, Due, Period, Refused, Why, WorkingCalendar, load_rules, official_calendar

CALENDAR = official_calendar()
CN, GDPR, CCPA = (Deadlines(load_rules(name), CALENDAR) for name in ("cn", "gdpr", "ccpa"))
BOTH = Deadlines(load_rules("cn", "gdpr"), CALENDAR)
RECEIVED = datetime(2026, 1, 28, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
NOTICE = datetime(2026, 2, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def moved(outcome: Due | Refused) -> Due:
    assert isinstance(outcome, Due), outcome
    return outcome


def basis_of(due: Due) -> tuple[str, str]:
    return due.legal_basis[0].rule, due.legal_basis[0].label["en"]


def test_what_is_told_says_whether_it_is_law_or_our_promise() -> None:
    assert basis_of(CN.for_right(RECEIVED, "deletion")) == (
        "cn.promise",
        "our promise: 15 working days; the law names no number of days",
    )
    notice = CN.for_right(RECEIVED, "infringement")
    assert (notice.due_on, *basis_of(notice)) == (date(2026, 2, 25), "cn.infringement", "our promise: 15 working days")
    assert [basis.rule for basis in notice.legal_basis] == ["cn.infringement", "cn.outer"]
    assert basis_of(GDPR.for_right(RECEIVED, "access")) == ("gdpr.answer", "the law: 1 month (GDPR 12(3))")


def test_the_earliest_rule_set_wins_and_staff_aim_two_working_days_earlier() -> None:
    due = BOTH.for_right(RECEIVED, "access")
    assert (due.due_on, due.zone.key) == (date(2026, 2, 25), "Asia/Shanghai")
    assert due.hard_stop.astimezone(due.zone).date() == date(2026, 2, 27)
    assert due.aim_at.astimezone(due.zone).date() == date(2026, 2, 14)  # the Saturday worked before the festival


def test_milestones_are_shares_of_the_time_from_receipt() -> None:
    due = CCPA.for_right(datetime(2026, 6, 1, 7, 0, 0, tzinfo=UTC), "access")
    whole = due.due_at - due.received_at
    assert whole == 46 * DAY - timedelta(seconds=1)
    assert [m.percent for m in due.milestones] == [50, 80, 100]
    for milestone in due.milestones:
        off_by = due.received_at + whole * milestone.percent / 100 - milestone.at
        assert timedelta(0) <= abs(off_by) < timedelta(seconds=1)
    assert due.milestones[-1].at == due.due_at


def test_reached_names_the_last_milestone_passed() -> None:
    due = CN.for_right(RECEIVED, "access")
    half, most, end = (milestone.at for milestone in due.milestones)
    second = timedelta(seconds=1)
    at = (RECEIVED, half - second, half, most - second, most, end - second, end, end + 400 * DAY)
    assert [due.reached(now) for now in at] == [0, 0, 50, 50, 80, 80, 100, 100]


def test_when_the_year_becomes_known_the_told_day_stays() -> None:
    told = CN.for_right(datetime(2026, 12, 31, 4, tzinfo=UTC), "access")
    assert told.is_provisional
    new_year = frozenset({date(2027, 1, 1)})
    known = WorkingCalendar(CALENDAR.years | {2027}, CALENDAR.days_off | new_year, CALENDAR.make_up_days)
    again = Deadlines(CN.rule_sets, known).recomputed(told)
    assert again.legal_basis[0].on == date(2027, 1, 22)
    assert again.due_on == told.due_on == date(2027, 1, 18)
    assert (again.is_kept_early, again.is_provisional, told.is_kept_early) == (True, False, False)
    assert again.calendar == known.edition != told.calendar


def test_when_a_december_day_turns_out_worked_the_person_is_told_an_earlier_day() -> None:
    told = CN.for_right(datetime(2026, 12, 10, 4, tzinfo=UTC), "access")
    worked = WorkingCalendar(
        CALENDAR.years, CALENDAR.days_off, CALENDAR.make_up_days | {date(2026, 12, 26), date(2026, 12, 27)}
    )
    again = Deadlines(CN.rule_sets, worked).recomputed(told)
    assert (told.due_on, again.due_on) == (date(2026, 12, 31), date(2026, 12, 29))


def test_what_is_stored_is_enough_to_count_again() -> None:
    told = moved(CN.extension(CN.for_right(RECEIVED, "access"), "several systems to search", NOTICE))
    again = CN.for_right(
        told.received_at, told.right, paused_for=told.paused_for, extended=told.extended, told=told.due_at
    )
    assert again == told


def test_a_promise_pauses_by_whole_days_and_never_past_the_outer_limit() -> None:
    told = CN.for_right(RECEIVED, "access")
    paused = moved(CN.paused(told, timedelta(hours=47)))
    assert (told.due_on, paused.due_on) == (date(2026, 2, 25), date(2026, 2, 26))
    longer = moved(CN.paused(paused, 40 * DAY))
    assert longer.due_on == date(2026, 2, 27)
    assert longer.due_at == longer.hard_stop == told.hard_stop
    assert CN.paused(longer, 41 * DAY) == Refused(Why.NOT_PROVIDED_FOR, "cn.outer")


def test_a_pause_does_not_undo_that_a_day_was_told() -> None:
    told = CN.for_right(datetime(2026, 12, 31, 4, tzinfo=UTC), "access")
    known = Deadlines(CN.rule_sets, WorkingCalendar(CALENDAR.years | {2027}, CALENDAR.days_off, CALENDAR.make_up_days))
    kept = known.recomputed(told)
    assert moved(known.paused(kept, 2 * DAY)).due_on == told.due_on + 2 * DAY


@pytest.mark.parametrize(
    ("deadlines", "right", "rule"),
    [
        (GDPR, "access", "gdpr.answer"),
        (GDPR, "infringement", "gdpr.promise"),
        (CCPA, "deletion", "ccpa.answer"),
        (CN, "deletion", "cn.promise"),
        (CN, "infringement", "cn.infringement"),
    ],
)
def test_a_law_that_knows_no_pause_has_none(deadlines: Deadlines, right: str, rule: str) -> None:
    told = deadlines.for_right(RECEIVED, right)
    assert deadlines.paused(told, 5 * DAY) == Refused(Why.NOT_PROVIDED_FOR, rule)
    assert deadlines.for_right(RECEIVED, right, paused_for=5 * DAY).due_at == told.due_at


@pytest.mark.parametrize(
    ("deadlines", "right", "first", "extended", "basis"),
    [
        (GDPR, "access", date(2026, 3, 2), date(2026, 4, 28), "the law, extended: 3 months in all (GDPR 12(3))"),
        (CCPA, "deletion", date(2026, 3, 13), date(2026, 4, 27), "the law, extended: 90 days in all (CCPA rules 7021)"),
        (CN, "access", date(2026, 2, 25), date(2026, 2, 27), "our outer limit: 30 days"),
    ],
)
def test_an_extension_counts_from_receipt(
    deadlines: Deadlines, right: str, first: date, extended: date, basis: str
) -> None:
    told = deadlines.for_right(RECEIVED, right)
    longer = moved(deadlines.extension(told, "three archives have to be searched", NOTICE))
    assert (told.due_on, longer.due_on, basis_of(longer)[1]) == (first, extended, basis)
    again = deadlines.extension(longer, "more", NOTICE)
    assert isinstance(again, Refused)
    assert again.why in (Why.ALREADY_EXTENDED, Why.NOT_PROVIDED_FOR)


def test_an_extension_of_three_months_ends_with_the_month_and_past_the_weekend() -> None:
    told = GDPR.for_right(datetime(2025, 11, 30, 12, tzinfo=UTC), "access")
    longer = moved(GDPR.extension(told, "complex", datetime(2025, 12, 20, tzinfo=UTC)))
    assert (told.due_on, longer.due_on) == (date(2025, 12, 30), date(2026, 3, 2))  # 28 February is a Saturday


@pytest.mark.parametrize(
    ("reason", "notice_at", "why"),
    [
        ("", NOTICE, Why.NO_REASON),
        (" \n", NOTICE, Why.NO_REASON),
        ("complex", None, Why.NO_NOTICE),
        ("complex", RECEIVED - DAY, Why.NO_NOTICE),
        ("complex", datetime(2026, 3, 2, 23, 0, 0, tzinfo=UTC), Why.NOTICE_TOO_LATE),
    ],
)
def test_no_extension_without_reason_and_timely_notice(reason: str, notice_at: datetime | None, why: Why) -> None:
    told = GDPR.for_right(RECEIVED, "access")
    assert GDPR.extension(told, reason, notice_at) == Refused(why)


def test_a_notice_in_the_last_second_is_in_time() -> None:
    told = GDPR.for_right(RECEIVED, "access")
    assert isinstance(GDPR.extension(told, "complex", told.due_at), Due)


@pytest.mark.parametrize("right", ["infringement", "deletion", "correction", "closure", "withdrawal_of_consent"])
def test_fifteen_working_days_can_not_be_extended_where_they_may_be_the_law(right: str) -> None:
    refused = CN.extension(CN.for_right(RECEIVED, right), "complex", NOTICE)
    assert isinstance(refused, Refused)
    assert refused.why is Why.NOT_PROVIDED_FOR


def test_an_extension_by_one_law_leaves_the_other_alone() -> None:
    longer = moved(BOTH.extension(BOTH.for_right(RECEIVED, "access"), "complex", NOTICE))
    assert longer.extended == ("cn.promise",)
    gdpr = next(basis for basis in longer.legal_basis if basis.rule == "gdpr.answer")
    assert (gdpr.on, gdpr.is_extended) == (date(2026, 3, 2), False)
    assert BOTH.extension(longer, "complex", NOTICE) == Refused(Why.NOT_PROVIDED_FOR, "cn.outer")


def test_thirty_days_decide_where_holidays_make_fifteen_working_days_longer() -> None:
    weeks_off = frozenset(date(2026, 2, 9) + n * DAY for n in range(14))
    slow = Deadlines(CN.rule_sets, WorkingCalendar(CALENDAR.years, CALENDAR.days_off | weeks_off, frozenset()))
    told = slow.for_right(RECEIVED, "access")
    assert (basis_of(told)[0], told.due_at) == ("cn.outer", told.hard_stop)
    assert slow.extension(told, "complex", NOTICE) == Refused(Why.NOT_PROVIDED_FOR, "cn.outer")


def test_an_extension_that_gains_nothing_is_refused() -> None:
    """A company writes down an extension that a long holiday overtakes: 20 days in all, 28 without it."""
    promise, *others = CN.rule_sets[0].answers
    assert promise.extension
    short = replace(promise, extension=replace(promise.extension, to=Period(20, "calendar_days")))
    company = Deadlines((replace(CN.rule_sets[0], answers=(short, *others)),), CALENDAR)
    told = company.for_right(RECEIVED, "access")
    assert company.extension(told, "complex", NOTICE) == Refused(Why.NOTHING_GAINED, "cn.promise")


def test_an_extended_promise_does_not_pause_as_well() -> None:
    due = CN.for_right(RECEIVED, "access", paused_for=9 * DAY, extended=("cn.promise",))
    assert {basis.rule: basis.on for basis in due.legal_basis} == {
        "cn.promise": date(2026, 2, 27),
        "cn.outer": date(2026, 2, 27),
    }


def test_mistakes_of_the_caller_are_named() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        CN.for_right(datetime(2026, 1, 28, 10), "access")  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="has no zone"):
        CN.extension(CN.for_right(RECEIVED, "access"), "complex", datetime(2026, 2, 1))  # noqa: DTZ001 - likewise
    with pytest.raises(ValueError, match="'acces' is no right"):
        CN.for_right(RECEIVED, "acces")
    with pytest.raises(ValueError, match="negative"):
        CN.for_right(RECEIVED, "access", paused_for=-DAY)
    with pytest.raises(ValueError, match="can't become"):
        CN.paused(CN.for_right(RECEIVED, "access", paused_for=2 * DAY), DAY)
    with pytest.raises(ValueError, match="no rule set"):
        Deadlines((), CALENDAR).for_right(RECEIVED, "access")


@settings(deadline=None)
@given(
    st.integers(0, 6 * 365 * 86_400).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.lists(st.timedeltas(timedelta(0), 50 * DAY), min_size=1, max_size=4),
)
def test_pauses_only_ever_add_and_never_pass_the_hard_stop(received: datetime, pauses: list[timedelta]) -> None:
    due = CN.for_right(received, "access")
    for total in sorted(pauses):
        outcome = CN.paused(due, total)
        if isinstance(outcome, Refused):
            assert due.due_at == due.hard_stop
            break
        assert due.due_at <= outcome.due_at <= outcome.hard_stop == due.hard_stop
        assert outcome.due_at - due.due_at <= total
        due = outcome
