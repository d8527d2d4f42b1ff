"""The queue of writers: fair, one at a time, and nobody stuck in it."""

from threading import Event, Thread
from time import monotonic, sleep

import pytest

from storage.errors import Busy
from storage.writers import WriterQueue


def test_turns_come_in_the_order_of_arrival() -> None:
    queue, order, first_is_in, go = WriterQueue(10), list[int](), Event(), Event()

    def write(number: int) -> None:
        with queue.turn():
            if number == 0:
                first_is_in.set()
                go.wait(10)
            order.append(number)

    threads = [Thread(target=write, args=(0,))]
    threads[0].start()
    first_is_in.wait(10)
    for number in range(1, 6):
        threads.append(Thread(target=write, args=(number,)))
        threads[-1].start()
        while len(queue._waiting) < number:
            sleep(0.001)
    go.set()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4, 5]


def test_one_that_gives_up_does_not_stop_the_next() -> None:
    queue, entered, go, third_done = WriterQueue(0.2), Event(), Event(), Event()

    def hold() -> None:
        with queue.turn():
            entered.set()
            go.wait(10)

    def third() -> None:
        with queue.turn():
            third_done.set()

    holder = Thread(target=hold)
    holder.start()
    entered.wait(10)
    start = monotonic()
    with pytest.raises(Busy), queue.turn():
        pass
    assert monotonic() - start >= 0.2
    later = Thread(target=third)
    later.start()
    go.set()
    assert third_done.wait(10)
    holder.join()
    later.join()


def test_an_error_inside_frees_the_turn() -> None:
    queue = WriterQueue(0.2)
    with pytest.raises(KeyError), queue.turn():
        raise KeyError("inside")
    with queue.turn() as left:
        assert 0 < left <= 0.2


def test_the_patience_that_is_left_counts_the_waiting() -> None:
    queue, entered, told = WriterQueue(5), Event(), list[float]()

    def hold() -> None:
        with queue.turn():
            entered.set()
            sleep(0.3)

    holder = Thread(target=hold)
    holder.start()
    entered.wait(10)
    with queue.turn() as left:
        told.append(left)
    holder.join()
    assert 3 < told[0] < 4.8
