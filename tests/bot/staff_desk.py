"""A desk for the commands of staff in tests: a database, a clock that can be turned, and secrets that are typed."""

from collections.abc import Iterator
from io import StringIO

import pyotp
from argon2 import PasswordHasher, profiles
from rich.console import Console

from bot.commands.acting import Desk
from bot.core.roles import Role
from bot.core.staff import Staffers, new_secret
from bot.settings import Settings
from storage.engine import Database
from storage.stores.staff import Member
from tests.conftest import Clock

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher.from_parameters(profiles.CHEAPEST)


class Team:
    """Members of staff, each with an authenticator app. Names are invented."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.staffers = Staffers(database, clock, CHEAP)
        self.secrets: dict[str, str] = {}

    def add(self, name: str, *roles: Role, own_account: str | None = None) -> Member:
        self.secrets[name] = new_secret()
        return self.staffers.add("operator", name, roles, PASSWORD, self.secrets[name], own_account=own_account)

    def code(self, name: str) -> str:
        """What the member's app shows, half a minute later each time, so that no code comes twice."""
        self.clock.turn(seconds=30)
        return self.shown(name)

    def shown(self, name: str) -> str:
        """What the member's app shows now."""
        return pyotp.TOTP(self.secrets[name]).at(self.clock())

    def desk(self, me: str = "", typed: Iterator[str] | list[str] | None = None, width: int = 100) -> Desk:
        """A desk at which `typed` is typed when something is asked; codes of one's own where it isn't given."""
        answers = iter(typed) if typed is not None else None

        def ask(label: str) -> str:
            self.asked.append(label)
            return next(answers) if answers is not None else self.code(me)

        self.asked: list[str] = []
        console = Console(file=StringIO(), width=width, highlight=False)
        return Desk(self.database, self.staffers, self.clock, console, ask, Settings(), me)


def printed(desk: Desk) -> str:
    """What was printed so far."""
    assert isinstance(desk.console.file, StringIO)
    return desk.console.file.getvalue()
