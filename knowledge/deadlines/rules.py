"""Rule sets: how long each kind of request may take, as data with a source for each figure.

rules/<id>.toml holds one; a company's own folder of rule sets is looked at first, so that counsel can settle the
figures without a change of the program. A rule says whether it is law or the company's own promise.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knowledge.clause import Localized
from knowledge.errors import BrokenFile
from knowledge.tables import read_toml

BUNDLED = Path(__file__).parent / "rules"

RIGHTS = frozenset(
    {
        "access",
        "portability",
        "explanation",
        "correction",
        "deletion",
        "closure",
        "withdrawal_of_consent",
        "infringement",
        "security_report",
        "guardian",
        "next_of_kin",
    }
)
"""What a work order can be about. Access includes the copy."""

Unit = Literal["working_days", "business_days", "calendar_days", "months"]
UNITS: tuple[Unit, ...] = ("working_days", "business_days", "calendar_days", "months")
"""Working days are the PRC's, make-up days included; business days are Monday to Friday."""

_RULE_KEYS = frozenset(
    {"id", "kind", "rights", "except_rights", "within", "past_weekend", "label", "source", "extension", "pause"}
)


class Kind(StrEnum):
    """What a rule rests on. The order is the order of naming where two rules end on the same day."""

    LAW = "law"
    OUTER_LIMIT = "outer_limit"
    PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class Period:
    """So many days or months after the day of receipt, which isn't counted."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from. `standing`: whether its text was read, an excerpt of it, or neither."""

    article: str
    title: str
    where: str
    standing: Literal["text", "excerpt", "not read"]


@dataclass(frozen=True, slots=True)
class Extension:
    """How far a rule can be extended, counted from receipt like the rule itself, and on what condition."""

    to: Period
    rights: frozenset[str]
    label: Localized
    condition: Localized


@dataclass(frozen=True, slots=True)
class Pause:
    """When the rule's days stand still. A law that knows no pause has none."""

    rights: frozenset[str]
    condition: Localized


@dataclass(frozen=True, slots=True)
class Rule:
    """One deadline: for which rights, how long, on what basis. `past_weekend`: an end on a Saturday or Sunday moves to
    Monday. `label` names the basis to people, in each language."""

    id: str
    kind: Kind
    rights: frozenset[str]
    within: Period
    label: Localized
    source: Source
    past_weekend: bool = False
    extension: Extension | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one legal order. Days begin and end in `zone`."""

    id: str
    version: str
    zone: ZoneInfo
    name: Localized
    answers: tuple[Rule, ...]
    acknowledgements: tuple[Rule, ...] = ()


def load_rules(*ids: str, extra: Path | None = None) -> tuple[RuleSet, ...]:
    """The rule sets of these ids, `extra/<id>.toml` before the bundled one. Raises BrokenFile."""
    return tuple(_load(id_, extra) for id_ in ids)


def _load(id_: str, extra: Path | None) -> RuleSet:
    folders = [folder for folder in (extra, BUNDLED) if folder]
    paths = [folder / f"{id_}.toml" for folder in folders if (folder / f"{id_}.toml").is_file()]
    if not id_.isidentifier() or not paths:
        known = ", ".join(sorted({path.stem for folder in folders for path in folder.glob("*.toml")}))
        raise BrokenFile(id_, "is no rule set", f"Rule sets: {known}")
    path = paths[0]
    data = read_toml(path)
    try:
        rules = RuleSet(
            id=data["id"],
            version=data["version"],
            zone=ZoneInfo(data["zone"]),
            name=_words(data["name"]),
            answers=tuple(_rule(block) for block in data["answer"]),
            acknowledgements=tuple(_rule(block) for block in data.get("acknowledge", ())),
        )
    except KeyError as missing:
        raise BrokenFile(path, f"lacks {missing}", "See the bundled rule sets for every key") from missing
    except (TypeError, ValueError, AttributeError, ZoneInfoNotFoundError) as wrong:
        raise BrokenFile(path, f"is no rule set: {wrong}", "See the bundled rule sets") from wrong
    _check(path, id_, rules)
    return rules


def _check(path: Path, id_: str, rules: RuleSet) -> None:
    if rules.id != id_:
        raise BrokenFile(path, f"calls itself {rules.id!r}", "Give the file and the rule set the same name")
    ids = [rule.id for rule in rules.answers + rules.acknowledgements]
    if len(set(ids)) < len(ids):
        raise BrokenFile(path, "names two rules alike", "Give each rule an id of its own")
    covered = frozenset[str]().union(*(rule.rights for rule in rules.answers))
    if left := RIGHTS - covered:
        raise BrokenFile(path, f"has no deadline for {', '.join(sorted(left))}", "Add an [[answer]] for every right")


def _rule(block: dict[str, Any]) -> Rule:
    if unknown := block.keys() - _RULE_KEYS:
        raise ValueError(f"{block.get('id')} has a key that means nothing: {', '.join(sorted(unknown))}")
    rights = _rights(block.get("rights", RIGHTS)) - _rights(block.get("except_rights", ()))
    extension, pause = block.get("extension"), block.get("pause")
    return Rule(
        id=block["id"],
        kind=Kind(block["kind"]),
        rights=rights,
        within=_period(block["within"]),
        label=_words(block["label"]),
        source=_source(block["source"]),
        past_weekend=block.get("past_weekend", False),
        extension=extension
        and Extension(
            to=_period(extension["to"]),
            rights=rights & _rights(extension.get("rights", RIGHTS)),
            label=_words(extension["label"]),
            condition=_words(extension["condition"]),
        ),
        pause=pause
        and Pause(rights=rights & _rights(pause.get("rights", RIGHTS)), condition=_words(pause["condition"])),
    )


def _rights(names: Any) -> frozenset[str]:
    rights = frozenset(names)
    if unknown := rights - RIGHTS:
        raise ValueError(f"{', '.join(sorted(unknown))} is no right; rights: {', '.join(sorted(RIGHTS))}")
    return rights


def _period(table: dict[str, int]) -> Period:
    ((unit, count),) = table.items()
    if unit not in UNITS or type(count) is not int or count < 1:
        raise ValueError(f"{unit} = {count!r} is no length of time; units: {', '.join(UNITS)}")
    return Period(count, next(known for known in UNITS if known == unit))


def _source(table: dict[str, Any]) -> Source:
    source = Source(**table)
    if source.standing not in ("text", "excerpt", "not read"):
        raise ValueError(f"standing = {source.standing!r}; it is one of: text, excerpt, not read")
    return source


def _words(texts: dict[str, str]) -> Localized:
    if not (texts["en"].strip() and texts["zh"].strip()):
        raise ValueError("a label is empty")
    return dict(texts)
