"""By when a request must be answered: counted from receipt by every rule that applies, and the earliest day wins.

    deadlines = Deadlines(load_rules("cn", "gdpr"), official_calendar())
    due = deadlines.for_right(received_at, "access")
    due.due_on, due.legal_basis[0].label["en"]

What was told to a person never moves to a later day when a calendar or a rule changes. It does move when the person is
told so: by an extension, with a reason, or by a pause that we promised and that the law leaves us free to promise.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from knowledge.clause import Localized
from knowledge.deadlines.calendar import WorkingCalendar
from knowledge.deadlines.days import ONE_DAY, SATURDAY, SECOND, business_days_after, end_of_day, months_after
from knowledge.deadlines.rules import RIGHTS, Kind, Period, Rule, RuleSet, Source

AIM_BEFORE = 2
"""Working days between the day staff aim for and the day that was told."""

MILESTONES = (50, 80, 100)
"""Per cent of the time from receipt at which staff are reminded, and at last their superior."""

_NONE = timedelta(0)


class Why(StrEnum):
    """Why a deadline was not moved."""

    NO_REASON = "no_reason"
    NO_NOTICE = "no_notice"
    NOTICE_TOO_LATE = "notice_too_late"
    NOT_PROVIDED_FOR = "not_provided_for"
    ALREADY_EXTENDED = "already_extended"
    NOTHING_GAINED = "nothing_gained"


@dataclass(frozen=True, slots=True)
class Refused:
    """A deadline stays as it is: why, and the rule that keeps it there ("" where no rule is to blame)."""

    why: Why
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """What one rule comes to: its last day in its own zone, and the last second of that day (UTC).

    `is_certain` is False where the count reached a year whose working days aren't announced yet.
    """

    rule: str
    kind: Kind
    label: Localized
    source: Source
    on: date
    at: datetime
    zone: ZoneInfo
    version: str
    is_certain: bool
    is_extended: bool


@dataclass(frozen=True, slots=True)
class Milestone:
    """When so many per cent of the time have passed (UTC)."""

    percent: int
    at: datetime


@dataclass(frozen=True)
class Due:
    """A request's dates. Instants are UTC; a date's last second belongs to it.

    `legal_basis` holds what every rule comes to, earliest first: the first decides. `hard_stop` is the earliest that
    isn't merely our promise: nothing we decide may pass it. `aim_at` is for staff, two working days early.
    `acknowledge_by` is None where no rule asks for a confirmation. `calendar` is the edition that was counted with.
    """

    received_at: datetime
    right: str
    due_at: datetime
    acknowledge_by: datetime | None
    hard_stop: datetime
    aim_at: datetime
    legal_basis: tuple[Basis, ...]
    calendar: str
    paused_for: timedelta = _NONE
    extended: tuple[str, ...] = ()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The legal zone: dates are told to people in it."""
        return self.legal_basis[0].zone

    @cached_property
    def due_on(self) -> date:
        """The last day, in the legal zone."""
        return self.due_at.astimezone(self.zone).date()

    @cached_property
    def is_provisional(self) -> bool:
        """Whether the count reached a year whose working days aren't announced; the day was then taken early."""
        return not self.legal_basis[0].is_certain

    @cached_property
    def is_kept_early(self) -> bool:
        """Whether the rules would now allow a later day than was told."""
        return self.due_at < self.legal_basis[0].at

    @cached_property
    def milestones(self) -> tuple[Milestone, ...]:
        """When 50, 80 and 100 per cent of the time from receipt have passed."""
        seconds = (self.due_at - self.received_at) // SECOND
        at = (self.due_at - SECOND * (seconds * (100 - percent) // 100) for percent in MILESTONES)
        return tuple(map(Milestone, MILESTONES, at))

    def reached(self, now: datetime) -> int:
        """The last milestone that has passed: 0, 50, 80 or 100. At 100 the last second is over or running."""
        return max((milestone.percent for milestone in self.milestones if milestone.at <= now), default=0)


@dataclass(frozen=True)
class Deadlines:
    """Counts by these rule sets and this calendar; both are data, so that the same request can be counted again."""

    rule_sets: tuple[RuleSet, ...]
    calendar: WorkingCalendar

    def for_right(
        self,
        received_at: datetime,
        right: str,
        *,
        paused_for: timedelta = _NONE,
        extended: Collection[str] = (),
        told: datetime | None = None,
    ) -> Due:
        """When a request for `right` that came in at `received_at` is due.

        `extended` names rules that were extended; `told` is the instant the person was told, which isn't passed.
        Raises ValueError for a time without a zone, an unknown right, a negative pause, or no rule set.
        """
        _check_aware(received_at)
        if right not in RIGHTS:
            raise ValueError(f"{right!r} is no right; rights: {', '.join(sorted(RIGHTS))}")
        if paused_for < _NONE:
            raise ValueError(f"a pause of {paused_for} is negative")
        received_at = received_at.astimezone(UTC)
        found = [
            self._basis(rule_set, rule, received_at, right, paused_for, rule.id in extended)
            for rule_set in self.rule_sets
            for rule in rule_set.answers
            if right in rule.rights
        ]
        if not found:
            raise ValueError("no rule set is enabled")
        order = list(Kind)
        found.sort(key=lambda basis: (basis.at, order.index(basis.kind)))
        first = found[0]
        confirmed = [
            self._basis(rule_set, rule, received_at, right, _NONE, False).at
            for rule_set in self.rule_sets
            for rule in rule_set.acknowledgements
            if right in rule.rights
        ]
        due_at = first.at if told is None else min(first.at, told.astimezone(UTC))
        aim_on = self.calendar.before(due_at.astimezone(first.zone).date(), AIM_BEFORE)
        return Due(
            received_at=received_at,
            right=right,
            due_at=due_at,
            acknowledge_by=min(confirmed, default=None),
            hard_stop=next((basis.at for basis in found if basis.kind is not Kind.PROMISE), first.at),
            aim_at=max(received_at, min(due_at, end_of_day(aim_on, first.zone))),
            legal_basis=tuple(found),
            calendar=self.calendar.edition,
            paused_for=paused_for,
            extended=tuple(sorted(extended)),
        )

    def recomputed(self, told: Due) -> Due:
        """`told` counted again by these rules and this calendar: the same day, or an earlier one, never a later one."""
        return self.for_right(
            told.received_at, told.right, paused_for=told.paused_for, extended=told.extended, told=told.due_at
        )

    def paused(self, told: Due, paused_for: timedelta) -> Due | Refused:
        """`told` with pauses of `paused_for` in all: its promise moves by the whole days of it, never past what isn't
        ours to move. Refused where the rule that decides knows no pause. Raises ValueError if the pauses got shorter."""
        if paused_for < told.paused_for:
            raise ValueError(f"pauses of {told.paused_for} can't become {paused_for}")
        first = told.legal_basis[0]
        rule = self._rule(first.rule)
        if rule is None or rule.pause is None or told.right not in rule.pause.rights or first.is_extended:
            return Refused(Why.NOT_PROVIDED_FOR, first.rule)
        more = _whole_days(paused_for) - _whole_days(told.paused_for)
        latest = end_of_day(told.due_on + more, told.zone)
        return self.for_right(told.received_at, told.right, paused_for=paused_for, extended=told.extended, told=latest)

    def extension(self, told: Due, reason: str, notice_at: datetime | None) -> Due | Refused:
        """`told` with every rule extended that decides it. Refused without a reason, without a notice to the person no
        later than the day that was told, or where a rule that decides can't be extended (again)."""
        if not reason.strip():
            return Refused(Why.NO_REASON)
        if notice_at is not None:
            _check_aware(notice_at)
        if notice_at is None or notice_at < told.received_at:
            return Refused(Why.NO_NOTICE)
        if notice_at > told.due_at:
            return Refused(Why.NOTICE_TOO_LATE)
        first = told.legal_basis[0]
        deciding = [basis for basis in told.legal_basis if basis.at == first.at]
        for basis in deciding:
            if basis.is_extended:
                return Refused(Why.ALREADY_EXTENDED, basis.rule)
            rule = self._rule(basis.rule)
            if rule is None or rule.extension is None or told.right not in rule.extension.rights:
                return Refused(Why.NOT_PROVIDED_FOR, basis.rule)
        extended = {*told.extended, *(basis.rule for basis in deciding)}
        longer = self.for_right(told.received_at, told.right, paused_for=told.paused_for, extended=extended)
        if longer.due_at <= told.due_at:
            return Refused(Why.NOTHING_GAINED, longer.legal_basis[0].rule)
        return longer

    def _rule(self, id_: str) -> Rule | None:
        return next((rule for rule_set in self.rule_sets for rule in rule_set.answers if rule.id == id_), None)

    def _basis(
        self,
        rule_set: RuleSet,
        rule: Rule,
        received_at: datetime,
        right: str,
        paused_for: timedelta,
        is_extended: bool,
    ) -> Basis:
        extension = rule.extension if is_extended and rule.extension and right in rule.extension.rights else None
        received_on = received_at.astimezone(rule_set.zone).date()
        on, is_certain = self._end(received_on, extension.to if extension else rule.within)
        if rule.pause and right in rule.pause.rights and not extension:
            on += _whole_days(paused_for)
        if rule.past_weekend and on.weekday() >= SATURDAY:
            on += (7 - on.weekday()) * ONE_DAY
        return Basis(
            rule=rule.id,
            kind=rule.kind,
            label=extension.label if extension else rule.label,
            source=rule.source,
            on=on,
            at=end_of_day(on, rule_set.zone),
            zone=rule_set.zone,
            version=rule_set.version,
            is_certain=is_certain,
            is_extended=extension is not None,
        )

    def _end(self, day: date, period: Period) -> tuple[date, bool]:
        """The last day of a period after `day`, which isn't counted, and whether it is certain."""
        match period.unit:
            case "working_days":
                counted = self.calendar.after(day, period.count)
                return counted.on, counted.is_certain
            case "business_days":
                return business_days_after(day, period.count), True
            case "calendar_days":
                return day + period.count * ONE_DAY, True
            case "months":
                return months_after(day, period.count), True


def _whole_days(paused_for: timedelta) -> timedelta:
    return paused_for // ONE_DAY * ONE_DAY


def _check_aware(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no zone; give an instant, such as one in UTC")
