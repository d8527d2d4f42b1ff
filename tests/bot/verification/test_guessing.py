"""Guessing is hopeless: every try is counted before it is compared, whatever is tried around it (T08)."""

from datetime import timedelta

import pytest

from bot.core.verification import CODES_AN_HOUR, LOCK_AT, WRONG_A_DAY, Verification
from storage.engine import Database
from storage.errors import Busy
from storage.stores.verification import TRIES
from tests.bot.verification.conftest import ACCOUNT, MAIL, PHONE, Bench
from tests.conftest import Clock
from tests.storage.threads import race

GUESSES = 25
"""At once; the full size, 200 at once on 1,000 codes, is `python -m tests.faults.guessing`."""


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10**8:08}"


async def test_of_many_guesses_at_once_only_the_limit_is_compared(bench: Bench):
    alice = bench.chat()
    verification, code = await bench.coded(alice)

    def guess(number: int) -> bool:
        while True:
            try:
                return bench.check(alice, verification, wrong(code, number + 1)).ok
            except Busy:
                continue

    assert not any(race(*(lambda n=n: guess(n) for n in range(GUESSES))))
    assert len(bench.compared) == TRIES
    assert not bench.check(alice, verification, code).ok
    assert len(bench.compared) == TRIES


async def test_a_new_code_gives_tries_but_not_beyond_those_of_the_day(bench: Bench):
    alice = bench.chat()
    for purpose in ("order:1", "order:1", "order:2"):  # Resent, and for a second order.
        verification, code = await bench.coded(alice, purpose=purpose)
        for number in range(TRIES + 2):
            assert not bench.check(alice, verification, wrong(code, number + 1)).ok
    assert len(bench.compared) == WRONG_A_DAY
    checked = bench.check(alice, verification, code)
    assert (checked.ok, checked.tries_left) == (False, 0)


async def test_the_day_ends_for_a_chat_and_it_is_told_when(bench: Bench, clock: Clock):
    alice = bench.chat()
    began = clock()
    for _ in range(2):
        verification, code = await bench.coded(alice)
        for number in range(TRIES):
            bench.check(alice, verification, wrong(code, number + 1))
    verification, code = await bench.coded(alice)
    checked = bench.check(alice, verification, code)
    assert (checked.ok, checked.locked, checked.locked_until) == (False, True, began + timedelta(days=1))
    clock.turn(days=1)
    verification, code = await bench.coded(alice)
    assert bench.check(alice, verification, code).ok


async def test_a_second_chat_gets_no_further_tries_at_the_same_account(bench: Bench, clock: Clock):
    for chat in ("one", "two", "three"):
        person = bench.chat(chat)
        started = bench.begin(person)
        bench.ask()
        await bench.sent("sms")
        for number in range(TRIES):
            checked = bench.check(person, started.verification_id, f"{number:08}")
            assert not checked.locked, "a limit of the account shows in no chat that may be a stranger's"
    assert len(bench.compared) == WRONG_A_DAY


async def test_all_unbound_chats_together_get_three_codes_an_hour(bench: Bench, clock: Clock):
    for number in range(5):
        bench.begin(bench.chat(f"stranger {number}"), (PHONE, MAIL, ACCOUNT)[number % 3])
    bench.ask()
    assert len(bench.queued("sms")) == CODES_AN_HOUR
    clock.turn(hours=1)
    bench.begin(bench.chat("stranger 9"))
    bench.ask()
    assert len(bench.queued("sms")) == 1


def test_a_chat_gets_three_codes_an_hour_and_is_told_when_again(bench: Bench, clock: Clock):
    alice, began = bench.chat(), clock()
    hints = (PHONE, "nobody@example.com", "K-999999")
    assert [bench.begin(alice, hint).verification_id is None for hint in hints] == [False] * CODES_AN_HOUR
    clock.turn(minutes=59)
    for hint in hints:
        started = bench.begin(alice, hint)
        assert (started.verification_id, started.again_at) == (None, began + timedelta(hours=1))
    clock.turn(minutes=1)
    assert bench.begin(alice).verification_id is not None


