"""The queue of writers: fair, one at a time, nobody stuck in it, and one commit for those who wrote one after another."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from storage.engine import Database
from storage.errors import Busy
from storage.writers import Writers
from tests.conftest import Clock


class Noted:
    """A transaction that notes what is done to it. `failing` holds the steps that fail."""

    def __init__(self, left: float, steps: list[str], failing: frozenset[str]) -> None:
        self.left, self._steps, self._failing = left, steps, failing
        self.step("begin")

    def step(self, name: str) -> None:
        self._steps.append(name)
        if name in self._failing:
            raise OSError(f"{name} failed")

    def mark(self) -> None:
        self.step("mark")

    def keep(self) -> None:
        self.step("keep")

    def undo(self) -> None:
        self.step("undo")

    def commit(self) -> None:
        self.step("commit")

    def roll_back(self) -> None:
        self.step("roll back")


class Stage:
    """Some threads that write one after another: all queue up while the first is inside, then each does its `block`."""

    def __init__(self, *failing: str, patience: float = 10) -> None:
        self.steps: list[str] = []
        self.failing = set(failing)
        self.writers = Writers(patience, lambda left: Noted(left, self.steps, frozenset(self.failing)))
        self.ended: dict[int, BaseException | None] = {}

    def play(self, *blocks: Callable[[], None]) -> None:
        """Returns when all have ended; `ended` says how each did."""
        threads, release = list[Thread](), Event()
        for number, block in enumerate(blocks):
            threads.append(Thread(target=self._write, args=(number, block, release), daemon=True))
            threads[-1].start()
            while (number == 0 and not self.steps) or len(self.writers._waiting) < number:
                sleep(0.001)
        release.set()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()

    def _write(self, number: int, block: Callable[[], None], release: Event) -> None:
        try:
            with self.writers.turn():
                release.wait(10)
                self.steps.append(str(number))
                block()
        except BaseException as error:
            self.ended[number] = error
        else:
            self.ended[number] = None


def nothing() -> None:
    """A block that only writes its number."""


def wrong() -> None:
    raise KeyError("inside")


class TestQueue:
    def test_turns_come_in_the_order_of_arrival(self) -> None:
        stage = Stage()
        stage.play(*[nothing] * 6)
        assert [step for step in stage.steps if step.isdecimal()] == ["0", "1", "2", "3", "4", "5"]
        assert stage.ended == dict.fromkeys(range(6))

    def test_one_that_gives_up_does_not_stop_the_next(self) -> None:
        stage, entered, go, third_done = Stage(patience=0.2), Event(), Event(), Event()

        def hold() -> None:
            with stage.writers.turn():
                entered.set()
                go.wait(10)

        def third() -> None:
            with stage.writers.turn():
                third_done.set()

        holder = Thread(target=hold)
        holder.start()
        entered.wait(10)
        start = monotonic()
        with pytest.raises(Busy), stage.writers.turn():
            pass
        assert monotonic() - start >= 0.2
        later = Thread(target=third)
        later.start()
        go.set()
        assert third_done.wait(10)
        holder.join(10)
        later.join(10)
        assert stage.steps.count("commit") == stage.steps.count("begin")

    def test_an_error_inside_frees_the_turn(self) -> None:
        stage = Stage(patience=0.2)
        with pytest.raises(KeyError), stage.writers.turn():
            raise KeyError("inside")
        with stage.writers.turn() as transaction:
            assert 0 < transaction.left <= 0.2
        assert stage.steps == ["begin", "roll back", "begin", "commit"]

    def test_a_transaction_that_does_not_begin_frees_the_turn(self) -> None:
        stage = Stage("begin")
        with pytest.raises(OSError, match="begin failed"), stage.writers.turn():
            pass
        stage.failing.clear()
        with stage.writers.turn():
            pass
        assert stage.steps == ["begin", "begin", "commit"]

    def test_the_patience_that_is_left_counts_the_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storage.writers.OPEN_AT_MOST", 0.0)
        stage, entered = Stage(patience=5), Event()

        def hold() -> None:
            with stage.writers.turn():
                entered.set()
                sleep(0.3)

        holder = Thread(target=hold)
        holder.start()
        entered.wait(10)
        with stage.writers.turn() as transaction:
            left = transaction.left
        holder.join(10)
        assert 3 < left < 4.8

    def test_one_inside_another_is_refused_and_ends_nothing(self) -> None:
        stage = Stage()
        with stage.writers.turn():
            with pytest.raises(RuntimeError, match="already writing"), stage.writers.turn():
                pass
            assert stage.steps == ["begin"]
        assert stage.steps == ["begin", "commit"]

    @pytest.mark.skipif(os.name != "posix", reason="elsewhere a lock doesn't hear Ctrl-C")
    def test_ctrl_c_in_the_queue_leaves_it_in_order(self) -> None:
        stage, entered, go = Stage(), Event(), Event()

        def hold() -> None:
            with stage.writers.turn():
                entered.set()
                while not stage.writers._waiting:
                    sleep(0.001)
                os.kill(os.getpid(), signal.SIGINT)
                go.wait(10)

        holder = Thread(target=hold)
        holder.start()
        entered.wait(10)
        with pytest.raises(KeyboardInterrupt), stage.writers.turn():
            pass
        assert not stage.writers._waiting
        go.set()
        holder.join(10)
        with stage.writers.turn():
            pass
        assert stage.steps == ["begin", "commit"] * 2


class TestTogether:
    @pytest.fixture(autouse=True)
    def no_haste(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """However busy the machine is, a transaction may stay open for whoever waits."""
        monkeypatch.setattr("storage.writers.OPEN_AT_MOST", 30.0)

    def test_who_is_alone_begins_and_commits_and_does_nothing_more(self) -> None:
        stage = Stage()
        with stage.writers.turn():
            assert stage.steps == ["begin"]
        assert stage.steps == ["begin", "commit"]

    def test_those_who_wait_share_one_commit(self) -> None:
        stage = Stage()
        stage.play(nothing, nothing, nothing)
        assert stage.steps == ["begin", "0", "mark", "1", "keep", "mark", "2", "keep", "commit"]

    def test_nobody_is_done_before_the_commit(self) -> None:
        stage = Stage()
        done_before = list[int]()

        def last() -> None:
            sleep(0.05)  # Time enough for the first to return, if it did not wait.
            done_before.append(len(stage.ended))

        stage.play(nothing, last)
        assert done_before == [0]
        assert stage.ended == {0: None, 1: None}

    def test_a_commit_holds_so_many_turns_and_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storage.writers.TOGETHER_MOST", 2)
        stage = Stage()
        stage.play(nothing, nothing, nothing)
        assert stage.steps == ["begin", "0", "mark", "1", "keep", "commit", "begin", "2", "commit"]

    def test_a_transaction_that_has_been_open_for_long_is_handed_on_no_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.writers.OPEN_AT_MOST", 0.0)
        stage = Stage()
        stage.play(nothing, nothing)
        assert stage.steps == ["begin", "0", "commit", "begin", "1", "commit"]

    def test_an_error_takes_back_its_own_part_alone(self) -> None:
        stage = Stage()
        stage.play(nothing, wrong, nothing)
        assert stage.steps == ["begin", "0", "mark", "1", "undo", "mark", "2", "keep", "commit"]
        assert (stage.ended[0], type(stage.ended[1]), stage.ended[2]) == (None, KeyError, None)

    def test_the_last_commits_for_the_others_also_when_it_fails_itself(self) -> None:
        stage = Stage()
        stage.play(nothing, wrong)
        assert stage.steps == ["begin", "0", "mark", "1", "undo", "commit"]
        assert (stage.ended[0], type(stage.ended[1])) == (None, KeyError)

    def test_after_an_error_of_the_first_the_next_begins_anew(self) -> None:
        stage = Stage()
        stage.play(wrong, nothing)
        assert stage.steps == ["begin", "0", "roll back", "begin", "1", "commit"]
        assert (type(stage.ended[0]), stage.ended[1]) == (KeyError, None)

    def test_a_commit_that_fails_fails_for_all(self) -> None:
        stage = Stage("commit")
        stage.play(nothing, wrong, nothing)
        assert [type(stage.ended[number]) for number in range(3)] == [Busy, KeyError, OSError]
        told = stage.ended[0]
        assert told is not None
        assert told.__cause__ is stage.ended[2]
        stage.failing.clear()
        with stage.writers.turn():
            pass

    def test_a_transaction_that_is_gone_is_gone_for_all_before(self) -> None:
        stage = Stage("undo")
        stage.play(nothing, wrong, nothing)
        assert stage.steps == ["begin", "0", "mark", "1", "undo", "roll back", "begin", "2", "commit"]
        assert [type(stage.ended[number]) for number in range(3)] == [Busy, KeyError, type(None)]


class TestOneThread:
    def test_turns_of_one_thread_are_one_commit(self) -> None:
        stage = Stage()
        with stage.writers.together():
            for number in range(3):
                with stage.writers.turn():
                    stage.steps.append(str(number))
        assert stage.steps == ["begin", "0", "mark", "1", "keep", "mark", "2", "keep", "commit"]

    def test_nothing_is_begun_for_nothing(self) -> None:
        stage = Stage()
        with stage.writers.together():
            pass
        assert stage.steps == []
        with stage.writers.turn():
            pass
        assert stage.steps == ["begin", "commit"]

    @pytest.mark.parametrize("failing", [0, 1])
    def test_a_turn_that_fails_is_taken_back_alone(self, failing: int) -> None:
        stage, kept = Stage(), list[int]()
        with stage.writers.together():
            for number in range(3):
                try:
                    with stage.writers.turn():
                        if number == failing:
                            wrong()
                    kept.append(number)
                except KeyError:
                    stage.steps.append("failed")
        assert kept == [number for number in range(3) if number != failing]
        assert stage.steps.count("commit") == 1
        assert stage.steps[:3] == (["begin", "roll back", "failed"] if failing == 0 else ["begin", "mark", "undo"])

    def test_a_commit_that_fails_is_told(self) -> None:
        stage = Stage("commit")

        def write_twice() -> None:
            with stage.writers.together():
                for _ in range(2):
                    with stage.writers.turn():
                        pass

        with pytest.raises(Busy):
            write_twice()
        stage.failing.clear()
        with stage.writers.turn():
            pass
        assert stage.steps[-2:] == ["begin", "commit"]

    def test_what_was_lost_with_a_later_turn_is_told_and_nothing_more_is_written(self) -> None:
        stage, failures = Stage("undo"), list[type[Exception]]()

        def write() -> None:
            with stage.writers.together():
                for block in (nothing, wrong, nothing):
                    try:
                        with stage.writers.turn():
                            block()
                    except (KeyError, Busy) as failure:
                        failures.append(type(failure))

        with pytest.raises(Busy):
            write()
        assert failures == [KeyError, Busy]
        assert stage.steps == ["begin", "mark", "undo", "roll back"]

    def test_one_inside_another_is_refused(self) -> None:
        stage = Stage()
        with stage.writers.together(), stage.writers.turn(), pytest.raises(RuntimeError), stage.writers.turn():
            pass
        with stage.writers.turn(), pytest.raises(RuntimeError), stage.writers.together():
            pass
        assert stage.steps == ["begin", "commit"] * 2

    def test_others_wait_for_the_whole_and_may_join_its_commit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storage.writers.OPEN_AT_MOST", 30.0)
        stage, entered, go = Stage(), Event(), Event()

        def many() -> None:
            with stage.writers.together():
                for number in range(2):
                    with stage.writers.turn():
                        entered.set()
                        go.wait(10)
                        stage.steps.append(str(number))

        def one() -> None:
            with stage.writers.turn():
                stage.steps.append("other")

        threads = [Thread(target=many), Thread(target=one)]
        threads[0].start()
        entered.wait(10)
        threads[1].start()
        while not stage.writers._waiting:
            sleep(0.001)
        go.set()
        for thread in threads:
            thread.join(10)
        assert [step for step in stage.steps if step not in ("mark", "keep")] == ["begin", "0", "1", "other", "commit"]

    def test_the_database_keeps_or_takes_back_each(self, database: Database, clock: Clock) -> None:
        with database.together():
            for key in ("first", "wrong", "last"):
                with suppress(KeyError), database.work() as work:
                    work.conversations.mark_seen(key, clock())
                    if key == "wrong":
                        wrong()
        with database.read() as work:
            assert [work.conversations.turn_of(key) is not None for key in ("first", "wrong", "last")] == [
                True,
                False,
                True,
            ]
