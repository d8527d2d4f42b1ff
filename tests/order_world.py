"""A small world of orders on a database, whatever may happen to them, and a judge who knows the rules from
outside: not from the table of moves but from the product's own words.

    delivered or executed => (PORTAL and code, or CONTACT and staff check) and two staff
"""

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from weakref import finalize

from sqlalchemy import CheckConstraint, Connection, Engine, StaticPool, create_engine, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from bot.core.errors import Declined
from bot.core.order.clock import run_due
from bot.core.orders import Actor, Order, Orders, Ports, Reason, Right
from knowledge.rights import rights
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import Conflict
from storage.sqlite import writing
from storage.stores.order_holds import STEADY
from storage.tables import WorkOrder
from storage.tables.common import table
from storage.work import Work
from tests.order_deeds import DORA, DORAS_ACCOUNT, Deed, Tries, deeds
from tests.orders import deadlines, hire

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EDGES = {
    *(("verifying", to) for to in ("verifying", "open", "refused", "withdrawn", "expired")),
    *(("open", to) for to in ("open", "in_progress", "answered", "refused", "withdrawn")),
    *(("in_progress", to) for to in ("in_progress", "open", "answered", "refused", "withdrawn")),
    ("answered", "closed"),
    ("refused", "open"),
    ("refused", "verifying"),
}
"""Every way from state to state that the product knows (product.md B4)."""
STRICT = {"access", "portability", "correction", "deletion", "closure"}
ENDED = {"answered", "closed", "refused", "withdrawn", "expired"}
DESTROYS, DISCLOSES = {"deletion", "closure"}, {"access", "portability"}


CONTRADICTIONS = """
    SELECT count(*) FROM work_order WHERE (delivered_at IS NOT NULL OR executed_at IS NOT NULL) AND NOT (
      (level = 2 AND code_proven_at IS NOT NULL OR level = 1 AND checked_by IS NOT NULL)
      AND proposed_by IS NOT NULL AND approved_by IS NOT NULL AND proposed_by <> approved_by)"""
"""The orders that contradict the promise, as the database finds them: neither our program nor its idea of an order between."""


class Broken(AssertionError):
    """A rule was broken; the message says which, and by what."""


