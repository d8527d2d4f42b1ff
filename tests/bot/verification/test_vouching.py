"""A contact that is too young to prove anything, and staff who vouch for it: when a code goes there, and what it proves."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.accounts import Account, MemoryDirectory
from bot.core.contacts import Contact, Kind
from bot.core.orders import NotAllowed, Order, Right, staff
from bot.core.retention import forget_old
from bot.core.roles import NotPermitted
from bot.core.verification import Checked, Proof, Verification
from bot.core.vouching import Vouching
from knowledge.rights import Level
from storage.stores.people import Known
from storage.stores.staff import STAFF
from tests.bot.verification.conftest import ACCOUNT, MAIL, PHONE, Bench, account
from tests.conftest import Clock
from tests.orders import ANN, BEN, CLEO, DORA, STEADY, Desk, News
from tests.storage.threads import race

WHY = "showed her ID card at the counter"
YOUNG = 3
"""Days that the contact has been on file."""


@pytest.fixture
def desk(bench: Bench, clock: Clock) -> Desk:
    """Where four of staff work orders, in a company without a portal."""
    return Desk(bench.database, clock)


@pytest.fixture
def young(desk: Desk, directory: MemoryDirectory, clock: Clock) -> Account:
    """The account has one contact, a phone that the company put on file three days ago."""
    directory.put(account(clock, days=YOUNG, kinds=[Kind.PHONE]))
    there = directory.get(ACCOUNT)
    assert there is not None
    return there


def vouch(bench: Bench, there: Account, contact: Contact | None = None, by: int = CLEO) -> None:
    with bench.database.work() as work:
        member = work.staff.of_id(by)
        assert member is not None
        Vouching(work, bench.clock()).vouch(there, contact or there.contacts[0], member, WHY)


def take_back(bench: Bench, kind: Kind = Kind.PHONE, by: int = BEN) -> int:
    with bench.database.work() as work:
        member = work.staff.of_id(by)
        assert member is not None
        return Vouching(work, bench.clock()).take_back(ACCOUNT, kind, member)


def codes_sent(bench: Bench, hint: str = PHONE, user: str = "alice") -> list[str]:
    """Where a code goes when this chat asks for one."""
    bench.begin(bench.chat(user), hint)
    bench.ask()
    return [to for channel in ("sms", "email") for to, _ in bench.queued(channel)]


async def proved(bench: Bench, chat: Known, hint: str = PHONE, purpose: str = "order:1") -> Proof:
    verification, code = await bench.coded(chat, hint, purpose)
    proof = bench.check(chat, verification, code).proof
    assert proof is not None
    return proof


async def test_a_code_goes_to_a_vouched_contact_and_its_proof_says_who_vouched(bench: Bench, young: Account):
    assert codes_sent(bench) == []
    vouch(bench, young)
    alice = bench.chat()
    proof = await proved(bench, alice)
    assert proof == Proof(Level.CONTACT, bench.clock(), ACCOUNT, "phone", CLEO)
    with bench.database.read() as work:
        later = Verification(work, bench.codes, bench.clock()).proof(alice, ACCOUNT, "order:1")
        index = work.verification.account_index(ACCOUNT)
        [noted] = work.trail.of_thing(f"account:{index[:16]}")
        assert (noted.actor, noted.action, noted.detail) == (f"staff:{CLEO}", "contact vouched for", "phone")
    assert later == proof


async def test_beside_a_contact_of_age_nobodys_word_counts(bench: Bench, directory: MemoryDirectory, young: Account):
    """Of any kind that may be used: an old address is used before a young phone, where an address may be used at all."""
    vouch(bench, young)
    old = Contact(Kind.EMAIL, MAIL, bench.clock() - timedelta(days=400))
    directory.put(Account(ACCOUNT, (*young.contacts, old)))
    assert codes_sent(bench) == [PHONE], "where there is a portal, an address alone may not be used"
    bench.portal_connected = False
    assert codes_sent(bench) == [MAIL]
    bench.reach = frozenset({"sms"})
    assert codes_sent(bench, user="bob") == [PHONE], "no mail server: the address can't be used"
    bench.clock.turn(hours=1)
    directory.put(Account(ACCOUNT, (*young.contacts, replace(old, kind=Kind.PHONE, value="+8613800000002"))))
    assert codes_sent(bench, user="bob") == ["+8613800000002"]


async def test_a_vouched_address_counts_only_where_an_address_may(
    bench: Bench, desk: Desk, directory: MemoryDirectory, clock: Clock
):
    directory.put(account(clock, days=YOUNG, kinds=[Kind.EMAIL]))
    there = directory.get(ACCOUNT)
    assert there is not None
    vouch(bench, there)
    assert codes_sent(bench, MAIL) == []
    alice = bench.chat()
    bench.bind(alice)
    bench.queued("email")
    assert await proved(bench, alice) == Proof(Level.PORTAL, clock(), ACCOUNT, "email", CLEO)


def _moved(there: Account) -> Account:
    return replace(there, contacts=tuple(replace(one, since=one.since + timedelta(hours=1)) for one in there.contacts))


def _other(there: Account) -> Account:
    return replace(there, contacts=tuple(replace(one, value="+8613800000009") for one in there.contacts))


def _stranger(there: Account) -> Account:
    return Account("K-200002", there.contacts)


@pytest.mark.parametrize("changed", [_moved, _other, _stranger])
def test_of_another_contact_nothing_was_said(
    bench: Bench, directory: MemoryDirectory, young: Account, changed: Callable[[Account], Account]
):
    vouch(bench, young)
    new = changed(young)
    directory.put(Account(ACCOUNT))
    directory.put(new)
    assert codes_sent(bench, new.contacts[0].value) == []
    vouch(bench, new)  # Anew: what was said before is in nobody's way.
    assert codes_sent(bench, new.contacts[0].value, "bob") == [new.contacts[0].value]


def test_the_same_number_of_two_accounts_is_kept_as_two(bench: Bench, young: Account):
    vouch(bench, young)
    vouch(bench, _stranger(young))
    rows = "SELECT contact_index, account_index FROM vouch"
    with bench.database.read() as work:
        [one, other] = work.connection.exec_driver_sql(rows).all()
        assert not set(one) & set(other)
        kept = str(work.connection.exec_driver_sql("SELECT * FROM vouch").all())
    assert PHONE not in kept
    assert "counter" not in kept


async def test_it_holds_until_the_contact_counts_by_itself(bench: Bench, clock: Clock, young: Account):
    vouch(bench, young)
    clock.turn(days=30 - YOUNG)
    forget_old(bench.database, clock())
    assert (await proved(bench, bench.chat())).vouched_by == CLEO
    clock.turn(minutes=1)
    assert (await proved(bench, bench.chat("bob"))).vouched_by is None
    with bench.database.read() as work:
        assert len(work.vouches.of_account(ACCOUNT)) == 1
    forget_old(bench.database, clock())
    with bench.database.read() as work:
        assert work.vouches.of_account(ACCOUNT) == []


async def test_taken_back_nothing_that_rests_on_it_counts(bench: Bench, young: Account):
    """No code that is out, and no proof; and the chat is told what it would be told of an account that isn't there."""
    vouch(bench, young)
    alice, bob = bench.chat(), bench.chat("bob")
    verification, code = await bench.coded(alice)
    await proved(bench, bob)
    assert take_back(bench, Kind.EMAIL) == 0
    assert take_back(bench) == 1
    assert take_back(bench) == 0
    none = bench.begin(bench.chat("carol"), "K-999999")
    bench.ask()
    right = bench.check(alice, verification, code)
    assert right == bench.check(bench.chat("carol"), none.verification_id, code)
    assert right == Checked(False, tries_left=4)
    with bench.database.read() as work:
        assert Verification(work, bench.codes, bench.clock()).proof(bob, ACCOUNT, "order:1") is None
    assert codes_sent(bench, user="dave") == []
    assert [one for one in bench.trail() if one[0].startswith("staff")] == [
        (f"staff:{CLEO}", "contact vouched for"),
        (f"staff:{BEN}", "vouch taken back"),
    ]


