"""Who may do what: the roles of staff, what each allows, and the names that members go by."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from knowledge.normal import visible
from storage.stores.staff import Member
from storage.work import Work

_NAME = re.compile(r"[a-z0-9\u4e00-\u9fff][a-z0-9\u4e00-\u9fff._-]{0,38}[a-z0-9\u4e00-\u9fff]|[\u4e00-\u9fff]")
"""Small Latin letters and Chinese characters: a name from elsewhere could look like another one."""


class Role(StrEnum):
    """What somebody is there for. A member may have several."""

    AGENT = "agent"
    OFFICER = "officer"
    PUBLISHER = "publisher"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Task(StrEnum):
    """What there is to do; the value reads after "may": "ben may see orders"."""

    SEE = "see orders"
    TAKE = "take and release orders"
    REMARK = "write remarks"
    ATTACH = "attach internal papers"
    ATTACH_RESULT = "attach what the person gets"
    READ = "read what people wrote and sent in"
    READ_PAPERS = "open papers that show who somebody is"
    CHECK = "record a check of who asks"
    APPROVE = "propose and approve"
    REFUSE = "refuse orders"
    ANSWER = "answer orders"
    EXTEND = "extend orders"
    EXPORT = "export orders"
    AUDIT = "read the audit trail"
    MANAGE = "manage staff"


MAY: Mapping[Role, frozenset[Task]] = {
    Role.AGENT: frozenset({Task.SEE, Task.TAKE, Task.REMARK, Task.ATTACH, Task.READ}),
    Role.OFFICER: frozenset(Task) - {Task.AUDIT, Task.MANAGE},
    Role.PUBLISHER: frozenset(),
    Role.ADMIN: frozenset({Task.MANAGE}),
    Role.AUDITOR: frozenset({Task.SEE, Task.EXPORT, Task.AUDIT}),
}
"""What each role may do. A publisher sends notices and has no part in orders; an admin manages staff and sees none."""


class NotPermitted(Exception):
    """A staff member may not do this now. The message says why, in one line, and who may."""


class BadEntry(ValueError):
    """A name, role or password that can't be taken; the message says what would do."""


def may(member: Member, task: Task) -> bool:
    """Whether an active member has a role that allows the task."""
    return member.active and any(task in MAY[Role(role)] for role in member.roles if role in MAY)


def who_may(work: Work, task: Task, but: Collection[int] = ()) -> list[Member]:
    """The active members who may do this, those with the ids in `but` left out."""
    return [member for member in work.staff.all() if may(member, task) and member.id not in but]


def tidy_name(typed: str) -> str:
    """The one form of a name: half width, small letters. Raises BadEntry."""
    name = unicodedata.normalize("NFKC", typed).strip().casefold()
    if not _NAME.fullmatch(name):
        raise BadEntry("a name has 2 to 40 letters a-z, digits, Chinese characters, and . _ - between them")
    return name


def tidy_roles(typed: Iterable[str]) -> frozenset[Role]:
    """The roles named, each alone or several with commas between. Raises BadEntry."""
    wanted = {part.strip().lower() for item in typed for part in item.split(",")} - {""}
    if unknown := sorted(wanted - set(Role)):
        raise BadEntry(f"{', '.join(unknown)}: no such role. Roles: {', '.join(Role)}")
    if not wanted:
        raise BadEntry(f"name at least one role: {', '.join(Role)}")
    return frozenset(Role(role) for role in wanted)


def on_record(work: Work, name: str, *, hold: bool = True) -> Member:
    """The member of this name, active or not. With `hold` nobody changes them before the commit. Raises NotPermitted."""
    try:
        member = work.staff.named(tidy_name(name), hold=hold)
    except BadEntry:
        member = None
    if member is None:
        raise NotPermitted(f"nobody of staff is called {visible(name)[:40]!r}; who is: clausebot staff list")
    return member


def permitted(work: Work, name: str, task: Task, *, hold: bool = True) -> Member:
    """The member of this name, who may do this. With `hold` they still may at the commit. Raises NotPermitted."""
    member = on_record(work, name, hold=hold)
    if not member.active:
        raise NotPermitted(f"{member.name} is disabled and can't {task}; an admin can: clausebot staff enable")
    if not may(member, task):
        roles = ", ".join(role for role in Role if task in MAY[role])
        others = ", ".join(other.name for other in who_may(work, task)) or "nobody yet"
        raise NotPermitted(f"{member.name} may not {task}; that takes the role {roles} ({others})")
    return member
