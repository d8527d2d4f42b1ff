"""Bringing a list of accounts into our own table: first the whole file is checked, then it is written in parts.

Each part of 100 accounts is a transaction of its own, so that a running bot is never kept waiting for long. An import
that breaks off is resumed by running it again: what is there already is recognised, keeps its age, and is passed over.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import blake2b
from itertools import islice
from secrets import token_bytes
from time import sleep
from typing import TypeVar

from bot.core.contacts import Kind
from bot.directory.listing import COLUMN_OF, Bad, Listing
from storage.engine import Database
from storage.errors import Busy
from storage.stores.accounts import AccountLine

PART = 100
"""Accounts a transaction: 20 to 40 ms on SQLite, in which nobody else writes (measured with 50,000)."""
BAD_MOST = 0.05
"""Share of bad rows beyond which the file as a whole is doubted, and nothing of it written."""
OPERATOR = "operator"
"""Who the trail says it was: whoever may run commands on the machine."""
TRIES, NAP = 5, 0.5
"""How often a part is tried while the database is busy, and the seconds between."""

T = TypeVar("T")
Step = Callable[[int], None]
"""Told how many rows have been got through."""


@dataclass(slots=True)
class Check:
    """What a file holds. `bad` names every row that can't be used, in the order of the file."""

    rows: int = 0
    bad: list[Bad] = field(default_factory=list)

    @property
    def bad_lines(self) -> frozenset[int]:
        return frozenset(bad.line for bad in self.bad)

    @property
    def good(self) -> int:
        return self.rows - len(self.bad_lines)

    @property
    def is_doubtful(self) -> bool:
        """Whether so much is bad that the file is likely not what it should be."""
        return self.good == 0 or len(self.bad_lines) > BAD_MOST * self.rows


@dataclass(slots=True)
class Outcome:
    """What came, or in a dry run would come, of the good rows: accounts by what happened to them."""

    new: int = 0
    changed: int = 0
    same: int = 0
    missing: int = 0
    """Accounts in the table that the file doesn't list."""
    shared: int = 0
    """Contacts that more than one account has, after the import."""


class TooManyMissing(Exception):
    """More accounts are missing from the file than may be removed; none was. `missing` is how many."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} accounts are not in the file")
        self.missing = missing


def check(listing: Listing, now: datetime, step: Step = lambda rows: None) -> Check:
    """Reads every row. An id or a contact that two rows have makes both bad: nobody can say whose it is."""
    result, first, doubled = Check(), dict[bytes, int](), dict[tuple[int, str], Bad]()
    mark = _marks()
    for number, row in listing.rows(now):
        result.rows += 1
        step(1)
        if isinstance(row, list):
            result.bad += row
            continue
        for column, value in _names(row):
            before = first.setdefault(mark(column, value), number)
            if before != number:
                doubled.setdefault((before, column), Bad(before, column, f"is the same in line {number}"))
                doubled[number, column] = Bad(number, column, f"is the same in line {before}")
    result.bad = sorted([*result.bad, *doubled.values()])
    return result


def preview(
    database: Database, listing: Listing, checked: Check, now: datetime, step: Step = lambda rows: None
) -> Outcome:
    """What `write` would do, without doing it. Raises StorageError."""
    outcome = Outcome()
    for part in _parts(_good(listing, checked, now), PART):
        with database.read() as work:
            plan = work.accounts.plan(part, now)
        outcome.new, outcome.changed = outcome.new + len(plan.new), outcome.changed + plan.changed
        outcome.same += plan.same
        step(len(part))
    with database.read() as work:
        outcome.missing = work.accounts.count() - outcome.changed - outcome.same
    return outcome


def write(
    database: Database, listing: Listing, checked: Check, now: datetime, step: Step = lambda rows: None
) -> Outcome:
    """Writes the good rows. Accounts with a bad row, or with none, stay as they are. Raises StorageError."""
    outcome = Outcome()
    for part in _parts(_good(listing, checked, now), PART):
        new, changed, same = _patiently(partial(_write_part, database, part, now))
        outcome.new, outcome.changed, outcome.same = outcome.new + new, outcome.changed + changed, outcome.same + same
        step(len(part))
    with database.read() as work:
        outcome.missing = work.accounts.count_listed_before(now)
        outcome.shared = work.accounts.counts(now).shared
    return outcome


def remove_missing(database: Database, now: datetime, most: int, step: Step = lambda rows: None) -> int:
    """Takes away the accounts that the import of `now` didn't list; how many. Raises TooManyMissing, StorageError."""
    with database.read() as work:
        missing = work.accounts.count_listed_before(now)
    if missing > most:
        raise TooManyMissing(missing)
    removed = 0

    def some() -> int:
        with database.work() as work:
            work.accounts.one_import_at_a_time()
            gone = work.accounts.forget_listed_before(now, PART)
            if gone:
                work.trail.add(now, OPERATOR, "removed", "accounts", f"missing={gone}")
            return gone

    while gone := _patiently(some):
        removed += gone
        step(gone)
    return removed


def _write_part(database: Database, part: list[AccountLine], now: datetime) -> tuple[int, int, int]:
    with database.work() as work:
        work.accounts.one_import_at_a_time()
        plan = work.accounts.plan(part, now)
        work.accounts.apply(plan, now)
        if plan.new or plan.changed:
            work.trail.add(now, OPERATOR, "imported", "accounts", f"new={len(plan.new)} changed={plan.changed}")
    return len(plan.new), plan.changed, plan.same


def _patiently(do: Callable[[], T]) -> T:
    """Tries again while the running bot holds the database. Raises Busy when it never lets go."""
    for _ in range(TRIES - 1):
        try:
            return do()
        except Busy:
            sleep(NAP)
    return do()


def _good(listing: Listing, checked: Check, now: datetime) -> Iterator[AccountLine]:
    bad = checked.bad_lines
    return (row for number, row in listing.rows(now) if not isinstance(row, list) and number not in bad)


def _parts(rows: Iterable[AccountLine], size: int) -> Iterator[list[AccountLine]]:
    rest = iter(rows)
    while part := list(islice(rest, size)):
        yield part


def _names(row: AccountLine) -> Iterator[tuple[str, str]]:
    """The column and value of everything that only one account may have."""
    yield "account_id", row.account_id
    for contact in row.contacts:
        yield COLUMN_OF[Kind(contact.kind)], contact.value


def _marks() -> Callable[[str, str], bytes]:
    """A short mark for each value, so that a million rows fit in memory. Random key: nobody can aim at a collision."""
    key = token_bytes(16)

    def mark(column: str, value: str) -> bytes:
        return blake2b(f"{column}\0{value}".encode(), digest_size=12, key=key).digest()

    return mark