async def test_taking_back_leaves_what_rests_on_a_contact_of_age(
    bench: Bench, directory: MemoryDirectory, young: Account
):
    vouch(bench, young)
    old = account(bench.clock, kinds=[Kind.PHONE])
    directory.put(old)
    alice = bench.chat()
    proof = await proved(bench, alice)
    take_back(bench)
    with bench.database.read() as work:
        assert Verification(work, bench.codes, bench.clock()).proof(alice, ACCOUNT, "order:1") == proof


@pytest.mark.parametrize("change", [{"active": False}, {"roles": "agent"}])
def test_the_word_of_somebody_who_has_left_counts_no_more(bench: Bench, young: Account, change: dict[str, object]):
    vouch(bench, young)
    with bench.database.work() as work:
        work.connection.execute(STAFF.update().where(STAFF.c.id == CLEO).values(**change))
    assert codes_sent(bench) == []
    vouch(bench, young, by=DORA)
    assert codes_sent(bench, user="bob") == [PHONE]


def test_whose_account_it_turns_out_to_be_counts_no_more(bench: Bench, young: Account):
    vouch(bench, young)
    with bench.database.work() as work:
        work.staff.set_own_account(CLEO, ACCOUNT)
    assert codes_sent(bench) == []
    with pytest.raises(NotPermitted, match="your own account"):
        vouch(bench, young)


