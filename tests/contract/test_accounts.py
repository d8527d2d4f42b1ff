"""What every directory of accounts promises, whichever it is: memory, our own table on both databases, the company's API."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from structlog.testing import capture_logs

from bot.core.accounts import Account, AccountDirectory, MemoryDirectory, State, StoredDirectory
from bot.core.contacts import Contact, Kind
from bot.directory import HttpDirectory
from bot.rehearsal.portal import AccountsStandIn
from storage.engine import Database
from storage.stores.accounts import AccountLine, ContactLine
from tests.conftest import Clock
from tests.portal import as_told, listening, settings
from tests.storage.threads import race

SINCE = datetime(2025, 11, 3, 4, 5, 6, tzinfo=UTC)
MAIL, PHONE = "ada.example+1@mail.example.com", "+8613800000001"
OPENID, TELEGRAM = "oEXAMPLE00000000000000000001", "990000000001"
ADA = Account(
    "K-100001",
    (
        Contact(Kind.EMAIL, MAIL, SINCE),
        Contact(Kind.PHONE, PHONE, SINCE + timedelta(days=9)),
        Contact(Kind.WECHAT, OPENID, SINCE + timedelta(days=10)),
        Contact(Kind.TELEGRAM, TELEGRAM, SINCE + timedelta(days=11)),
    ),
    contacts_changed_at=SINCE,
)


def owner(id: str, phone: str = "", mail: str = "", state: State = State.OPEN) -> Account:
    found = [Contact(kind, value, SINCE) for kind, value in ((Kind.PHONE, phone), (Kind.EMAIL, mail)) if value]
    return Account(id, tuple(found), state, SINCE)


Made = Callable[..., AccountDirectory]
"""A directory that holds these accounts and no other."""


@contextmanager
def _stored(url: str, request: pytest.FixtureRequest) -> Iterator[Made]:
    with Database.open(url, request.getfixturevalue("keyring")) as database:

        def made(*accounts: Account) -> AccountDirectory:
            lines = [
                AccountLine(
                    account.id,
                    tuple(ContactLine(c.kind, c.value, c.since) for c in account.contacts),
                    account.state is State.CLOSED,
                    account.contacts_changed_at,
                )
                for account in accounts
            ]
            with database.work() as work:
                work.accounts.apply(work.accounts.plan(lines, SINCE), SINCE)
            return StoredDirectory(database)

        yield made


@contextmanager
def _memory(request: pytest.FixtureRequest) -> Iterator[Made]:
    yield lambda *accounts: MemoryDirectory(accounts)


@contextmanager
def _sqlite(request: pytest.FixtureRequest) -> Iterator[Made]:
    path = request.getfixturevalue("tmp_path") / "clausebot.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    with _stored(f"sqlite:///{path}", request) as made:
        yield made


@contextmanager
def _postgresql(request: pytest.FixtureRequest) -> Iterator[Made]:
    server, name = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_database")
    server.empty(name)
    with _stored(server.url(name), request) as made:
        yield made


@contextmanager
def _http(request: pytest.FixtureRequest) -> Iterator[Made]:
    clock = request.getfixturevalue("clock")
    stand_in = AccountsStandIn(clock=lambda: clock().timestamp(), prefix="/clausebot")
    with listening(stand_in.app) as address, ExitStack() as open_ones:

        def made(*accounts: Account) -> AccountDirectory:
            stand_in.accounts += map(as_told, accounts)
            directory = HttpDirectory(settings(f"{address}/clausebot/"), clock)
            open_ones.callback(directory.close)
            return directory

        yield made


FORMS = {"memory": _memory, "sqlite": _sqlite, "postgresql": _postgresql, "http": _http}


@pytest.fixture(params=FORMS)
def made(request: pytest.FixtureRequest) -> Iterator[Made]:
    with FORMS[request.param](request) as made:
        yield made


@pytest.mark.parametrize(
    "hint",
    [
        "K-100001",
        " K-100001\n",
        "Ｋ-１００００１",
        MAIL,
        "Ada.Example+1@Mail.Example.COM",
        "ada.example+1＠mail.example.com",
        "13800000001",
        "+8613800000001",
        "008613800000001",
        "86 138 0000 0001",
        "+86 138-0000-0001",
        "(138) 0000 0001",
        "13800000001".translate({ord(d): 0xFF10 + int(d) for d in "0123456789"}),
        "138\u200b0000\u200b0001",
    ],
)
def test_an_account_is_found_by_what_people_type(made: Made, hint: str) -> None:
    assert made(ADA, owner("K-100002", "+8613800000002", "bo@mail.example.com")).find(hint) == ADA


@pytest.mark.parametrize(
    "hint",
    [
        "",
        " ",
        "K-10000",
        "k-100001",
        "K-100001'--",
        "13800000009",
        "1380000000",
        "138000000011",
        "+1 380 000 0001",
        "١٣٨٠٠٠٠٠٠٠١",
        "nobody@mail.example.com",
        "ada.example@mail.example.com",
        "аda.example+1@mail.example.com",
        "@mail.example.com",
        "%",
        "*",
        "\0",
        "\ud83d",
        OPENID,
        TELEGRAM,
        "x" * 100_000,
        f"{MAIL} {PHONE}",
    ],
)
def test_what_names_nobody_finds_nobody(made: Made, hint: str) -> None:
    """A linked WeChat or Telegram id is no name either: no person types those."""
    assert made(ADA).find(hint) is None


def test_everything_on_file_comes_back_with_its_age(made: Made) -> None:
    found = made(ADA).get("K-100001")
    assert found is not None
    assert found == ADA
    assert [contact.since.tzinfo for contact in found.contacts] == [UTC] * 4


@pytest.mark.parametrize("id", ["K-1", "k-100001", " K-100001", MAIL, PHONE, "", "K-100001\0"])
def test_an_id_is_taken_as_it_is_written(made: Made, id: str) -> None:
    assert made(ADA).get(id) is None


def test_an_account_without_any_contact_is_found_by_its_id(made: Made) -> None:
    assert made(owner("K-3")).find("K-3") == owner("K-3")


def test_a_closed_account_is_found_and_says_so(made: Made) -> None:
    closed = owner("K-4", "+8613800000004", state=State.CLOSED)
    directory = made(closed)
    assert [directory.find("13800000004"), directory.get("K-4")] == [closed, closed]


def test_a_number_of_two_open_accounts_names_neither(made: Made) -> None:
    first, second = owner("K-5", "+8613800000005"), owner("K-6", "+8613800000005", "b@mail.example.com")
    directory = made(first, second)
    assert directory.find("13800000005") is None
    assert [directory.find("K-5"), directory.find("b@mail.example.com")] == [first, second]


def test_a_number_that_went_on_names_the_open_account(made: Made) -> None:
    before = [owner(f"K-7{n}", "+8613800000007", state=State.CLOSED) for n in range(10)]
    now = owner("K-8", "+8613800000007")
    assert made(*before, now).find("13800000007") == now


def test_a_number_of_two_closed_accounts_names_neither(made: Made) -> None:
    both = [owner(id, "+8613800000009", state=State.CLOSED) for id in ("K-10", "K-11")]
    assert made(*both).find("13800000009") is None


def test_an_id_that_reads_as_anothers_number_names_neither(made: Made) -> None:
    numbered, phoned = owner("13800000012"), owner("K-12", "+8613800000012")
    directory = made(numbered, phoned)
    assert directory.find("13800000012") is None
    assert directory.find("+8613800000012") == phoned
    assert directory.get("13800000012") == numbered


def test_an_id_that_reads_as_its_own_number_names_it(made: Made) -> None:
    same = owner("13800000013", "+8613800000013")
    assert made(same).find("13800000013") == same


def test_nothing_personal_is_printed_or_logged(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), capture_logs() as lines:
        directory = made(ADA)
        found = (
            directory.find(MAIL),
            directory.find("13800000001"),
            directory.get("K-100001"),
            directory.find("13899999999"),
        )
    said = " ".join([repr(found), str(found), repr(found[0].contacts), repr(directory), caplog.text, repr(lines)])
    for secret in ("ada.", "mail.example", "13800000001", "13899999999", "K-100001", OPENID, TELEGRAM):
        assert secret not in said
        assert secret not in said.lower()


def test_many_threads_ask_at_once(made: Made) -> None:
    directory = made(ADA)
    assert (
        race(*[partial(directory.find, hint) for hint in ("13800000001", MAIL, "K-100001", "K-9") * 5])
        == [
            ADA,
            ADA,
            ADA,
            None,
        ]
        * 5
    )


@pytest.mark.parametrize(("days", "settled"), [(29, False), (30, False), (31, True)])
def test_a_contact_proves_something_after_thirty_days(clock: Clock, days: int, settled: bool) -> None:
    contact = Contact(Kind.PHONE, PHONE, clock())
    clock.turn(days=days)
    assert contact.is_settled(clock()) is settled


def test_only_the_end_of_a_contact_is_shown() -> None:
    shown = [contact.masked for contact in ADA.contacts] + [ADA.display_hint, owner("K-5").display_hint]
    assert shown == ["a***@mail.example.com", "***001", "***001", "***001", "K***01", "K***"]
