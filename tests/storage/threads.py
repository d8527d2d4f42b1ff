"""Two or more threads that begin at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Result = TypeVar("Result")


def race(*runners: Callable[[], Result]) -> list[Result | Exception]:
    """What each runner returned or raised, in their order."""
    start = Barrier(len(runners))

    def run(runner: Callable[[], Result]) -> Result | Exception:
        start.wait(10)
        try:
            return runner()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(run, runners))
