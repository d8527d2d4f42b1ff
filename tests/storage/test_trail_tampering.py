"""What somebody with the database in their hands could do to the audit trail: all of it is found.

Seeded tamperings on each database, each in a transaction that is undone, with the triggers put out of action
as an owner of the database could. The anchors are outside, where they can't reach.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from random import Random

import pytest
from sqlalchemy import delete, insert, select, update
from sqlmodel import text

from storage.chain import FIRST, LINK, TRAIL, Head, canonical, chain
from storage.chain_check import Anchor, Verdict, verify
from storage.engine import Database
from storage.work import Work
from tests.conftest import Clock

ENTRIES, SEED = 24, 20260302
TAMPERINGS = int(os.environ.get("TAMPERINGS", "250"))
"""In full: TAMPERINGS=1000 before the command."""
EVERY = 6
"""Each sixth number was anchored, and the last."""
FIELDS = ("actor", "action", "thing", "detail", "at")


@pytest.fixture
def anchors(database: Database, clock: Clock) -> list[Anchor]:
    """A chain of ENTRIES entries, and what was noted of it outside."""
    noted = []
    for number in range(1, ENTRIES + 1):
        with database.work() as work:
            clock.turn(minutes=1)
            work.trail.add(clock(), f"staff:{number % 3}", "reviewed", f"order:{number % 5}", f"第{number}步")
            chain(work, clock())
            if number % EVERY == 0:
                noted.append(Anchor(clock(), *end(work)))
    return noted


def end(work: Work) -> Head:
    return Head(*work.connection.execute(select(LINK.c.seq, LINK.c.hash).order_by(LINK.c.seq.desc()).limit(1)).one())


@contextmanager
def in_their_hands(database: Database) -> Iterator[Work]:
    """A transaction in which nothing is refused, undone at the end."""

    class Undone(Exception):
        pass

    try:
        with database.work() as work:
            if database.facts.kind == "sqlite":
                triggers = work.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
                for (name,) in triggers.all():
                    work.connection.exec_driver_sql(f"DROP TRIGGER {name}")
            else:
                work.connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield work
            raise Undone
    except Undone:
        pass


def verdict_on(work: Work, anchors: list[Anchor], page: int = 7) -> Verdict:
    return verify(lambda: nullcontext(work), anchors, page=page)


class Hand:
    """Somebody who tampers. Each way returns the first number at which something is no longer what it was."""

    def __init__(self, work: Work, chance: Random) -> None:
        self.work, self.chance, self.do = work, chance, work.connection.execute

    def entry(self, seq: int) -> int:
        found: int = self.do(select(LINK.c.trail_id).where(LINK.c.seq == seq)).scalar_one()
        return found

    def any(self, last: int = ENTRIES) -> int:
        return self.chance.randint(1, last)

    def edit(self) -> int:
        """One field of one entry: changed wholly, by a letter, or by a second."""
        seq, field = self.any(), self.chance.choice(FIELDS)
        now = self.do(select(TRAIL.c[field]).where(TRAIL.c.id == self.entry(seq))).scalar_one()
        new = (
            now.replace(second=(now.second + 1) % 60)
            if field == "at"
            else self.chance.choice([now + " ", now[:-1], ""])
        )
        self.do(update(TRAIL).where(TRAIL.c.id == self.entry(seq)).values({field: new}))
        return seq

    def shift(self) -> int:
        """A letter moved over the border of two fields, so that all of them together read the same."""
        seq = self.any()
        left, right = self.chance.choice([("actor", "action"), ("action", "thing"), ("thing", "detail")])
        mine = TRAIL.c.id == self.entry(seq)
        one, two = self.do(select(TRAIL.c[left], TRAIL.c[right]).where(mine)).one()
        self.do(update(TRAIL).where(mine).values({left: one + two[0], right: two[1:]}))
        return seq

    def delete_entry(self) -> int:
        seq = self.any()
        self.do(delete(TRAIL).where(TRAIL.c.id == self.entry(seq)))
        return seq

    def delete_both(self) -> int:
        seq = self.delete_entry()
        self.do(delete(LINK).where(LINK.c.seq == seq))
        return seq

    def delete_link(self) -> int:
        seq = self.any()
        self.do(delete(LINK).where(LINK.c.seq == seq))
        return seq

    def swap_words(self) -> int:
        """Two entries change what they say."""
        one, two = sorted(self.chance.sample(range(1, ENTRIES + 1), 2))
        rows = [
            self.do(select(*map(TRAIL.c.get, FIELDS)).where(TRAIL.c.id == self.entry(seq))).one() for seq in (one, two)
        ]
        for seq, row in zip((two, one), rows, strict=True):
            self.do(update(TRAIL).where(TRAIL.c.id == self.entry(seq)).values(dict(row._mapping)))
        return one

    def swap_places(self) -> int:
        """Two links change entries."""
        one, two = sorted(self.chance.sample(range(1, ENTRIES + 1), 2))
        first, second = self.entry(one), self.entry(two)
        for seq, entry in ((one, -1), (two, first), (one, second)):
            self.do(update(LINK).where(LINK.c.seq == seq).values(trail_id=entry))
        return one

    def swap_links(self) -> int:
        """Two links change numbers, with their hashes."""
        one, two = sorted(self.chance.sample(range(1, ENTRIES + 1), 2))
        for old, new in ((one, -1), (two, one), (-1, two)):
            self.do(update(LINK).where(LINK.c.seq == old).values(seq=new))
        return one

    def cut_entries(self) -> int:
        seq = self.any()
        self.do(delete(TRAIL).where(TRAIL.c.id >= self.entry(seq)))
        return seq

    def cut_both(self) -> int:
        seq = self.cut_entries()
        self.do(delete(LINK).where(LINK.c.seq >= seq))
        return seq

    def cut_front(self) -> int:
        """The oldest entries with their links; what is left begins with 1 again, or not."""
        seq = self.any()
        self.do(delete(TRAIL).where(TRAIL.c.id <= self.entry(seq)))
        self.do(delete(LINK).where(LINK.c.seq <= seq))
        if self.chance.random() < 0.5:
            self.chain_anew(seq + 1, start=1)
        return 1

    def change_hash(self) -> int:
        seq = self.any()
        self.do(update(LINK).where(LINK.c.seq == seq).values(hash=self.chance.randbytes(32)))
        return seq

    def slip_in(self) -> int:
        """An entry of an earlier time, without a place in the chain. A new one would be chained as any other is."""
        return self.forge(self.any(ENTRIES - 10))

    def forge(self, seq: int) -> int:
        made = self.do(select(TRAIL).where(TRAIL.c.id == self.entry(seq))).one()._mapping
        self.do(insert(TRAIL).values({**made, "id": -self.chance.randint(1, 99), "detail": "forged"}))
        return seq

    def rehash_edit(self) -> int:
        seq = self.edit()
        self.chain_anew(seq)
        return seq

    def rehash_without(self) -> int:
        """An entry is gone, and the numbers and hashes after it were made anew."""
        seq = self.delete_both()
        self.chain_anew(seq + 1, start=seq)
        return seq

    def rehash_swap(self) -> int:
        seq = self.swap_words()
        self.chain_anew(seq)
        return seq

    def rehash_with(self) -> int:
        """A forged entry has a number in the middle, and everything after it was made anew."""
        seq = self.forge(self.any())
        forged = self.do(select(TRAIL.c.id).where(TRAIL.c.id < 0)).scalar_one()
        self.chain_anew(seq, start=seq, first=forged)
        return seq

    def cut_and_grow(self) -> int:
        """The end is cut off, and as many other entries chained in its place."""
        seq = self.cut_both()
        for number in range(seq, ENTRIES + 1):
            self.work.trail.add(Clock()(), "staff:1", "approved", f"order:{number}", "never happened")
        chain(self.work, Clock()())
        return seq

    def chain_anew(self, after: int, start: int | None = None, first: int | None = None) -> None:
        """Numbers from `start` on are made anew, for what now has the numbers `after` and later, `first` before it."""
        start = after if start is None else start
        order = list(self.do(select(LINK.c.trail_id).where(LINK.c.seq >= after).order_by(LINK.c.seq)).scalars())
        self.do(delete(LINK).where(LINK.c.seq >= start))
        before = self.do(select(LINK.c.hash).where(LINK.c.seq == start - 1)).scalar_one_or_none() or FIRST
        for seq, entry in enumerate([first, *order] if first else order, start):
            row = self.do(select(TRAIL).where(TRAIL.c.id == entry)).one()
            at = row.at.strftime("%Y-%m-%d %H:%M:%S.%f")
            line = canonical(seq, entry, at, row.actor, row.action, row.thing, row.detail)
            before = hashlib.sha256(before + line).digest()
            self.do(insert(LINK).values(seq=seq, trail_id=entry, hash=before))


WAYS: list[Callable[[Hand], int]] = [
    *(Hand.edit, Hand.shift, Hand.change_hash),
    *(Hand.delete_entry, Hand.delete_both, Hand.delete_link, Hand.slip_in),
    *(Hand.swap_words, Hand.swap_places, Hand.swap_links),
    *(Hand.cut_entries, Hand.cut_both, Hand.cut_front, Hand.cut_and_grow),
    *(Hand.rehash_edit, Hand.rehash_without, Hand.rehash_swap, Hand.rehash_with),
]
MADE_ANEW = {
    Hand.rehash_edit,
    Hand.rehash_without,
    Hand.rehash_swap,
    Hand.rehash_with,
    Hand.cut_and_grow,
    Hand.cut_front,
}
"""After these the chain fits in itself, or may: an anchor tells, so the place named is that of the next anchor at most."""


def test_tamperings_are_all_found(database: Database, clock: Clock, anchors: list[Anchor]) -> None:
    missed, misplaced = list[str](), list[str]()
    with in_their_hands(database) as work:
        for number in range(TAMPERINGS):
            way, chance = WAYS[number % len(WAYS)], Random(f"{SEED}-{number}")
            savepoint = work.connection.begin_nested()
            first = way(Hand(work, chance))
            verdict = verdict_on(work, anchors)
            savepoint.rollback()
            name = f"{way.__name__} {number} at {first}: {verdict.broken}"
            if verdict.broken is None:
                missed.append(name)
            elif verdict.broken.how != "slipped in":
                latest = -(-first // EVERY) * EVERY if way in MADE_ANEW else first
                if not first <= verdict.broken.seq <= latest:
                    misplaced.append(name)
    assert missed == []
    assert misplaced == []
    untouched = verify(database.read, anchors)
    assert (untouched.seen, untouched.anchored, untouched.broken) == (ENTRIES, ENTRIES, None)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_is_named_in_a_sentence(
    database: Database, clock: Clock, anchors: list[Anchor], way: Callable[[Hand], int]
) -> None:
    with in_their_hands(database) as work:
        way(Hand(work, Random(7)))
        broken = verdict_on(work, anchors).broken
    assert broken is not None
    assert "number" in broken.says or "entry" in broken.says


@pytest.mark.parametrize(
    "way", [Hand.cut_both, Hand.rehash_edit, Hand.rehash_swap, Hand.rehash_without, Hand.rehash_with]
)
def test_without_anchors_these_stay_hidden(
    database: Database, clock: Clock, anchors: list[Anchor], way: Callable[[Hand], int]
) -> None:
    """Said in docs/audit.md: it is the anchors that find them. Were they found, the test above would prove little."""
    with in_their_hands(database) as work:
        way(Hand(work, Random(7)))
        assert verdict_on(work, []).broken is None
        assert verdict_on(work, anchors).broken is not None


def test_what_came_after_the_last_anchor_can_be_made_anew_unseen(
    database: Database, clock: Clock, anchors: list[Anchor]
) -> None:
    """The hour between two anchors, as docs/audit.md says."""
    with in_their_hands(database) as work:
        Hand(work, Random(1)).do(update(TRAIL).where(TRAIL.c.id == ENTRIES).values(detail="other"))
        Hand(work, Random(1)).chain_anew(ENTRIES)
        assert verdict_on(work, anchors[:-1]).broken is None


@pytest.mark.parametrize("page", [1, 5, 24, 25, 100])
def test_the_size_of_a_page_changes_nothing(database: Database, clock: Clock, anchors: list[Anchor], page: int) -> None:
    assert verify(database.read, anchors, page=page).broken is None
    with in_their_hands(database) as work:
        work.connection.execute(update(TRAIL).where(TRAIL.c.id == 13).values(detail="other"))
        broken = verdict_on(work, anchors, page).broken
    assert broken is not None
    assert (broken.how, broken.seq, broken.entry) == ("changed", 13, 13)


@pytest.mark.parametrize("value", ["x'E7ACAC3133E6ADA5'", "CAST(x'FF00' AS TEXT)", "13", "NULL"])
def test_what_is_no_text_is_found(database: Database, clock: Clock, anchors: list[Anchor], value: str) -> None:
    """SQLite keeps anything anywhere; the first has the very bytes of the text that was there."""
    if database.facts.kind != "sqlite":
        pytest.skip("PostgreSQL keeps only text in a text")
    with in_their_hands(database) as work:
        work.connection.exec_driver_sql("PRAGMA writable_schema = ON")
        work.connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, 'detail VARCHAR NOT NULL', 'detail') WHERE name = 'trail'"
        )
        version = work.connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
        work.connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
        work.connection.exec_driver_sql("SELECT 1 FROM trail").all()
        work.connection.exec_driver_sql(f"UPDATE trail SET detail = {value} WHERE id = 13")
        broken = verdict_on(work, anchors).broken
        work.connection.exec_driver_sql("PRAGMA writable_schema = OFF")
    assert broken is not None
    assert (broken.how, broken.seq) == ("changed", 13)


def test_anchors_of_another_chain_do_not_fit(database: Database, clock: Clock, anchors: list[Anchor]) -> None:
    wrong = [anchors[0], anchors[1]._replace(hash=bytes(32)), *anchors[2:]]
    broken = verify(database.read, wrong).broken
    assert broken is not None
    assert (broken.how, broken.seq) == ("rewritten", 12)
    assert "after number 6" in broken.says
