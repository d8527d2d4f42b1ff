"""By when a request must be answered, on what basis, and what happens to that day later.

calendar   working days of the PRC, make-up days included, and the safe rule for a year nobody has announced yet
rules      rule sets as data: rules/cn.toml, rules/gdpr.toml, rules/ccpa.toml
days       where days, months and weeks end
due        counts: the earliest day wins; reminders, pauses, extensions, a changed calendar
command    `python -m knowledge deadline`

Nothing here reads a clock, a database or a setting.
"""

from knowledge.deadlines.calendar import WorkingCalendar, official_calendar
from knowledge.deadlines.due import Basis, Deadlines, Due, Milestone, Refused, Why
from knowledge.deadlines.rules import RIGHTS, Kind, Period, Rule, RuleSet, load_rules

__all__ = [
    "RIGHTS",
    "Basis",
    "Deadlines",
    "Due",
    "Kind",
    "Milestone",
    "Period",
    "Refused",
    "Rule",
    "RuleSet",
    "Why",
    "WorkingCalendar",
    "load_rules",
    "official_calendar",
]