async def test_a_stranger_cannot_lock_the_owner_out(bench: Bench, clock: Clock):
    owner = bench.chat("owner")
    bench.bind(owner)
    for day in range(12):
        for chat in ("a", "b"):
            stranger = bench.chat(f"{chat}{day}")
            started = bench.begin(stranger)
            bench.ask()
            await bench.sent("sms")
            for number in range(TRIES):
                bench.check(stranger, started.verification_id, f"{number:08}")
        clock.turn(days=1)
    with bench.database.read() as work:
        assert Verification(work, bench.codes, clock()).is_locked(ACCOUNT)
    verification, code = await bench.coded(owner)
    assert bench.check(owner, verification, code).ok


async def test_after_a_hundred_wrong_ones_in_a_row_nothing_counts_until_staff_have_looked(bench: Bench, clock: Clock):
    for day in range(11):
        stranger = bench.chat(f"stranger {day}")
        for _ in range(2):
            started = bench.begin(stranger)
            bench.ask()
            await bench.sent("sms")
            for number in range(TRIES):
                bench.check(stranger, started.verification_id, f"{number:08}")
        clock.turn(days=1)
    assert len(bench.compared) == LOCK_AT
    clock.turn(days=300)
    alice = bench.chat("alice")
    started = bench.begin(alice)
    bench.ask()
    assert bench.queued("sms") == [], "no code goes out while the account is locked"
    with bench.database.work() as work:
        verification = Verification(work, bench.codes, clock())
        assert verification.is_locked(ACCOUNT)
        assert verification.unlock(ACCOUNT, "staff:2")
        assert not verification.unlock(ACCOUNT, "staff:2")
    assert ("staff:2", "codes unlocked") in bench.trail()
    verification_id, code = await bench.coded(alice)
    assert bench.check(alice, verification_id, code).ok


async def test_a_right_code_ends_the_row_of_wrong_ones(bench: Bench, clock: Clock):
    for _ in range(LOCK_AT // 8 + 2):
        alice = bench.chat("alice")
        for _ in range(2):
            verification, code = await bench.coded(alice)
            for number in range(TRIES - 1):
                assert not bench.check(alice, verification, wrong(code, number + 1)).ok
        assert bench.check(alice, verification, code).ok
        clock.turn(days=1)


async def test_tries_are_remembered_over_a_restart(bench: Bench, database_url: str, keyring):
    alice = bench.chat()
    verification, code = await bench.coded(alice)
    for number in range(TRIES):
        with Database.open(database_url, keyring) as fresh:  # As after a restart between two tries.
            bench.database = fresh
            assert bench.check(alice, verification, wrong(code, number + 1)).tries_left == TRIES - number - 1
    with Database.open(database_url, keyring) as fresh:
        bench.database = fresh
        assert not bench.check(alice, verification, code).ok
    assert len(bench.compared) == TRIES


async def test_a_turn_that_fails_after_the_check_has_told_nobody_and_counts_nothing(bench: Bench, clock: Clock):
    alice = bench.chat()
    verification, code = await bench.coded(alice)

    def turn() -> None:
        with bench.database.work() as work:
            assert Verification(work, bench.codes, clock()).check(alice, verification, code).ok
            raise RuntimeError

    with pytest.raises(RuntimeError):
        turn()
    assert bench.check(alice, verification, code).ok


async def test_erasing_the_chat_does_not_give_the_tries_back(bench: Bench, clock: Clock):
    for _ in range(3):
        person = bench.chat("same")
        started = bench.begin(person)
        bench.ask()
        await bench.sent("sms")
        for number in range(TRIES):
            bench.check(person, started.verification_id, f"{number:08}")
        with bench.database.work() as work:
            work.people.forget(person.id)
    assert len(bench.compared) == WRONG_A_DAY


async def test_what_is_past_its_time_goes_and_a_lock_stays(bench: Bench, clock: Clock):
    from bot.core.retention import forget_old

    alice = bench.chat()
    verification, code = await bench.coded(alice)
    bench.check(alice, verification, wrong(code))
    bench.offer()
    clock.turn(hours=25)
    assert forget_old(bench.database, clock()).verified >= 2
    with bench.database.read() as work:
        assert work.verification.count() == 0
        scope = work.verification.scope("unbound", work.verification.account_index(ACCOUNT))
        assert work.verification.in_a_row(scope) == 1, "else a patient guesser got his tries back by waiting"
