"""The company's account system when it lies, stalls or is down: one error, in time, with nothing of the person in it."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.core.accounts import Account, DirectoryDown
from bot.core.contacts import Contact, Kind
from bot.core.errors import Misconfigured
from bot.directory import AccountsSettings, HttpDirectory
from bot.directory.breaker import FAILURES_MOST, REST
from bot.directory.client import REMEMBERED
from bot.directory.line import ANSWER_MAX, GRACE
from bot.rehearsal.faults import Rule
from bot.rehearsal.portal import AccountsStandIn, Lie
from bot.rehearsal.portal.directory import SECRET
from tests.conftest import Clock
from tests.portal import QUICK, as_told, listening, settings
from tests.storage.threads import race

PHONE = "+8613800000001"
ADA = Account("K-100001", (Contact(Kind.PHONE, PHONE, datetime(2025, 11, 3, tzinfo=UTC)),))
BO = Account("K-100002", (Contact(Kind.PHONE, "+8613800000002", datetime(2025, 11, 3, tzinfo=UTC)),))
TOLD = as_told(ADA)


class Ticks:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def portal(clock: Clock) -> AccountsStandIn:
    return AccountsStandIn((TOLD, as_told(BO)), clock=lambda: clock().timestamp())


@pytest.fixture
def directory(portal: AccountsStandIn, clock: Clock, ticks: Ticks) -> Iterator[HttpDirectory]:
    with listening(portal.app) as address:
        directory = HttpDirectory(settings(address, timeout=QUICK), clock, ticks=ticks)
        yield directory
        directory.close()


def down(directory: HttpDirectory, hint: str = "13800000001") -> str:
    """The reason why it can't be asked, which must come in time."""
    began = time.monotonic()
    with pytest.raises(DirectoryDown) as raised:
        directory.find(hint)
    assert time.monotonic() - began < QUICK.total_seconds() + GRACE + 1
    assert "13800000001" not in repr(raised.value) + str(raised.value)
    return raised.value.reason


@pytest.mark.parametrize("lie", [lie for lie in Lie if lie is not Lie.TOLD])
def test_an_answer_that_is_not_truly_signed_is_not_believed(
    portal: AccountsStandIn, directory: HttpDirectory, lie: Lie
) -> None:
    assert directory.find("13800000001") == ADA
    portal.lie = lie
    assert down(directory, "+86 13800000001" if lie is not Lie.SOMEBODY_ELSE else "13899999999") == "lied"


def told(**changes: Any) -> dict[str, Any]:
    return {"accounts": [TOLD | changes]}


def contact(**changes: Any) -> dict[str, Any]:
    return told(
        contacts=[
            TOLD["contacts"][0],
            {"kind": "email", "value": "a@mail.example.com", "since": "2025-01-01T00:00:00Z"} | changes,
        ]
    )


UNTRUE: dict[str, bytes | Any] = {
    "nothing": b" ",
    "no json": b"<html>",
    "cut json": b'{"accounts": [',
    "not utf-8": b'{"accounts": [], "x": "\xff"}',
    "a name twice": b'{"accounts": [], "accounts": []}',
    "nan": b'{"accounts": NaN}',
    "deep": b"[" * 30_000,
    "a huge number": b'{"accounts": ' + b"9" * 5000 + b"}",
    "too long": b'{"accounts": [' + b" " * ANSWER_MAX + b"]}",
    "a list": [],
    "null": None,
    "accounts null": {"accounts": None},
    "something more": {"accounts": [], "total": 3},
    "a name more": told(name="Ada Example"),
    "nine accounts": {"accounts": [TOLD | {"account_id": f"K-{n}"} for n in range(9)]},
    "the same account twice": {"accounts": [TOLD, TOLD]},
    "number as id": told(account_id=100001),
    "blank in id": told(account_id="K 1"),
    "unknown state": told(state="gone"),
    "no state": {"accounts": [{"account_id": "K-100001", "contacts": []}]},
    "no contact at all": told(contacts=[]),
    "21 contacts": told(contacts=TOLD["contacts"] * 21),
    "the same contact twice": told(contacts=TOLD["contacts"] * 2),
    "unknown kind": contact(kind="fax"),
    "no e-mail": contact(value="a at b"),
    "a formula": contact(value="=1+1"),
    "a surrogate": b'{"accounts": [{"account_id": "K-1\\ud83d", "state": "open", "contacts": []}]}',
    "no zone": contact(since="2025-01-01T00:00:00"),
    "a number of seconds": contact(since=1735689600),
    "in the future": contact(since="2126-01-01T00:00:00Z"),
    "in 1970": contact(since="1970-01-01T00:00:00Z"),
    "no date": contact(since="zz"),
    "year 0": contact(since="0000-01-01T00:00:00Z"),
    "no since": told(contacts=[{"kind": "phone", "value": PHONE}]),
}


