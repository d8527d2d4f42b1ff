"""What was said: sealed, counted once, and forgotten in time."""

from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from sqlmodel import text

from storage.engine import Database
from storage.errors import AlreadySeen, Busy, Conflict, Unreadable
from storage.stores.conversations import Forgotten, State
from storage.stores.people import Known
from storage.work import Work
from tests.conftest import Clock
from tests.storage.threads import race


@pytest.fixture
def person(database: Database, clock: Clock) -> Known:
    with database.work() as work:
        return work.people.meet("telegram", "1", clock(), "en")


def receipt(work: Work, clock: Clock, code: str, turn: int | None = None) -> None:
    work.conversations.add_receipt(code, clock(), "kenpai", "2023-12-15", "sum", ("privacy.1", "pre.1"), "zh", turn)


class TestState:
    def test_a_new_talk_has_none(self, database: Database, person: Known) -> None:
        with database.read() as work:
            assert work.conversations.state(person) == State(None, 0, "bot")

    def test_comes_back_as_it_was_written_last(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            assert work.conversations.save_state(person, b"one", 0, clock()) == 1
            assert work.conversations.save_state(person, b"two", 1, clock()) == 2
        with database.read() as work:
            assert work.conversations.state(person) == State(b"two", 2, "bot")

    @pytest.mark.parametrize("stale", [0, 1, 3])
    def test_another_turn_in_between_is_noticed(
        self, database: Database, person: Known, clock: Clock, stale: int
    ) -> None:
        with database.work() as work:
            work.conversations.save_state(person, b"one", 0, clock())
            work.conversations.save_state(person, b"two", 1, clock())
        with pytest.raises(Conflict), database.work() as work:
            work.conversations.save_state(person, b"late", stale, clock())
        with database.read() as work:
            assert work.conversations.state(person).state == b"two"

    @pytest.mark.parametrize("first", [0, 1])
    def test_of_two_threads_one_wins_and_the_other_knows(
        self, database: Database, person: Known, clock: Clock, first: int
    ) -> None:
        for _ in range(first):
            with database.work() as work:
                work.conversations.save_state(person, b"before", 0, clock())

        both_have_read = Barrier(2)

        def turn(said: bytes) -> bytes:
            with database.read() as work:
                version = work.conversations.state(person).version
            both_have_read.wait(10)
            with database.work() as work:
                work.conversations.save_state(person, said, version, clock())
            return said

        results = race(lambda: turn(b"one"), lambda: turn(b"two"))
        won = [result for result in results if isinstance(result, bytes)]
        assert [type(lost) for lost in results if not isinstance(lost, bytes)] == [Conflict]
        with database.read() as work:
            assert work.conversations.state(person) == State(won[0], first + 1, "bot")

    def test_an_earlier_one_put_back_does_not_open(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            work.conversations.save_state(person, b"one", 0, clock())
            earlier = work.connection.execute(text("SELECT state FROM conversation")).scalar_one()
            work.conversations.save_state(person, b"two", 1, clock())
            work.connection.execute(text("UPDATE conversation SET state = :s"), {"s": bytes(earlier)})
        with pytest.raises(Unreadable), database.read() as work:
            work.conversations.state(person)


class TestSeen:
    def test_a_message_takes_effect_once(self, database: Database, clock: Clock) -> None:
        with database.work() as work:
            assert work.conversations.turn_of("telegram:9") is None
            work.conversations.mark_seen("telegram:9", clock(), 17)
        with database.work() as work:
            with pytest.raises(AlreadySeen):
                work.conversations.mark_seen("telegram:9", clock.turn(minutes=1), 18)
            # The transaction is still good: PostgreSQL would refuse everything after a failed INSERT.
            mark = work.conversations.turn_of("telegram:9")
        assert mark is not None
        assert (mark.key, mark.turn_id, mark.at) == ("telegram:9", 17, clock() - timedelta(minutes=1))

    def test_a_message_undone_may_come_again(self, database: Database, clock: Clock) -> None:
        def turn_that_fails() -> None:
            with database.work() as work:
                work.conversations.mark_seen("k", clock())
                raise RuntimeError("something later in the turn")

        with pytest.raises(RuntimeError):
            turn_that_fails()
        with database.work() as work:
            work.conversations.mark_seen("k", clock())

    def test_of_many_threads_with_one_message_one_takes_effect(self, database: Database, clock: Clock) -> None:
        def take(turn: int) -> int:
            with database.work() as work:
                work.conversations.mark_seen("k", clock(), turn)
            return turn

        results = race(*(lambda turn=turn: take(turn) for turn in range(6)))
        won = [result for result in results if isinstance(result, int)]
        assert len(won) == 1
        assert [type(lost) for lost in results if not isinstance(lost, int)] == [AlreadySeen] * 5
        with database.read() as work:
            mark = work.conversations.turn_of("k")
        assert mark is not None
        assert mark.turn_id == won[0]


class TestTurns:
    def test_come_back_newest_first(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            ids = [
                work.conversations.add_turn(person, clock.turn(seconds=1), said, "answered", None, ["privacy.1"], 0.5)
                for said in ("one", "二", "half \ud83d")
            ]
        with database.read() as work:
            turns = work.conversations.turns(person, 10)
            assert [(turn.id, turn.text) for turn in turns] == list(
                zip(ids, ("one", "二", "half \ud83d"), strict=True)
            )[::-1]
            assert [turn.id for turn in work.conversations.turns(person, 1, before=ids[2])] == [ids[1]]
        assert (turns[0].clauses, turns[0].score, turns[0].rating, turns[0].at) == (("privacy.1",), 0.5, 0, clock())

    def test_one_persons_are_not_anothers(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            other = work.people.meet("telegram", "2", clock(), "en")
            work.conversations.add_turn(other, clock(), "hello", "answered")
            assert work.conversations.turns(person, 10) == []

    def test_a_text_moved_to_another_row_does_not_open(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            first = work.conversations.add_turn(person, clock(), "one", "answered")
            second = work.conversations.add_turn(person, clock.turn(seconds=1), "two", "answered")
            move = text("UPDATE turn SET text = (SELECT text FROM turn WHERE id = :a) WHERE id = :b")
            work.connection.execute(move, {"a": first, "b": second})
            with pytest.raises(Unreadable):
                work.conversations.turns(person, 10)
            assert work.conversations.turns(person, 10, before=second)[0].text == "one"

    def test_the_words_are_nowhere_in_the_clear(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            work.conversations.add_turn(person, clock(), "plainly visible", "answered")
            work.conversations.save_state(person, b"plainly visible", 0, clock())
            work.deliveries.add(person, "turn:1", [b"plainly visible"], clock())
            work.quarantine.put("k", "telegram", b"plainly visible", "ValueError", clock())
            for table in ("turn", "conversation", "delivery", "quarantine"):
                for row in work.connection.execute(text(f"SELECT * FROM {table}")):
                    assert not any(b"plainly" in bytes(v) for v in row if isinstance(v, bytes | memoryview))
                    assert "plainly" not in str(tuple(row))

    def test_an_unknown_outcome_is_refused(self, database: Database, person: Known, clock: Clock) -> None:
        with pytest.raises(Exception, match="outcome"), database.work() as work:
            work.conversations.add_turn(person, clock(), "one", "invented")

    def test_clauses_as_one_string_are_refused(self, database: Database, person: Known, clock: Clock) -> None:
        with pytest.raises(TypeError), database.work() as work:
            work.conversations.add_turn(person, clock(), "one", "answered", clauses="privacy.1")

    def test_only_ones_own_can_be_rated(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            other = work.people.meet("telegram", "2", clock(), "en")
            turn = work.conversations.add_turn(person, clock(), "one", "answered")
            assert work.conversations.rate(other.id, turn, -1, "wrong clause") is False
            assert work.conversations.turns(person, 1)[0].rating == 0
            assert work.conversations.rate(person.id, turn, 1) is True
            assert work.conversations.turns(person, 1)[0].rating == 1


class TestReceipts:
    def test_says_what_an_answer_rested_on_and_whose_it_was(
        self, database: Database, person: Known, clock: Clock
    ) -> None:
        with database.work() as work:
            turn = work.conversations.add_turn(person, clock(), "one", "answered")
            receipt(work, clock, "7K2M", turn)
            basis = work.conversations.receipt("7K2M")
            assert work.conversations.receipt("0000") is None
        assert basis is not None
        assert basis._asdict() == {
            "code": "7K2M",
            "at": clock(),
            "company": "kenpai",
            "version": "2023-12-15",
            "checksum": "sum",
            "clauses": ("privacy.1", "pre.1"),
            "language": "zh",
            "turn_id": turn,
            "person_id": person.id,
        }

    def test_a_code_is_given_once(self, database: Database, clock: Clock) -> None:
        with database.work() as work:
            receipt(work, clock, "7K2M")
            with pytest.raises(Conflict):
                receipt(work, clock, "7K2M")
            assert work.conversations.receipt("7K2M") is not None


class TestForgetting:
    def test_takes_what_is_older_and_no_more(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            for number in range(4):
                turn = work.conversations.add_turn(person, clock(), "one", "answered")
                receipt(work, clock, f"R{number}", turn)
                work.conversations.mark_seen(f"k{number}", clock(), turn)
                clock.turn(days=1)
            ago = [clock() - timedelta(days=days, hours=1) for days in (1, 2, 3)]
            assert work.conversations.forget_before(*ago) == Forgotten(3, 2, 1)
            assert work.conversations.forget_before(*ago) == Forgotten(0, 0, 0)
            assert len(work.conversations.turns(person, 10)) == 1
            assert [work.conversations.turn_of(f"k{n}") is None for n in range(4)] == [True, True, False, False]
            found = [work.conversations.receipt(f"R{n}") for n in range(4)]
        assert [basis and basis.person_id for basis in found] == [None, None, None, person.id]
        assert [basis is None for basis in found] == [True, False, False, False]

    def test_takes_at_most_so_many_at_once(self, database: Database, person: Known, clock: Clock) -> None:
        with database.work() as work:
            for _ in range(5):
                work.conversations.add_turn(person, clock(), "one", "answered")
            later = clock.turn(days=1)
            taken = [work.conversations.forget_before(later, later, later, limit=2).turns for _ in range(4)]
        assert taken == [2, 2, 1, 0]


def test_a_turn_that_fails_leaves_nothing_behind(database: Database, person: Known, clock: Clock) -> None:
    def turn_that_fails() -> None:
        with database.work() as work:
            turn = work.conversations.add_turn(person, clock(), "one", "answered")
            receipt(work, clock, "7K2M", turn)
            work.conversations.mark_seen("k", clock(), turn)
            work.deliveries.add(person, "turn:1", [b"hi"], clock())
            work.trail.add(clock(), "bot", "answered", f"turn:{turn}")
            work.conversations.save_state(person, b"{}", 0, clock())
            raise RuntimeError("at the very end")

    with pytest.raises(RuntimeError):
        turn_that_fails()
    with database.read() as work:
        assert work.conversations.turns(person, 1) == []
        assert work.conversations.receipt("7K2M") is None
        assert work.conversations.turn_of("k") is None
        assert work.deliveries.history(person) == []
        assert work.trail.count() == 0
        assert work.conversations.state(person).version == 0


def test_a_lock_held_too_long_is_busy_and_the_rest_goes_on(database: Database, person: Known, clock: Clock) -> None:
    """One thread keeps the same message's row for longer than anybody waits."""
    held, go = Event(), Event()

    def hold() -> None:
        with database.work() as work:
            work.conversations.mark_seen("k", clock())
            held.set()
            go.wait(30)

    holder = Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        with pytest.raises(Busy, match="Try again"), database.work() as work:
            work.conversations.mark_seen("k", clock())
    finally:
        go.set()
        holder.join()
    with database.work() as work:
        work.conversations.mark_seen("other", clock())
        assert work.conversations.turn_of("k") is not None
