"""T12: whether there is such an account shows neither in the bytes nor in the time of what a chat gets.

  python -m tests.faults.enumeration                    1,000 wishes about accounts that exist and 1,000 about none, mixed
  python -m tests.faults.enumeration --leak 0.002       the same with 2 ms more for those that exist: it must be found

Timed is what a turn does below the outbox, `begin` and `check`, commit included. Every one comes from a chat of its own,
and the caps over all chats are lifted: they hold back without asking whether there is an account. Told apart are two
samples by the gap of their medians and by Kolmogorov and Smirnov's D, the largest distance of their distributions.
"""

import argparse
import json
import logging
import sys
from bisect import bisect_right
from datetime import timedelta
from random import Random
from statistics import median
from time import perf_counter, sleep
from typing import Any
from unittest.mock import patch

import structlog

from bot.core import flood
from bot.core.accounts import Account, MemoryDirectory
from bot.core.clock import system_clock
from bot.core.code_sending import SENT_WITHIN
from bot.core.codes import VALID_FOR, Codes
from bot.core.contacts import Contact, Kind
from bot.core.enquiries import Enquiries
from bot.core.verification import Checked, Started, Verification
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.library import load_policy
from storage.engine import Database
from tests.faults.stage import facts, report, stage

GAP_MOST = 0.005
"""Seconds between the medians."""
D_MOST = 0.1
"""At 1,000 and 1,000; two samples of one kind differ by 0.073 in one run of a hundred."""
ASK_EVERY = 25


def run(kind: str, each: int = 1_000, seed: int = 1, leak: float = 0.0) -> dict[str, Any]:
    """The figures for `each` wishes about accounts that exist, and as many about none. `leak`: seconds added to the first."""
    unlimited = patch.multiple(flood, LOOKUPS_A_MINUTE=10**9, CODES_AN_HOUR=10**9)
    with stage(kind) as there, unlimited:
        database, chance = there.database, Random(seed)
        directory = MemoryDirectory(_account(number) for number in range(each))
        wording, policy = Wording.load(), load_policy("kenpai")
        enquiries = Enquiries(
            database,
            directory,
            system_clock,
            lambda language: Voice(wording, policy, language),
            reach=frozenset({"sms"}),
            portal_connected=True,
        )
        wishes = [(number, exists) for number in range(each) for exists in (True, False)]
        chance.shuffle(wishes)
        begun, checked = _Seen(), _Seen()
        open_ = list[tuple[Any, int, bool]]()
        for turn, (number, exists) in enumerate(wishes, 1):
            with database.work() as work:
                person = work.people.meet("memory", f"{number} {exists}", system_clock(), "en")
            started = begun.time(exists, leak, lambda p=person, n=number, e=exists: _begin(database, p, _hint(n, e)))
            open_.append((person, started.verification_id, exists))
            if turn % ASK_EVERY == 0 or turn == len(wishes):
                while enquiries.run_due():
                    pass
                _send(database, [verification for _, verification, _ in open_])
                for person, verification, exists in open_:
                    checked.time(exists, leak, lambda p=person, v=verification: _check(database, p, v))
                open_.clear()
        with database.read() as work:
            sql = "SELECT count(*) FROM verification WHERE sent_at IS NOT NULL"
            sent = work.connection.exec_driver_sql(sql).scalar_one()
        return report(
            run="enumeration",
            each=each,
            seed=seed,
            leak=leak,
            codes_sent=sent,
            begin=begun.figures(),
            check=checked.figures(),
            **facts(database),
        )


def holds(seen: dict[str, Any], gap_most: float = GAP_MOST, d_most: float = D_MOST) -> bool:
    """Whether nobody could tell: and every account that exists was sent its code, or nothing was measured."""
    parts = (seen["begin"], seen["check"])
    alike = all(part["gap_ms"] < gap_most * 1000 and part["d"] < d_most and part["answers"] == 1 for part in parts)
    return alike and seen["codes_sent"] == seen["each"]


class _Seen:
    """Times and answers, by whether the account exists."""

    def __init__(self) -> None:
        self._times: dict[bool, list[float]] = {True: [], False: []}
        self._answers = set[str]()

    def time(self, exists: bool, leak: float, what: Any) -> Any:
        began = perf_counter()
        answer = what()
        if exists and leak:
            sleep(leak)
        self._times[exists].append(perf_counter() - began)
        self._answers.add(_bytes(answer))
        return answer

    def figures(self) -> dict[str, Any]:
        there, none = self._times[True], self._times[False]
        return {
            "median_ms": [round(median(times) * 1000, 3) for times in (there, none)],
            "gap_ms": round(abs(median(there) - median(none)) * 1000, 3),
            "d": round(distance(there, none), 4),
            "answers": len(self._answers),
        }


def distance(one: list[float], other: list[float]) -> float:
    """Kolmogorov and Smirnov's D of two samples."""
    first, second = sorted(one), sorted(other)
    return max(abs(bisect_right(first, x) / len(first) - bisect_right(second, x) / len(second)) for x in first + second)


def _bytes(answer: Started | Checked) -> str:
    """All that a chat could be told, without the number of the wish and the time of day."""
    if isinstance(answer, Started):
        return json.dumps([answer.verification_id is None, answer.again_at is None])
    return repr(answer)


def _account(number: int) -> Account:
    since = system_clock() - timedelta(days=400)
    return Account(f"K-{number:06}", (Contact(Kind.PHONE, _hint(number, True), since),))


def _hint(number: int, exists: bool) -> str:
    return f"+8613{8 if exists else 9}{number:08}"


def _begin(database: Database, person: Any, hint: str) -> Started:
    with database.work() as work:
        return Verification(work, Codes.of(database.keyring), system_clock()).begin(person, hint, "order:1")


def _check(database: Database, person: Any, verification: int) -> Checked:
    with database.work() as work:
        return Verification(work, Codes.of(database.keyring), system_clock()).check(person, verification, "00000000")


def _send(database: Database, verifications: list[int]) -> None:
    """The codes go out, to those who get one."""
    now = system_clock()
    with database.work() as work:
        for verification in verifications:
            sql = f"SELECT account_index FROM verification WHERE id = {int(verification)}"
            if work.connection.exec_driver_sql(sql).scalar_one():
                work.verification.begin_sending(verification, now, not_before=now - SENT_WITHIN, valid_for=VALID_FOR)


def main() -> int:
    words = argparse.ArgumentParser("python -m tests.faults.enumeration", description=__doc__)
    words.add_argument("--each", type=int, default=1_000, help="wishes of each kind")
    words.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--leak", type=float, default=0.0, help="seconds more for accounts that exist")
    asked = words.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kept = True
    for kind in ("sqlite", "postgresql") if asked.db == "both" else (asked.db,):
        seen = run(kind, asked.each, asked.seed, asked.leak)
        kept = holds(seen) and kept
        print(json.dumps({**seen, "holds": holds(seen)}), flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