@pytest.mark.parametrize("what", UNTRUE)
def test_an_answer_that_is_signed_and_not_as_agreed_is_not_believed(
    portal: AccountsStandIn, directory: HttpDirectory, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = UNTRUE[what]
    portal.lie, portal.told = Lie.TOLD, body if isinstance(body, bytes) else json.dumps(body).encode()
    with caplog.at_level(logging.DEBUG), capture_logs() as lines:
        assert down(directory) == "lied"
    said = caplog.text + repr(lines)
    assert not [word for word in ("13800000001", "mail.example", "K-100001", "Ada") if word in said]


def test_the_same_answer_as_agreed_is_believed(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    portal.lie, portal.told = Lie.TOLD, json.dumps(contact()).encode()
    found = directory.find("13800000001")
    assert found is not None
    assert [c.kind for c in found.contacts] == [Kind.PHONE, Kind.EMAIL]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("hang seconds=5", "stalled"),
        ("slow seconds=5", "stalled"),
        ("late seconds=5", "stalled"),
        ("reset", "unreachable"),
        ("reset-after", "unreachable"),
        ("cut", "unreachable"),
        ("html:502", "refused"),
        ("html:200", "lied"),
        ("garbage", "lied"),
        ("refuse:401", "refused"),
        ("refuse:404", "refused"),
        ("refuse:429", "refused"),
        ("refuse:500", "refused"),
        ("refuse:503", "refused"),
    ],
)
def test_a_system_that_stalls_or_breaks_off_costs_no_more_than_its_time(
    portal: AccountsStandIn, directory: HttpDirectory, fault: str, reason: str
) -> None:
    portal.control.script.rules.append(Rule.parse(f"accounts/find {fault} at=1"))
    assert down(directory) == reason
    assert directory.find("13800000001") == ADA


def raw_server(answer: bytes) -> tuple[socket.socket, str]:
    """A socket that answers every connection with `answer` alone, or never when that is empty."""
    from threading import Thread

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        held = []
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return
            if answer:
                held[-1].recv(65536)
                held[-1].sendall(answer)
                held[-1].close()

    Thread(target=serve, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "stalled"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "lied"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "lied"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "refused"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "lied"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "unreachable"),
        (
            b"HTTP/1.1 200 OK\r\nX-Clausebot-Timestamp: \xff\r\nX-Clausebot-Signature: \xff\r\nContent-Length: 2\r\n\r\n{}",
            "lied",
        ),
    ],
)
def test_something_else_on_the_port_is_not_believed(clock: Clock, answer: bytes, reason: str) -> None:
    listener, address = raw_server(answer)
    directory = HttpDirectory(settings(address, timeout=QUICK), clock)
    try:
        assert down(directory) == reason
    finally:
        directory.close()
        listener.close()


