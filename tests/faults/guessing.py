"""T08: of many guesses at the same moment exactly as many are compared as are allowed, and none more.

  python -m tests.faults.guessing --codes 1000 --parallel 200 --db sqlite
  python -m tests.faults.guessing --naive               a counter that reads, compares, then writes: it must be found

Every code is another chat's and another account's, so that nothing but the tries at this one code ends the guessing.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from typing import Any

import structlog

from bot.core.clock import system_clock
from bot.core.code_sending import SENT_WITHIN
from bot.core.codes import VALID_FOR, Codes
from bot.core.verification import Verification
from storage.engine import Database
from storage.errors import Busy
from storage.stores.people import Known
from storage.stores.verification import TRIES, VERIFICATION, VerificationStore, Wish
from tests.faults.stage import facts, report, stage


def run(kind: str, codes: int = 1_000, parallel: int = 200, naive: bool = False) -> dict[str, Any]:
    """The figures for `codes` codes, each guessed at `parallel` times at once."""
    compared, wrong_count, hits = 0, 0, 0
    with stage(kind) as there, _naive(naive), ThreadPoolExecutor(parallel) as threads:
        for number in range(codes):
            seen = list[bytes]()
            person, verification = _sent(there.database, number)

            def guess(
                at: int,
                start: Barrier,
                person: Known = person,
                verification: int = verification,
                seen: list[bytes] = seen,
            ) -> bool:
                start.wait(60)
                while True:
                    try:
                        return _check(there.database, person, verification, f"{at:08}", seen)
                    except Busy:
                        continue

            start = Barrier(parallel)
            hits += sum(threads.map(lambda at, s=start: guess(at, s), range(parallel)))
            compared += len(seen)
            wrong_count += len(seen) != TRIES
        return report(
            run="guessing",
            codes=codes,
            parallel=parallel,
            naive=naive,
            compared=compared,
            allowed=codes * TRIES,
            codes_off=wrong_count,
            hits=hits,
            **facts(there.database),
        )


def holds(seen: dict[str, Any]) -> bool:
    """Whether exactly the allowed number was compared at every code. A hit by chance has one in 10^8 a guess."""
    return seen["compared"] == seen["allowed"] and seen["codes_off"] == 0


def _sent(database: Database, number: int) -> tuple[Known, int]:
    """A chat, and its wish whose code has gone out."""
    now = system_clock()
    with database.work() as work:
        person = work.people.meet("memory", f"guesser {number}", now, "en")
        store = work.verification
        verification = store.begin(person, "order:1", is_bound=False, level=1, now=now)
        wish = store.get(person, verification)
        assert wish is not None
        store.meant(person, wish, f"K-{number:06}", "email")
        assert store.begin_sending(verification, now, not_before=now - SENT_WITHIN, valid_for=VALID_FOR)
        # No real code may be hit by the guesses 00000000 to 00000199 of this run.
        assert int(Codes.of(database.keyring).code(verification, wish.salt)) > 999
    return person, verification


def _check(database: Database, person: Known, verification: int, typed: str, seen: list[bytes]) -> bool:
    real = Codes.of(database.keyring)

    def is_same(right: bytes, guess: bytes) -> bool:
        if right.isdigit():
            seen.append(right)
        return real.is_same(right, guess)

    now = system_clock() + timedelta(seconds=1)
    with database.work() as work:
        return Verification(work, Codes(real.key, is_same), now).check(person, verification, typed).ok


@contextmanager
def _naive(on: bool) -> Iterator[None]:
    """Puts a counter in the place of ours that reads, decides, and writes: the shape that limits nothing."""
    ours = VerificationStore.count_try

    def count_try(self: VerificationStore, known: Known, verification_id: int) -> Wish | None:
        wish = self.get(known, verification_id)
        if wish is None or wish.tries >= TRIES or wish.done_at:
            return None
        changed = VERIFICATION.update().where(VERIFICATION.c.id == verification_id)
        self.connection.execute(changed.values(tries=wish.tries + 1))
        return wish

    if on:
        VerificationStore.count_try = count_try  # type: ignore[method-assign]  # a mutant, for this run alone
    try:
        yield
    finally:
        VerificationStore.count_try = ours  # type: ignore[method-assign]


def main() -> int:
    words = argparse.ArgumentParser("python -m tests.faults.guessing", description=__doc__)
    words.add_argument("--codes", type=int, default=1_000)
    words.add_argument("--parallel", type=int, default=200, help="guesses at once, below 1,000")
    words.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
    words.add_argument("--naive", action="store_true", help="with a counter that limits nothing")
    asked = words.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kept = True
    for kind in ("sqlite", "postgresql") if asked.db == "both" else (asked.db,):
        seen = run(kind, asked.codes, asked.parallel, asked.naive)
        kept = holds(seen) and kept
        print(json.dumps({**seen, "holds": holds(seen)}), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