class World:
    """Orders in memory, or in a file with the tables that the migrations make; each deed is a transaction of its own.

    `without` names checks of the database that are left out, in memory.
    """

    def __init__(
        self, seed: int = 1, *, without: Collection[str] = (), has_portal: bool = False, file: Path | None = None
    ) -> None:
        self.keyring = Keyring.new()
        self.chance, self.now, self.real = random.Random(seed), START, timedelta(0)
        self.jumps = 0
        engine = _in_file(file, self.keyring) if file else _in_memory(without)
        self.connection = engine.connect()
        finalize(self, _end, self.connection, engine)
        self.work = Work(self.connection, self.keyring)
        hire(self.work, START, "ann", "ben", "cleo", "dora")
        self.work.staff.set_own_account(DORA, DORAS_ACCOUNT)
        self.people = [self.work.people.meet("memory", str(number), START, "en").id for number in range(6)]
        self.work.orders.holds.look(START)
        self.tokens: dict[int, list[str]] = {}
        self.ports = Ports(warn=self._warned, has_portal=has_portal)
        self.begun: dict[int, tuple[timedelta, int, timedelta]] = {}
        """Of each hold: when it really began, the jumps so far, how long it must last."""
        self.told_again: dict[int, tuple[timedelta, int]] = {}
        self.papers: set[int] = set()
        self.refusers: dict[int, int] = {}
        self.vouchers: dict[int, int] = {}
        """Of each order that was opened by a code to a vouched contact: who vouched."""
        self.steps = self.moved = self.declined = 0
        self._tries: dict[int, tuple[int, Tries]] = {}
        self.connection.commit()

    @property
    def orders(self) -> Orders:
        return Orders(self.work, self.now, deadlines(), self.ports)

    @contextmanager
    def _one_work(self) -> Iterator[Work]:
        yield self.work

    def tick(self) -> None:
        """The scheduler's minute. What it moves is judged like everything else."""
        due = self.work.orders.ticking(self.now, 500)
        run_due(cast(Database, _Here(self._one_work)), self.now, deadlines(), lambda _: self.ports)
        self.connection.commit()
        for before in due:
            self.judge(Deed("clock", Actor("clock"), before), self.kept(before))

    def pass_time(self, hours: float) -> None:
        """Honest time: the clock and the world go on together, as if the scheduler looked every hour."""
        for _ in range(min(int(hours), 2)):
            self._look_after(HOUR)
        # What looking every hour comes to, without looking a thousand times.
        rest = (hours - min(int(hours), 2)) * HOUR
        seconds = self.work.orders.holds.seen(self.now) + rest.total_seconds()
        self.real, self.now = self.real + rest, self.now + rest
        self.connection.execute(update(STEADY).values(at=self.now, seconds=seconds))
        self.tick()

    def stand_still(self, hours: int) -> None:
        """Time passes and the scheduler doesn't run; the clock is looked at all the same, as at every approval."""
        for _ in range(hours):
            self._look_after(HOUR)
        self.connection.commit()

    def _look_after(self, step: timedelta) -> None:
        self.real, self.now = self.real + step, self.now + step
        self.work.orders.holds.look(self.now)

    def jump(self, hours: float) -> None:
        """The wall clock is set; no time has passed."""
        self.now += hours * HOUR
        self.jumps += 1
        self.tick()

    def do(self, deed: Deed, act: Callable[[Orders], Order | None]) -> Order | None:
        """Tries a deed. None where it was declined; raises Broken where it should have been.

        Judged is what the database keeps of it, after the commit.
        """
        self.steps += 1
        try:
            after = act(self.orders)
        except (Declined, Conflict):
            self.connection.rollback()
            self.declined += 1
            return None
        except IntegrityError as stepped_in:
            self.connection.rollback()
            raise Broken(
                f"{deed.name}: the program let it pass, the database had to refuse it: {stepped_in.orig}"
            ) from stepped_in
        self.connection.commit()
        self.moved += 1
        if after is None:
            return None
        kept = self.kept(after)
        # When the clock looks next may have changed without a move.
        if kept != after._replace(joined=False, next_at=kept.next_at):
            raise Broken(f"{deed.name}: said is {after!r}, but kept is {kept!r}")
        self.judge(deed, kept, joined=after.joined)
        return after

    def kept(self, order: Order) -> Order:
        """The order as the database has it."""
        found = self.work.orders.of_id(order.id)
        assert found is not None
        return found

    @property
    def contradictions(self) -> int:
        """How many of all orders so far contradict the promise."""
        return int(self.connection.execute(text(CONTRADICTIONS)).scalar_one())

    @property
    def results(self) -> int:
        """How many were delivered or carried out."""
        done = "SELECT count(*) FROM work_order WHERE delivered_at IS NOT NULL OR executed_at IS NOT NULL"
        return int(self.connection.execute(text(done)).scalar_one())

    def tries(self, order: Order) -> Tries:
        """What anybody might try with the order; made once for each version of it."""
        version, found = self._tries.get(order.id, (0, []))
        if version != order.version:
            found = deeds(self, order)
            self._tries[order.id] = order.version, found
        return found

    # ---- the judge

    def judge(self, deed: Deed, after: Order, *, joined: bool = False) -> None:
        """Raises Broken where what is there now may not be. `joined`: to an order that was there before."""
        before, name = deed.before, deed.name
        if before is not None and before.version == after.version:
            return
        if deed.vouched_by is not None and after.state == "open" and not joined:
            self.vouchers[after.id] = deed.vouched_by
        for rule, holds in self._claims(deed, before, after):
            if not holds:
                raise Broken(f"{rule}; after {name} by {deed.actor}: {before!r} -> {after!r}")
        if joined:
            return
        if after.approved_at is not None and (before is None or before.approved_at is None) and after.hold_until:
            self.begun[after.id] = (self.real, self.jumps, after.hold_until - self.now)
        if after.warned_at is not None and (before is None or before.warned_at is None):
            self.told_again[after.id] = (self.real, self.jumps)
        if after.refused_by is not None and after.state == "refused":
            self.refusers[after.id] = after.refused_by
        if after.proposed_by is None:
            self.begun.pop(after.id, None)
            self.told_again.pop(after.id, None)

    def _claims(self, deed: Deed, before: Order | None, after: Order) -> Iterator[tuple[str, bool]]:
        by_portal = after.level == 2 and after.code_proven_at is not None
        by_contact = after.level == 1 and after.checked_by is not None
        two = after.proposed_by is not None and after.approved_by is not None and after.proposed_by != after.approved_by
        done = after.delivered_at is not None or after.executed_at is not None
        rule, actor = rights()[Right(after.right)], deed.actor
        yield "delivered => proof and two staff", not done or ((by_portal or by_contact) and two)
        yield "only access discloses", after.delivered_at is None or after.right in DISCLOSES
        yield "an access request never deletes", after.executed_at is None or after.right in STRICT - DISCLOSES
        yield "proposed => proven", after.proposed_by is None or by_portal or by_contact
        yield "only strict rights are proposed", after.proposed_by is None or after.right in STRICT
        yield (
            "who checks takes no other part",
            after.checked_by is None
            or after.checked_by
            not in (
                after.proposed_by,
                after.approved_by,
            ),
        )
        yield (
            "who vouches takes no other part",
            after.id not in self.vouchers or self.vouchers[after.id] not in (after.proposed_by, after.approved_by),
        )
        yield "words are no way around", after.state != "answered" or after.right not in STRICT or done
        yield "refused with a known reason", after.state != "refused" or after.reason in set(Reason)
        yield (
            "worked on => verified",
            after.state not in ("open", "in_progress", "answered") or self._is_verified(after),
        )
        yield (
            "nobody decides about their own",
            not (
                actor.kind == "staff"
                and actor.id == DORA
                and after.subject == self.work.orders.account_subject(DORAS_ACCOUNT)
                and deed.name
                in (
                    "take",
                    "propose",
                    "approve",
                    "check",
                    "refuse",
                    "answer",
                    "deliver",
                    "execute",
                    "raw answered",
                    "raw taken",
                )
            ),
        )
        yield "strangers move nothing", deed.owner
        yield (
            "a hold needs somebody to tell",
            deed.name != "approve" or after.right not in DESTROYS or deed.contacts > 0,
        )
        yield "stopped is stopped", after.stopped_at is None or (after.state == "refused" and not done)
        yield "never later than told", after.due_at <= after.told_due_at
        was_over = before is not None and before.hold_over_at is not None
        was_executed = before is not None and before.executed_at is not None
        if (after.hold_over_at is not None and not was_over) or (after.executed_at is not None and not was_executed):
            yield from self._hold_claims(after)
        if deed.name.startswith("raw "):
            yield "only those move who may", actor.kind in MAY[deed.name.removeprefix("raw ")]
        if deed.name in ("deliver", "execute"):
            yield "only staff and the company's system end it", actor.kind in ("staff", "bot")
        if before is not None:
            yield from self._step_claims(deed, before, after)
        elif after.state == "open":
            yield "opened => verified", self._is_verified(after)
        yield (
            "staff check no papers that never came",
            not (rule.papers and after.checked_by is not None and after.id not in self.papers),
        )

    def _step_claims(self, deed: Deed, before: Order, after: Order) -> Iterator[tuple[str, bool]]:
        name, actor = deed.name, deed.actor
        yield "one move, one version", after.version == before.version + 1 or deed.name in ("clock", "attach")
        yield f"no way from {before.state} to {after.state}", (before.state, after.state) in EDGES
        yield "the right and the request stay", (before.right, before.number) == (after.right, after.number)
        for column in ("checked_by", "proposed_by", "approved_by", "warned_at", "paused_at"):
            old, new = getattr(before, column), getattr(after, column)
            yield f"{column} is not overwritten", old is None or new is None or old == new
        yield (
            "a hold never gets shorter",
            not (before.hold_until and after.hold_until) or after.hold_until >= before.hold_until,
        )
        yield "approved by one, not twice", not (name == "approve" and before.approved_by is not None)
        yield "sent back what was proposed", name != "send_back" or before.proposed_by is not None
        yield "resumed what stood still", name != "resume" or before.paused_at is not None
        yield "warned of a hold", after.warned_at is None or after.hold_until is not None
        yield "paused once", not (name == "pause" and before.paused_at is not None)
        yield "checked once", not (name == "check" and before.checked_by is not None)
        yield "proposed once", not (name == "propose" and before.proposed_by is not None)
        yield "warned once", not (name == "warn" and before.warned_at is not None)
        yield "over once", not (name == "end_hold" and before.hold_over_at is not None)
        if after.state == "expired":
            yield "expired in its time", before.expires_at is not None and self.now >= before.expires_at
        if name == "appeal":
            yield "one appeal", before.appealed_at is None
            yield "stopped by its owner", before.stopped_at is None
            yield "appealed in time", before.ended_at is not None and self.now <= before.ended_at + timedelta(days=30)
        if after.appealed_at is not None and name in ("refuse", "propose", "check"):
            yield "an appeal is decided by somebody else", actor.id != self.refusers.get(after.id)
        if name == "check" and before.state != "verifying":
            yield (
                "a check stands in for a portal only where there is none",
                (before.level == 1 and before.right in STRICT and not self.ports.has_portal),
            )
        if deed.name not in ("extend", "resume", "appeal", "raw resumed"):
            yield "never moved to later unasked", after.told_due_at <= before.told_due_at

    def _hold_claims(self, after: Order) -> Iterator[tuple[str, bool]]:
        if after.right not in DESTROYS:
            return
        began, jumps, length = self.begun.get(after.id, (self.real, self.jumps, timedelta(0)))
        lasted, spare = self.real - began, (self.jumps - jumps) * HOUR + timedelta(seconds=1)
        yield "a hold of three days at least", length >= 72 * HOUR
        yield "the hold has really lasted", lasted + spare >= length
        again = self.told_again.get(after.id)
        yield (
            "told again before the end",
            again is not None
            and (self.real - again[0] + (self.jumps - again[1]) * HOUR + timedelta(seconds=1) >= 24 * HOUR),
        )
        yield "not before the told end", self.now >= (after.hold_until or self.now)

    def _is_verified(self, order: Order) -> bool:
        if order.right in ("guardian", "next_of_kin"):
            return order.checked_by is not None
        if order.right in STRICT:
            by_code = order.level == 2 and order.code_proven_at is not None
            return by_code or (order.level == 1 and not self.ports.has_portal)
        return order.right != "withdraw_consent" or order.level >= 1

    def _warned(self, order: Order, _kind: str, _address: str, _key: str, values: Any) -> None:
        self.tokens.setdefault(order.id, []).append(values["token"])


MAY: dict[str, set[str]] = {
    **{name: {"staff"} for name in ("taken", "released", "answered")},
    "reminded": {"clock"},
    "closed": {"staff", "clock"},
    "withdrawn": {"person"},
    "papers_came": {"bot"},
}
"""Who may make a move, by the product's words."""


def _in_file(file: Path, keyring: Keyring) -> Engine:
    """A database as the program makes it, opened as the program opens it to write."""
    with Database.open(f"sqlite:///{file}", keyring) as database:
        journal = database.facts.journal_mode
    return writing(file, journal)


def _end(connection: Connection, engine: Engine) -> None:
    connection.close()
    engine.dispose()


def _in_memory(without: Collection[str]) -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with _left_out(without):
        SQLModel.metadata.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    return engine


@dataclass(frozen=True)
class _Here:
    work: Callable[[], Any]


@contextmanager
def _left_out(names: Collection[str]) -> Iterator[None]:
    orders = table(WorkOrder)
    gone = {
        check
        for check in orders.constraints
        if isinstance(check, CheckConstraint) and str(check.name).removeprefix("ck_work_order_") in names
    }
    orders.constraints -= gone
    try:
        yield
    finally:
        orders.constraints |= gone