def test_nobody_on_the_port_is_told_at_once(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory = HttpDirectory(settings(f"http://127.0.0.1:{port}"), clock)
    assert down(directory) == "unreachable"
    directory.close()


# ---- rests


def test_after_three_failures_it_is_left_alone_for_a_while(
    portal: AccountsStandIn, directory: HttpDirectory, ticks: Ticks
) -> None:
    portal.control.script.rules.append(Rule.parse("accounts/find refuse:503 at=1,2,3,4"))
    assert [down(directory) for _ in range(FAILURES_MOST + 2)] == ["refused"] * FAILURES_MOST + ["resting"] * 2
    assert portal.control.journal.total == FAILURES_MOST
    ticks.now += REST
    assert [down(directory), down(directory)] == ["refused", "resting"]
    ticks.now += REST
    assert down(directory) == "resting"
    ticks.now += REST
    assert [directory.find("13800000001"), directory.find("13800000002")] == [ADA, BO]


def test_two_failures_and_an_answer_are_no_reason_to_rest(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    portal.control.script.rules.append(Rule.parse("accounts/find reset at=1,2,4,5"))
    assert [down(directory), down(directory)] == ["unreachable"] * 2
    assert directory.get("K-100001") == ADA
    assert [down(directory), down(directory)] == ["unreachable"] * 2
    assert directory.get("K-100001") == ADA


def test_twenty_who_wait_at_once_are_all_told_in_time(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    portal.control.script.rules.append(Rule.parse("accounts/find hang seconds=5"))
    began = time.monotonic()
    found = race(*[partial(directory.find, "13800000001")] * 20)
    assert time.monotonic() - began < QUICK.total_seconds() + GRACE + 2
    assert {type(error) for error in found} == {DirectoryDown}


# ---- what is remembered


def test_a_hint_that_led_nowhere_is_not_asked_again_for_a_minute(
    portal: AccountsStandIn, directory: HttpDirectory, ticks: Ticks
) -> None:
    assert [directory.find("13899999999"), directory.find(" 13899999999 ")] == [None, None]
    assert portal.control.journal.total == 1
    ticks.now += REMEMBERED
    portal.accounts.append(as_told(Account("K-9", (Contact(Kind.PHONE, "+8613899999999", ADA.contacts[0].since),))))
    assert (directory.find("13899999999") or ADA).id == "K-9"


def test_contacts_are_asked_for_every_time(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    assert directory.find("13800000001") == ADA
    portal.accounts[0] = as_told(Account("K-100001", (), ADA.state))
    assert directory.get("K-100001") == Account("K-100001")
    assert directory.find("13800000001") is None


def test_a_number_that_moved_on_is_found_where_it_is_now(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    assert directory.find("13800000001") == ADA
    portal.accounts[:] = [TOLD | {"contacts": []}, as_told(BO) | {"contacts": TOLD["contacts"]}]
    assert (directory.find("13800000001") or ADA).id == "K-100002"


def test_what_is_remembered_names_nobody(directory: HttpDirectory) -> None:
    directory.find("13800000001")
    directory.find("ada@mail.example.com")
    kept = repr(vars(directory)) + repr({name: getattr(directory._memory, name) for name in vars(directory._memory)})
    assert not [word for word in ("13800000001", "ada@", "mail.example") if word in kept]


# ---- how it is asked


def test_nothing_is_asked_that_can_not_be_a_name(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    assert directory.find("what is this?") is None
    assert portal.control.journal.total == 0


def test_a_wrong_secret_is_refused_over_there(portal: AccountsStandIn, directory: HttpDirectory) -> None:
    portal.secret = "x" * 40
    assert down(directory) == "refused"
    assert portal.refused == ["signature"]


def test_a_clock_that_is_wrong_is_refused_over_there(
    portal: AccountsStandIn, directory: HttpDirectory, clock: Clock
) -> None:
    portal._clock = lambda: clock().timestamp() + 301
    assert down(directory) == "refused"
    assert portal.refused == ["timestamp"]


@pytest.mark.parametrize(("seconds", "believed"), [(299, True), (301, False), (-299, True), (-301, False)])
def test_an_answer_of_another_time_is_not_believed(
    portal: AccountsStandIn, directory: HttpDirectory, clock: Clock, seconds: int, believed: bool
) -> None:
    """The stand-in looks at the clock twice for each question: when it checks, then when it signs."""
    times = iter([clock().timestamp(), clock().timestamp() + seconds])
    portal._clock = lambda: next(times)
    if believed:
        assert directory.find("13800000001") == ADA
    else:
        assert down(directory) == "lied"


def test_both_secrets_are_believed_while_one_is_changed(portal: AccountsStandIn, clock: Clock) -> None:
    with listening(portal.app) as address:
        asked = []
        for secret, old in (("n" * 40, SECRET), ("n" * 40, "")):
            portal.secret, keep = "n" * 40, portal._signed
            portal._signed = lambda nonce, raw, keep=keep: (setattr(portal, "secret", SECRET), keep(nonce, raw))[1]
            directory = HttpDirectory(AccountsSettings(address, secret, old), clock)
            try:
                asked.append(directory.find("13800000001"))
            except DirectoryDown as failure:
                asked.append(failure.reason)
            directory.close()
            portal._signed = keep
    assert asked == [ADA, "lied"]


def test_it_opens_again_after_it_was_closed(directory: HttpDirectory) -> None:
    assert directory.get("K-100001") == ADA
    directory.close()
    assert directory.get("K-100001") == ADA


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as raised:
        AccountsSettings("http://portal.example.com", "short", "kurz", timedelta(seconds=11))
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "ACCOUNTS_URL",
        "ACCOUNTS_SECRET",
        "ACCOUNTS_SECRET_OLD",
        "ACCOUNTS_TIMEOUT",
    ]
    assert "short" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["", "portal", "ftp://x", "https://", "https://[", "https://u:p@x", "https://x/?a=1", "https://x:y/"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="ACCOUNTS_URL"):
        AccountsSettings(url, SECRET)


def test_secrets_are_not_printed() -> None:
    assert SECRET not in repr(AccountsSettings("https://portal.example.com", SECRET, SECRET))
