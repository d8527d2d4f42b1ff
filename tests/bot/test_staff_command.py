"""`clausebot staff`: who may manage, what is asked for, what is shown, and the exit codes."""

import json
import os
import pty
import sys
import termios
from codecs import getincrementaldecoder
from dataclasses import replace
from io import StringIO
from pathlib import Path
from select import select
from time import sleep

import pyotp
import pytest
import segno
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner

from bot.commands.acting import line_of_stdin
from bot.commands.qr import QUIET, qr_lines
from bot.commands.staff import run_add, run_list, run_password, run_reset_totp, run_unlock, staff
from bot.core.roles import BadEntry, NotPermitted, Role
from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.staff import FREE_TRIES
from tests.bot.staff_desk import PASSWORD, Team, printed
from tests.conftest import Clock


@pytest.fixture
def team(database: Database, clock: Clock) -> Team:
    return Team(database, clock)


def secret_in(shown: str) -> str:
    """The secret as it is printed, without its blanks."""
    lines = [line.replace(" ", "") for line in shown.splitlines()]
    (secret,) = [line for line in lines if len(line) == 32 and line.isalnum()]
    return secret


class Newcomer:
    """Types a password twice, then what an authenticator app makes of the secret that was shown."""

    def __init__(
        self, team: Team, *before: str, password: str = PASSWORD, again: str = PASSWORD, wrong: int = 0
    ) -> None:
        self.typed, self.wrong, self.team = [*before, password, again], wrong, team
        self.desk = team.desk()
        self.labels: list[str] = []

    def __call__(self, label: str) -> str:
        self.labels.append(label)
        if self.typed:
            return self.typed.pop(0)
        if self.wrong:
            self.wrong -= 1
            return "not a code"
        return pyotp.TOTP(secret_in(printed(self.desk))).at(self.team.clock())


def adding(team: Team, newcomer: Newcomer, name: str, *roles: str, me: str = "", operator: bool = False) -> str:
    newcomer.desk = desk = replace(team.desk(me), ask=newcomer)
    run_add(desk, name, list(roles), operator=operator)
    return printed(desk)


def test_the_first_admin_is_added_by_the_owner_of_the_machine(team: Team, database: Database):
    newcomer = Newcomer(team)
    shown = adding(team, newcomer, "Ada", "admin,officer")
    secret = secret_in(shown)
    assert newcomer.labels == [
        "Password for ada (12 characters or more)",
        "The same again",
        "A code that the app shows now",
    ]
    assert f"otpauth://totp/clausebot%20kenpai:ada?secret={secret}" in shown
    assert "Type the secret into an app" in shown
    assert "█" not in shown
    assert shown.endswith("ada is admin, officer now.\n")
    with database.read() as work:
        ada = work.staff.named("ada")
        assert ada is not None
        assert work.staff.secret_of(ada.id).decode() == secret
        assert [entry.actor for entry in work.trail.of_thing(f"staff:{ada.id}")] == ["operator"]
    assert team.staffers.sign_in("ada", PASSWORD)


def test_the_code_that_confirmed_the_secret_is_used_up(team: Team, database: Database):
    shown = adding(team, Newcomer(team), "ada", "admin")
    assert not team.staffers.totp_ok(1, pyotp.TOTP(secret_in(shown)).at(team.clock()))


def test_nothing_is_written_until_a_code_was_right(team: Team, database: Database):
    with pytest.raises(NotPermitted, match="no right code was given, so nothing was changed"):
        adding(team, Newcomer(team, wrong=3), "ada", "admin")
    with database.read() as work:
        assert work.staff.all() == []
    adding(team, Newcomer(team, wrong=2), "ada", "admin")


def test_without_an_admin_it_is_said_who_manages(team: Team):
    assert "Nobody is admin yet" in adding(team, Newcomer(team), "ben", "officer")
    assert "Nobody is admin yet" not in adding(team, Newcomer(team), "ada", "admin")


def test_an_admin_adds_the_others_with_a_code_of_their_own(team: Team, database: Database):
    ada = team.add("ada", Role.ADMIN)
    newcomer = Newcomer(team, team.code("ada"))
    adding(team, newcomer, "ben", "officer", me="ada")
    assert newcomer.labels[0] == "One-time password of ada"
    with database.read() as work:
        ben = work.staff.named("ben")
        assert ben is not None
        assert [entry.actor for entry in work.trail.of_thing(f"staff:{ben.id}")] == [f"staff:{ada.id}"]


