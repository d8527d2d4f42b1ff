"""Staff: what a role may do, and that passwords and one-time passwords prove what they should."""

import json
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from bot.core.roles import MAY, BadEntry, NotPermitted, Role, Task, may, permitted, tidy_name, tidy_roles, who_may
from bot.core.staff import Staffers, TooManyTries, new_secret, secret_address, step_of, tidy_password
from bot.core.staff_alarm import StaffAlarm
from storage.engine import Database
from storage.stores.staff import FREE_TRIES, LOCKED_AT
from tests.bot.staff_desk import CHEAP, PASSWORD, Team
from tests.conftest import Clock
from tests.storage.threads import race


@pytest.fixture
def team(database: Database, clock: Clock) -> Team:
    return Team(database, clock)


def trail_of(database: Database, thing: str) -> list[tuple[str, str, str]]:
    with database.read() as work:
        return [(entry.actor, entry.action, entry.detail) for entry in work.trail.of_thing(thing)]


# ---- roles


def test_every_role_is_in_the_table_and_every_act_is_somebodys():
    assert set(MAY) == set(Role)
    assert frozenset().union(*MAY.values()) == set(Task)


@pytest.mark.parametrize("task", [Task.APPROVE, Task.ATTACH_RESULT, Task.CHECK, Task.REFUSE, Task.ANSWER, Task.EXTEND])
def test_only_officers_decide_and_disclose(task: Task):
    assert [role for role in Role if task in MAY[role]] == [Role.OFFICER]


def test_who_manages_staff_sees_no_order():
    assert MAY[Role.ADMIN] == {Task.MANAGE}
    assert Task.MANAGE not in MAY[Role.OFFICER]


def test_a_member_of_two_roles_may_do_what_either_allows(team: Team):
    ada = team.add("ada", Role.AGENT, Role.AUDITOR)
    assert may(ada, Task.TAKE)
    assert may(ada, Task.AUDIT)
    assert not may(ada, Task.APPROVE)


def test_a_disabled_member_may_nothing(team: Team):
    ada = team.add("ada", *Role)
    gone = ada._replace(active=False)
    assert not any(may(gone, task) for task in Task)


def test_a_role_that_no_longer_exists_allows_nothing(team: Team, database: Database):
    ada = team.add("ada", Role.AGENT)
    with database.work() as work:
        work.staff.set_roles(ada.id, ["root"])
    with pytest.raises(NotPermitted, match="ada may not see orders"):
        team.staffers.acting("ada", Task.SEE)


def test_who_may_leaves_out_the_disabled_and_those_who_already_acted(team: Team, database: Database):
    ada, ben, _ = team.add("ada", Role.OFFICER), team.add("ben", Role.OFFICER), team.add("cy", Role.AGENT)
    team.add("dee", Role.OFFICER)
    team.staffers.set_active("operator", "dee", False)
    with database.read() as work:
        assert who_may(work, Task.APPROVE) == [ada, ben]
        assert who_may(work, Task.APPROVE, but=[ada.id]) == [ben]


def test_who_may_not_is_told_what_it_takes_and_who_has_it(team: Team):
    team.add("ada", Role.AGENT)
    team.add("王芳", Role.OFFICER)
    with pytest.raises(NotPermitted) as refused:
        team.staffers.acting("ada", Task.APPROVE)
    assert str(refused.value) == "ada may not propose and approve; that takes the role officer (王芳)"


@pytest.mark.parametrize("name", ["nobody", "", "a\u202eda", "x" * 5000])
def test_a_name_that_nobody_has_is_refused_in_one_line(team: Team, name: str):
    with pytest.raises(NotPermitted) as refused:
        team.staffers.acting(name, Task.SEE)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 120


# ---- names, roles, passwords as typed


@pytest.mark.parametrize(
    ("typed", "name"), [("Ada", "ada"), (" ａｄａ ", "ada"), ("王芳", "王芳"), ("王", "王"), ("li.lei-2", "li.lei-2")]
)
def test_a_name_has_one_form(typed: str, name: str):
    assert tidy_name(typed) == name


@pytest.mark.parametrize(
    "typed", ["", "a", "ada lovelace", "аda", "ada\u200b", ".ada", "ada.", "a" * 41, "ada\n", "=ada", "[bold]ada"]
)
def test_a_name_that_could_be_mistaken_is_refused(typed: str):
    if typed.strip() == "ada":  # A line break around it is not part of a name.
        assert tidy_name(typed) == "ada"
    else:
        with pytest.raises(BadEntry):
            tidy_name(typed)