def test_of_two_at_the_same_moment_one_vouches(bench: Bench, young: Account):
    done = race(lambda: vouch(bench, young, by=CLEO), lambda: vouch(bench, young, by=DORA))
    assert [type(one) for one in done if one is not None] == [NotPermitted]
    with bench.database.read() as work:
        [there] = work.vouches.of_account(ACCOUNT)
    assert there.staff_id in (CLEO, DORA)
    assert [action for _, action in bench.trail()] == ["contact vouched for"]


# ---- the order that comes of it


async def opened(bench: Bench, desk: Desk, right: Right) -> Order:
    """As a dialogue opens it with what its code proved."""
    proof = await proved(bench, bench.chat())
    with desk.orders() as orders:
        return orders.open(
            desk.alice,
            right,
            language="en",
            level=proof.level,
            account_id=proof.account_id,
            code_proven_at=proof.code_proven_at,
            vouched_by=proof.vouched_by,
        )


def refused(desk: Desk, *deeds: Callable[..., object]) -> Sequence[str]:
    """Why each of these can't be done."""
    found = []
    for deed in deeds:
        with pytest.raises(NotAllowed) as why, desk.orders() as orders:
            deed(orders)
        found.append(why.value.why)
    return found


@pytest.mark.parametrize("has_portal", [True, False], ids=["portal", "no portal"])
async def test_the_voucher_is_the_one_who_checked_and_two_others_sign(
    bench: Bench, desk: Desk, young: Account, has_portal: bool
):
    desk.news, bench.portal_connected = News(has_portal=has_portal), has_portal
    if has_portal:
        bench.bind(bench.chat())
        bench.queued("sms")
    vouch(bench, young)
    order = await opened(bench, desk, Right.ACCESS)
    assert (order.state, order.checked_by) == ("open", CLEO)
    assert order.level == (Level.PORTAL if has_portal else Level.CONTACT)
    [(actor, action, detail)] = desk.trail(order)
    assert (actor, action) == (f"person:{order.person_id}", "opened")
    assert detail.endswith(f"vouched for by staff:{CLEO}")
    with desk.orders() as orders:
        order = orders.take(order, ANN)
    assert refused(desk, lambda orders: orders.propose(order, CLEO)) == ["not_checker"]
    again = "check_counts" if has_portal else "unchecked"
    assert refused(desk, lambda orders: orders.check(order, DORA)) == [again]
    with desk.orders() as orders:
        order = orders.propose(order, ANN)
    assert refused(desk, lambda orders: orders.approve(order, CLEO)) == ["not_checker"]
    assert refused(desk, lambda orders: orders.approve(order, ANN)) == ["second_person"]
    with desk.orders() as orders:
        order = orders.deliver(orders.approve(order, BEN), staff(BEN))
    assert order.delivered_at is not None


async def test_a_request_that_waits_is_proved_by_it(bench: Bench, desk: Desk, young: Account):
    bench.portal_connected = False
    vouch(bench, young)
    with desk.orders() as orders:
        waiting = orders.open(desk.alice, Right.ACCESS, language="en", level=Level.CHANNEL)
    assert (waiting.state, waiting.checked_by) == ("verifying", None)
    order = await opened(bench, desk, Right.ACCESS)
    assert (order.id, order.state, order.checked_by) == (waiting.id, "open", CLEO)
    assert any(
        detail.endswith(f"vouched for by staff:{CLEO}") for _, action, detail in desk.trail(order) if action == "proved"
    )


async def test_what_proves_too_little_is_nobodys_check(bench: Bench, desk: Desk, young: Account):
    """A company with a portal: the chat isn't connected, so its request waits, and the word of staff doesn't replace it."""
    desk.news = News(has_portal=True)
    vouch(bench, young)
    order = await opened(bench, desk, Right.ACCESS)
    assert (order.state, order.level, order.checked_by) == ("verifying", Level.CONTACT, None)


async def test_a_deletion_waits_seven_days_because_the_contact_is_young(bench: Bench, desk: Desk, young: Account):
    bench.portal_connected = False
    vouch(bench, young)
    order = await opened(bench, desk, Right.DELETION)
    with desk.orders() as orders:
        order = orders.propose(orders.take(order, ANN), ANN)
        order = orders.approve(order, BEN, young.contacts, STEADY)
    assert order.hold_until == desk.clock() + timedelta(days=7)
    assert [(kind, to) for kind, to, _, _ in desk.news.warned] == [("phone", PHONE)]