@pytest.mark.parametrize(
    ("me", "code", "error", "says"),
    [
        ("", "", BadEntry, "say who you are"),
        ("ada", "000000", NotPermitted, "wrong code, or one that was used before"),
        ("cy", "", NotPermitted, "cy may not manage staff; that takes the role admin"),
        ("nobody", "", NotPermitted, "nobody of staff is called 'nobody'"),
    ],
)
def test_nobody_else_adds_anybody(
    team: Team, database: Database, me: str, code: str, error: type[Exception], says: str
):
    team.add("ada", Role.ADMIN)
    team.add("cy", Role.OFFICER)
    with pytest.raises(error, match=says):
        adding(team, Newcomer(team, code), "ben", "officer", me=me)
    with database.read() as work:
        assert work.staff.named("ben") is None


def test_the_owner_of_the_machine_helps_back_in_and_the_trail_says_so(team: Team, database: Database):
    ada = team.add("ada", Role.ADMIN)
    desk = team.desk()
    run_reset_totp(desk, "ada", operator=True, scripted=True)
    assert "old ones are void" in printed(desk)
    assert not team.staffers.totp_ok(ada.id, team.shown("ada"))
    team.secrets["ada"] = secret_in(printed(desk))
    assert team.staffers.totp_ok(ada.id, team.code("ada"))
    with database.read() as work:
        last = work.trail.of_thing(f"staff:{ada.id}")
    assert ("operator", "staff_totp_reset") in [(entry.actor, entry.action) for entry in last]


def test_passwords_that_differ_or_are_weak_are_refused(team: Team, database: Database):
    with pytest.raises(BadEntry, match="the two passwords differ"):
        adding(team, Newcomer(team, again=PASSWORD + "x"), "ada", "admin")
    with pytest.raises(BadEntry, match="12 to 128"):
        adding(team, Newcomer(team, password="short"), "ada", "admin")
    with database.read() as work:
        assert work.staff.all() == []


def test_a_taken_name_is_refused_before_anything_is_asked(team: Team):
    team.add("ada", Role.ADMIN)
    newcomer = Newcomer(team)
    with pytest.raises(BadEntry, match="somebody has this name"):
        adding(team, newcomer, "ADA", "officer", operator=True)
    assert newcomer.labels == []


def test_ones_own_password_takes_the_present_one_and_a_code(team: Team):
    team.add("ada", Role.OFFICER)
    team.add("root1", Role.ADMIN)
    new = "another long passphrase"
    for typed in (["wrong password!"], [PASSWORD, "000000"]):
        with pytest.raises(NotPermitted):
            run_password(team.desk("ada", typed), "ada")
    run_password(team.desk("ada", [PASSWORD, team.code("ada"), new, new]), "ada")
    assert team.staffers.sign_in("ada", PASSWORD) is None
    assert team.staffers.sign_in("ada", new)


def test_anothers_password_takes_an_admin(team: Team):
    team.add("ada", Role.OFFICER)
    team.add("root1", Role.ADMIN)
    new = "another long passphrase"
    with pytest.raises(NotPermitted, match="may not manage staff"):
        run_password(team.desk("ada", [team.code("ada"), new, new]), "root1")
    run_password(team.desk("root1", [team.code("root1"), new, new]), "ada")
    assert team.staffers.sign_in("ada", new)


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits_and_shows_nothing_secret(team: Team, database: Database, width: int):
    team.add("ada", Role.ADMIN, Role.OFFICER, own_account="K-10001")
    team.add("王小芳", Role.AGENT)
    team.add("a" * 40, *Role)
    team.staffers.set_active("operator", "王小芳", False)
    team.staffers.totp_ok(1, team.code("ada"))
    desk = team.desk(width=width)
    run_list(desk)
    shown = printed(desk)
    assert max(len(line) + sum("\u4e00" <= one <= "\u9fff" for one in line) for line in shown.splitlines()) <= width
    assert "officer, admin" in shown
    assert "王小芳" in shown
    assert "disabled" in shown
    assert "2026-03-02" in shown
    with database.read() as work:
        hidden = [*team.secrets.values(), "K-10001", work.staff.password_of(1)]
    assert not any(secret in shown for secret in hidden)


def test_the_list_for_programs(team: Team, capsys: pytest.CaptureFixture[str]):
    team.add("王芳", Role.OFFICER, own_account="K-1")
    run_list(team.desk(), as_json=True)
    (member,) = json.loads(capsys.readouterr().out)
    assert member == {
        "id": 1,
        "name": "王芳",
        "roles": ["officer"],
        "state": "active",
        "created_at": "2026-03-02T09:30:00+00:00",
        "last_code_at": None,
        "own_account": True,
    }


# ---- the QR code


def modules(lines: list[str]) -> list[list[bool]]:
    """Whether each module is dark, read off the half blocks as they are seen."""
    light = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
    return [[not light[one][half] for one in line] for line in lines for half in (0, 1)]


