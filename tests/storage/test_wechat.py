"""What all processes of the WeChat channel share: the token's lease, the quota of a person, nonces."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from storage.crypto import Keyring
from storage.engine import Database
from storage.stores.people import Known
from storage.stores.wechat import QUOTA, Contact
from tests.conftest import Clock
from tests.storage.threads import race

APP = "wx0000000000000001"
USER = "oInvented_openid_0000000001"
LONG_AGO = datetime(2020, 1, 1).astimezone()


def opened(database: Database, clock: Clock, contact: Contact = "message", user: str = USER) -> str:
    with database.work() as work:
        person = work.wechat.person(user)
        work.wechat.open_window(person, contact, clock(), not_before=clock())
    return person


def taken(database: Database, person: str, clock: Clock, count: int = 1, keep: int = 0) -> str:
    with database.work() as work:
        return work.wechat.take(person, count, clock(), keep=keep) or "yes"


def met(database: Database, clock: Clock) -> Known:
    with database.work() as work:
        return work.people.meet("wechat", USER, clock(), "zh")


@pytest.mark.parametrize(("contact", "count", "lasts"), [(c, *q) for c, q in QUOTA.items()])
def test_a_contact_gives_its_quota_for_its_time(
    database: Database, clock: Clock, contact: Contact, count: int, lasts: timedelta
) -> None:
    person = opened(database, clock, contact)
    assert [taken(database, person, clock) for _ in range(count + 1)] == ["yes"] * count + ["quota_used"]
    opened(database, clock, contact)
    clock.now += lasts - timedelta(seconds=1)
    assert taken(database, person, clock) == "yes"
    clock.turn(seconds=1)
    assert taken(database, person, clock) == "window_closed"


def test_nobody_may_be_written_to_who_never_wrote(database: Database, clock: Clock) -> None:
    with database.work() as work:
        assert work.wechat.take(work.wechat.person(USER), 1, clock()) == "window_closed"


def test_the_last_message_is_kept_for_what_matters(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    assert [taken(database, person, clock, keep=1) for _ in range(5)] == ["yes"] * 4 + ["quota_used"]
    assert taken(database, person, clock) == "yes"


def test_a_message_counts_in_every_open_window(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    opened(database, clock, "action")
    assert [taken(database, person, clock) for _ in range(4)] == ["yes"] * 4
    with database.read() as work:
        assert work.wechat.left(person, clock()) == {"message": 1, "action": 0}


def test_several_are_taken_together_or_not_at_all(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    assert [taken(database, person, clock, 3), taken(database, person, clock, 3)] == ["yes", "quota_used"]
    assert taken(database, person, clock, 2) == "yes"


def test_what_is_given_back_never_exceeds_the_quota(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    assert taken(database, person, clock, 2) == "yes"
    with database.work() as work:
        work.wechat.give_back(person, 1, clock())
        assert work.wechat.left(person, clock()) == {"message": 4}
        work.wechat.give_back(person, 3, clock())
        assert work.wechat.left(person, clock()) == {"message": 5}


def test_wechat_has_the_last_word_on_the_quota(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    with database.work() as work:
        work.wechat.use_up(person, "quota_used")
    assert taken(database, person, clock) == "quota_used"
    opened(database, clock)
    with database.work() as work:
        work.wechat.use_up(person, "window_closed")
    assert taken(database, person, clock) == "window_closed"


def test_ten_at_once_never_take_more_than_there_is(database: Database, clock: Clock) -> None:
    person = opened(database, clock)
    answers = race(*[lambda: taken(database, person, clock)] * 10)
    assert sorted(answers) == ["quota_used"] * 5 + ["yes"] * 5


def test_a_contact_takes_up_what_waited_for_it(database: Database, clock: Clock) -> None:
    known = met(database, clock)
    with database.work() as work:
        old = work.deliveries.add(known, "turn:1", [b"old"], clock() - timedelta(hours=30), "c", clock())
        waits = work.deliveries.add(known, "turn:2", [b"waits", b"refused"], clock(), "c", clock())
        order = work.deliveries.add(known, "order:1", [b"order"], clock() - timedelta(days=5), "c", clock(), "order")
        for delivery in (*old, waits[0], *order):
            work.deliveries.settle(delivery, "c", "unreachable", clock(), "window_closed")
        work.deliveries.settle(waits[1], "c", "unreachable", clock(), "not_following")
    clock.turn(hours=1)
    with database.work() as work:
        person = work.wechat.person(USER)
        assert work.wechat.open_window(person, "message", clock(), not_before=clock() - timedelta(hours=24)) == 2
        due = work.deliveries.due("wechat", clock(), 10, "again", clock() + timedelta(minutes=1))
    assert {one.body for one in due} == {b"waits", b"order"}


def test_nothing_is_taken_up_for_somebody_else(database: Database, clock: Clock) -> None:
    known = met(database, clock)
    with database.work() as work:
        [one] = work.deliveries.add(known, "turn:2", [b"waits"], clock(), "c", clock())
        work.deliveries.settle(one, "c", "unreachable", clock(), "window_closed")
        other = work.wechat.person("oSomebody_else")
        assert work.wechat.open_window(other, "message", clock(), not_before=LONG_AGO) == 0
        mine = work.wechat.person(USER)
        assert work.wechat.open_window(mine, "message", clock(), not_before=LONG_AGO) == 1


def test_the_window_of_an_erased_person_goes_too(database: Database, clock: Clock) -> None:
    known = met(database, clock)
    opened(database, clock)
    opened(database, clock, user="oNever_met")
    clock.turn(minutes=11)
    with database.work() as work:
        assert work.wechat.forget(clock(), clock() - timedelta(minutes=10)) == 1
        work.people.forget(known.id)
        assert work.wechat.forget(clock(), clock() - timedelta(minutes=10)) == 1
    with database.read() as work:
        assert work.connection.execute(text("SELECT count(*) FROM wechat_window")).scalar_one() == 0


def test_a_nonce_comes_again_with_the_same_body_only(database: Database, clock: Clock) -> None:
    with database.work() as work:
        note = work.wechat.is_new_or_same
        assert note("415670741", clock(), "a" * 64, clock())
        assert note("415670741", clock(), "a" * 64, clock())
        assert not note("415670741", clock(), "b" * 64, clock())
        assert not note("415670741", clock() + timedelta(seconds=59), "b" * 64, clock())
        assert note("415670741", clock() + timedelta(seconds=61), "b" * 64, clock()), "two that met by chance"
        assert note("415670742", clock(), "b" * 64, clock())


def test_one_nonce_at_once_is_one_body(database: Database, clock: Clock) -> None:
    bodies = iter("abcdefgh")

    def push() -> bool:
        body = next(bodies)
        with database.work() as work:
            return work.wechat.is_new_or_same("7", clock(), body * 64, clock())

    assert sorted(race(*[push] * 8)) == [False] * 7 + [True]


def test_old_nonces_and_windows_are_forgotten(database: Database, clock: Clock) -> None:
    met(database, clock)
    opened(database, clock)
    with database.work() as work:
        work.wechat.is_new_or_same("1", clock(), "a", clock())
        assert work.wechat.forget(clock.turn(minutes=9), clock() - timedelta(minutes=10)) == 0
        assert work.wechat.forget(clock.turn(minutes=2), clock() - timedelta(minutes=10)) == 1
        assert work.wechat.forget(clock.turn(hours=48), clock() - timedelta(minutes=10)) == 1


def test_one_process_at_a_time_renews_the_token(database: Database, clock: Clock) -> None:
    def hold(me: str) -> bool:
        with database.work() as work:
            return work.wechat.hold(APP, me, clock(), clock() + timedelta(seconds=15))

    names = iter("abcdef")
    assert sorted(race(*[lambda: hold(next(names))] * 6)) == [False] * 5 + [True]
    clock.turn(seconds=15)
    assert hold("later"), "a lease ends by itself"
    with database.work() as work:
        work.wechat.release(APP, "somebody else")
    assert not hold("third")
    with database.work() as work:
        work.wechat.release(APP, "later")
    assert hold("third")


def test_a_token_is_kept_by_its_holder_alone_and_sealed(database: Database, clock: Clock) -> None:
    ends, early = clock() + timedelta(hours=2), clock() + timedelta(minutes=115)
    with database.work() as work:
        assert work.wechat.token(APP) is None
        assert work.wechat.hold(APP, "me", clock(), clock() + timedelta(seconds=15), forced=True)
        assert not work.wechat.keep(APP, "you", "not mine", ends, early)
        assert work.wechat.keep(APP, "me", "a-secret-token", ends, early)
        assert not work.wechat.keep(APP, "me", "late", ends, early), "the lease has ended"
    with database.read() as work:
        assert work.wechat.token(APP) == ("a-secret-token", ends, early, clock())
        raw = work.connection.execute(text("SELECT token FROM wechat_token")).scalar_one()
    assert b"a-secret-token" not in bytes(raw)


def test_a_token_whose_key_is_gone_is_no_token(database: Database, database_url: str, clock: Clock) -> None:
    with database.work() as work:
        work.wechat.hold(APP, "me", clock(), clock() + timedelta(seconds=15))
        work.wechat.keep(APP, "me", "a-secret-token", clock(), clock())
    with Database.open(database_url, Keyring.new()) as other, other.read() as work:
        kept = work.wechat.token(APP)
    assert kept is not None
    assert kept.token == ""
