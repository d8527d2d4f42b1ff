"""The rights a person can use, and what each needs: the proof, the grounds, the deadline, what staff go through.

The data is rights.toml. What discloses, destroys or changes something needs two staff, whoever asks: that follows from
the flags and can't be set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from knowledge.clause import Localized
from knowledge.deadlines.rules import RIGHTS as DEADLINES
from knowledge.errors import BrokenFile
from knowledge.tables import read_toml

BUNDLED = Path(__file__).parent / "rights.toml"
LOOK_MOST = 72
"""Hours: what may wait for longer isn't urgent."""


class Right(StrEnum):
    """What a work order can be about."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    WITHDRAW_CONSENT = "withdraw_consent"
    CLOSURE = "closure"
    EXPLANATION = "explanation"
    PORTABILITY = "portability"
    INFRINGEMENT = "infringement"
    SECURITY = "security"
    GUARDIAN = "guardian"
    NEXT_OF_KIN = "next_of_kin"


class Level(IntEnum):
    """How far it is shown that the chat belongs to the account.

    CONTACT: a one-time code to a contact that had been on file for more than 30 days. PORTAL: bound from the logged-in
    portal; a code may stand beside it.
    """

    CHANNEL = 0
    CONTACT = 1
    PORTAL = 2


@dataclass(frozen=True, slots=True)
class Aim:
    """Within how long somebody of staff looks at a request: the company's own aim, no law's. `label` says so."""

    within: timedelta
    label: Localized


@dataclass(frozen=True, slots=True)
class RightRule:
    """One right.

    `level` and `code` are what shows the person; `staff_check`: where no portal is connected, a contact and a check by a
    staff member stand in for them. `papers`: staff check papers before the request is open. `deadline` is the right's
    name in the rule sets. `checklist` holds (key, words) for staff. `first_look`: of what is urgent.
    """

    right: Right
    name: Localized
    level: Level
    code: bool
    staff_check: bool
    papers: bool
    discloses: bool
    destroys: bool
    changes: bool
    urgent: bool
    deadline: str
    grounds: tuple[str, ...]
    clauses: tuple[str, ...]
    law: tuple[str, ...]
    checklist: tuple[tuple[str, Localized], ...]
    first_look: Aim | None = None

    @property
    def two_staff(self) -> bool:
        """Whether one staff member proposes the end and another one approves it."""
        return self.discloses or self.destroys or self.changes


@cache
def rights(path: Path = BUNDLED) -> Mapping[Right, RightRule]:
    """The rule of every right. Raises BrokenFile."""
    data = read_toml(path)
    if unknown := data.keys() - set(Right):
        raise BrokenFile(path, f"knows {', '.join(sorted(unknown))}, which is no right", f"Rights: {', '.join(Right)}")
    if missing := set(Right) - data.keys():
        raise BrokenFile(path, f"lacks {', '.join(sorted(missing))}", "Every right needs its rule")
    found = {}
    for right in Right:
        try:
            found[right] = _rule(right, dict(data[right]))
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise BrokenFile(path, f"[{right}] is no rule: {wrong!r}", "See the bundled rights.toml") from wrong
    return MappingProxyType(found)


def _rule(right: Right, block: dict[str, Any]) -> RightRule:
    level = Level[block.pop("proof").upper()]
    flags = {
        name: bool(block.pop(name, False))
        for name in ("staff_check", "papers", "discloses", "destroys", "changes", "urgent")
    }
    checklist = tuple((item["key"], {"en": item["en"], "zh": item["zh"]}) for item in block.pop("checklist", ()))
    rule = RightRule(
        right=right,
        name={language: block["name"][language] for language in ("en", "zh")},
        level=level,
        code=level > Level.CHANNEL,
        deadline=block["deadline"],
        grounds=tuple(block.pop("grounds", ())),
        clauses=tuple(block.pop("clauses")),
        law=tuple(block.pop("law")),
        checklist=checklist,
        first_look=_aim(block.pop("first_look", None)),
        **flags,
    )
    if left := block.keys() - {"name", "deadline"}:
        raise ValueError(f"keys that mean nothing: {', '.join(sorted(left))}")
    if rule.deadline not in DEADLINES:
        raise ValueError(f"deadline = {rule.deadline!r}; there are: {', '.join(sorted(DEADLINES))}")
    if rule.urgent is not (rule.first_look is not None):
        raise ValueError("what is urgent has a first_look, and nothing else has")
    if rule.two_staff and rule.level is not Level.PORTAL:
        raise ValueError("what discloses, destroys or changes something needs the portal as proof")
    if len({key for key, _ in checklist}) < len(checklist):
        raise ValueError("two items of the checklist have one key")
    return rule


def _aim(block: dict[str, Any] | None) -> Aim | None:
    if block is None:
        return None
    hours = block["hours"]
    if type(hours) is not int or not 0 < hours <= LOOK_MOST or block.keys() != {"hours", "en", "zh"}:
        raise ValueError(f"first_look = {block!r}; it takes hours (1 to {LOOK_MOST}), en, zh")
    return Aim(timedelta(hours=hours), {"en": block["en"], "zh": block["zh"]})
