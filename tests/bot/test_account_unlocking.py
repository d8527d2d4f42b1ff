"""`clausebot accounts unlock`: who may let codes of an account count again, and that the trail says who did."""

import pytest

from bot.commands.account_unlocking import run_unlock
from bot.core.codes import Codes
from bot.core.roles import BadEntry, NotPermitted, Role
from bot.core.verification import LOCK_AT, Verification
from storage.engine import Database
from tests.bot.staff_desk import Team, printed
from tests.conftest import Clock

ACCOUNT = "K-100001"


@pytest.fixture
def team(database: Database, clock: Clock) -> Team:
    made = Team(database, clock)
    made.add("ada", Role.OFFICER)
    made.add("cy", Role.AGENT)
    return made


def is_locked(team: Team) -> bool:
    with team.database.read() as work:
        return Verification(work, Codes.of(work.keyring), team.clock()).is_locked(ACCOUNT)


@pytest.fixture
def locked(team: Team) -> Team:
    """As a hundred wrong codes from unconnected chats leave an account."""
    with team.database.work() as work:
        store = work.verification
        scope = store.scope("unbound", store.account_index(ACCOUNT))
        for _ in range(LOCK_AT):
            store.count_wrong(scope, None, team.clock(), LOCK_AT + 1, LOCK_AT)
    assert is_locked(team)
    return team


def test_an_officer_who_has_looked_lets_codes_count_again(locked: Team, database: Database):
    desk = locked.desk("ada")
    run_unlock(desk, f" {ACCOUNT} ")
    assert not is_locked(locked)
    assert printed(desk) == "K***01: codes count again.\n"
    with database.read() as work:
        index = work.verification.account_index(ACCOUNT)
        assert [(entry.actor, entry.action) for entry in work.trail.of_thing(f"account:{index[:16]}")] == [
            ("staff:1", "codes unlocked")
        ]


@pytest.mark.parametrize(
    ("me", "typed", "error", "says"),
    [
        ("cy", None, NotPermitted, "may not record a check of who asks"),
        ("ada", ["000000"], NotPermitted, "wrong code"),
        ("", None, BadEntry, "say who you are"),
    ],
)
def test_nobody_else_does(locked: Team, me: str, typed: list[str] | None, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        run_unlock(locked.desk(me, typed), ACCOUNT)
    assert is_locked(locked)


def test_where_nothing_was_counted_nothing_is_done(team: Team):
    with pytest.raises(NotPermitted, match="no wrong codes are counted"):
        run_unlock(team.desk("ada"), "K-999999")
    with pytest.raises(BadEntry, match="can't be an account's id"):
        run_unlock(team.desk("ada"), "no id; at all")
