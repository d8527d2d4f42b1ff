"""`clausebot orders`: who may what, the code that is asked for, what is shown, and nothing decided by one person alone."""

import csv
import io
import json
import os
import sys
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pyotp
import pytest
from typer.testing import CliRunner

from bot.commands.order_desk import OrderDesk
from bot.commands.order_exporting import FORMULA, as_csv, formula_safe
from bot.commands.order_files import run_attach, run_export, run_file
from bot.commands.order_finding import Filters
from bot.commands.order_sending import run_announce
from bot.commands.order_work import (
    REVEALS_BURST,
    run_answer,
    run_approve,
    run_check,
    run_extend,
    run_list,
    run_pause,
    run_refuse,
    run_release,
    run_remark,
    run_send_back,
    run_show,
    run_take,
    run_tick,
)
from bot.commands.orders import orders as orders_cli
from bot.core.accounts import Account, DirectoryDown, MemoryDirectory
from bot.core.contacts import Contact, Kind
from bot.core.file_kinds import DOCX, JSON, MACROS, MARKUP, PDF, PNG, TEXT, XLSX, ZIP, kind_of, tidy_file_name
from bot.core.masking import mask
from bot.core.order.moves import TABLE, Event, NotAllowed
from bot.core.order.news import NOBODY_TOLD
from bot.core.order.steps import WHY
from bot.core.orders import Order, Orders, Ports, staff
from bot.core.roles import BadEntry, NotPermitted, Role
from bot.core.vouching import Vouching
from bot.result_api import COMPANY
from bot.settings import Settings
from knowledge.deadlines import Deadlines, Why, load_rules, official_calendar
from knowledge.rights import Level, Right
from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.accounts import AccountLine, ContactLine
from tests.bot.staff_desk import Team, printed
from tests.conftest import Clock
from tests.storage.threads import race

DEADLINES = Deadlines(load_rules("cn"), official_calendar())
ACCOUNT = "K-10001"
WROTE = "please send me all of it, [bold]my[/bold] name is 测试员甲"


