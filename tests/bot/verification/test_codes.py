"""A code reaches a contact on file, works once, in time, for what it was asked for, in the chat that asked."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.accounts import Account, DirectoryDown, MemoryDirectory, State
from bot.core.codes import Codes, digits_of
from bot.core.contacts import Kind
from bot.core.errors import Refused, TryLater, Unreachable
from bot.core.verification import PROVEN_FOR, Proof, Started
from knowledge.rights import Level
from storage.crypto import Keyring
from tests.bot.verification.conftest import ACCOUNT, MAIL, PHONE, Bench, account
from tests.conftest import Clock


async def test_the_right_code_proves_the_contact(bench: Bench, clock: Clock):
    alice = bench.chat()
    verification, code = await bench.coded(alice)
    checked = bench.check(alice, verification, code)
    assert checked.ok
    assert checked.proof == Proof(Level.CONTACT, clock(), ACCOUNT, "phone")


async def test_a_code_works_once(bench: Bench):
    alice = bench.chat()
    verification, code = await bench.coded(alice)
    assert bench.check(alice, verification, code).ok
    assert not bench.check(alice, verification, code).ok


async def test_a_code_works_in_no_other_chat(bench: Bench):
    alice, mallory = bench.chat(), bench.chat("mallory")
    verification, code = await bench.coded(alice)
    assert not bench.check(mallory, verification, code).ok
    assert bench.check(alice, verification, code).ok, "and the stranger's try wasn't counted"
    other = bench.begin(mallory)
    assert not bench.check(mallory, other.verification_id, code).ok


async def test_a_code_proves_its_own_purpose_only(bench: Bench, clock: Clock):
    alice = bench.chat()
    verification, code = await bench.coded(alice, purpose="order:1")
    other, _ = await bench.coded(alice, purpose="result:9")
    assert not bench.check(alice, other, code).ok
    assert bench.check(alice, verification, code).ok
    with bench.database.read() as work:
        from bot.core.verification import Verification

        asked = Verification(work, bench.codes, clock())
        assert asked.proof(alice, ACCOUNT, "order:1") is not None
        assert asked.proof(alice, ACCOUNT, "result:9") is None
        assert asked.proof(alice, "K-999999", "order:1") is None
        assert asked.level(alice, ACCOUNT) is Level.CONTACT
        assert asked.level(alice, "K-999999") is Level.CHANNEL
        later = Verification(work, bench.codes, clock() + PROVEN_FOR + timedelta(seconds=1))
        assert later.proof(alice, ACCOUNT, "order:1") is None


async def test_a_newer_code_makes_the_older_void(bench: Bench):
    alice = bench.chat()
    first, old = await bench.coded(alice)
    second, new = await bench.coded(alice)
    assert not bench.check(alice, first, old).ok
    assert not bench.check(alice, second, old).ok
    assert bench.check(alice, second, new).ok


@pytest.mark.parametrize(("channel", "minutes"), [("sms", 5), ("email", 10)])
async def test_the_clock_of_a_code_starts_when_it_is_sent(bench: Bench, clock: Clock, channel: str, minutes: int):
    bench.reach, bench.portal_connected = frozenset({channel}), False
    alice = bench.chat()
    for late, works in ((-1, True), (0, False)):
        started = bench.begin(alice)
        bench.ask()
        clock.turn(minutes=7)  # It waits in the outbox: that doesn't count.
        [(_, text)] = await bench.sent(channel)
        clock.turn(minutes=minutes, seconds=late)
        code = bench.codes.code(started.verification_id, _salt(bench, alice, started))
        assert f"{code[:4]} {code[4:]}" in text
        assert bench.check(alice, started.verification_id, code).ok is works
        clock.turn(hours=1)


def _salt(bench: Bench, alice, started: Started) -> bytes:
    with bench.database.read() as work:
        return work.verification.get(alice, started.verification_id).salt


async def test_a_code_that_was_never_sent_is_wrong(bench: Bench):
    alice = bench.chat()
    started = bench.begin(alice)
    bench.ask()
    assert not bench.check(
        alice, started.verification_id, bench.codes.code(started.verification_id, _salt(bench, alice, started))
    ).ok
    assert bench.compared == []


async def test_a_code_is_stored_nowhere(bench: Bench, tmp_path):
    alice = bench.chat()
    _, code = await bench.coded(alice)
    with bench.database.read() as work:
        for name in ("verification", "enquiry", "delivery", "trail", "verification_tally"):
            for row in work.connection.exec_driver_sql(f"SELECT * FROM {name}"):
                assert code not in repr(tuple(row))
        contact = work.people.at("sms", PHONE)
        kept = work.deliveries.recent(contact)
    assert [code in one.body.decode() or f"{code[:4]} {code[4:]}" in one.body.decode() for one in kept] == [False]
    assert "{code}" in kept[0].body.decode()


async def test_a_code_is_sent_once_whatever_the_outbox_does(bench: Bench, clock: Clock):
    from bot.core.code_sending import CodeSending

    bench.begin(bench.chat())
    bench.ask()
    [(_, reply)] = bench.queued("sms")
    sending = CodeSending(bench.database, bench.codes, clock)
    async with sending.filled(reply):
        pass  # A crash here leaves it unknown whether it arrived.
    with pytest.raises(Refused, match="code_not_repeated"):
        async with sending.filled(reply):
            raise AssertionError("sent twice")


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (TryLater(timedelta(1)), True),
        (TryLater(timedelta(1), unsure=True), False),
        (Unreachable("x"), False),
        (TimeoutError(), False),
    ],
)
async def test_only_what_surely_did_not_arrive_is_sent_later(bench: Bench, clock: Clock, failure, again: bool):
    from bot.core.code_sending import CodeSending

    alice = bench.chat()
    started = bench.begin(alice)
    bench.ask()
    [(_, reply)] = bench.queued("sms")
    sending = CodeSending(bench.database, bench.codes, clock)
    with pytest.raises(type(failure)):
        async with sending.filled(reply) as first:
            raise failure
    if not again:
        with pytest.raises(Refused):
            await sending.filled(reply).__aenter__()
        return
    clock.turn(minutes=3)
    async with sending.filled(reply) as second:
        assert second == first
    assert bench.check(alice, started.verification_id, second.text.split("is ")[1][:9]).ok


async def test_a_code_that_comes_too_late_is_not_sent(bench: Bench, clock: Clock):
    bench.begin(bench.chat())
    bench.ask()
    clock.turn(minutes=16)
    with pytest.raises(Refused):
        await bench.sent("sms")


async def test_a_phone_comes_first_and_mail_where_there_is_none(bench: Bench, directory: MemoryDirectory, clock: Clock):
    bench.portal_connected = False
    bench.begin(bench.chat())
    bench.ask()
    assert [user for user, _ in bench.queued("sms")] == [PHONE]
    assert bench.queued("email") == []
    directory.put(account(clock, kinds=[Kind.EMAIL]))
    bench.begin(bench.chat("bob"), MAIL)
    bench.ask()
    assert [user for user, _ in bench.queued("email")] == [MAIL]


async def test_with_a_portal_a_mailed_code_alone_proves_nothing_so_none_is_sent(
    bench: Bench, directory: MemoryDirectory, clock: Clock
):
    directory.put(account(clock, kinds=[Kind.EMAIL]))
    bench.begin(bench.chat(), MAIL)
    bench.ask()
    assert bench.queued("email") == []
    assert ("bot", "no contact for a code") in bench.trail()


@pytest.mark.parametrize(("days", "sent"), [(29, 0), (30, 0), (31, 1)])
async def test_a_contact_counts_when_it_is_more_than_thirty_days_old(
    bench: Bench, directory: MemoryDirectory, clock: Clock, days: int, sent: int
):
    directory.put(account(clock, days=days))
    bench.begin(bench.chat())
    bench.ask()
    assert len(bench.queued("sms")) == sent
    assert bench.queued("email") == []


async def test_of_a_bound_chat_what_is_typed_does_not_count(bench: Bench, directory: MemoryDirectory, clock: Clock):
    directory.put(Account("K-200002", account(clock).contacts[:0]))
    alice = bench.chat()
    bench.bind(alice)
    verification, code = await bench.coded(alice, hint="K-200002")
    assert bench.check(alice, verification, code).proof == Proof(Level.PORTAL, clock(), ACCOUNT, "phone")


async def test_a_stale_login_proves_no_more_than_the_contact(bench: Bench, clock: Clock):
    alice = bench.chat()
    bench.bind(alice)
    clock.turn(minutes=11)
    verification, code = await bench.coded(alice)
    proof = bench.check(alice, verification, code).proof
    assert proof is not None
    assert proof.level is Level.CONTACT


async def test_beside_a_fresh_login_a_mailed_code_will_do(bench: Bench, directory: MemoryDirectory, clock: Clock):
    directory.put(account(clock, kinds=[Kind.EMAIL]))
    alice = bench.chat()
    bench.bind(alice)
    verification, code = await bench.coded(alice)
    assert bench.check(alice, verification, code).proof == Proof(Level.PORTAL, clock(), ACCOUNT, "email")


async def test_a_code_asked_for_while_bound_is_void_once_the_binding_has_ended(bench: Bench):
    alice = bench.chat()
    bench.bind(alice)
    verification, code = await bench.coded(alice)
    with bench.database.work() as work:
        from bot.core.binding import Bindings

        assert Bindings(work, bench.codes, bench.clock()).unbind(alice)
    assert not bench.check(alice, verification, code).ok
    assert bench.compared == []


async def test_the_account_of_a_closed_customer_can_still_be_verified(bench: Bench, directory, clock: Clock):
    directory.put(replace(account(clock), state=State.CLOSED))
    alice = bench.chat()
    verification, code = await bench.coded(alice)
    assert bench.check(alice, verification, code).ok


@pytest.mark.parametrize("typed", ["", "1234567", "123456789", "1234 567x", "١٢٣٤٥٦٧٨", "1" * 5000, "12345678\ud800"])
async def test_what_is_no_code_is_not_counted(bench: Bench, typed: str):
    alice = bench.chat()
    verification, _ = await bench.coded(alice)
    for _ in range(20):
        checked = bench.check(alice, verification, typed)
        assert (checked.ok, checked.is_code, checked.tries_left) == (False, False, 5)


@pytest.mark.parametrize("typed", ["1234 5678", "１２３４５６７８", " 1234-5678 ", "1234–5678"])
def test_a_code_may_be_typed_in_several_ways(typed: str):
    assert digits_of(typed) == "12345678"


def test_codes_differ_by_installation_salt_and_id():
    codes, others = Codes.of(Keyring.new()), Codes.of(Keyring.new())
    seen = {codes.code(1, b"a"), codes.code(2, b"a"), codes.code(1, b"b"), others.code(1, b"a")}
    assert len(seen) == 4
    assert all(len(code) == 8 and code.isdecimal() for code in seen)
    assert codes.code(1, b"a") == codes.code(1, b"a")
    leading = {codes.code(n, b"")[0] for n in range(300)}
    assert leading == set("0123456789"), "leading zeros belong to it"


async def test_a_directory_that_is_down_is_asked_again(bench: Bench, clock: Clock):
    class Down(MemoryDirectory):
        is_down = True

        def find(self, hint: str) -> Account | None:
            if self.is_down:
                raise DirectoryDown("stalled", timedelta(seconds=30))
            return super().find(hint)

    down = Down([account(clock)])
    bench.directory = down
    bench.begin(bench.chat())
    assert bench.ask() == 1
    assert bench.ask() == 0
    clock.turn(seconds=30)
    assert bench.ask() == 1
    down.is_down = False
    clock.turn(seconds=30)
    assert bench.ask() == 1
    assert len(bench.queued("sms")) == 1
    bench.begin(bench.chat("bob"))
    down.is_down = True
    for _ in range(40):
        clock.turn(seconds=30)
        bench.ask()
    assert ("bot", "accounts not reached") in bench.trail()
    assert bench.ask() == 0


async def test_a_worker_that_died_while_asking_leaves_the_rest_to_another(bench: Bench, clock: Clock):
    class Dies(MemoryDirectory):
        def find(self, hint: str) -> Account | None:
            raise KeyboardInterrupt

    whole, bench.directory = bench.directory, Dies()
    bench.begin(bench.chat())
    with pytest.raises(KeyboardInterrupt):
        bench.ask()
    bench.directory = whole
    assert bench.ask() == 0
    clock.turn(minutes=1)
    assert bench.ask() == 1
    assert len(bench.queued("sms")) == 1


async def test_two_workers_send_one_code(bench: Bench, clock: Clock):
    bench.begin(bench.chat())
    with bench.database.work() as work:
        first = work.enquiries.due(clock(), clock() + timedelta(minutes=1))
        assert work.enquiries.due(clock(), clock() + timedelta(minutes=1)) == []
    assert len(first) == 1
    assert bench.ask() == 0


async def test_who_is_erased_meanwhile_gets_no_code(bench: Bench):
    alice = bench.chat()
    bench.begin(alice)
    with bench.database.work() as work:
        work.people.forget(alice.id)
    assert bench.ask() == 0
    assert bench.queued("sms") == []


async def test_the_words_reach_people_in_their_language(bench: Bench, voice):
    for language in ("en", "zh", "zh-Hant"):
        with bench.database.work() as work:
            person = work.people.meet("memory", language, bench.clock(), language)
        bench.begin(person)
        bench.ask()
        [(_, reply)] = bench.queued("sms")
        assert reply.text == voice(language).shared("code_sms")
        assert len(reply.text) < 300
        assert json.loads(json.dumps(reply.as_data()))["reference"] == reply.reference