def test_roles_come_one_by_one_or_with_commas():
    assert tidy_roles(["officer, Admin", "auditor"]) == {Role.OFFICER, Role.ADMIN, Role.AUDITOR}
    with pytest.raises(BadEntry, match=r"boss: no such role\. Roles: agent, officer"):
        tidy_roles(["officer,boss"])
    with pytest.raises(BadEntry, match="at least one"):
        tidy_roles([" , "])


@pytest.mark.parametrize(
    "password", ["short", "aaaaaaaaaaaaaaa", "abababababababab", "ada-is-my-name-1", "x" * 129, "ＡＤＡ-is-my-name"]
)
def test_a_weak_password_is_refused(password: str):
    with pytest.raises(BadEntry):
        tidy_password(password, "ada")


# ---- signing in


def test_name_and_password_sign_in(team: Team):
    ada = team.add("ada", Role.OFFICER)
    signed = team.staffers.sign_in("Ada", PASSWORD)
    assert signed is not None
    assert signed.id == ada.id
    assert team.staffers.sign_in("ada", PASSWORD + "x") is None
    assert team.staffers.sign_in("ben", PASSWORD) is None
    assert team.staffers.sign_in("", "") is None


def test_the_password_is_kept_as_argon2id(team: Team, database: Database):
    ada = team.add("ada", Role.OFFICER)
    with database.read() as work:
        encoded = work.staff.password_of(ada.id)
    assert encoded.startswith("$argon2id$")
    assert PASSWORD not in encoded