class Office:
    """Staff, a customer, and the commands as somebody of staff gives them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock, self.team = database, clock, Team(database, clock)
        for name, roles in (("ada", [Role.OFFICER]), ("ben", [Role.OFFICER]), ("cy", [Role.OFFICER]), ("王芳", [Role.AGENT]),
                            ("aud", [Role.AUDITOR]), ("pub", [Role.PUBLISHER]), ("adm", [Role.ADMIN])):  # fmt: skip
            self.team.add(name, *roles)
        old = clock() - timedelta(days=400)
        contacts = (Contact(Kind.EMAIL, "ada@mail.example.com", old), Contact(Kind.PHONE, "+8613800000001", old))
        self.directory = MemoryDirectory([Account(ACCOUNT, contacts, contacts_changed_at=old)])
        self.told: list[str] = []
        self.ports = Ports(tell=lambda order, key, values: self.told.append(key), has_portal=True)
        with database.work() as work:
            self.person = work.people.meet("memory", "customer", clock(), "en").id
        self.last = self.at("ada")

    def at(self, name: str, typed: list[str] | None = None, width: int = 100) -> OrderDesk:
        """The desk of a member, kept as `last`."""
        self.last = OrderDesk(
            self.team.desk(name, typed, width), DEADLINES, lambda work, now: self.ports, self.directory
        )
        return self.last

    @property
    def shown(self) -> str:
        return printed(self.last.desk)

    @property
    def asked(self) -> list[str]:
        return self.team.asked

    def open(self, right: Right, level: Level = Level.PORTAL, account: str | None = ACCOUNT, ground: str = "") -> str:
        with self.database.work() as work:
            order = Orders(work, self.clock(), DEADLINES, self.ports).open(
                self.person, right, ground=ground, language="zh", level=level, account_id=account,
                code_proven_at=self.clock() if level > Level.CHANNEL else None, body=WROTE.encode(),
            )  # fmt: skip
        return order.number

    def attach(self, number: str) -> None:
        """What the company holds, for the person, looked through by somebody."""
        with self.database.work() as work:
            orders = Orders(work, self.clock(), DEADLINES, self.ports)
            orders.attach(
                orders.get(number), staff(self.id("ada")), "held.json", "application/json", b"{}", internal=False
            )
            orders.tick(orders.get(number), "secrets_masked", self.id("ada"))

    def order(self, number: str) -> Order:
        with self.database.read() as work:
            order = work.orders.get(number)
        assert order is not None
        return order

    def trail(self, number: str) -> list[tuple[str, str]]:
        with self.database.read() as work:
            return [(entry.actor, entry.action) for entry in work.trail.of_thing(self.order(number).thing)]

    def id(self, name: str) -> int:
        with self.database.read() as work:
            member = work.staff.named(name)
        assert member is not None
        return member.id


@pytest.fixture
def office(database: Database, clock: Clock) -> Office:
    return Office(database, clock)


def width_of(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)


# ---- two people


def test_a_copy_takes_two_people_and_each_gives_a_code(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("王芳"), number)
    assert office.asked == []
    assert f"Next: a first person proposes (ada, ben, cy): clausebot orders approve {number} --as NAME" in office.shown
    office.attach(number)
    run_approve(office.at("ada"), number)
    assert office.asked == ["One-time password of ada"]
    assert f"Next: a second person approves (ben, cy): clausebot orders approve {number} --as NAME" in office.shown
    run_approve(office.at("ben"), number)
    assert office.asked == ["One-time password of ben"]
    run_answer(office.at("ben"), number, "")
    order = office.order(number)
    assert (order.state, order.proposed_by, order.approved_by) == ("answered", office.id("ada"), office.id("ben"))
    assert office.told == ["opened", "taken", "ready"]
    assert [move for move in office.trail(number) if move[1] in ("proposed", "approved", "delivered")] == [
        (f"staff:{office.id('ada')}", "proposed"),
        (f"staff:{office.id('ben')}", "approved"),
        (f"staff:{office.id('ben')}", "delivered"),
    ]


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_a_copy_without_a_file_isnt_released_and_the_way_out_is_named(office: Office, right: Right) -> None:
    number = office.open(right)
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    with pytest.raises(BadEntry, match=f"send-back {number}.*clausebot orders attach {number} FILE --for-person"):
        run_approve(office.at("ben"), number)
    assert office.asked == []  # No code is used up.
    assert office.order(number).approved_by is None
    run_send_back(office.at("ben"), number, "")
    office.attach(number)
    run_approve(office.at("ada"), number)
    run_approve(office.at("ben"), number)
    run_answer(office.at("ben"), number, "")
    assert office.order(number).state == "answered"


def test_a_file_of_the_companys_own_system_is_one_for_the_person(office: Office) -> None:
    number = office.open(Right.ACCESS)
    with office.database.work() as work:
        orders = Orders(work, office.clock(), DEADLINES, office.ports)
        order = orders.get(number)
        orders.attach(order, COMPANY, "held.json", "application/json", b"{}", internal=False)
        orders.attach(order, staff(office.id("ada")), "note.txt", "text/plain", b"x", internal=True)
        assert [file.name for file in orders.files(order, for_person=True)] == ["held.json"]
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    assert "files for the person: 1" in office.shown
    run_approve(office.at("ben"), number)
    run_answer(office.at("ben"), number, "")
    assert office.order(number).state == "answered"


def test_what_is_urgent_is_listed_first(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    plain = office.open(Right.ACCESS)
    office.clock.turn(days=1)
    urgent = office.open(Right.SECURITY, Level.CHANNEL, None)
    run_list(office.at("ada"), Filters(), sort="due", limit=50, as_json=True)
    assert [row["number"] for row in json.loads(capsys.readouterr().out)] == [urgent, plain]
    run_list(office.at("ada"), Filters(), sort="due", limit=1, as_json=True)
    assert [row["number"] for row in json.loads(capsys.readouterr().out)] == [urgent]


def test_the_same_person_is_refused_before_a_code_is_asked_for(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    with pytest.raises(NotPermitted) as refused:
        run_approve(office.at("ada"), number)
    assert str(refused.value) == (
        f"{number}: whoever proposed can't approve; a second person has to. "
        f"Next: a second person approves (ben, cy): clausebot orders approve {number} --as NAME"
    )
    assert office.asked == []
    assert office.order(number).approved_by is None


def test_forty_approvals_at_once_by_the_proposer_come_to_nothing(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    desk, codes = office.at("ada"), [office.team.code("ada") for _ in range(40)]

    def attempt(code: str) -> None:
        run_approve(replace(desk, desk=replace(desk.desk, ask=lambda label: code)), number)

    results = race(*[lambda code=code: attempt(code) for code in codes])
    assert all(isinstance(result, NotPermitted) for result in results)
    assert office.order(number).approved_by is None


def test_of_twenty_second_people_at_once_one_approves(office: Office) -> None:
    number = office.open(Right.ACCESS)
    office.attach(number)
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    desk = office.at("ben")
    code = office.team.code("ben")
    one = replace(desk, desk=replace(desk.desk, ask=lambda label: code))
    results = race(*[lambda: run_approve(one, number)] * 20)
    assert results.count(None) == 1
    assert all(result is None or isinstance(result, NotPermitted) for result in results)
    assert [action for _, action in office.trail(number)].count("approved") == 1


@pytest.mark.parametrize("code", ["000000", "", "abc", "12345678"])
def test_with_a_wrong_code_nothing_happens(office: Office, code: str) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    with pytest.raises(NotPermitted, match="wrong code"):
        run_approve(office.at("ada", [code]), number)
    assert office.order(number).proposed_by is None


def test_a_colleagues_code_and_a_used_one_are_wrong(office: Office) -> None:
    number, other = office.open(Right.ACCESS), office.open(Right.PORTABILITY)
    for one in (number, other):
        run_take(office.at("ada"), one)
    with pytest.raises(NotPermitted, match="wrong code"):
        run_approve(office.at("ada", [office.team.code("ben")]), number)
    code = office.team.code("ada")
    run_approve(office.at("ada", [code]), number)
    with pytest.raises(NotPermitted, match="used before"):
        run_approve(office.at("ada", [code]), other)


def test_who_loses_the_role_while_typing_the_code_is_refused(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    desk = office.at("ada")

    def ask(label: str) -> str:
        office.team.staffers.set_roles("operator", "ada", [Role.AGENT])
        return office.team.code("ada")

    with pytest.raises(NotPermitted, match="ada may not propose and approve"):
        run_approve(replace(desk, desk=replace(desk.desk, ask=ask)), number)
    assert office.order(number).proposed_by is None


def test_an_order_that_was_moved_while_the_code_was_typed_must_be_looked_at_again(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    desk = office.at("ada")

    def ask(label: str) -> str:
        run_release(office.at("ben"), number)
        return office.team.code("ada")

    with pytest.raises(NotPermitted, match="was moved by somebody else meanwhile; look again"):
        run_approve(replace(desk, desk=replace(desk.desk, ask=ask)), number)


def test_nobody_decides_about_their_own_account(office: Office) -> None:
    number = office.open(Right.ACCESS)
    office.team.staffers.set_own_account("operator", "ada", ACCOUNT)
    with pytest.raises(NotPermitted, match="it is about your own account"):
        run_take(office.at("ada"), number)
    run_take(office.at("ben"), number)
    assert "a first person proposes (ben, cy)" in office.shown
    with pytest.raises(NotPermitted, match="it is about your own account"):
        run_approve(office.at("ada"), number)
    assert office.asked == []


def test_sending_back_takes_the_proposal_off(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    run_send_back(office.at("ben"), number, "one system is missing")
    assert office.order(number).proposed_by is None
    assert "Next: a first person proposes (ada, ben, cy)" in office.shown


# ---- deletion


def test_a_deletion_goes_on_hold_and_isnt_carried_out_before_its_end(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    run_approve(office.at("ben"), number)
    assert "It is on hold for 72 hours; 2 contacts are told, each can stop it." in office.shown
    assert office.asked == ["One-time password of ben"]
    with pytest.raises(NotPermitted, match="it is on hold until 2026-03-05 17:3"):
        run_answer(office.at("ben"), number, "")
    assert office.asked == []
    assert office.order(number).executed_at is None
    run_show(office.at("ada"), number, reveal=False)
    assert "Hold" in office.shown
    assert "the hold passes without anybody stopping it" in office.shown


def test_without_a_known_contact_nothing_is_deleted(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    office.directory.put(Account(ACCOUNT))
    with pytest.raises(NotPermitted, match="no contact of the account can be reached by mail or SMS"):
        run_approve(office.at("ben"), number)
    assert office.order(number).approved_by is None
    assert office.asked == [], "no code is used up for it"
    run_show(office.at("ada"), number, reveal=False)
    assert "ben: nobody to warn  no hold begins: 0 contacts on file" in office.shown


def test_contacts_that_cant_be_reached_begin_no_hold_and_are_named(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    office.ports = replace(office.ports, reaches=lambda kind, address: False)
    with pytest.raises(NotPermitted, match=f"clausebot orders refuse {number} --reason insufficient_verification"):
        run_approve(office.at("ben"), number)
    run_show(office.at("ada"), number, reveal=False)
    assert "no hold begins: 2 contacts on file, none can be reached" in " ".join(office.shown.split())
    office.ports = replace(office.ports, reaches=lambda kind, address: kind == "email")
    run_approve(office.at("ben"), number)
    assert "1 contacts are told, each can stop it; 1 can't be reached by mail or SMS." in office.shown
    assert office.order(number).hold_until is not None


def test_a_contact_that_went_lately_makes_the_hold_a_week(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    account = office.directory.get(ACCOUNT)
    assert account is not None
    office.directory.put(replace(account, contacts_changed_at=office.clock() - timedelta(days=3)))
    run_approve(office.at("ben"), number)
    assert "It is on hold for 168 hours" in office.shown


def test_staff_are_told_what_of_their_words_was_masked(office: Office) -> None:
    office.ports = replace(office.ports, shown=mask)
    told = "Gladly: +8613800000001, see clause 2.2.3"
    number = office.open(Right.EXPLANATION, Level.CHANNEL, None)
    for act in (
        lambda: run_remark(office.at("ada"), number, told, for_person=True),
        lambda: run_pause(office.at("ada"), number, told),
        lambda: run_answer(office.at("ada"), number, told),
    ):
        act()
        shown = " ".join(office.shown.split())
        assert "What looks personal or secret was masked before your words went into the chat" in shown
        assert shown.endswith("Gladly: [phone ***001], see clause 2.2.3")
    other = office.open(Right.ACCESS)
    run_refuse(office.at("ada"), other, "other", told)
    assert "[phone ***001]" in office.shown
    third = office.open(Right.ACCESS)
    run_remark(office.at("ada"), third, told, for_person=False)
    assert "masked" not in office.shown, "what stays among staff isn't"
    run_remark(office.at("ada"), third, "see clause 2.2.3", for_person=True)
    assert "masked" not in office.shown


def test_a_directory_that_is_down_keeps_the_order_as_it_is(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)

    class Down(MemoryDirectory):
        def get(self, account_id: str) -> Account | None:
            raise DirectoryDown("stalled", timedelta(seconds=30))

    desk = replace(office.at("ben"), directory=Down())
    with pytest.raises(NotPermitted, match=r"can't be asked now \(stalled\).*try again in 30 seconds"):
        run_approve(desk, number)
    assert office.asked == []
    assert office.order(number).approved_by is None


# ---- where the link to a result can go


def approved_copy(office: Office) -> str:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    office.attach(number)
    run_approve(office.at("ada"), number)
    run_approve(office.at("ben"), number)
    return number


@pytest.mark.parametrize("days", [None, 29])
def test_a_copy_that_no_address_may_get_isnt_released_and_who_signs_is_told_before(
    office: Office, days: int | None
) -> None:
    since = office.clock() - timedelta(days=99)
    contacts = [Contact(Kind.PHONE, "+8613800000001", since)]
    if days:
        contacts.append(Contact(Kind.EMAIL, "new@mail.example.com", office.clock() - timedelta(days=days)))
    office.directory.put(Account(ACCOUNT, tuple(contacts), contacts_changed_at=since))
    number = approved_copy(office)
    assert "Before it is released: no e-mail address of the account may get the link" in office.shown
    with pytest.raises(NotPermitted, match=f"{number}: no e-mail address.*accounts vouch.*orders answer {number}"):
        run_answer(office.at("cy"), number, "")
    assert (office.asked, office.order(number).state, office.told[-1]) == ([], "in_progress", "taken")
    run_show(office.at("ada"), number, reveal=False)
    assert "cy: nobody to send to" in office.shown


def test_a_vouched_address_gets_the_link_unless_who_vouches_has_signed(office: Office) -> None:
    young = Contact(Kind.EMAIL, "new@mail.example.com", office.clock() - timedelta(days=1))
    account = Account(ACCOUNT, (young,), contacts_changed_at=young.since)
    office.directory.put(account)
    with office.database.work() as work:
        member = work.staff.named("ben")
        assert member is not None
        Vouching(work, office.clock()).vouch(account, young, member, "came to the desk, passport seen")
    number = approved_copy(office)
    assert "Before it is released" in office.shown, "ben signs and vouches"
    with office.database.work() as work:
        member = work.staff.named("ben")
        assert member is not None
        Vouching(work, office.clock()).take_back(ACCOUNT, Kind.EMAIL, member)
        other = work.staff.named("cy")
        assert other is not None
        Vouching(work, office.clock()).vouch(account, young, other, "came to the desk, passport seen")
    run_answer(office.at("ada"), number, "")
    assert office.order(number).state == "answered"


def test_a_channel_that_isnt_there_takes_no_link(office: Office) -> None:
    number = approved_copy(office)
    office.ports = replace(office.ports, reaches=lambda kind, address: kind != "email")
    with pytest.raises(NotPermitted, match="no e-mail address of the account may get the link"):
        run_answer(office.at("ben"), number, "")


def announcing(office: Office, url: str = "https://privacy.example.com") -> OrderDesk:
    desk = office.at("ada")
    office.last = replace(desk, desk=replace(desk.desk, settings=Settings(public_url=url)))
    return office.last


def test_a_new_link_is_sent_on_request_and_ends_the_old_one(office: Office) -> None:
    number = approved_copy(office)
    with pytest.raises(NotPermitted, match="no result of it was released"):
        run_announce(announcing(office), number)
    run_answer(office.at("ben"), number, "")
    with pytest.raises(NotPermitted, match="no link can be made that works from outside"):
        run_announce(announcing(office, ""), number)
    assert office.asked == []
    run_announce(announcing(office), number)
    assert office.asked == ["One-time password of ada"]
    assert f"{number}: a new link goes out by mail" in office.shown
    with pytest.raises(NotPermitted, match="a link is being made at this moment"):
        run_announce(announcing(office), number)
    with office.database.work() as work:
        [made] = work.results.of_order(office.order(number).id)
        work.results.failed(made, office.clock())
    run_announce(announcing(office), number)
    with office.database.read() as work:
        states = [made.state for made in work.results.of_order(office.order(number).id)]
    assert states == ["waiting", "failed"]
    assert office.trail(number).count((f"staff:{office.id('ada')}", "result announced again")) == 2


def test_no_new_link_where_none_can_take_it_or_it_would_open_nothing(office: Office) -> None:
    number = approved_copy(office)
    run_answer(office.at("ben"), number, "")
    kept = office.directory.get(ACCOUNT)
    office.directory.put(Account(ACCOUNT))
    with pytest.raises(NotPermitted, match=f"clausebot orders announce {number}"):
        run_announce(announcing(office), number)
    assert kept is not None
    office.directory.put(kept)
    with office.database.work() as work:
        work.people.forget(office.person)
    with pytest.raises(NotPermitted, match="no link would open anything"):
        run_announce(announcing(office), number)
    assert office.asked == []


# ---- a check by a third person, where no portal is connected


def test_where_no_portal_is_connected_a_third_person_checks(office: Office) -> None:
    office.ports = Ports(has_portal=False)
    number = office.open(Right.ACCESS, Level.CONTACT)
    office.attach(number)
    run_take(office.at("ada"), number)
    with pytest.raises(NotPermitted, match=r"it isn't proven who asks\. Next: a person who takes no other part checks"):
        run_approve(office.at("ada"), number)
    run_check(office.at("cy"), number)
    assert office.asked == ["One-time password of cy"]
    for done in ("ada", "ben"):
        with pytest.raises(NotPermitted, match="whoever checked who asks takes no other part"):
            run_approve(office.at("cy"), number)
        run_approve(office.at(done), number)
    assert office.order(number).approved_by == office.id("ben")


def test_whoever_refused_doesnt_check_who_asks_for_the_second_look(office: Office) -> None:
    office.ports = Ports(has_portal=False)
    number = office.open(Right.ACCESS, Level.CONTACT)
    run_refuse(office.at("cy"), number, "insufficient_verification", "")
    with office.database.work() as work:
        orders = Orders(work, office.clock(), DEADLINES, office.ports)
        orders.appeal(orders.get(number), office.person)
    with pytest.raises(NotPermitted, match=r"whoever refused it can neither check nor decide.* \(ada, ben\)"):
        run_check(office.at("cy"), number)
    assert office.asked == []
    run_check(office.at("ada"), number)
    assert office.order(number).checked_by == office.id("ada")


def test_who_has_an_order_is_said_to_who_would_take_it(office: Office) -> None:
    number = office.open(Right.EXPLANATION)
    run_take(office.at("王芳"), number)
    with pytest.raises(NotPermitted, match=f"{number}: 王芳 has it already.*clausebot orders release {number}"):
        run_take(office.at("ben"), number)
    with pytest.raises(NotPermitted, match="you have it already"):
        run_take(office.at("王芳"), number)
    run_release(office.at("ben"), number)
    run_take(office.at("ben"), number)
    assert office.order(number).assignee == office.id("ben")


# ---- roles


@pytest.mark.parametrize("name", ["王芳", "aud", "pub", "adm"])
def test_who_is_no_officer_decides_nothing(office: Office, name: str, tmp_path: Path) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    file = tmp_path / "a.txt"
    file.write_text("words")
    for attempt in (
        lambda desk: run_approve(desk, number),
        lambda desk: run_refuse(desk, number, "no_match", ""),
        lambda desk: run_answer(desk, number, "words"),
        lambda desk: run_extend(desk, number, "words"),
        lambda desk: run_check(desk, number),
        lambda desk: run_attach(desk, number, file, for_person=True),
        lambda desk: run_send_back(desk, number, ""),
        lambda desk: run_remark(desk, number, "words", for_person=True),
    ):
        with pytest.raises(NotPermitted, match=rf"{name} may not .*; that takes the role officer \(ada, ben, cy\)"):
            attempt(office.at(name))
        assert office.asked == []
    assert office.order(number).version == 2


@pytest.mark.parametrize(("name", "may"), [("王芳", True), ("aud", True), ("pub", False), ("adm", False)])
def test_who_may_see_orders(office: Office, name: str, may: bool) -> None:
    number = office.open(Right.ACCESS)
    if may:
        run_list(office.at(name), Filters(), sort="due", limit=5, as_json=False)
        assert number in office.shown
    else:
        with pytest.raises(NotPermitted, match="may not see orders"):
            run_list(office.at(name), Filters(), sort="due", limit=5, as_json=False)


def test_without_a_name_nothing_is_shown(office: Office) -> None:
    office.open(Right.ACCESS)
    with pytest.raises(BadEntry, match="say who you are: --as NAME, or CLAUSEBOT_STAFF"):
        run_list(office.at(""), Filters(), sort="due", limit=5, as_json=False)


# ---- ending an order


def test_words_answer_what_discloses_nothing_without_a_code(office: Office) -> None:
    number = office.open(Right.EXPLANATION, Level.CHANNEL, None)
    with pytest.raises(BadEntry, match="an answer needs words"):
        run_answer(office.at("ada"), number, " ")
    run_answer(office.at("ada"), number, "It is kept for as long as the service needs it.")
    assert office.asked == []
    assert office.order(number).state == "answered"
    assert office.told[-1] == "answered"


def test_staff_are_warned_when_no_chat_is_left_to_read_the_answer(office: Office) -> None:
    heard, unheard = (office.open(right, Level.CHANNEL, None) for right in (Right.EXPLANATION, Right.INFRINGEMENT))
    run_answer(office.at("ada"), heard, "It is kept for as long as the service needs it.")
    assert "no chat is left" not in office.shown
    with office.database.work() as work:
        work.people.forget(office.person)
    run_answer(office.at("ada"), unheard, "The picture is gone.")
    assert f"{unheard}: no chat is left that hears of this order" in office.shown


def test_a_copy_isnt_answered_in_words(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    with pytest.raises(NotPermitted, match="two staff have to approve it first"):
        run_answer(office.at("ada"), number, "here is all of it")


def test_a_refusal_takes_a_known_reason_and_a_code(office: Office) -> None:
    number = office.open(Right.ACCESS)
    with pytest.raises(BadEntry, match=r"dislike: no such reason\. Reasons: suspected_fraud"):
        run_refuse(office.at("ada"), number, "dislike", "")
    with pytest.raises(BadEntry, match="--reason other needs words"):
        run_refuse(office.at("ada"), number, "other", "")
    run_refuse(office.at("ada"), number, "no_match", "We found no such account.")
    assert office.asked == ["One-time password of ada"]
    order = office.order(number)
    assert (order.state, order.reason) == ("refused", "no_match")
    assert office.told[-1] == "refused.no_match"
    assert office.shown.endswith("Refused. Next: nothing, it is at its end\n")
    with pytest.raises(NotPermitted, match="the order is refused, and that doesn't come after it"):
        run_take(office.at("ben"), number)


def test_an_extension_takes_a_reason_a_code_and_a_rule_that_allows_it(office: Office) -> None:
    number, other = office.open(Right.ACCESS), office.open(Right.DELETION, ground="breach")
    due = office.order(number).told_due_at
    with pytest.raises(BadEntry, match="an extension needs words"):
        run_extend(office.at("ada"), number, "  ")
    run_extend(office.at("ada"), number, "Two systems have to be asked.")
    assert office.asked == ["One-time password of ada"]
    assert office.order(number).told_due_at > due
    assert office.told[-1] == "due_moved"
    with pytest.raises(NotPermitted, match="the rule that decides knows none for this right"):
        run_extend(office.at("ada"), other, "Two systems have to be asked.")


# ---- files


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.7 ...", PDF),
        (b"\x89PNG\r\n\x1a\n...", PNG),
        (zipped("a.txt"), ZIP),
        (zipped("[Content_Types].xml", "word/document.xml"), DOCX),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), XLSX),
        (zipped("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"), MACROS),
        (b'{"a": 1}', JSON),
        (b"{broken", TEXT),
        (b"[" * 100_000, TEXT),
        ("姓名,电话".encode(), TEXT),
        ("姓名,电话".encode("gb18030"), TEXT),
        (b"  <!DOCTYPE html><p>x", MARKUP),
        (b"<svg onload=alert(1)>", MARKUP),
        (b"MZ\x90\x00\x03", None),
        (b"\x7fELF\x02", None),
        (b"PK\x03\x04 broken", None),
        (b"\x00" * 100, None),
        (zipped(*[f"{n}" for n in range(10_001)]), None),
    ],
)
def test_the_kind_of_a_file_is_found_out_from_its_content(body: bytes, kind: object) -> None:
    assert kind_of(body) == kind


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("报告.PDF", "报告.PDF"),
        ("report.exe", "report.exe.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\temp\\a.pdf", "a.pdf"),
        ("a\u202efdp.exe", "afdp.exe.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("..", "file.pdf"),
        ("a\nb.pdf", "a b.pdf"),
    ],
)
def test_a_file_is_named_after_its_kind_and_without_a_path(typed: str, name: str) -> None:
    assert tidy_file_name(typed, PDF) == name


def test_a_file_for_the_person_takes_a_code_and_one_for_staff_none(office: Office, tmp_path: Path) -> None:
    number = office.open(Right.ACCESS)
    file = tmp_path / "copy.exe"
    file.write_bytes(b"%PDF-1.7 invented")
    run_attach(office.at("王芳"), number, file, for_person=False)
    assert office.asked == []
    run_attach(office.at("ada"), number, file, for_person=True)
    assert office.asked == ["One-time password of ada"]
    assert "Attached for the person: copy.exe.pdf, application/pdf, 17 bytes." in office.shown
    run_file(office.at("ben"), number, 2, tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == b"%PDF-1.7 invented"
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o600
    assert (f"staff:{office.id('ben')}", "file_opened") in office.trail(number)
    with pytest.raises(BadEntry, match="is there already; nothing is overwritten"):
        run_file(office.at("ben"), number, 2, tmp_path / "saved")
    with pytest.raises(NotPermitted, match="has no file 9"):
        run_file(office.at("ben"), number, 9, tmp_path / "other")


def test_a_file_for_the_person_that_shows_what_must_be_masked_is_refused_or_masked(
    office: Office, tmp_path: Path
) -> None:
    number = office.open(Right.ACCESS)
    file = tmp_path / "held.csv"
    file.write_text("account,password\nK-1,tulip\nK-1,110101199003078515\n", encoding="utf-8")
    with pytest.raises(BadEntry, match=r"held.csv shows.*line 2: secret; line 3.*attach KP-.* --for-person --masked"):
        run_attach(office.at("ada"), number, file, for_person=True)
    assert office.asked == []
    run_attach(office.at("ada"), number, file, for_person=True, masked=True)
    assert "Masked in what the person gets: line 2: secret" in office.shown
    with office.database.read() as work:
        [kept] = work.orders.papers.files(office.order(number).id, for_person=True)
        body = work.orders.papers.content(office.order(number).id, kept.id)
    assert body == b"account,password\nK-1,[***]\nK-1,[***]\n"
    run_attach(office.at("ada"), number, file, for_person=False)
    bare = tmp_path / "bare.json"
    bare.write_text('{"card": 4111111111111111}', encoding="utf-8")
    with pytest.raises(BadEntry, match="can't be masked by itself"):
        run_attach(office.at("ada"), number, bare, for_person=True, masked=True)


def test_files_that_nobody_looked_through_arent_signed_for_twice(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    office.attach(number)
    run_tick(office.at("ada"), number, "secrets_masked", done=False)
    run_approve(office.at("ada"), number)
    with pytest.raises(BadEntry, match=f"nobody has ticked secrets_masked.*orders tick {number} secrets_masked"):
        run_approve(office.at("ben"), number)
    assert (office.asked, office.order(number).approved_by) == ([], None)
    run_tick(office.at("ben"), number, "secrets_masked", done=True)
    run_approve(office.at("ben"), number)
    assert office.order(number).approved_by == office.id("ben")


def test_nothing_comes_to_what_the_person_gets_once_somebody_has_signed_for_it(office: Office, tmp_path: Path) -> None:
    """One officer alone would else decide what two put their names to; between staff papers go on."""
    number = office.open(Right.ACCESS)
    file = tmp_path / "late.txt"
    file.write_text("one more file")
    run_take(office.at("ada"), number)
    office.attach(number)
    for name in ("ada", "ben"):
        run_approve(office.at(name), number)
        office.asked.clear()
        with pytest.raises(NotPermitted, match=f"one has already.*clausebot orders send-back {number}"):
            run_attach(office.at("ada"), number, file, for_person=True)
        assert office.asked == []
        with pytest.raises(NotAllowed, match="signed"):
            office.attach(number)
        run_attach(office.at("ada"), number, file, for_person=False)
    with office.database.read() as work:
        orders = Orders(work, office.clock(), DEADLINES, office.ports)
        assert [one.name for one in orders.files(orders.get(number), for_person=True)] == ["held.json"]


def test_what_was_signed_can_be_added_to_after_it_was_sent_back(office: Office, tmp_path: Path) -> None:
    number = office.open(Right.ACCESS)
    file = tmp_path / "late.txt"
    file.write_text("one more file")
    run_take(office.at("ada"), number)
    run_approve(office.at("ada"), number)
    run_send_back(office.at("ben"), number, "a file is missing")
    run_attach(office.at("ada"), number, file, for_person=True)
    assert "Attached for the person: late.txt" in office.shown


@pytest.mark.parametrize(
    ("body", "for_person", "says"),
    [
        (b"", False, "is empty"),
        (b"MZ\x90\x00", False, "of a kind not taken"),
        (b"<html><script>", True, "text/html, which people aren't given"),
        (zipped("[Content_Types].xml", "word/vbaProject.bin"), True, "which people aren't given"),
    ],
)
def test_a_file_that_isnt_taken_is_said_so(
    office: Office, tmp_path: Path, body: bytes, for_person: bool, says: str
) -> None:
    number = office.open(Right.ACCESS)
    file = tmp_path / "a.pdf"
    file.write_bytes(body)
    with pytest.raises(BadEntry, match=says):
        run_attach(office.at("ada"), number, file, for_person=for_person)
    assert office.asked == []


def test_a_pipe_isnt_waited_for(office: Office, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BadEntry, match="isn't a file"):
        run_attach(office.at("ada"), office.open(Right.ACCESS), pipe, for_person=False)


def test_a_file_of_more_than_20_mb_isnt_even_read(office: Office, tmp_path: Path) -> None:
    number = office.open(Right.ACCESS)
    file = tmp_path / "big.pdf"
    with file.open("wb") as big:
        big.truncate(20 * 1024 * 1024 + 1)
    with pytest.raises(BadEntry, match="20,971,521 bytes; at most 20,971,520 can be attached"):
        run_attach(office.at("ada"), number, file, for_person=False)
    with pytest.raises(BadEntry, match="can't be read"):
        run_attach(office.at("ada"), number, tmp_path / "none", for_person=False)


def test_papers_are_opened_by_officers_alone(office: Office, tmp_path: Path, database: Database) -> None:
    number = office.open(Right.GUARDIAN, Level.CHANNEL, None)
    with database.work() as work:
        from bot.core.order.moves import person

        orders = Orders(work, office.clock(), DEADLINES, office.ports)
        orders.attach(orders.get(number), person(office.person), "x.png", "image/png", b"\x89PNG", internal=True)
    with pytest.raises(NotPermitted, match="王芳 may not open papers"):
        run_file(office.at("王芳"), number, 1, tmp_path / "x")
    run_file(office.at("ada"), number, 1, tmp_path / "x")
    run_check(office.at("ben"), number)
    assert office.order(number).state == "open"
    with pytest.raises(NotPermitted, match="has no file 1"):
        run_file(office.at("ada"), number, 1, tmp_path / "y")


# ---- the list


def test_the_list_is_filtered(office: Office, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    access = office.open(Right.ACCESS)
    security = office.open(Right.SECURITY, Level.CHANNEL, None)
    clock.turn(days=4)
    closure = office.open(Right.CLOSURE)
    unverified = office.open(Right.DELETION, Level.CHANNEL, None, "breach")
    run_take(office.at("ben"), closure)
    run_refuse(office.at("ada"), security, "not_covered", "words")

    def numbers(**filters: object) -> set[str]:
        run_list(office.at("ben"), Filters(**filters), sort="due", limit=50, as_json=True)
        return {row["number"] for row in json.loads(capsys.readouterr().out)}

    assert numbers() == {access, closure, unverified}
    assert numbers(state=["all"]) == {access, closure, unverified, security}
    assert numbers(state=["refused"]) == {security}
    assert numbers(state=["in_progress,verifying"]) == {closure, unverified}
    assert numbers(right="access") == {access}
    assert numbers(mine=True) == {closure}
    assert numbers(unassigned=True) == {access, unverified}
    due = office.order(access).due_at
    assert numbers(due_before=f"{due:%Y-%m-%d}") == {access}
    assert numbers(due_before="0d") == set()
    assert numbers(due_before="90d") == {access, closure, unverified}
    assert numbers(search=access.lower().replace("-", " ")) == {access}
    assert numbers(search=security) == {security}
    assert access in numbers(search=access[:6])
    assert numbers(search=ACCOUNT) == {access, closure}
    assert numbers(search="138 0000 0001") == {access, closure}
    assert numbers(search="nobody@mail.example.com") == set()


def test_what_ended_and_reached_nobody_is_a_list_of_its_own(
    office: Office, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers of the list by what became of the messages about an order that was answered."""

    def listed(**more: object) -> set[str]:
        run_list(office.at("ben"), Filters(undelivered=True, **more), sort="due", limit=50, as_json=True)
        return {row["number"] for row in json.loads(capsys.readouterr().out)}

    def answered(person: str, *messages: tuple[str, str], trail: str = "", made: str = "") -> str:
        with office.database.work() as work:
            now, known = office.clock(), work.people.meet("memory", person, office.clock(), "en")
            orders = Orders(work, now, DEADLINES, office.ports)
            order = orders.open(known.id, Right.EXPLANATION, language="en", level=Level.CHANNEL)
            order = orders.answer(orders.take(order, 1), 1, "words")
            result = work.results.wish(order.id, now) if made else 0
            if made == "failed":
                work.results.failed(work.results.of_order(order.id)[0], now)
            for number, (cause, end) in enumerate(messages):
                to = work.people.meet("email", f"{person}{number}@mail.example.com", now, "en")
                named = cause.format(order=order.thing, result=f"result:{result}")
                (one,) = work.deliveries.add(to, named, [b"{}"], now, "t", now + timedelta(minutes=1), "order")
                assert end == "waits" or work.deliveries.settle(one, "t", end, now)
            if trail:
                work.trail.add(now, "bot", NOBODY_TOLD, order.thing, trail)
            return order.number

    answered("told", ("{order}:v3:answered", "sent"))
    answered("waits", ("{order}:v3:answered", "waits"))
    answered("taken", ("{order}:v2:taken", "unreachable"), trail="taken")
    answered("one of two", ("{result}", "sent"), ("{result}", "failed"), made="ready")
    lost = answered("lost", ("{order}:v3:answered", "unreachable"))
    refused = answered("refused", ("{order}:v3:refused.no_match", "failed"))
    nobody = answered("nobody", trail="executed")
    linkless = answered("linkless", ("{result}", "failed"), ("{result}", "unreachable"), made="ready")
    unmade = answered("unmade", made="failed")
    live = office.open(Right.ACCESS)
    with office.database.work() as work:
        work.trail.add(clock(), "bot", NOBODY_TOLD, office.order(live).thing, "refused.other")
    assert listed() == {lost, refused, nobody, linkless, unmade}
    assert listed(state=["live"]) == set()
    assert listed(search=lost) == {lost}
    run_show(office.at("ada"), unmade, reveal=False)
    assert "package can't be made, or there is no address for its link" in office.shown
    clock.turn(days=91)
    assert listed() == set()


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        (Filters(state=["done"]), "done: no such state. States: received"),
        (Filters(right="revenge"), "revenge: no such right. Rights: access"),
        (Filters(due_before="tomorrow"), "write a date, 2026-03-31, or days from today, 3d"),
        (Filters(due_before="٣d"), "write a date"),
    ],
)
def test_a_filter_that_means_nothing_is_said_so(office: Office, filters: Filters, says: str) -> None:
    with pytest.raises(BadEntry, match=says):
        run_list(office.at("ada"), filters, sort="due", limit=5, as_json=False)


