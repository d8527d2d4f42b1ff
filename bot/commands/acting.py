"""Who acts in a command of staff: named by --as or CLAUSEBOT_STAFF, and proven by a one-time password where it matters."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bot.core.clock import Clock
    from bot.core.roles import Task
    from bot.core.staff import Staffers
    from bot.settings import Settings
    from storage.engine import Database
    from storage.stores.staff import Member

Ask = Callable[[str], str]
"""Asks for a secret by this label and returns what was typed, without showing it."""

As = Annotated[
    str,
    typer.Option("--as", metavar="NAME", help="Who you are, among staff. Otherwise CLAUSEBOT_STAFF says it."),
]


@dataclass(frozen=True)
class Desk:
    """What a command of staff works with. `me` is the name that --as gave."""

    database: "Database"
    staffers: "Staffers"
    clock: "Clock"
    console: "Console"
    ask: Ask
    settings: "Settings"
    me: str = ""

    def acting(self, task: "Task") -> "Member":
        """Who acts, and may. Raises NotPermitted, BadEntry when nobody is named."""
        from bot.core.roles import BadEntry

        if not self.me:
            raise BadEntry("say who you are: --as NAME, or CLAUSEBOT_STAFF=NAME in .env or the environment")
        return self.staffers.acting(self.me, task)

    def proven(self, task: "Task") -> "Member":
        """Who acts, may, and has just given a one-time password of their own. Raises NotPermitted, BadEntry."""
        from bot.core.roles import NotPermitted

        member = self.acting(task)
        if not self.staffers.totp_ok(member.id, self.ask(f"One-time password of {member.name}")):
            raise NotPermitted("wrong code, or one that was used before; wait for the next one (30 seconds)")
        return member


@contextmanager
def at_desk(me: str = "", *, secrets_from_stdin: bool = False) -> Iterator[Desk]:
    """A desk with the settings' database. What isn't permitted now ends in one line and exit code 1; a wrong entry, or
    nobody to ask, in one line and exit code 2."""
    from rich.console import Console

    from bot.app import open_database
    from bot.core.clock import system_clock
    from bot.core.errors import Misconfigured
    from bot.core.roles import BadEntry, NotPermitted
    from bot.core.staff import Staffers
    from bot.core.staff_alarm import StaffAlarm
    from bot.settings import read
    from storage.errors import Busy, StorageError

    settings = read()
    try:
        database = open_database(settings)
    except StorageError as bad:
        raise Misconfigured([str(bad)]) from bad
    try:
        yield Desk(
            database,
            Staffers(database, system_clock, alarm=StaffAlarm(settings.staff_mail if settings.smtp_host else "")),
            system_clock,
            Console(highlight=False),
            line_of_stdin if secrets_from_stdin else at_terminal,
            settings,
            me or settings.staff,
        )
    except NotPermitted as not_now:
        _end(str(not_now), 1)
    except Busy as busy:
        _end(str(busy), 1)
    except BadEntry as bad:
        _end(str(bad), 2)
    except StorageError as bad:
        raise Misconfigured([str(bad)]) from bad
    finally:
        database.close()


def at_terminal(label: str) -> str:
    """Asks at the terminal, hidden. Raises BadEntry where there is none."""
    from bot.core.roles import BadEntry

    if not sys.stdin.isatty():
        raise BadEntry(f"{label}: there is no terminal to ask at. Scripts send it by --totp-stdin or --secrets-stdin")
    return str(typer.prompt(label, hide_input=True, err=True))


def line_of_stdin(label: str) -> str:
    """The next line of standard input. Raises BadEntry at its end."""
    from bot.core.roles import BadEntry

    if not (line := sys.stdin.readline()):
        raise BadEntry(f"{label}: standard input has ended; it takes one line for each thing that is asked")
    return line.rstrip("\r\n")


def _end(says: str, code: int) -> None:
    print(f"clausebot: {says}", file=sys.stderr)
    raise typer.Exit(code)