def test_the_qr_code_is_that_of_the_address_with_its_quiet_zone():
    address = "otpauth://totp/clausebot%20kenpai:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=clausebot%20kenpai"
    wanted = [[bool(one) for one in row] for row in segno.make_qr(address, error="l", boost_error=False).matrix]
    drawn = modules(qr_lines(address))
    size = len(wanted)
    assert [row[QUIET : QUIET + size] for row in drawn[QUIET : QUIET + size]] == wanted
    assert not any(any(row) for row in drawn[:QUIET] + drawn[QUIET + size :])
    assert {len(row) for row in drawn} == {size + 2 * QUIET}
    finder = [[row[QUIET + at] for at in range(7)] for row in drawn[QUIET : QUIET + 7]]
    ring = [[max(abs(x - 3), abs(y - 3)) != 2 for x in range(7)] for y in range(7)]
    assert finder == ring


@pytest.mark.parametrize(
    ("is_terminal", "width", "qr", "drawn"),
    [
        (True, 80, None, True),
        (True, 80, False, False),
        (False, 80, None, False),
        (False, 80, True, True),
        (True, 44, None, False),
        (True, 44, True, False),
    ],
)
def test_it_is_drawn_where_a_terminal_is_wide_enough(team: Team, is_terminal: bool, width: int, qr: bool, drawn: bool):
    newcomer = Newcomer(team)
    console = Console(file=StringIO(), width=width, highlight=False, force_terminal=is_terminal, color_system=None)
    newcomer.desk = desk = replace(team.desk(), ask=newcomer, console=console)
    run_add(desk, "ada", ["admin"], qr=qr)
    shown = printed(desk)
    assert ("▄" in shown) == drawn
    assert ("too narrow" in shown) == (width == 44)
    assert len(secret_in(shown)) == 32  # For typing, whatever is drawn.
    assert max(len(line) for line in shown.splitlines() if "█" in line) <= width if drawn else True


def test_a_script_draws_nothing(team: Team):
    desk = team.desk("", [PASSWORD, PASSWORD])
    run_add(desk, "ada", ["admin"], scripted=True)
    assert "▄" not in printed(desk)


# ---- letting somebody in again


def test_an_admin_lets_somebody_in_again_and_the_trail_says_who(team: Team, database: Database):
    ada, root = team.add("ada", Role.OFFICER), team.add("root1", Role.ADMIN)
    for _ in range(FREE_TRIES):
        assert not team.staffers.totp_ok(ada.id, "not it")
    desk = team.desk("root1")
    run_unlock(desk, "ada")
    assert printed(desk) == "ada was let in again after 5 wrong tries in a row; the next one counts at once.\n"
    assert team.asked == ["One-time password of root1"]
    with database.read() as work:
        assert [
            entry.actor for entry in work.trail.of_thing(f"staff:{ada.id}") if entry.action == "staff_unlocked"
        ] == [f"staff:{root.id}"]


def test_nobody_is_let_in_who_is_not_shut_out(team: Team):
    team.add("ada", Role.OFFICER)
    team.add("root1", Role.ADMIN)
    with pytest.raises(NotPermitted, match="neither locked nor waiting"):
        run_unlock(team.desk("root1"), "ada")
    assert team.asked == []


def test_an_officer_cannot_let_anybody_in(team: Team):
    ada = team.add("ada", Role.OFFICER)
    team.add("ben", Role.OFFICER)
    team.add("root1", Role.ADMIN)
    for _ in range(FREE_TRIES):
        assert not team.staffers.totp_ok(ada.id, "not it")
    with pytest.raises(NotPermitted, match="may not manage staff"):
        run_unlock(team.desk("ben"), "ada")


def test_the_owner_of_the_machine_lets_the_last_admin_in(team: Team, database: Database):
    root = team.add("root1", Role.ADMIN)
    for _ in range(FREE_TRIES):
        assert not team.staffers.totp_ok(root.id, "not it")
    run_unlock(team.desk(), "root1", operator=True)
    assert team.staffers.totp_ok(root.id, team.code("root1"))
    with database.read() as work:
        unlocked = [entry for entry in work.trail.of_thing(f"staff:{root.id}") if entry.action == "staff_unlocked"]
    assert [entry.actor for entry in unlocked] == ["operator"]


# ---- the whole command, with its exit codes