def test_the_list_is_sorted(office: Office, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    portability = office.open(Right.PORTABILITY)
    clock.turn(days=1)
    access = office.open(Right.ACCESS)
    closure = office.open(Right.CLOSURE)
    run_take(office.at("ben"), access)
    run_take(office.at("ada"), closure)

    def first(sort: str) -> str:
        run_list(office.at("ada"), Filters(), sort=sort, limit=1, as_json=True)
        (row,) = json.loads(capsys.readouterr().out)
        return str(row["number"])

    assert [first(sort) for sort in ("due", "received", "right", "state", "who")] == [
        portability, portability, access, portability, closure,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("share", "colour"), [(0.0, "32m"), (0.49, "32m"), (0.51, "33m"), (0.81, "31m"), (1.01, "1;37;41m")]
)
def test_the_colour_follows_the_time_that_has_passed(office: Office, clock: Clock, share: float, colour: str) -> None:
    from rich.console import Console

    order = office.order(office.open(Right.ACCESS))
    clock.now = order.received_at + share * (order.due_at - order.received_at)
    desk = office.at("ada")
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", highlight=False)
    run_list(replace(desk, desk=replace(desk.desk, console=console)), Filters(), sort="due", limit=5, as_json=False)
    shown = console.file.getvalue()
    assert f"\x1b[{colour}{order.due_at:%Y-%m-%d}" in shown
    assert ("over" in shown) == (share > 1)


@pytest.mark.parametrize("width", [80, 120])
def test_list_and_order_fit_the_terminal_with_chinese_in_them(office: Office, width: int) -> None:
    number = office.open(Right.WITHDRAW_CONSENT, Level.CONTACT)
    run_take(office.at("王芳"), number)
    run_remark(office.at("ada"), number, "客户来电确认过，已核对账号信息，请继续处理。" * 4, for_person=False)
    run_list(office.at("ada", width=width), Filters(), sort="due", limit=5, as_json=False)
    assert max(width_of(line) for line in office.shown.splitlines()) <= width
    assert "withdraw_consent" in office.shown
    assert "王芳" in office.shown
    assert ("it is answered" in office.shown) == (width == 120)
    run_show(office.at("ada", width=width), number, reveal=True)
    lines = office.shown.splitlines()
    assert max(width_of(line) for line in lines[:-1]) <= width
    assert "撤回同意" in office.shown


# ---- one order


def test_what_people_wrote_is_hidden_until_it_is_revealed_and_that_is_noted(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_remark(office.at("ada"), number, "about 测试员甲", for_person=False)
    run_show(office.at("aud"), number, reveal=False)
    assert "测试员甲" not in office.shown
    assert ACCOUNT not in office.shown
    assert "K***01" in office.shown
    with pytest.raises(NotPermitted, match="aud may not read what people wrote"):
        run_show(office.at("aud"), number, reveal=True)
    assert not any(action == "revealed" for _, action in office.trail(number))
    run_show(office.at("王芳"), number, reveal=True)
    assert "[bold]my[/bold] name is 测试员甲" in office.shown
    assert "about 测试员甲" in office.shown
    assert ACCOUNT in office.shown
    assert (f"staff:{office.id('王芳')}", "revealed") in office.trail(number)


def test_revealing_has_a_limit(office: Office, clock: Clock) -> None:
    number = office.open(Right.ACCESS)
    for _ in range(REVEALS_BURST):
        run_show(office.at("ada"), number, reveal=True)
    with pytest.raises(NotPermitted, match="ada has revealed many orders; the next one in 60 seconds"):
        run_show(office.at("ada"), number, reveal=True)
    run_show(office.at("ben"), number, reveal=True)
    clock.turn(seconds=61)
    run_show(office.at("ada"), number, reveal=True)


def test_an_order_shows_what_it_rests_on_and_what_is_missing(office: Office) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    run_tick(office.at("ada"), number, "same_person", done=True)
    run_approve(office.at("ada"), number)
    assert "not ticked on the checklist: all_systems, others_removed, secrets_masked" in office.shown
    run_show(office.at("ben", width=110), number, reveal=False)
    shown = office.shown
    for words in (
        "access and copy · 查阅、复制",
        "a chat bound from the portal; code right 2026-03-02 17:30",
        "enough to decide",
        "proposed by ada 2026-03-02",
        "approved by nobody yet",
        "[x] same_person: ",
        "[ ] all_systems: ",
        "ada: taken",
        "1. a second person approves (ben, cy)",
        "2. the package is released to the person (ada, ben, cy)",
        f"Next: a second person approves (ben, cy): clausebot orders approve {number} --as NAME",
    ):
        assert words in shown, words
    run_tick(office.at("ben"), number, "same_person", done=False)
    with pytest.raises(NotPermitted, match="the checklist has no such item"):
        run_tick(office.at("ben"), number, "nonsense", done=True)


def test_what_a_mail_server_refused_is_shown_on_its_order_and_the_order_is_kept(office: Office) -> None:
    number = office.open(Right.DELETION, ground="breach")
    other = office.open(Right.EXPLANATION, Level.CHANNEL, None)
    order, now = office.order(number), office.clock()
    with office.database.work() as work:
        contact = work.people.meet("email", "ada@mail.example.com", now, "en")
        phone = work.people.meet("sms", "+8613800000001", now, "en")
        for known, cause in ((contact, f"{order.thing}:hold_begun:email"), (phone, f"{order.thing}:v3:refused.other")):
            work.deliveries.add(known, cause, [b"{}"], now, lane="order")
        ((mail,), (text,)) = (
            work.deliveries.due(name, now, 9, "t", now + timedelta(minutes=1)) for name in ("email", "sms")
        )
        assert work.deliveries.settle(mail.id, "t", "unreachable", now, "smtp_550")
        assert work.deliveries.retry(text.id, "t", now + timedelta(minutes=5))
    run_show(office.at("ada"), number, reveal=False)
    assert "Not delivered" in office.shown
    assert "email hold begun: given up 2026-03-02 17:30: smtp_550" in office.shown
    assert "sms   refused.other: tried 1 times, again 2026-03-02 17:35" in office.shown
    assert "ada@mail.example.com" not in office.shown
    assert office.order(number).is_live
    run_show(office.at("ada"), other, reveal=False)
    assert "Not delivered" not in office.shown


def test_a_report_shows_by_when_somebody_is_to_look_until_somebody_does(office: Office) -> None:
    number = office.open(Right.SECURITY, Level.CHANNEL, None)
    run_show(office.at("ada"), number, reveal=False)
    assert "first look  by 2026-03-03 17:30" in office.shown
    run_take(office.at("ada"), number)
    run_show(office.at("ada"), number, reveal=False)
    assert "first look" not in office.shown


def test_an_unverified_request_waits_for_the_person(office: Office) -> None:
    number = office.open(Right.DELETION, Level.CHANNEL, None, "breach")
    run_show(office.at("ada"), number, reveal=False)
    assert "Next: the person proves who they are" in office.shown
    with pytest.raises(NotPermitted, match="the order is verifying, and that doesn't come after it"):
        run_take(office.at("ada"), number)


@pytest.mark.parametrize("typed", ["KP-0000-0001", "nonsense", "", "x" * 10_000, "\x1b[31mKP"])
def test_a_number_that_is_none_is_said_in_one_line(office: Office, typed: str) -> None:
    with pytest.raises(NotPermitted) as refused:
        run_show(office.at("ada"), typed, reveal=False)
    assert "is no order's number" in str(refused.value)
    assert len(str(refused.value)) < 160
    assert "\x1b" not in str(refused.value)


def test_there_are_words_for_everything_that_isnt_allowed() -> None:
    guards = {name for move in TABLE.values() for name in move.guards}
    assert guards | set(Why) | {"state", "actor", "other_under_way"} <= set(WHY)
    assert set(Event) - {Event.OPENED} == set(TABLE)


# ---- export


ATTACKS = [
    *(f"{first}1+1" for first in FORMULA),
    " =1+1", "\u00a0=1+1", "\u3000＝1+1", "\u200b=1+1", "\ufeff=1+1", "\x0b=cmd|'/c calc'!A0", "=HYPERLINK(\"http://127.0.0.1\")",
    "@SUM(1)", "+1+1", "-2+3", "\t=1", "\r=1", "\n=1", "\0=1", " \t \u202e=1",
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_cell_is_a_formula(attack: str) -> None:
    _, (cell,) = csv.reader(io.StringIO(as_csv([{"a": attack}], ["a"]), newline=""))
    assert cell == f"'{attack}"


@pytest.mark.parametrize("plain", ["KP-7M2D-Q4XK", "王芳", "2026-03-02", "a=b", "", "it's", '"quoted", with a comma'])
def test_plain_words_stay_as_they_are(plain: str) -> None:
    assert formula_safe(plain) == plain


def test_an_export_holds_dates_and_decisions_and_nothing_that_anybody_wrote(office: Office, tmp_path: Path) -> None:
    numbers = [office.open(Right.ACCESS), office.open(Right.CLOSURE)]
    run_take(office.at("王芳"), numbers[0])
    target = tmp_path / "orders.csv"
    run_export(office.at("aud"), Filters(state=["all"]), form="csv", to=target)
    assert office.shown.startswith("2 orders in")
    raw = target.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert target.stat().st_mode & 0o777 == 0o600
    text = raw.decode("utf-8-sig")
    assert "测试员甲" not in text
    assert ACCOUNT not in text
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert set(rows) == set(numbers)
    assert rows[numbers[0]]["assignee"] == "王芳"
    assert rows[numbers[0]]["level"] == "portal"
    assert rows[numbers[1]]["state"] == "open"
    with office.database.read() as work:
        noted = [(one.actor, one.action, one.detail) for one in work.trail.of_thing(f"staff:{office.id('aud')}")]
    assert (f"staff:{office.id('aud')}", "orders_exported", "2 csv") in noted
    with pytest.raises(BadEntry, match="is there already; nothing is overwritten"):
        run_export(office.at("aud"), Filters(), form="csv", to=target)
    with pytest.raises(BadEntry, match="can't be written"):
        run_export(office.at("aud"), Filters(), form="csv", to=tmp_path / "none" / "x.csv")
    with pytest.raises(NotPermitted, match="王芳 may not export orders"):
        run_export(office.at("王芳"), Filters(), form="csv", to=None)


def test_an_export_goes_on_over_pages(office: Office, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("bot.commands.order_finding.PAGE", 2)
    numbers = {office.open(right, Level.PORTAL) for right in (Right.ACCESS, Right.CLOSURE, Right.PORTABILITY)}
    numbers |= {office.open(right, Level.CHANNEL, None) for right in (Right.EXPLANATION, Right.SECURITY)}
    run_export(office.at("aud"), Filters(), form="json", to=None)
    assert {row["number"] for row in json.loads(capsys.readouterr().out)} == numbers


# ---- the whole command, with its exit codes


@pytest.fixture
def command(database_url: str, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    keyring.write(tmp_path / "keys.toml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CLAUSEBOT_KEY_FILE", str(tmp_path / "keys.toml"))
    monkeypatch.setenv("PORTAL_SECRET", "invented" * 4)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("CLAUSEBOT_STAFF", raising=False)
    return CliRunner()


def test_the_whole_way_of_an_order_from_the_command_line(
    command: CliRunner, office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    office.clock.now = datetime.now(UTC)
    number = office.open(Right.ACCESS)
    with office.database.work() as work:
        lines = [
            AccountLine(ACCOUNT, (ContactLine("email", "ada@mail.example.com", office.clock() - timedelta(days=99)),))
        ]
        work.accounts.apply(work.accounts.plan(lines, office.clock()), office.clock())
    monkeypatch.setenv("SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("CLAUSEBOT_PUBLIC_URL", "https://privacy.example.com")
    monkeypatch.setenv("CLAUSEBOT_STAFF", "ada")
    code = {name: pyotp.TOTP(secret).now() for name, secret in office.team.secrets.items()}

    def run(*words: str, typed: str = "") -> tuple[int, str]:
        result = command.invoke(orders_cli, list(words), input=typed)
        return result.exit_code, result.output

    assert number in run("list")[1]
    assert run("take", number)[0] == 0
    office.attach(number)
    assert run("approve", number, "--totp-stdin", typed=code["ada"] + "\n")[0] == 0
    exit_code, says = run("approve", number, "--totp-stdin", typed="000000\n")
    assert (exit_code, says.startswith(f"clausebot: {number}: whoever proposed can't approve")) == (1, True)
    assert "Next: a second person approves (ben, cy)" in says
    assert run("approve", number, "--as", "ben", "--totp-stdin", typed=code["ben"] + "\n")[0] == 0
    exit_code, says = run("answer", number, "--as", "ben", "--totp-stdin", typed=code["ben"] + "\n")
    assert (exit_code, "wrong code, or one that was used before" in says) == (1, True)
    assert run("answer", number, "--as", "cy", "--totp-stdin", typed=code["cy"] + "\n")[0] == 0
    assert office.order(number).state == "answered"
    exit_code, says = run("announce", number, "--as", "王芳", "--totp-stdin", typed=code["王芳"] + "\n")
    assert (exit_code, "may not answer orders" in says) == (1, True)
    exit_code, says = run("announce", number, "--totp-stdin", typed=code["ada"] + "\n")
    assert (exit_code, "a link is being made at this moment" in says or "wrong code" in says) == (1, True)
    assert run("export", "--state", "all", "--as", "aud", "--to", str(tmp_path / "o.csv"))[0] == 0


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["list"], 2, "say who you are"),
        (["list", "--as", "nobody"], 1, "nobody of staff is called 'nobody'"),
        (["list", "--as", "ada", "--sort", "size"], 2, "Invalid value"),
        (["list", "--as", "ada", "--state", "done"], 2, "no such state"),
        (["show", "KP-1", "--as", "ada"], 1, "is no order's number"),
        (["show"], 2, "Missing argument"),
        (["refuse", "KP-1", "--as", "ada"], 2, "Missing option"),
        (["refuse", "KP-1", "--reason", "no", "--as", "ada"], 2, "no such reason"),
        (["attach", "KP-1", "x", "--as", "ada"], 2, "Missing option"),
        (["approve", "NUMBER", "--as", "ada"], 2, "there is no terminal to ask at"),
    ],
)
def test_exit_codes(command: CliRunner, office: Office, words: list[str], exit_code: int, says: str) -> None:
    number = office.open(Right.ACCESS)
    run_take(office.at("ada"), number)
    result = command.invoke(orders_cli, [number if word == "NUMBER" else word for word in words], input="")
    assert (result.exit_code, says in result.output) == (exit_code, True), result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)


def test_help_comes_without_loading_the_store(tmp_path: Path) -> None:
    import subprocess

    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom bot.commands.orders import orders\n"
        "from bot.commands.staff import staff\n"
        "assert CliRunner().invoke(orders, ['--help']).exit_code == 0\n"
        "assert CliRunner().invoke(staff, ['--help']).exit_code == 0\n"
        "print('sqlalchemy' in sys.modules, 'argon2' in sys.modules)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
