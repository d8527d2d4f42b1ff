"""`clausebot accounts vouch`: who may, what is asked and shown, what can't be vouched for, and taking it back."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from bot.commands.accounts import accounts, run_show
from bot.commands.vouching import directory_at, run_take_back, run_vouch
from bot.core.accounts import Account, DirectoryDown, MemoryDirectory, StoredDirectory
from bot.core.contacts import Contact, Kind
from bot.core.roles import BadEntry, NotPermitted, Role
from bot.core.vouching import Vouching
from storage.engine import Database
from storage.stores.accounts import AccountLine, ContactLine
from tests.bot.staff_desk import Team, printed
from tests.conftest import Clock

ACCOUNT, PHONE, MAIL = "K-100001", "+8613800000001", "ada@mail.example.com"
WHY = "ID card, at the [bold]counter[/bold]"


@pytest.fixture
def team(database: Database, clock: Clock) -> Team:
    made = Team(database, clock)
    made.add("ada", Role.OFFICER)
    made.add("ben", Role.OFFICER, own_account=ACCOUNT)
    made.add("cy", Role.AGENT)
    return made


@pytest.fixture
def directory(clock: Clock) -> MemoryDirectory:
    return MemoryDirectory([Account(ACCOUNT, (aged(clock, 3), aged(clock, 90, Kind.EMAIL, MAIL)))])


def aged(clock: Clock, days: float, kind: Kind = Kind.PHONE, value: str = PHONE) -> Contact:
    return Contact(kind, value, clock() - timedelta(days=days))


def vouched(team: Team, account: Account | None) -> dict[str, int]:
    """Who of staff vouches for which contact now."""
    assert account is not None
    with team.database.read() as work:
        said = Vouching(work, team.clock()).of(account)
    return {contact.value: one.staff_id for contact, one in said.items()}


def actions(team: Team) -> list[tuple[str, str, str]]:
    with team.database.read() as work:
        index = work.verification.account_index(ACCOUNT)
        return [(one.actor, one.action, one.detail) for one in work.trail.of_thing(f"account:{index[:16]}")]


def test_an_officer_sees_the_contact_masked_before_the_code_is_asked_for(team: Team, directory: MemoryDirectory):
    desk, shown = team.desk("ada"), list[str]()
    real = desk.ask

    def ask(label: str) -> str:
        shown.append(printed(desk))
        return real(label)

    object.__setattr__(desk, "ask", ask)
    run_vouch(desk, directory, f" {ACCOUNT} ", "phone", WHY)
    [before] = shown
    assert "K***01 open: phone ***001, on file since 2026-02-27 09:30 UTC (3 days)." in " ".join(before.split())
    assert "On file for longer: a***@mail.example.com." in " ".join(before.split())
    assert "until 2026-03-29 09:30 UTC" in " ".join(printed(desk).split())
    assert not any(secret in printed(desk) for secret in (ACCOUNT, PHONE, MAIL, "13800000001"))
    assert vouched(team, directory.get(ACCOUNT)) == {PHONE: 1}
    assert actions(team) == [("staff:1", "contact vouched for", "phone")]


@pytest.mark.parametrize(
    ("me", "typed", "error", "says", "asked"),
    [
        ("cy", None, NotPermitted, "may not record a check of who asks", 0),
        ("ada", ["000000"], NotPermitted, "wrong code", 1),
        ("", None, BadEntry, "say who you are", 0),
        ("ben", None, NotPermitted, "your own account", 0),
    ],
)
def test_nobody_else_vouches(
    team: Team,
    directory: MemoryDirectory,
    me: str,
    typed: list[str] | None,
    error: type[Exception],
    says: str,
    asked: int,
):
    with pytest.raises(error, match=says):
        run_vouch(team.desk(me, typed), directory, ACCOUNT, "phone", WHY)
    assert len(team.asked) == asked
    assert vouched(team, directory.get(ACCOUNT)) == {}
    assert actions(team) == []


@pytest.mark.parametrize(
    ("account", "kind", "why", "error", "says"),
    [
        ("K-999999", "phone", WHY, NotPermitted, "there is no account of that id"),
        ("K-200002", "email", WHY, NotPermitted, "no such contact of the kind email"),
        (ACCOUNT, "email", WHY, NotPermitted, "counts by itself"),
        (ACCOUNT, "phone", " \u200b", BadEntry, "how you checked"),
        (ACCOUNT, "phone", "x" * 301, BadEntry, "how you checked"),
        ("no id; at all", "phone", WHY, BadEntry, "can't be an account's id"),
    ],
)
def test_what_cant_be_vouched_for_is_said_before_a_code_is_asked_for(
    team: Team,
    directory: MemoryDirectory,
    clock: Clock,
    account: str,
    kind: str,
    why: str,
    error: type[Exception],
    says: str,
):
    directory.put(Account("K-200002", (aged(clock, 3),)))
    with pytest.raises(error, match=says):
        run_vouch(team.desk("ada"), directory, account, kind, why)
    assert team.asked == []
    assert vouched(team, directory.get(ACCOUNT)) == {}


def test_nobody_vouches_twice(team: Team, directory: MemoryDirectory):
    team.add("dora", Role.OFFICER)
    run_vouch(team.desk("ada"), directory, ACCOUNT, "phone", WHY)
    with pytest.raises(NotPermitted, match=r"ada vouches for \*\*\*001 already"):
        run_vouch(team.desk("dora"), directory, ACCOUNT, "phone", WHY)


def test_who_lost_the_role_while_typing_doesnt_vouch(team: Team, directory: MemoryDirectory):
    desk = team.desk("ada")
    real = desk.ask

    def ask(label: str) -> str:
        team.staffers.set_roles("operator", "ada", {Role.AGENT})
        return real(label)

    object.__setattr__(desk, "ask", ask)
    with pytest.raises(NotPermitted, match="may not"):
        run_vouch(desk, directory, ACCOUNT, "phone", WHY)
    assert actions(team) == []


def test_of_two_contacts_of_a_kind_the_ending_says_which(team: Team, directory: MemoryDirectory, clock: Clock):
    two = Account(ACCOUNT, (aged(clock, 3), aged(clock, 2, value="+8613800000002")))
    directory.put(two)
    with pytest.raises(BadEntry, match=r"\*\*\*001, \*\*\*002: say which by --ending"):
        run_vouch(team.desk("ada"), directory, ACCOUNT, "phone", WHY)
    run_vouch(team.desk("ada"), directory, ACCOUNT, "phone", WHY, "002")
    assert vouched(team, two) == {"+8613800000002": 1}


def test_a_directory_that_is_down_is_told_and_nothing_is_asked(team: Team):
    class Down(MemoryDirectory):
        def get(self, account_id: str) -> Account | None:
            raise DirectoryDown("stalled", timedelta(seconds=30))

    with pytest.raises(NotPermitted, match=r"can't be asked now \(stalled\).*try again in 30 seconds"):
        run_vouch(team.desk("ada"), Down(), ACCOUNT, "phone", WHY)
    assert team.asked == []


def test_another_officer_takes_it_back_without_the_directory(team: Team, directory: MemoryDirectory):
    run_vouch(team.desk("ada"), directory, ACCOUNT, "phone", WHY)
    for me, typed, says in (("cy", None, "may not"), ("ben", ["000000"], "wrong code")):
        with pytest.raises(NotPermitted, match=says):
            run_take_back(team.desk(me, typed), ACCOUNT, "phone")
    with pytest.raises(NotPermitted, match="nobody vouches for a contact of this kind"):
        run_take_back(team.desk("ben"), ACCOUNT, "email")
    assert vouched(team, directory.get(ACCOUNT)) == {PHONE: 1}
    desk = team.desk("ben")
    run_take_back(desk, ACCOUNT, "phone")
    assert "K***01: taken back." in printed(desk)
    assert vouched(team, directory.get(ACCOUNT)) == {}
    assert actions(team)[1:] == [("staff:2", "vouch taken back", "phone")]


def test_the_table_shows_who_vouches_until_when_and_why(team: Team, clock: Clock):
    desk = team.desk("ada", width=200)
    with team.database.work() as work:
        line = AccountLine(ACCOUNT, (ContactLine("phone", PHONE, clock() - timedelta(days=3)),), False, None)
        work.accounts.apply(work.accounts.plan([line], clock()), clock())
    with directory_at(desk) as directory:
        assert isinstance(directory, StoredDirectory)
        run_vouch(desk, directory, ACCOUNT, "phone", WHY)
    shown = team.desk("ada", width=200)
    assert run_show(team.database, ACCOUNT, clock(), shown.console)
    assert f"ada vouches until 2026-03-29 09:30 UTC: {WHY}" in printed(shown)
    clock.turn(days=40)
    later = team.desk("ada", width=200)
    assert run_show(team.database, ACCOUNT, clock(), later.console)
    assert "yes" in printed(later)
    assert "vouches" not in printed(later)


def test_the_command_asks_for_a_kind_that_codes_can_go_to():
    done = CliRunner().invoke(accounts, ["vouch", ACCOUNT, "--contact", "wechat", "--why", WHY])
    assert done.exit_code == 2
    assert CliRunner().invoke(accounts, ["vouch", "--help"]).exit_code == 0
