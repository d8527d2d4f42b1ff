"""A package behind a link: who gets it, how often, until when; and who doesn't."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.core.accounts import Account
from bot.core.contacts import Contact, Kind
from bot.core.errors import NothingFound
from bot.core.orders import Level, NotAllowed, Right
from bot.core.results import KEPT_FOR, Results
from bot.core.verification import Verification
from bot.core.vouching import Vouching
from storage.engine import Database
from storage.errors import Unreadable
from storage.stores.results import DOWNLOADS, RESULT
from tests.conftest import Clock
from tests.orders import ANN, BEN, CLEO
from tests.results import ACCOUNT, MAIL, PHONE, STAFF_MAIL, Handing
from tests.verification import full_verification


@pytest.fixture
def handing(database: Database, clock: Clock) -> Handing:
    return Handing(database, clock)


def test_the_link_goes_to_the_settled_mail_contacts_and_never_into_the_chat(handing: Handing) -> None:
    order = handing.deliver(handing.ready())
    assert handing.announcing.run_due() == 1
    [(address, _)] = handing.links()
    assert address == MAIL
    assert handing.desk.news.keys[-1] == "ready"
    assert all("/result/" not in text for channel in ("memory", "sms") for _, text in handing.queued(channel))
    assert ("bot", "result announced") in [entry[:2] for entry in handing.desk.trail(order)]


def test_the_mail_tells_the_end_by_the_legal_zones_clock(handing: Handing) -> None:
    handing.deliver(handing.ready())
    handing.announcing.run_due()
    [(_, text)] = handing.queued("email")
    assert "2026-03-05 17:30 (UTC+8)" in text


def test_a_young_contact_gets_no_link_and_staff_are_told(handing: Handing) -> None:
    handing.put_account(days=29)
    order = handing.deliver(handing.ready())
    handing.announcing.run_due()
    [(address, mail)] = handing.queued("email")
    assert (address, mail.count(order.number), "/result/" in mail) == (STAFF_MAIL, 4, False)
    assert f"clausebot orders announce {order.number}" in mail
    assert ("bot", "alarm result", "no contact for the result") in handing.desk.trail(order)


def test_a_new_link_that_fails_as_well_is_noted_and_not_mailed_again(handing: Handing) -> None:
    handing.put_account(days=29)
    order = handing.deliver(handing.ready())
    handing.announcing.run_due()
    with handing.desk.orders() as orders:
        handing.results(orders).announce(order)
    handing.announcing.run_due()
    assert len(handing.queued("email")) == 1
    assert [entry[1] for entry in handing.desk.trail(order)].count("alarm result") == 2


def test_a_phone_alone_gets_no_link_for_the_code_goes_there(handing: Handing) -> None:
    phone = Contact(Kind.PHONE, PHONE, handing.clock() - timedelta(days=99))
    handing.directory.put(Account(ACCOUNT, (phone,)))
    order = handing.deliver(handing.ready())
    handing.announcing.run_due()
    assert handing.queued("sms") == []
    assert ("bot", "alarm result", "no contact for the result") in handing.desk.trail(order)


def test_only_a_delivered_order_is_announced(handing: Handing) -> None:
    order = handing.ready()
    with pytest.raises(NotAllowed), handing.desk.orders() as orders:
        handing.results(orders).announce(order)


def test_the_right_code_opens_it_three_times_and_no_more(handing: Handing) -> None:
    _, token = handing.linked()
    ticket = handing.ticket(token)
    sizes = {len(handing.package(handing.fetch(token, ticket))) for _ in range(DOWNLOADS)}
    assert len(sizes) == 1
    with pytest.raises(NothingFound):
        handing.fetch(token, ticket)
    with handing.database.read() as work:
        assert Results(work, handing.codes, handing.clock()).opened(token) is None


def test_of_many_at_the_same_moment_exactly_three_get_through(handing: Handing) -> None:
    _, token = handing.linked()
    ticket = handing.ticket(token)

    def try_it(_: int) -> bool:
        try:
            handing.fetch(token, ticket)
        except NothingFound:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_it, range(40))) == DOWNLOADS


def test_without_a_ticket_of_this_browser_nothing_is_counted(handing: Handing) -> None:
    _, token = handing.linked()
    ticket = handing.ticket(token)
    forged = [ticket[:-1] + ("0" if ticket[-1] != "0" else "1"), "", "1.9999999999." + "0" * 64, ticket.upper() + "x"]
    stated, _, mac = ticket.rpartition(".")
    forged.append(f"{stated.partition('.')[0]}.{int(stated.partition('.')[2]) + 60}.{mac}")
    for wrong in forged:
        with pytest.raises(NotAllowed):
            handing.fetch(token, wrong)
    assert handing.fetch(token, ticket).downloads == 1


def test_a_ticket_lasts_half_an_hour(handing: Handing) -> None:
    _, token = handing.linked()
    ticket = handing.ticket(token)
    handing.clock.turn(minutes=31)
    with pytest.raises(NotAllowed):
        handing.fetch(token, ticket)


def test_after_72_hours_the_link_and_the_package_are_gone(handing: Handing) -> None:
    order, token = handing.linked()
    ticket = handing.ticket(token)
    made = handing.fetch(token, ticket)
    handing.clock.turn(seconds=KEPT_FOR.total_seconds() + 1)
    with pytest.raises(NothingFound):
        handing.fetch(token, ticket)
    assert handing.announcing.run_due() == 0
    with handing.database.read() as work:
        [kept] = work.results.of_order(order.id)
        assert (kept.state, kept.parts, kept.token_hash) == ("gone", 0, None)
        with pytest.raises(Unreadable):
            work.results.part(made, 0)


def test_a_new_announcement_ends_the_link_of_before(handing: Handing) -> None:
    order, first = handing.linked()
    with handing.desk.orders() as orders:
        handing.results(orders).announce(order)
    second = handing.token()
    with handing.database.read() as work:
        results = Results(work, handing.codes, handing.clock())
        assert results.opened(first) is None
        assert results.opened(second) is not None


def test_the_code_of_another_order_or_another_person_opens_nothing(handing: Handing) -> None:
    handing.put_account("K-2", "bob@mail.example.com")
    _, alices = handing.linked()
    _, bobs = handing.linked(person=handing.desk.bob, account_id="K-2")
    with handing.database.work() as work:
        results = Results(work, handing.codes, handing.clock())
        opened = results.opened(bobs)
        assert opened
        results.send_code(opened)
    verification_id, digits = handing.code()
    with handing.database.work() as work:
        results = Results(work, handing.codes, handing.clock())
        others = results.opened(alices)
        assert others
        assert results.check(others, verification_id, digits)[1] == ""
    ticket = handing.ticket(bobs)
    with pytest.raises(NotAllowed):
        handing.fetch(alices, ticket)
    assert handing.fetch(bobs, ticket).downloads == 1


def test_a_code_for_something_else_is_neither_tried_nor_used_up(handing: Handing) -> None:
    _, token = handing.linked()
    with handing.database.work() as work:
        alice = work.people.of_id(handing.desk.alice)
        assert alice
        started = handing.requests.verification(work, handing.clock()).begin(alice, ACCOUNT, "order:x")
    _, digits = handing.code()
    assert started.verification_id
    with handing.database.work() as work:
        results = Results(work, handing.codes, handing.clock())
        opened = results.opened(token)
        assert opened
        assert results.check(opened, started.verification_id, digits)[1] == ""
        assert handing.requests.verification(work, handing.clock()).check(alice, started.verification_id, digits).ok


def test_a_chat_that_is_connected_to_another_account_by_now_is_known(handing: Handing) -> None:
    _, token = handing.linked()
    with handing.database.work() as work:
        alice = work.people.of_id(handing.desk.alice)
        assert alice
        full_verification(work, alice, handing.clock())
        results = Results(work, handing.codes, handing.clock())
        opened = results.opened(token)
        assert opened
        assert results.is_elsewhere(opened)


def test_tokens_that_were_never_made_lead_nowhere(handing: Handing) -> None:
    _, token = handing.linked()
    with handing.database.read() as work:
        results = Results(work, handing.codes, handing.clock())
        for wrong in ("", "x", "A" * 22, token.swapcase(), token + "x", "../" + token, "\0" * 22, "é" * 22):
            assert results.opened(wrong) is None


def test_the_table_tells_nobody_the_link_nor_the_content(handing: Handing) -> None:
    order = handing.ready()
    handing.attach(order, "note.txt", b"canary-7431 in a file")
    handing.deliver(order)
    token = handing.token()
    with handing.database.read() as work:
        for name in ("result", "result_part"):
            raw = repr(work.connection.exec_driver_sql(f"SELECT * FROM {name}").all())
            assert token not in raw
            assert "canary-7431" not in raw


def test_the_database_refuses_a_fourth_download(handing: Handing) -> None:
    from sqlalchemy.exc import IntegrityError

    handing.linked()
    with pytest.raises(IntegrityError), handing.database.work() as work:
        work.connection.execute(RESULT.update().values(downloads=4))


def test_a_claim_that_was_broken_off_is_taken_up_anew(handing: Handing) -> None:
    order = handing.ready()
    handing.attach(order, "note.txt", b"x" * 3_000_000)
    handing.deliver(order)
    with handing.database.work() as work:
        [made] = work.results.due(handing.clock(), handing.clock() + timedelta(minutes=10))
        work.results.begin(made, handing.clock() + KEPT_FOR)
        work.results.put_part(made, 0, b"half a package")
    assert handing.announcing.run_due() == 0
    handing.clock.turn(minutes=11)
    token = handing.token()
    with handing.database.work() as work:
        assert not work.results.put_part(made, 1, b"late")
    assert handing.package(handing.fetch(token, handing.ticket(token)))[:2] == b"PK"


def test_a_directory_that_is_down_is_asked_again(handing: Handing, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.core.accounts import DirectoryDown

    order = handing.deliver(handing.ready())
    with monkeypatch.context() as down:
        down.setattr(handing.directory, "get", lambda _: (_ for _ in ()).throw(DirectoryDown("unreachable")))
        assert handing.announcing.run_due() == 1
        assert handing.announcing.run_due() == 0
        handing.clock.turn(seconds=11)
        assert handing.announcing.run_due() == 1
        handing.clock.turn(hours=25)
        assert handing.announcing.run_due() == 1
    assert ("bot", "alarm result", "result can't be made: directory_down") in handing.desk.trail(order)


def test_who_was_erased_has_nothing_to_fetch_any_more(handing: Handing) -> None:
    _, token = handing.linked()
    with handing.database.work() as work:
        work.people.forget(handing.desk.alice)
        assert Results(work, handing.codes, handing.clock()).opened(token) is None


def test_an_unproven_request_never_gets_this_far(handing: Handing) -> None:
    order = handing.desk.open(Right.ACCESS, level=Level.CHANNEL, account_id=None, code_proven_at=None)
    with pytest.raises(NotAllowed), handing.desk.orders() as orders:
        orders.take(order, ANN)


def vouched(handing: Handing, by: int, *kinds: Kind) -> None:
    """The account's contacts are new, and a member of staff vouches for those of these kinds."""
    handing.put_account(days=3)
    account = handing.directory.get(ACCOUNT)
    assert account is not None
    with handing.database.work() as work:
        member = work.staff.of_id(by)
        assert member is not None
        for contact in account.contacts:
            if contact.kind in kinds:
                Vouching(work, handing.clock()).vouch(account, contact, member, "papers, by video")


