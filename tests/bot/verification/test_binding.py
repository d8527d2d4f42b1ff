"""A chat is connected by its owner at both screens, or not at all (T09)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.core.accounts import MemoryDirectory
from bot.core.binding import LINKS_AN_HOUR, Bindings, Refusal, Shown
from bot.core.shared_contact import SharedContact, contact_hint
from storage.errors import Busy
from storage.stores.bindings import Bound
from tests.bot.verification.conftest import ACCOUNT, MAIL, PHONE, Bench, account
from tests.conftest import Clock
from tests.storage.threads import race

OTHER = "K-200002"


@contextmanager
def bindings(bench: Bench) -> Iterator[Bindings]:
    with bench.database.work() as work:
        yield Bindings(work, bench.codes, bench.clock())


def start(bench: Bench, token: str, person, *, is_private: bool = True) -> Shown | Refusal:
    with bindings(bench) as open_:
        return open_.start(token, person, is_private=is_private)


def confirm(bench: Bench, public_id: str, digits: str) -> Shown | Refusal:
    with bindings(bench) as open_:
        return open_.confirm(public_id, digits)


def finish(bench: Bench, person, digits: str) -> Bound | Refusal:
    with bindings(bench) as open_:
        return open_.finish(person, digits)


def is_waiting(bench: Bench, person) -> bool:
    with bindings(bench) as open_:
        return open_.is_waiting(person)


def not_(shown: Shown) -> str:
    return str((int(shown.digits) - 10 + 1) % 90 + 10)


def of(bench: Bench, person) -> str | None:
    with bindings(bench) as open_:
        bound = open_.of(person)
        return bound.account if bound else None


def test_both_numbers_connect_the_chat(bench: Bench, clock: Clock):
    alice, offer = bench.chat(), bench.offer()
    assert len(offer.token) == 22
    assert offer.expires_at == clock() + timedelta(minutes=10)
    chat_shows = start(bench, offer.token, alice)
    assert not is_waiting(bench, alice)
    portal_shows = confirm(bench, offer.id, chat_shows.digits)
    assert of(bench, alice) is None, "not before the chat has said yes, too"
    assert is_waiting(bench, alice)
    bound = finish(bench, alice, f" {portal_shows.digits} ")
    assert not is_waiting(bench, alice)
    assert (bound.account, bound.channel) == (ACCOUNT, "memory")
    assert of(bench, alice) == ACCOUNT


def test_a_wrong_number_at_the_portal_spoils_the_link(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    shown = start(bench, offer.token, alice)
    assert confirm(bench, offer.id, not_(shown)) is Refusal.VOID
    assert confirm(bench, offer.id, shown.digits) is Refusal.VOID
    assert start(bench, offer.token, alice) is Refusal.VOID


def test_a_wrong_number_in_the_chat_spoils_the_link(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    back = confirm(bench, offer.id, start(bench, offer.token, alice).digits)
    assert finish(bench, alice, not_(back)) is Refusal.VOID
    assert finish(bench, alice, back.digits) is Refusal.VOID
    assert of(bench, alice) is None


def test_the_number_is_taken_once_even_when_it_is_right(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    shown = start(bench, offer.token, alice)
    back = confirm(bench, offer.id, shown.digits)
    assert confirm(bench, offer.id, shown.digits) is Refusal.VOID
    assert isinstance(finish(bench, alice, back.digits), Bound), "and the link is as it was"


@pytest.mark.parametrize("typed", ["", "4", "123", "ab", "٤٢", "4\n2 1"])
def test_what_is_no_number_is_a_wrong_one(bench: Bench, typed: str):
    alice, offer = bench.chat(), bench.offer()
    start(bench, offer.token, alice)
    assert confirm(bench, offer.id, typed) is Refusal.VOID


def test_a_forwarded_link_is_void_for_both_chats(bench: Bench):
    alice, mallory, offer = bench.chat(), bench.chat("mallory"), bench.offer()
    shown = start(bench, offer.token, alice)
    assert start(bench, offer.token, mallory) is Refusal.VOID
    assert confirm(bench, offer.id, shown.digits) is Refusal.VOID


def test_a_link_sent_to_a_victim_needs_the_number_of_the_victims_screen(bench: Bench):
    """Mallory, at the portal of an account of his own, sends his link to a victim, who opens it."""
    victim, offer = bench.chat("victim"), bench.offer(OTHER)
    shown = start(bench, offer.token, victim)
    guesses = [number for number in range(10, 100) if str(number) == shown.digits]
    assert len(guesses) == 1, "one of ninety, and one try"
    assert confirm(bench, offer.id, not_(shown)) is Refusal.VOID
    assert of(bench, victim) is None


def test_an_intercepted_link_needs_the_number_of_the_owners_portal(bench: Bench):
    """Mallory opens the owner's link in his own chat and even gets the owner to type his number."""
    mallory, offer = bench.chat("mallory"), bench.offer()
    back = confirm(bench, offer.id, start(bench, offer.token, mallory).digits)
    assert finish(bench, mallory, not_(back)) is Refusal.VOID
    assert of(bench, mallory) is None