@pytest.fixture
def command(database_url: str, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs `clausebot staff` with the settings of an installation of its own."""
    keyring.write(tmp_path / "keys.toml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CLAUSEBOT_KEY_FILE", str(tmp_path / "keys.toml"))
    monkeypatch.delenv("CLAUSEBOT_STAFF", raising=False)
    return CliRunner()


def test_a_script_adds_the_first_admin_and_the_admin_an_officer(command: CliRunner):
    first = command.invoke(staff, ["add", "ada", "-r", "admin", "--secrets-stdin"], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert first.exit_code == 0, first.output
    code = pyotp.TOTP(secret_in(first.output)).now()
    second = command.invoke(
        staff,
        ["add", "ben", "-r", "officer", "--as", "ada", "--secrets-stdin"],
        input=f"{code}\n{PASSWORD}\n{PASSWORD}\n",
    )
    assert second.exit_code == 0, second.output
    again = command.invoke(staff, ["disable", "ben", "--as", "ada", "--secrets-stdin"], input=f"{code}\n")
    assert (again.exit_code, again.stderr) == (
        1,
        "clausebot: wrong code, or one that was used before; wait for the next one (30 seconds)\n",
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (["add", "ada"], 2, "--role"),
        (["add", "ada", "-r", "boss"], 2, "boss: no such role"),
        (["add", "a da", "-r", "admin"], 2, "a name has 2 to 40 letters"),
        (["add", "ada", "-r", "admin"], 2, "there is no terminal to ask at"),
        (["add", "ada", "-r", "admin", "--secrets-stdin"], 2, "standard input has ended"),
        (["disable", "nobody"], 1, "nobody of staff is called 'nobody'"),
        (["roles", "nobody", "-r", "officer"], 1, "nobody of staff is called 'nobody'"),
        (["unlock", "nobody"], 1, "nobody of staff is called 'nobody'"),
        (["reset-totp", "nobody"], 1, "nobody of staff is called 'nobody'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(command: CliRunner, arguments: list[str], exit_code: int, says: str):
    result = command.invoke(staff, arguments, input="")
    assert result.exit_code == exit_code
    assert says in result.output
    assert "Traceback" not in result.output


def test_the_setting_says_who_acts(command: CliRunner, monkeypatch: pytest.MonkeyPatch):
    command.invoke(staff, ["add", "ada", "-r", "admin", "--secrets-stdin"], input=f"{PASSWORD}\n{PASSWORD}\n")
    nobody = command.invoke(staff, ["disable", "ada", "--secrets-stdin"], input="1\n")
    assert (nobody.exit_code, nobody.stderr[:29]) == (2, "clausebot: say who you are: -")
    monkeypatch.setenv("CLAUSEBOT_STAFF", "ada")
    named = command.invoke(staff, ["disable", "ada", "--secrets-stdin"], input="1\n")
    assert (named.exit_code, named.stderr[:21]) == (1, "clausebot: wrong code")


def test_the_list_of_nobody_says_how_to_begin(command: CliRunner):
    result = command.invoke(staff, ["list"])
    assert (result.exit_code, "Add the first: clausebot staff add NAME" in result.output) == (0, True)


def test_a_line_of_stdin_keeps_blanks_and_loses_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", StringIO(" a b \r\nlast"))
    assert [line_of_stdin("x"), line_of_stdin("x")] == [" a b ", "last"]
    with pytest.raises(BadEntry):
        line_of_stdin("x")


def test_at_a_terminal_nothing_that_is_typed_is_shown(sqlite_template: Path, keyring: Keyring, tmp_path: Path):
    """A real terminal: what comes back on it is everything that somebody could read over a shoulder."""
    import shutil
    import subprocess

    shutil.copy(sqlite_template, tmp_path / "one.db")
    keyring.write(tmp_path / "keys.toml")
    ours, theirs = pty.openpty()
    program = "from bot.commands.staff import staff; staff()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "add", "ada", "-r", "admin"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, start_new_session=True,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/one.db", "CLAUSEBOT_KEY_FILE": str(tmp_path / "keys.toml"),
             "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    os.close(theirs)
    seen, decoder = "", getincrementaldecoder("utf-8")()

    def until(words: str) -> None:
        nonlocal seen
        while words not in seen:
            assert select([ours], [], [], 30)[0], seen
            seen += decoder.decode(os.read(ours, 4096))

    def type_at(label: str, typed: str) -> None:
        until(label)
        while termios.tcgetattr(ours)[3] & termios.ECHO:  # What is typed before it is asked for is thrown away.
            sleep(0.01)
        os.write(ours, f"{typed}\n".encode())

    type_at("Password for ada", PASSWORD)
    type_at("The same again", PASSWORD)
    until("A code that the app shows now")
    code = pyotp.TOTP(secret_in(seen)).now()
    type_at("A code that the app shows now", code)
    until("ada is admin now.")
    assert process.wait(30) == 0
    os.close(ours)
    assert PASSWORD not in seen
    assert code not in seen.split("A code that the app shows now")[1]


def test_no_password_or_secret_lies_in_the_clear(command: CliRunner, database: Database):
    result = command.invoke(staff, ["add", "ada", "-r", "admin", "--secrets-stdin"], input=f"{PASSWORD}\n{PASSWORD}\n")
    with database.read() as work:
        row = work.connection.execute(text("SELECT * FROM staff")).one()
    everything = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert secret_in(result.output).encode() not in everything
    assert PASSWORD.encode() not in everything