def test_who_has_only_a_vouched_address_and_phone_gets_link_and_code(handing: Handing) -> None:
    vouched(handing, CLEO, Kind.EMAIL, Kind.PHONE)
    order = handing.deliver(handing.ready(vouched_by=CLEO))
    token = handing.token()
    assert handing.fetch(token, handing.ticket(token)).order_id == order.id


@pytest.mark.parametrize("signer", [ANN, BEN])
def test_who_signed_doesnt_vouch_for_where_the_link_goes(handing: Handing, signer: int) -> None:
    order = handing.ready()
    vouched(handing, signer, Kind.EMAIL)
    handing.deliver(order)
    handing.announcing.run_due()
    assert handing.links() == []
    assert ("bot", "alarm result", "no contact for the result") in handing.desk.trail(order)


@pytest.mark.parametrize("signer", [ANN, BEN])
def test_a_code_to_what_a_signer_vouches_for_opens_nothing(handing: Handing, signer: int) -> None:
    """The link reached the address of age; then the contacts changed, and one of the two vouched for the new ones."""
    _, token = handing.linked()
    vouched(handing, signer, Kind.PHONE)
    with pytest.raises(AssertionError):
        handing.ticket(token)
    with handing.database.read() as work:
        results = Results(work, handing.codes, handing.clock())
        opened = results.opened(token)
        assert opened is not None
        proof = Verification(work, handing.codes, handing.clock()).proof(opened.person, ACCOUNT, opened.made.thing)
        assert proof is not None, "the code was right"
        assert proof.vouched_by == signer
        ticket = results._ticket(opened.made.id, 1, int(handing.clock().timestamp()) + 60)
    with pytest.raises(NotAllowed):
        handing.fetch(token, ticket)
