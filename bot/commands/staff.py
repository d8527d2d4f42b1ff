"""`clausebot staff`: the people who work the orders. What a command needs is imported when it runs."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.acting import As, Desk, at_desk
from bot.commands.enrolling import taken_over

if TYPE_CHECKING:
    from datetime import datetime

    from storage.stores.staff import Member

staff = typer.Typer(
    help="Staff: who works the orders, what they may do, and their one-time passwords.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The member's name.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", "-r", help="agent, officer, publisher, admin or auditor; several times, or with commas."),
]
Operator = Annotated[
    bool,
    typer.Option("--operator", help="Task as the owner of this machine, when no admin can. The trail says so."),
]
FromStdin = Annotated[
    bool,
    typer.Option(
        "--secrets-stdin",
        help="Read what would be asked for from standard input, a line each, in the same order. For scripts.",
    ),
]
Qr = Annotated[
    bool | None,
    typer.Option("--qr/--no-qr", help="Draw the secret as a QR code; otherwise only where a terminal shows it."),
]


@staff.command("add")
def staff_add(
    name: Name,
    role: Roles,
    own_account: Annotated[
        str, typer.Option(metavar="ID", help="Their own account at the company: they never decide about it.")
    ] = "",
    qr: Qr = None,
    me: As = "",
    operator: Operator = False,
    secrets_stdin: FromStdin = False,
) -> None:
    """Add a member. Asks for a password twice, shows the secret for an authenticator app as a QR code and as text, and
    asks for a code of it.

    Let the new member sit at the keyboard for that. The first admin is added without --as; from then on an admin adds.

    Example: clausebot staff add ben --role officer --as ada
    """
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        run_add(desk, name, role, own_account or None, operator=operator, scripted=secrets_stdin, qr=qr)


@staff.command("list")
def staff_list(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List everybody: roles, whether they can act, and when they last gave a one-time password."""
    with at_desk() as desk:
        run_list(desk, as_json=as_json)


@staff.command("disable")
def staff_disable(name: Name, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False) -> None:
    """Take away every right to act, from now on. What the member did stays in the trail under their name."""
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        member = desk.staffers.set_active(_manager(desk, operator), name, False)
        desk.console.print(f"{member.name} is disabled.", markup=False)


@staff.command("enable")
def staff_enable(name: Name, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False) -> None:
    """Let a disabled member act again, with the roles, password and one-time passwords they had."""
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        member = desk.staffers.set_active(_manager(desk, operator), name, True)
        desk.console.print(f"{member.name} is active: {', '.join(sorted(member.roles))}.", markup=False)


@staff.command("roles")
def staff_roles(
    name: Name, role: Roles, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False
) -> None:
    """Give a member these roles and no others. Example: clausebot staff roles ben -r officer,auditor --as ada"""
    from bot.core.roles import tidy_roles

    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        wanted = tidy_roles(role)
        member = desk.staffers.set_roles(_manager(desk, operator), name, wanted)
        desk.console.print(f"{member.name} is {', '.join(sorted(member.roles))}.", markup=False)


@staff.command("reset-totp")
def staff_reset_totp(
    name: Name, qr: Qr = None, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False
) -> None:
    """Give a member a new secret for one-time passwords, after a lost phone or too many wrong codes."""
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        run_reset_totp(desk, name, operator=operator, scripted=secrets_stdin, qr=qr)


@staff.command("unlock")
def staff_unlock(name: Name, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False) -> None:
    """Let a member's tries count again at once, after too many wrong codes or passwords. What they had stays good.

    Ask the member first whether the wrong ones were theirs. If not, somebody guesses: give a new secret instead
    (reset-totp). Example: clausebot staff unlock ben --as ada
    """
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        run_unlock(desk, name, operator=operator)


@staff.command("password")
def staff_password(name: Name, me: As = "", operator: Operator = False, secrets_stdin: FromStdin = False) -> None:
    """Set a password. For your own, the present one is asked for first."""
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        run_password(desk, name, operator=operator)


@staff.command("own-account")
def staff_own_account(
    name: Name,
    account: Annotated[str, typer.Argument(metavar="ID", help="As the company writes it; empty for none.")] = "",
    me: As = "",
    operator: Operator = False,
    secrets_stdin: FromStdin = False,
) -> None:
    """Say which account at the company is the member's own: they never decide about it. Kept as an index only."""
    with at_desk(me, secrets_from_stdin=secrets_stdin) as desk:
        member = desk.staffers.set_own_account(_manager(desk, operator), name, account or None)
        desk.console.print(
            f"{member.name}: own account {'noted' if member.own_account else 'taken away'}.", markup=False
        )


def run_add(
    desk: Desk,
    name: str,
    roles: list[str],
    own_account: str | None = None,
    *,
    operator: bool = False,
    scripted: bool = False,
    qr: bool | None = None,
) -> "Member":
    """Adds a member, once a code of the new secret was right (not for scripts). Raises BadEntry, NotPermitted."""
    from bot.core.roles import BadEntry, Role, tidy_name, tidy_roles
    from bot.core.staff import new_secret

    name, wanted = tidy_name(name), tidy_roles(roles)
    with desk.database.read() as work:
        if work.staff.named(name):
            raise BadEntry(f"{name}: somebody has this name. Names stay with whom they were given to")
    by = _manager(desk, operator)
    password, secret = _new_password(desk, name), new_secret()
    step = taken_over(desk, name, secret, scripted, qr)
    member = desk.staffers.add(by, name, wanted, password, secret, used_step=step, own_account=own_account)
    desk.console.print(f"{member.name} is {', '.join(sorted(member.roles))} now.", markup=False)
    if Role.ADMIN not in wanted and not desk.staffers.has_admin():
        desk.console.print("Nobody is admin yet: until somebody is, whoever owns this machine manages staff.")
    return member


