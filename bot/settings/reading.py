"""Reads the settings from the environment over the file .env; all mistakes are reported together by name."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bot.core.errors import Misconfigured
from bot.settings.general import General
from bot.settings.platforms import Platforms
from bot.settings.rights import Rights

ENV_FILE = Path(".env")


class Settings(Rights, Platforms, General):
    """One field a setting; its alias is the name in the environment, its description what it means."""


def names() -> dict[str, str]:
    """Name in the environment -> field."""
    return {str(field.alias): name for name, field in Settings.model_fields.items()}


def read(environment: Mapping[str, str] | None = None, file: Path = ENV_FILE) -> Settings:
    """The settings. Raises Misconfigured with every problem at once, each naming its setting."""
    problems: list[str] = []
    said = _env_file(file, problems)
    around = os.environ if environment is None else environment
    known = names()
    for name, (_, line) in said.items():
        if name not in known and name not in OTHER_PROGRAMS:
            problems.append(f"{file} line {line}: {_not_known(name)}")
    values = {name: value for name, (value, _) in said.items()} | dict(around)
    for name in around:
        if name not in known and name not in OTHER_PROGRAMS and _is_meant_for_us(name, values):
            problems.append(f"the environment: {_not_known(name)}")
    try:
        settings = Settings.model_validate({name: values[name] for name in known if values.get(name, "") != ""})
    except ValidationError as bad:
        for error in bad.errors():
            field = Settings.model_fields[known[str(error["loc"][0])]]
            problems.append(f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}. {field.description}")
        raise Misconfigured(problems) from bad
    if problems:
        raise Misconfigured(problems)
    return settings


OTHER_PROGRAMS = frozenset({"CLAUSEBOT_CHROMIUM", "CLAUSEBOT_OFFICIAL_TEXT", "CLAUSEBOT_CROWD_TEXTS", "CLAUSEBOT_NODE"})
"""Names that only the tests read."""
OURS = "CLAUSEBOT_"
"""A variable of the environment that begins so is meant for this program; any other may be somebody else's."""
SHARED_PREFIXES = ("TELEGRAM_", "WECHAT_", "ACCOUNTS_", "SMTP_", "SMS_", "PORTAL_", "WEBHOOK_")
"""Other programs use these, too: such a variable is only asked about when it nearly is one of our names."""
ALIKE, SLIP = 75.0, 90.0
"""Likeness in per cent (rapidfuzz ratio) from which a name is proposed, and from which one with a shared prefix is a slip.
WECHAT_APPID reaches 96, TELEGRAM_TOKN 96; other programs' TELEGRAM_API_ID 84, TELEGRAM_BOT_TOKEN 88 (2026-11)."""


def _is_meant_for_us(name: str, values: Mapping[str, str]) -> bool:
    """Whether a variable of the environment is a slip of ours: by its prefix, or nearly a setting that isn't there."""
    if name.upper().startswith(OURS):
        return True
    near = _nearest([name], SLIP) if name.upper().startswith(SHARED_PREFIXES) else None
    return near is not None and near not in values


def _not_known(name: str) -> str:
    near = _nearest([name, name.upper().removeprefix(OURS), OURS + name], ALIKE)
    return f"{name} is no setting. " + (f"Did you mean {near}?" if near else ".env.example lists them all")


def _nearest(forms: Sequence[str], at_least: float) -> str | None:
    """The setting whose name is most like one of `forms`, in capitals or not."""
    from rapidfuzz import fuzz, process  # Only a slip needs it.

    found = (process.extractOne(form.upper(), list(names()), scorer=fuzz.ratio) for form in forms)
    best = max((hit for hit in found if hit), key=lambda hit: hit[1])
    return best[0] if best[1] >= at_least else None


def _env_file(path: Path, problems: list[str]) -> dict[str, tuple[str, int]]:
    """Name -> (value, line) of NAME=value lines; blank lines and # comments are skipped, quotes around a value taken off."""
    found: dict[str, tuple[str, int]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return found
    except UnicodeDecodeError:
        problems.append(f"{path} is not UTF-8 text. Save it as UTF-8, or begin anew: cp .env.example {path}")
        return found
    except IsADirectoryError:
        problems.append(f"{path} is a folder. Move it away, or begin a file of settings: cp .env.example {path}")
        return found
    except OSError as bad:
        problems.append(f"{path} can't be read: {bad.strerror}. Let the user who runs this read it: chmod u+r {path}")
        return found
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            problems.append(f"{path} line {number}: write NAME=value")
            continue
        value = value.strip()
        quoted = value[:1] in ("'", '"') and value.endswith(value[0]) and len(value) > 1
        found[name.strip()] = (value[1:-1] if quoted else value.partition(" #")[0].strip(), number)
    return found