def test_a_used_link_is_used(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    back = confirm(bench, offer.id, start(bench, offer.token, alice).digits)
    finish(bench, alice, back.digits)
    for person in (alice, bench.chat("bob")):
        assert start(bench, offer.token, person) is Refusal.VOID
    assert confirm(bench, offer.id, "42") is Refusal.VOID
    assert finish(bench, alice, back.digits) is Refusal.VOID


@pytest.mark.parametrize("step", ["start", "confirm", "finish"])
def test_a_link_lasts_ten_minutes_at_every_step(bench: Bench, clock: Clock, step: str):
    alice, offer = bench.chat(), bench.offer()
    if step == "start":
        clock.turn(minutes=10)
        assert start(bench, offer.token, alice) is Refusal.VOID
        return
    shown = start(bench, offer.token, alice)
    if step == "confirm":
        clock.turn(minutes=10)
        assert confirm(bench, offer.id, shown.digits) is Refusal.VOID
        return
    back = confirm(bench, offer.id, shown.digits)
    clock.turn(minutes=10)
    assert finish(bench, alice, back.digits) is Refusal.VOID


def test_the_same_chat_may_open_its_link_again_until_a_number_was_tried(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    assert start(bench, offer.token, alice) == start(bench, offer.token, alice)
    confirm(bench, offer.id, start(bench, offer.token, alice).digits)
    assert start(bench, offer.token, alice) is Refusal.VOID


def test_the_portal_cannot_confirm_what_no_chat_has_opened(bench: Bench):
    offer = bench.offer()
    assert confirm(bench, offer.id, "42") is Refusal.VOID
    assert isinstance(start(bench, offer.token, bench.chat()), Shown)


@pytest.mark.parametrize("token", ["", "x", "x" * 22, "x" * 21 + "\n", "%" * 22, "x" * 5000])
def test_an_unknown_link_is_void(bench: Bench, token: str):
    assert start(bench, token, bench.chat()) is Refusal.VOID


def test_a_group_is_refused_and_the_link_stays(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    assert start(bench, offer.token, alice, is_private=False) is Refusal.GROUP
    assert isinstance(start(bench, offer.token, alice), Shown)


def test_a_chat_is_connected_to_one_account_at_a_time(bench: Bench):
    alice = bench.chat()
    bench.bind(alice)
    assert start(bench, bench.offer(OTHER).token, alice) is Refusal.OTHER_ACCOUNT
    assert of(bench, alice) == ACCOUNT
    with bindings(bench) as open_:
        assert open_.unbind(alice)
        assert not open_.unbind(alice)
    bench.bind(alice, OTHER)
    assert of(bench, alice) == OTHER


def test_an_account_may_have_several_chats(bench: Bench):
    for chat in ("telegram", "wechat"):
        bench.bind(bench.chat("same", chat))
    with bindings(bench) as open_:
        assert [bound.channel for bound in open_.of_account(ACCOUNT)] == ["telegram", "wechat"]


def test_connecting_again_shows_a_fresh_login_and_tells_nobody(bench: Bench, clock: Clock):
    alice = bench.chat()
    bench.bind(alice)
    bench.ask()
    clock.turn(days=2)
    bench.bind(alice)
    assert bench.ask() == 0
    with bindings(bench) as open_:
        assert clock() - open_.of(alice).login_at == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ago", "taken"),
    [(timedelta(minutes=10), True), (timedelta(minutes=10, seconds=1), False), (timedelta(minutes=-2), False)],
)
def test_a_link_needs_a_fresh_login(bench: Bench, clock: Clock, ago: timedelta, taken: bool):
    with bindings(bench) as open_:
        assert (open_.offer(ACCOUNT, clock() - ago) is not Refusal.TOO_OLD) is taken


def test_links_of_an_account_are_counted(bench: Bench, clock: Clock):
    for _ in range(LINKS_AN_HOUR):
        bench.offer()
    with bindings(bench) as open_:
        assert open_.offer(ACCOUNT, clock()) is Refusal.TOO_MANY
    assert bench.offer(OTHER)


def test_every_contact_hears_of_a_connection_and_of_its_end(
    bench: Bench, directory: MemoryDirectory, clock: Clock, voice
):
    directory.put(account(clock, days=1))  # However young: a notice proves nothing, it warns.
    first, second = bench.chat("first"), bench.chat("second")
    bench.bind(first)
    bench.ask()
    assert [(user, reply.text[:20]) for user, reply in bench.queued("email")] == [(MAIL, "A chat was connected")]
    assert [user for user, _ in bench.queued("sms")] == [PHONE]
    bench.bind(second)
    bench.ask()
    [(user, reply)] = bench.queued("memory")
    assert (user, "was connected" in reply.text) == ("first", True), "and the other chat of the account"
    bench.queued("email"), bench.queued("sms")
    with bindings(bench) as open_:
        assert open_.unbind(second)
    bench.ask()
    assert ["disconnected" in reply.text for _, reply in bench.queued("sms")] == [True]
    assert ["no longer connected" in reply.text for _, reply in bench.queued("email")] == [True]


@pytest.mark.parametrize(("language", "at"), [("en", "2026-03-02 17:30 (UTC+8)"), ("zh", "2026-03-02 17:30，")])
def test_notices_tell_the_time_by_the_legal_zones_clock(bench: Bench, language: str, at: str):
    alice = bench.chat()
    with bench.database.work() as work:
        work.people.touch(alice.id, bench.clock(), language=language)
    bench.bind(bench.chat())
    bench.ask()
    (_, mail), *_ = bench.queued("email")
    (_, text), *_ = bench.queued("sms")
    assert at in mail.text
    assert at.removesuffix("，") in text.text
    assert "UTC " not in mail.text + text.text


def test_the_portal_ends_a_connection_of_its_account_only(bench: Bench):
    alice = bench.chat()
    bench.bind(alice)
    with bindings(bench) as open_:
        name = open_.of(alice).public_id
        assert not open_.unbind_at_portal(OTHER, name)
        assert open_.unbind_at_portal(ACCOUNT, name)
        assert not open_.unbind_at_portal(ACCOUNT, name)
    assert of(bench, alice) is None
    assert bench.ask() == 2, "both the connection and its end are told"


def test_of_two_chats_that_race_for_a_link_at_most_one_gets_on(bench: Bench):
    alice, mallory, offer = bench.chat(), bench.chat("mallory"), bench.offer()

    def open_as(person) -> Shown | Refusal:
        while True:
            try:
                return start(bench, offer.token, person)
            except Busy:
                continue

    shown = [one for one in race(lambda: open_as(alice), lambda: open_as(mallory)) if isinstance(one, Shown)]
    assert len(shown) <= 1
    assert confirm(bench, offer.id, shown[0].digits if shown else "42") is Refusal.VOID


def test_of_two_confirmations_at_once_one_counts(bench: Bench):
    alice, offer = bench.chat(), bench.offer()
    shown = start(bench, offer.token, alice)

    def guess(digits: str) -> Shown | Refusal:
        while True:
            try:
                return confirm(bench, offer.id, digits)
            except Busy:
                continue

    tried = race(*(lambda d=d: guess(str(d)) for d in range(10, 40)))
    spoilt = int(shown.digits) not in range(10, 40)
    assert sum(isinstance(one, Shown) for one in tried) <= (0 if spoilt else 1)


def test_a_link_holds_neither_token_nor_account_in_the_clear(bench: Bench):
    offer = bench.offer()
    alice = bench.chat()
    bench.bind(alice)
    with bench.database.read() as work:
        for name in ("binding_offer", "binding", "enquiry", "trail"):
            kept = repr([tuple(row) for row in work.connection.exec_driver_sql(f"SELECT * FROM {name}")])
            assert offer.token not in kept
            assert ACCOUNT not in kept


def test_erasing_the_chat_ends_its_connection(bench: Bench):
    alice = bench.chat()
    bench.bind(alice)
    with bench.database.work() as work:
        work.people.forget(alice.id)
    with bindings(bench) as open_:
        assert open_.of_account(ACCOUNT) == []


# ---- Telegram's shared contact: a hint, never a proof


def shared(clock: Clock, **more) -> SharedContact:
    own = {
        "phone": "8613800000001",
        "user_id": 7,
        "sender_id": 7,
        "is_private": True,
        "is_forwarded": False,
        "answers_request_at": clock() - timedelta(minutes=9),
    }
    return SharedContact(**(own | more))


def test_ones_own_contact_that_was_asked_for_is_a_hint(clock: Clock):
    assert contact_hint(shared(clock), clock()) == PHONE
    assert contact_hint(shared(clock, phone="+86 138 0000 0001"), clock()) == PHONE


@pytest.mark.parametrize(
    "more",
    [
        {"user_id": 8},
        {"user_id": None},
        {"user_id": 0, "sender_id": 7},
        {"is_private": False},
        {"is_forwarded": True},
        {"answers_request_at": None},
        {"phone": "911"},
        {"phone": ""},
    ],
    ids=["another's", "nobody's", "zero", "in a group", "forwarded", "not asked for", "no number", "empty"],
)
def test_any_other_contact_is_none(clock: Clock, more: dict):
    assert contact_hint(shared(clock, **more), clock()) is None


def test_a_contact_that_was_asked_for_long_ago_is_none(clock: Clock):
    assert contact_hint(shared(clock, answers_request_at=clock() - timedelta(minutes=10, seconds=1)), clock()) is None
    assert contact_hint(shared(clock, answers_request_at=clock() + timedelta(seconds=1)), clock()) is None
    assert PHONE[-8:] not in repr(shared(clock))
