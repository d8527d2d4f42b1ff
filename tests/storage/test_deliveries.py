"""The outbox: nothing lost, nothing out of order, and every possible repeat flagged."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlmodel import text

from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import Unreadable
from storage.stores.deliveries import Due
from storage.stores.people import Known
from storage.work import Work
from tests.conftest import Clock
from tests.storage.threads import race

MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(database: Database, clock: Clock) -> Known:
    with database.work() as work:
        return work.people.meet("telegram", "1", clock(), "en")


def due(work: Work, clock: Clock, claim: str, limit: int = 10, channel: str = "telegram") -> list[Due]:
    return work.deliveries.due(channel, clock(), limit, claim, clock() + MINUTE)


def bodies(found: Sequence[Due]) -> list[bytes]:
    return [one.body for one in found]


def test_replies_are_kept_in_order(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        ids = work.deliveries.add(person, "turn:1", [b"one", b"two", b"three"], clock())
        assert ids == sorted(ids)
        assert work.deliveries.add(person, "turn:2", [], clock()) == []
        assert work.deliveries.of_cause(person, "turn:1") == [b"one", b"two", b"three"]
        assert work.deliveries.of_cause(person, "turn:2") == []
        assert [sent.id for sent in work.deliveries.history(person)] == ids
        assert [sent.body for sent in work.deliveries.history(person, after_id=ids[0], limit=1)] == [b"two"]
        assert [sent.body for sent in work.deliveries.recent(person, limit=2)] == [b"two", b"three"]
        assert work.deliveries.pending("telegram") == 3
        assert work.deliveries.pending("wechat") == 0


def test_a_claimed_delivery_says_all_a_sender_needs(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        (number,) = work.deliveries.add(person, "turn:1", [b"hello"], clock())
        assert due(work, clock, "a") == [Due(number, person, "1", "turn:1", 0, "interactive", b"hello", 1, False)]


def test_only_the_oldest_of_a_person_and_lane_goes_out(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        other = work.people.meet("telegram", "2", clock(), "en")
        work.deliveries.add(person, "turn:1", [b"one", b"two"], clock())
        work.deliveries.add(other, "turn:2", [b"other"], clock.turn(seconds=1))
        work.deliveries.add(person, "notice:1", [b"notice"], clock(), lane="broadcast")
        first = due(work, clock, "a")
        assert bodies(first) == [b"one", b"other", b"notice"]
        assert due(work, clock, "b") == []
        assert work.deliveries.settle(first[0].id, "a", "sent", clock())
        assert bodies(due(work, clock, "b")) == [b"two"]


def test_a_delivery_that_waits_holds_back_the_later_ones(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"one", b"two"], clock())
        (one,) = due(work, clock, "a")
        assert work.deliveries.retry(one.id, "a", clock() + 5 * MINUTE, "slow down")
        assert due(work, clock, "b") == []
        clock.turn(minutes=5)
        assert bodies(due(work, clock, "b")) == [b"one"]


def test_what_answers_somebody_goes_before_a_broadcast(database: Database, clock: Clock) -> None:
    with database.work() as work:
        for number, lane in enumerate(("broadcast", "order", "interactive")):
            someone = work.people.meet("telegram", str(number), clock(), "en")
            work.deliveries.add(someone, "x:1", [lane.encode()], clock.turn(seconds=1), lane=lane)
        assert bodies(due(work, clock, "a", limit=2)) == [b"interactive", b"order"]
        assert bodies(due(work, clock, "a", limit=2)) == [b"broadcast"]


def test_a_sender_may_take_some_lanes_only(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "notice:1", [b"notice"], clock(), lane="broadcast")
        taken = work.deliveries.due("telegram", clock(), 9, "a", clock() + MINUTE, lanes=("interactive", "order"))
        assert taken == []


def test_a_delivery_born_claimed_is_nobody_elses(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        (number,) = work.deliveries.add(person, "turn:1", [b"hello"], clock(), "fast", clock() + MINUTE)
        assert due(work, clock, "pump") == []
        assert not work.deliveries.settle(number, "pump", "sent", clock())
        assert work.deliveries.settle(number, "fast", "sent", clock())
        assert work.deliveries.pending("telegram") == 0
        with pytest.raises(ValueError, match="belong together"):
            work.deliveries.add(person, "turn:2", [b"hello"], clock(), "fast")


def test_a_claim_that_ended_comes_back_flagged(database: Database, person: Known, clock: Clock) -> None:
    """What a crash between sending and noting it leaves."""
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock(), "fast", clock() + MINUTE)
        clock.turn(seconds=59)
        assert due(work, clock, "pump") == []
        clock.turn(seconds=1)
        (again,) = due(work, clock, "pump")
        assert (again.attempts, again.maybe_repeat) == (2, True)
        assert not work.deliveries.settle(again.id, "fast", "sent", clock())
        assert work.deliveries.settle(again.id, "pump", "sent", clock())
        assert not work.deliveries.settle(again.id, "pump", "failed", clock())
        clock.turn(hours=1)
        assert due(work, clock, "pump") == []


def test_a_try_given_back_is_no_repeat_unless_it_may_have_arrived(
    database: Database, person: Known, clock: Clock
) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        (one,) = due(work, clock, "a")
        assert not work.deliveries.retry(one.id, "b", clock(), "not ours")
        assert work.deliveries.retry(one.id, "a", clock(), "told to wait")
        (two,) = due(work, clock, "b")
        assert (two.attempts, two.maybe_repeat) == (2, False)
        assert work.deliveries.retry(two.id, "b", clock(), "no answer", maybe_repeat=True)
        (three,) = due(work, clock, "c")
        assert (three.attempts, three.maybe_repeat) == (3, True)
        work.deliveries.retry(three.id, "c", clock())
        assert due(work, clock, "d")[0].maybe_repeat is True


@pytest.mark.parametrize("state", ["sent", "unreachable", "failed"])
def test_an_ended_delivery_never_comes_back(database: Database, person: Known, clock: Clock, state: str) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        (one,) = due(work, clock, "a")
        assert work.deliveries.settle(one.id, "a", state, clock(), "a reason")
    clock.turn(days=1)
    with database.work() as work:
        assert due(work, clock, "b") == []
        assert work.deliveries.history(person)[0].body == b"hello"


def test_an_end_that_is_none_is_refused(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work, pytest.raises(ValueError, match="queued"):
        work.deliveries.settle(1, "a", "queued", clock())


def test_two_senders_never_get_the_same(database: Database, clock: Clock) -> None:
    with database.work() as work:
        for number in range(60):
            someone = work.people.meet("telegram", str(number), clock(), "en")
            work.deliveries.add(someone, "x:1", [b"one", b"two"], clock())

    def send(claim: str) -> list[tuple[str, int]]:
        sent = []
        while True:
            with database.work() as work:
                found = due(work, clock, claim, limit=7)
            if not found:
                return sent
            with database.work() as work:
                for one in found:
                    assert work.deliveries.settle(one.id, claim, "sent", clock())
                    sent.append((one.user, one.ordinal))

    results = race(*(lambda claim=claim: send(claim) for claim in "abc"))
    sent = [one for result in results if isinstance(result, list) for one in result]
    assert not [result for result in results if isinstance(result, Exception)]
    # A sender may leave while another one still holds a first part: what is left then is found by the next sweep.
    sent += send("sweep")
    assert sorted(sent) == sorted((str(number), ordinal) for number in range(60) for ordinal in (0, 1))


def test_the_same_cause_is_queued_once(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
    with pytest.raises(Exception, match=r"(?i)unique"), database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())


def test_a_body_that_does_not_open_fails_alone(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        other = work.people.meet("telegram", "2", clock(), "en")
        (moved,) = work.deliveries.add(person, "turn:1", [b"mine"], clock())
        (fine,) = work.deliveries.add(other, "turn:2", [b"theirs"], clock())
        move = text("UPDATE delivery SET body = (SELECT body FROM delivery WHERE id = :a) WHERE id = :b")
        work.connection.execute(move, {"a": fine, "b": moved})
    with database.work() as work:
        assert bodies(due(work, clock, "a")) == [b"theirs"]
        ended = work.connection.execute(text("SELECT state, reason FROM delivery WHERE id = :b"), {"b": moved})
        assert tuple(ended.one()) == ("failed", "unreadable")
        with pytest.raises(Unreadable):
            work.deliveries.history(person)
        with pytest.raises(Unreadable):
            work.deliveries.of_cause(person, "turn:1")


def test_a_body_whose_key_is_not_in_the_key_file_waits_alone(database_url: str, keyring: Keyring, clock: Clock) -> None:
    with Database.open(database_url, keyring) as database, database.work() as work:
        old = work.people.meet("telegram", "1", clock(), "en")
        work.deliveries.add(old, "turn:1", [b"old"], clock())
    lost = Keyring("k2", {"k2": b"2" * 32}, keyring.index, keyring.signing)
    with Database.open(database_url, lost) as database, database.work() as work:
        new = work.people.meet("telegram", "2", clock(), "en")
        work.deliveries.add(new, "turn:2", [b"new"], clock())
        assert bodies(due(work, clock, "a")) == [b"new"]
    clock.turn(minutes=2)
    with Database.open(database_url, keyring) as database, database.work() as work:
        work.people.forget(new.id)
        assert bodies(due(work, clock, "b")) == [b"old"]


def test_deliveries_of_another_channel_are_left_alone(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        assert due(work, clock, "a", channel="wechat") == []


def test_forgetting_takes_what_is_older(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        for number in range(4):
            work.deliveries.add(person, f"turn:{number}", [b"hello"], clock.turn(days=1))
        assert work.deliveries.forget_before(clock() - timedelta(hours=1), limit=2) == 2
        assert work.deliveries.forget_before(clock() - timedelta(hours=1), limit=2) == 1
        assert [sent.cause for sent in work.deliveries.history(person)] == ["turn:3"]


def test_finding_what_is_due_reads_the_unsettled_only(database: Database, person: Known, clock: Clock) -> None:
    """A long history must not slow the pump: the partial index is used, and nothing is sorted."""
    if database.facts.kind != "sqlite":
        pytest.skip("PostgreSQL plans by statistics, which a small table doesn't give")
    from storage.stores.deliveries import CLAIM

    with database.work() as work:
        connection = work.connection
        now = clock().isoformat(" ")
        values = {"on": "t", "in_lane": "order", "now": now, "most": 5, "token": "a", "until": now}
        compiled = CLAIM.compile(connection)
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}",
            tuple(compiled.construct_params(values)[name] for name in compiled.positiontup or ()),
        )
        steps = [row[3] for row in plan]
    assert any("USING INDEX ix_delivery_unsettled" in step or "ix_delivery_unsettled (" in step for step in steps), (
        steps
    )
    assert any("ix_delivery_oldest (person_id=? AND lane=?)" in step for step in steps), steps
    assert not any("TEMP B-TREE FOR ORDER BY" in step or "SCAN delivery" in step for step in steps), steps


def test_many_are_settled_at_once_and_only_those_still_ours(database: Database, clock: Clock) -> None:
    with database.work() as work:
        for user in "123":
            someone = work.people.meet("telegram", user, clock(), "en")
            work.deliveries.add(someone, "x:1", [user.encode()], clock())
        one, two, three = due(work, clock, "a")
        clock.turn(minutes=2)
        (again,) = [found for found in due(work, clock, "b", limit=1) if found.id == one.id]
        assert work.deliveries.settle_sent([(one.id, "a"), (two.id, "a"), (three.id, "b")], clock()) == 1
        assert work.deliveries.settle_sent([], clock()) == 0
        assert work.deliveries.settle_sent([(again.id, "b"), (three.id, "a")], clock()) == 2


def test_what_nobody_tried_to_send_is_given_back_as_it_was(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        (one,) = due(work, clock, "a")
        work.deliveries.give_back([(one.id, "somebody else", clock())])
        assert due(work, clock, "b") == []
        work.deliveries.give_back([(one.id, "a", clock() + MINUTE)])
        assert due(work, clock, "b") == []
        clock.turn(minutes=1)
        (again,) = due(work, clock, "c")
        assert (again.attempts, again.maybe_repeat) == (1, False)


def test_what_has_waited_too_long_fails_instead_of_waiting_on(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        (one,) = due(work, clock, "a")
        assert work.deliveries.retry(one.id, "a", clock(), unless_from_before=clock() - MINUTE)
        (one,) = due(work, clock, "b")
        assert work.deliveries.retry(one.id, "b", clock(), unless_from_before=clock())
        assert due(work, clock, "c") == []
        assert work.deliveries.pending("telegram") == 0


def test_a_delivery_knows_whether_it_is_behind_another(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        (first,) = work.deliveries.add(person, "turn:1", [b"one"], clock(), "fast", clock() + MINUTE)
        second, third = work.deliveries.add(person, "turn:2", [b"two", b"three"], clock(), "next", clock() + MINUTE)
        (apart,) = work.deliveries.add(person, "notice:1", [b"news"], clock(), lane="broadcast")
        standing = work.deliveries.standing([first, second, third, apart])
        assert {one: standing[one].is_behind for one in standing} == {
            first: False,
            second: True,
            third: True,
            apart: False,
        }
        assert (standing[first].claim, standing[first].person_id) == ("fast", person.id)
        work.deliveries.settle(first, "fast", "sent", clock())
        assert {one: seen.is_behind for one, seen in work.deliveries.standing([first, second]).items()} == {
            second: False
        }
        assert work.deliveries.standing([]) == {}


def test_the_next_time_to_look_is_known(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        lanes = ("interactive", "broadcast")
        assert not work.deliveries.is_due("telegram", lanes, clock())
        assert work.deliveries.next_due("telegram", lanes, clock()) is None
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        assert work.deliveries.is_due("telegram", lanes, clock())
        assert not work.deliveries.is_due("telegram", ("broadcast",), clock())
        (one,) = due(work, clock, "a")
        assert not work.deliveries.is_due("telegram", lanes, clock())
        work.deliveries.retry(one.id, "a", clock() + 5 * MINUTE)
        assert work.deliveries.next_due("telegram", lanes, clock()) == clock() + 5 * MINUTE
        assert work.deliveries.next_due("wechat", lanes, clock()) is None


def test_an_unreachable_person_is_marked_and_a_lost_claim_marks_nobody(
    database: Database, person: Known, clock: Clock
) -> None:
    with database.work() as work:
        work.deliveries.add(person, "turn:1", [b"hello"], clock())
        (one,) = due(work, clock, "a")
        assert not work.deliveries.settle(one.id, "b", "unreachable", clock(), "403")
        assert [known.reachable for known in (work.people.at("telegram", "1"),) if known] == [True]
        assert work.deliveries.settle(one.id, "a", "unreachable", clock(), "403")
        assert [known.reachable for known in (work.people.at("telegram", "1"),) if known] == [False]


def test_what_went_back_in_an_answer_is_known_again(database: Database, person: Known, clock: Clock) -> None:
    with database.work() as work:
        first, second = work.deliveries.add(person, "turn:1", [b"one", b"two"], clock(), "fast", clock() + MINUTE)
        assert work.deliveries.went_passively(["turn:1"]) == 0
        work.deliveries.settle(first, "fast", "sent", clock(), "passive")
        assert work.deliveries.went_passively(["telegram:17", "turn:1"]) == 1
        work.deliveries.settle(second, "fast", "sent", clock())
        assert work.deliveries.went_passively(["telegram:17", "turn:1"]) == 1