def test_a_password_kept_at_another_cost_is_kept_anew(team: Team, database: Database, clock: Clock):
    ada = team.add("ada", Role.OFFICER)
    dearer = Staffers(database, clock, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert dearer.sign_in("ada", PASSWORD)
    with database.read() as work:
        assert "m=16,t=2" in work.staff.password_of(ada.id)
    assert dearer.sign_in("ada", PASSWORD)


def test_a_disabled_member_doesnt_sign_in(team: Team):
    team.add("ada", Role.OFFICER)
    team.staffers.set_active("operator", "ada", False)
    assert team.staffers.sign_in("ada", PASSWORD) is None


def test_after_five_wrong_passwords_the_right_one_has_to_wait(team: Team, clock: Clock):
    ada = team.add("ada", Role.OFFICER)
    assert [team.staffers.sign_in("ada", f"wrong {n}") for n in range(FREE_TRIES)] == [None] * FREE_TRIES
    assert team.staffers.sign_in("ada", PASSWORD) is None
    clock.turn(seconds=31)
    signed = team.staffers.sign_in("ada", PASSWORD)
    assert signed is not None
    assert signed.id == ada.id


def test_a_right_password_doesnt_forgive_wrong_codes(team: Team):
    """Or else whoever has the password could guess codes for ever."""
    ada = team.add("ada", Role.OFFICER)
    for _ in range(FREE_TRIES - 1):
        assert not team.staffers.totp_ok(ada.id, "000000")
        assert team.staffers.sign_in("ada", PASSWORD)
    assert not team.staffers.totp_ok(ada.id, "000000")
    with pytest.raises(TooManyTries):
        team.staffers.totp_ok(ada.id, team.shown("ada"))


# ---- one-time passwords


def test_a_code_counts_once(team: Team, clock: Clock):
    ada = team.add("ada", Role.OFFICER)
    code = team.shown("ada")
    assert team.staffers.totp_ok(ada.id, code)
    assert not team.staffers.totp_ok(ada.id, code)
    clock.turn(seconds=30)
    assert not team.staffers.totp_ok(ada.id, code)
    assert team.staffers.totp_ok(ada.id, team.shown("ada"))


def test_of_two_hundred_with_the_same_code_at_once_one_gets_through(team: Team):
    ada = team.add("ada", Role.OFFICER)
    code = team.shown("ada")
    results = race(*[lambda: team.staffers.totp_ok(ada.id, code)] * 200)
    assert results.count(True) == 1
    assert all(result is False or result is True or isinstance(result, TooManyTries) for result in results)


def test_of_two_hundred_guesses_at_once_five_are_compared(team: Team, database: Database):
    ada = team.add("ada", Role.OFFICER)
    right = team.shown("ada")
    guesses = [f"{number:06}" for number in range(200) if f"{number:06}" != right]
    results = race(*[lambda guess=guess: team.staffers.totp_ok(ada.id, guess) for guess in guesses])
    assert results.count(False) == FREE_TRIES
    assert sum(isinstance(result, TooManyTries) for result in results) == len(guesses) - FREE_TRIES
    assert trail_of(database, f"staff:{ada.id}").count((f"staff:{ada.id}", "code_refused", "")) == FREE_TRIES


@pytest.mark.parametrize(("seconds", "counts"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_phone_may_be_half_a_minute_off(team: Team, clock: Clock, seconds: int, counts: bool):
    ada = team.add("ada", Role.OFFICER)
    theirs = pyotp.TOTP(team.secrets["ada"]).at(clock() + timedelta(seconds=seconds))
    assert team.staffers.totp_ok(ada.id, theirs) is counts


@pytest.mark.parametrize(
    "change",
    [lambda code: f" {code[:3]} {code[3:]} ", lambda code: code.translate({48 + n: 0xFF10 + n for n in range(10)})],
)
def test_blanks_and_full_width_digits_dont_matter(team: Team, change):
    ada = team.add("ada", Role.OFFICER)
    assert team.staffers.totp_ok(ada.id, change(team.shown("ada")))


@pytest.mark.parametrize(
    "typed",
    ["", "12345", "1234567", "abcdef", "１２３", "٠١٢٣٤٥", "0x1234", "-12345", "1e5", "\x00" * 6, "9" * 100_000],
)
def test_what_is_no_code_is_none(typed: str, clock: Clock):
    assert step_of(new_secret(), typed, clock()) is None


def test_the_code_of_somebody_else_is_none(team: Team):
    ada, _ = team.add("ada", Role.OFFICER), team.add("ben", Role.OFFICER)
    assert not team.staffers.totp_ok(ada.id, team.shown("ben"))


def test_too_many_wrong_codes_say_when_to_try_again(team: Team, clock: Clock):
    ada = team.add("ada", Role.OFFICER)
    for _ in range(FREE_TRIES):
        team.staffers.totp_ok(ada.id, "000000")
    with pytest.raises(
        TooManyTries, match="ada: too many wrong codes in a row; try again after 09:30:30 UTC"
    ) as refused:
        team.staffers.totp_ok(ada.id, "000000")
    assert refused.value.until == clock() + timedelta(seconds=30)


def test_a_reset_makes_the_old_secret_void_and_lets_a_locked_member_in(team: Team):
    ada = team.add("ada", Role.OFFICER)
    for _ in range(FREE_TRIES):
        team.staffers.totp_ok(ada.id, "000000")
    old = team.secrets["ada"]
    team.secrets["ada"] = new_secret()
    team.staffers.set_secret("operator", "ada", team.secrets["ada"])
    assert not team.staffers.totp_ok(ada.id, pyotp.TOTP(old).at(team.clock()))
    assert team.staffers.totp_ok(ada.id, team.shown("ada"))


def test_nobodys_code_is_refused(team: Team):
    with pytest.raises(NotPermitted):
        team.staffers.totp_ok(99, "000000")


def test_an_app_makes_of_the_address_the_codes_that_count(clock: Clock):
    secret = new_secret()
    app = pyotp.parse_uri(secret_address(secret, "王芳", "kenpai"))
    assert (app.name, app.issuer) == ("王芳", "clausebot kenpai")
    assert isinstance(app, pyotp.TOTP)
    assert step_of(secret, app.at(clock()), clock()) == int(clock().timestamp()) // 30


# ---- looking after staff


def test_everything_done_to_a_member_is_in_the_trail(team: Team, database: Database):
    ada = team.add("ada", Role.ADMIN)
    ben = team.staffers.add(f"staff:{ada.id}", "ben", [Role.OFFICER, Role.AGENT], PASSWORD, new_secret())
    by, change = f"staff:{ada.id}", team.staffers
    change.set_roles(by, "ben", [Role.AUDITOR])
    change.set_password(by, "ben", PASSWORD + "!")
    change.set_secret(by, "ben", new_secret())
    change.set_own_account(by, "ben", "K-1")
    change.set_active(by, "ben", False)
    change.set_active(by, "ben", True)
    assert trail_of(database, f"staff:{ben.id}") == [
        (by, "staff_added", "roles=agent,officer"),
        (by, "staff_roles_set", "roles=auditor"),
        (by, "staff_password_set", ""),
        (by, "staff_totp_reset", ""),
        (by, "staff_own_account_set", "given"),
        (by, "staff_disabled", ""),
        (by, "staff_enabled", ""),
    ]
    assert trail_of(database, f"staff:{ada.id}") == [("operator", "staff_added", "roles=admin")]


def test_the_last_admin_stays(team: Team, database: Database):
    team.add("ada", Role.ADMIN)
    team.add("ben", Role.OFFICER)
    for take_away in (
        lambda: team.staffers.set_active("operator", "ada", False),
        lambda: team.staffers.set_roles("operator", "ada", [Role.OFFICER]),
    ):
        with pytest.raises(NotPermitted, match="ada is the only admin"):
            take_away()
    assert team.staffers.acting("ada", Task.MANAGE).roles == {"admin"}
    team.staffers.set_roles("operator", "ben", [Role.ADMIN])
    team.staffers.set_active("operator", "ada", False)


def test_who_loses_a_role_while_an_act_waits_has_lost_it(team: Team, database: Database):
    team.add("ada", Role.OFFICER)
    team.staffers.acting("ada", Task.APPROVE)
    team.staffers.set_roles("operator", "ada", [Role.AGENT])
    with database.work() as work, pytest.raises(NotPermitted):
        permitted(work, "ada", Task.APPROVE)


# ---- locked out, and let in again


MAILBOX = "desk@example.com"


def wrong_codes(team: Team, name: str, tries: int, *, by_password: bool = False) -> None:
    """So many wrong codes or passwords in a row that counted, each after its wait."""
    with team.database.read() as work:
        member = work.staff.named(name)
    assert member is not None
    for _ in range(tries):
        team.clock.turn(hours=1)
        if by_password:
            assert team.staffers.sign_in(name, "not the password") is None
        else:
            assert not team.staffers.totp_ok(member.id, "not it")


def mails(database: Database, clock: Clock) -> list[str]:
    """What the mailbox of staff was or will be sent."""
    with database.read() as work:
        there = work.people.at("email", MAILBOX)
        return [json.loads(sent.body)["text"] for sent in work.deliveries.history(there)] if there else []


@pytest.mark.parametrize("by_password", [False, True])
def test_staff_are_told_of_a_first_wait_and_of_a_lock_once_each(
    team: Team, database: Database, clock: Clock, by_password: bool
):
    team.staffers = Staffers(database, clock, CHEAP, StaffAlarm(MAILBOX))
    ada = team.add("ada", Role.OFFICER)
    with capture_logs() as logs:
        wrong_codes(team, "ada", FREE_TRIES - 1, by_password=by_password)
        assert mails(database, clock) == []
        wrong_codes(team, "ada", LOCKED_AT - FREE_TRIES, by_password=by_password)
        [first] = mails(database, clock)
        wrong_codes(team, "ada", 1, by_password=by_password)
    first, second = mails(database, clock)
    assert first.startswith("clausebot: wrong codes for ada · ada ")
    assert second.startswith("clausebot: ada is locked out · ada ")
    assert "clausebot staff unlock ada" in second
    told = [(entry["staff"], entry["wrong"], entry["locked"]) for entry in logs if entry["log_level"] == "error"]
    assert told == [(ada.id, FREE_TRIES, False), (ada.id, LOCKED_AT, True)]
    noted = [(action, detail) for _, action, detail in trail_of(database, f"staff:{ada.id}") if "staff_" in action]
    assert noted[1:] == [("staff_waits", f"wrong={FREE_TRIES}"), ("staff_locked", f"wrong={LOCKED_AT}")]


def test_without_a_mailbox_log_and_trail_tell(team: Team, database: Database, clock: Clock):
    ada = team.add("ada", Role.OFFICER)
    wrong_codes(team, "ada", FREE_TRIES)
    assert "staff_waits" in [action for _, action, _ in trail_of(database, f"staff:{ada.id}")]
    assert mails(database, clock) == []


def test_of_two_hundred_guesses_at_once_one_alarm_comes(team: Team, database: Database, clock: Clock):
    team.staffers = Staffers(database, clock, CHEAP, StaffAlarm(MAILBOX))
    ada = team.add("ada", Role.OFFICER)

    race(*[lambda: team.staffers.totp_ok(ada.id, "not it")] * 200)
    assert len(mails(database, clock)) == 1


def test_who_was_locked_out_is_let_in_with_what_they_had(team: Team, database: Database):
    ada, root = team.add("ada", Role.OFFICER), team.add("root1", Role.ADMIN)
    wrong_codes(team, "ada", LOCKED_AT)
    with pytest.raises(TooManyTries, match="clausebot staff unlock"):
        team.staffers.totp_ok(ada.id, team.code("ada"))
    member, wrong = team.staffers.unlock(f"staff:{root.id}", "Ada")
    assert (member.name, wrong) == ("ada", LOCKED_AT)
    assert team.staffers.totp_ok(ada.id, team.code("ada"))
    assert team.staffers.sign_in("ada", PASSWORD)
    assert (f"staff:{root.id}", "staff_unlocked", f"wrong={LOCKED_AT}") in trail_of(database, f"staff:{ada.id}")


def test_a_code_that_was_used_stays_void_after_an_unlock(team: Team):
    ada = team.add("ada", Role.OFFICER)
    used = team.code("ada")
    assert team.staffers.totp_ok(ada.id, used)
    team.staffers.unlock("operator", "ada")
    assert not team.staffers.totp_ok(ada.id, used)