def run_reset_totp(
    desk: Desk, name: str, *, operator: bool = False, scripted: bool = False, qr: bool | None = None
) -> "Member":
    """A new secret; the old one holds until a code of the new one was right (not for scripts). Raises NotPermitted."""
    from bot.core.roles import on_record
    from bot.core.staff import new_secret

    with desk.database.read() as work:
        member = on_record(work, name, hold=False)
    by, secret = _manager(desk, operator), new_secret()
    step = taken_over(desk, member.name, secret, scripted, qr)
    member = desk.staffers.set_secret(by, name, secret, used_step=step)
    desk.console.print(f"{member.name} has new one-time passwords; the old ones are void.", markup=False)
    return member


def run_unlock(desk: Desk, name: str, *, operator: bool = False) -> None:
    """Ends a wait or a lock after wrong tries. Raises NotPermitted, also where nothing is to be ended."""
    from bot.core.roles import NotPermitted, on_record

    with desk.database.read() as work:
        member = on_record(work, name, hold=False)
    if not member.is_locked and not member.waits_until(desk.clock()):
        raise NotPermitted(f"{member.name} is neither locked nor waiting; nothing was changed")
    member, wrong = desk.staffers.unlock(_manager(desk, operator), name)
    says = f"{member.name} was let in again after {wrong} wrong tries in a row; the next one counts at once."
    desk.console.print(says, markup=False, soft_wrap=True)


def run_password(desk: Desk, name: str, *, operator: bool = False) -> None:
    """A new password: one's own, or another's as an admin. Raises BadEntry, NotPermitted."""
    from bot.core.roles import BadEntry, NotPermitted, on_record, tidy_name

    with desk.database.read() as work:
        member = on_record(work, name, hold=False)
    if desk.me and not operator and tidy_name(desk.me) == member.name:
        if desk.staffers.sign_in(member.name, desk.ask(f"Present password of {member.name}")) is None:
            raise NotPermitted("wrong password, or too many wrong ones in a row. An admin can set a new one")
        if not desk.staffers.totp_ok(member.id, desk.ask(f"One-time password of {member.name}")):
            raise NotPermitted("wrong code, or one that was used before; wait for the next one (30 seconds)")
        by = f"staff:{member.id}"
    else:
        by = _manager(desk, operator)
    try:
        desk.staffers.set_password(by, member.name, _new_password(desk, member.name))
    except BadEntry as bad:
        raise BadEntry(f"{bad}. The password stays as it was") from bad
    desk.console.print(f"{member.name} has a new password.", markup=False)


def run_list(desk: Desk, *, as_json: bool = False) -> None:
    """Prints everybody. No password or secret is among it."""
    from rich.table import Table
    from rich.text import Text

    from bot.core.roles import Role

    now = desk.clock()
    with desk.database.read() as work:
        members = work.staff.all()
    if as_json:
        rows = [
            {
                "id": member.id,
                "name": member.name,
                "roles": sorted(member.roles),
                "state": _state(member, now)[0],
                "created_at": member.created_at.isoformat(),
                "last_code_at": _last_code(member),
                "own_account": member.own_account is not None,
            }
            for member in members
        ]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not members:
        desk.console.print("There is nobody yet. Add the first: clausebot staff add NAME --role admin")
        return
    table = Table("id", "name", "roles", "state", "since", "last code", box=None, padding=(0, 2, 0, 0))
    for member in members:
        state, colour = _state(member, now)
        roles = [role for role in Role if role in member.roles]
        last = _last_code(member)
        table.add_row(
            str(member.id),
            Text(member.name, overflow="fold"),
            ", ".join(roles),
            Text(state, style=colour),
            f"{member.created_at:%Y-%m-%d}",
            last[:10] if last else "never",
        )
    desk.console.print(table)


def _manager(desk: Desk, operator: bool) -> str:
    """Who manages staff here, for the trail: an admin by name and code, or the owner of the machine."""
    from bot.core.roles import Task
    from bot.core.staff import OPERATOR

    if operator or not desk.staffers.has_admin():
        return OPERATOR
    return f"staff:{desk.proven(Task.MANAGE).id}"


def _new_password(desk: Desk, name: str) -> str:
    from bot.core.roles import BadEntry
    from bot.core.staff import tidy_password

    password = tidy_password(desk.ask(f"Password for {name} (12 characters or more)"), name)
    if tidy_password(desk.ask("The same again"), name) != password:
        raise BadEntry("the two passwords differ")
    return password


def _state(member: "Member", now: "datetime") -> tuple[str, str]:
    """Whether a member can act, in words, and the colour for it."""
    if not member.active:
        return "disabled", "dim"
    if member.is_locked:
        return "locked", "red"
    if member.waits_until(now):
        return "waits", "yellow"
    return "active", "green"


def _last_code(member: "Member") -> str | None:
    from datetime import UTC, datetime

    from bot.core.staff import STEP_SECONDS

    return datetime.fromtimestamp(member.last_step * STEP_SECONDS, UTC).isoformat() if member.last_step else None
