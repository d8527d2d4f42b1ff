"""`python -m knowledge deadline`: what each rule comes to for a request, and which day is told."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.table import Table
from rich.text import Text

from knowledge.clause import localized
from knowledge.commands.asking import AsJson, Into, known_language, policies_folder, print_json, stop
from knowledge.deadlines.calendar import WorkingCalendar, official_calendar
from knowledge.deadlines.due import Deadlines, Due
from knowledge.deadlines.rules import RIGHTS, load_rules
from knowledge.printing import out


def deadline(
    received: Annotated[
        str, typer.Option("--received", help="When the request came in: 2026-01-28 or 2026-01-28T10:00.")
    ],
    right: Annotated[
        str, typer.Option("--right", help="What it is about: access, deletion, correction ...")
    ] = "access",
    rules: Annotated[str, typer.Option("--rules", help="The rule sets that apply, with commas.")] = "cn",
    zone: Annotated[str, typer.Option("--zone", help="Where that time was read off.")] = "Asia/Shanghai",
    language: Annotated[str, typer.Option("--language", "-l", help="en or zh.")] = "en",
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Show by when a request must be answered: by every rule, and the day that is told, which is the earliest.

    Years of the working calendar that the program doesn't have yet are read from calendar/<year>.toml, rule sets of the
    company's own from deadlines/<id>.toml, both in the company's folder of policies.

    Examples:

      python -m knowledge deadline --right deletion --received 2026-01-28T10:00

      python -m knowledge deadline --received 2026-01-30 --rules cn,gdpr,ccpa --language zh
    """
    known_language(language)
    if right not in RIGHTS:
        stop(f"{right!r} is no right. Use one of: {', '.join(sorted(RIGHTS))}")
    due, calendar = _count(received, right, rules, zone, policies_folder(into))
    if as_json:
        print_json(_data(due))
        return
    _show(due, calendar, language)


def _count(received: str, right: str, rules: str, zone: str, folder: Path) -> tuple[Due, WorkingCalendar]:
    try:
        at = datetime.fromisoformat(received)
        local = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    except ZoneInfoNotFoundError:
        stop(f"{zone!r} is no time zone. Write it as Asia/Shanghai")
    except ValueError:
        stop(f"{received!r} is no time in {zone}. Write it as 2026-01-28 or 2026-01-28T10:00")
    rule_sets = load_rules(*(name.strip() for name in rules.split(",")), extra=folder / "deadlines")
    calendar = official_calendar(folder / "calendar")
    try:
        return Deadlines(rule_sets, calendar).for_right(local, right), calendar
    except (OverflowError, ValueError):
        stop(f"{received!r} is too far away to count from")


def _show(due: Due, calendar: WorkingCalendar, language: str) -> None:
    table = Table("last day", "rule", "on what basis", "source")
    for basis in due.legal_basis:
        day = f"{basis.on}{'' if basis.is_certain else ' *'}"
        table.add_row(day, basis.rule, Text(localized(basis.label, language)), Text(basis.source.article))
    out.print(table)

    def local(at: datetime) -> str:
        return f"{at.astimezone(due.zone):%Y-%m-%d %H:%M:%S}"

    first = due.legal_basis[0]
    lines = [f"told: {due.due_on}, {local(due.due_at)} {due.zone.key} ({localized(first.label, language)})"]
    if due.acknowledge_by:
        lines.append(f"confirm receipt by: {local(due.acknowledge_by)}")
    lines += [
        f"staff aim for: {local(due.aim_at)}",
        f"hard stop: {local(due.hard_stop)}",
        *(f"{milestone.percent} %: {local(milestone.at)}" for milestone in due.milestones),
    ]
    if due.is_provisional:
        lines.append(f"* the calendar is known to {max(calendar.years)}: counted early, so that it can't be late")
    for line in lines:
        out.print(Text(line))


def _data(due: Due) -> dict[str, Any]:
    return {
        "received_at": due.received_at.isoformat(),
        "right": due.right,
        "due_on": due.due_on.isoformat(),
        "due_at": due.due_at.isoformat(),
        "zone": due.zone.key,
        "acknowledge_by": due.acknowledge_by and due.acknowledge_by.isoformat(),
        "aim_at": due.aim_at.isoformat(),
        "hard_stop": due.hard_stop.isoformat(),
        "milestones": {milestone.percent: milestone.at.isoformat() for milestone in due.milestones},
        "is_provisional": due.is_provisional,
        "calendar": due.calendar,
        "legal_basis": [
            {
                "rule": basis.rule,
                "kind": basis.kind,
                "label": dict(basis.label),
                "on": basis.on.isoformat(),
                "at": basis.at.isoformat(),
                "is_certain": basis.is_certain,
                "version": basis.version,
                "source": basis.source.article,
            }
            for basis in due.legal_basis
        ],
    }
