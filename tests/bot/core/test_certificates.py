"""A certificate of deletion says what was done and names nobody; the smallest change of it shows."""

import json

import pytest

from bot.core.certificates import FORMAT, Certificates
from bot.core.orders import NotAllowed, Order, Right, staff
from storage.crypto import Keyring
from storage.engine import Database
from tests.conftest import Clock
from tests.orders import ANN, Desk
from tests.results import COMPANY


def executed(desk: Desk, right: Right = Right.DELETION) -> Order:
    order = desk.held(right)
    desk.pass_time(hours=73)
    with desk.orders() as orders:
        return orders.execute(desk.now(order), staff(ANN))


def certificate(desk: Desk, order: Order) -> str:
    with desk.database.read() as work:
        return Certificates(desk.database.keyring, COMPANY).make(work, order)


@pytest.mark.parametrize("right", [Right.DELETION, Right.CLOSURE])
def test_it_states_number_dates_and_two_roles_and_names_nobody(database: Database, clock: Clock, right: Right) -> None:
    desk = Desk(database, clock)
    order = executed(desk, right)
    text = certificate(desk, order)
    stated = Certificates(database.keyring, COMPANY).read(text)
    assert stated is not None
    assert stated.number == order.number
    assert stated.proposed_by == stated.approved_by == "officer"
    assert stated.received_at <= stated.approved_at < stated.executed_at
    assert not any(name in text for name in ("ann", "ben", "alice", "K-1", "@", "138"))


def test_it_can_be_made_again_in_the_same_bytes(sqlite_database: Database, clock: Clock) -> None:
    desk = Desk(sqlite_database, clock)
    order = executed(desk)
    first = certificate(desk, order)
    clock.turn(days=200)
    assert certificate(desk, desk.now(order)) == first


def test_any_change_of_it_shows(sqlite_database: Database, clock: Clock) -> None:
    desk = Desk(sqlite_database, clock)
    text, checking = certificate(desk, executed(desk)), Certificates(sqlite_database.keyring, COMPANY)
    stated = json.loads(text)
    for name in stated:
        for wrong in ("", 1, None, [], {}, "x" * 64, stated[name][::-1] if isinstance(stated[name], str) else "z"):
            assert checking.read(json.dumps(stated | {name: wrong})) is None, name
        assert checking.read(json.dumps({key: value for key, value in stated.items() if key != name})) is None
    assert checking.read(json.dumps(stated | {"more": 1})) is None
    for wrong in ("", "[]", "null", "{", "[" * 9_000, text + "x", text.replace("2026", "2027", 1)):
        assert checking.read(wrong) is None
    # Written otherwise it says the same.
    assert checking.read(json.dumps(stated, indent=None)) is not None


def test_a_certificate_of_another_installation_is_none(sqlite_database: Database, clock: Clock) -> None:
    desk = Desk(sqlite_database, clock)
    assert Certificates(Keyring.new(), COMPANY).read(certificate(desk, executed(desk))) is None


def test_what_was_not_carried_out_gets_none(sqlite_database: Database, clock: Clock) -> None:
    desk = Desk(sqlite_database, clock)
    access, held = desk.open(Right.ACCESS), desk.held()
    for order in (access, held):
        with pytest.raises(NotAllowed):
            certificate(desk, order)


def test_anybody_with_the_public_key_can_check_it(sqlite_database: Database, clock: Clock) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    desk = Desk(sqlite_database, clock)
    stated = json.loads(certificate(desk, executed(desk)))
    assert stated["format"] == FORMAT
    signature = bytes.fromhex(stated.pop("signature"))
    plain = json.dumps(stated, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(stated["public_key"])).verify(signature, plain)
