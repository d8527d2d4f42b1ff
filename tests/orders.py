"""What tests of work orders share: staff, a person, contacts, and who is told what."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot.core.contacts import Contact, Kind
from bot.core.order.clock import Ran, run_due
from bot.core.orders import Actor, Level, Order, Orders, Ports, Right
from knowledge.deadlines import Deadlines, load_rules, official_calendar
from storage.engine import Database
from storage.stores.staff import STAFF
from storage.work import Work
from tests.conftest import Clock

ANN, BEN, CLEO, DORA = 1, 2, 3, 4
"""Staff: ids in a database that `hire` was first to write staff to."""


@cache
def deadlines() -> Deadlines:
    return Deadlines(load_rules("cn"), official_calendar())


def hire(work: Work, now: datetime, *names: str) -> list[int]:
    """Staff members, without anything that they could sign in with."""
    row: dict[str, Any] = {"roles": "officer", "password": "x", "totp": b"x", "key_id": "k1", "active": True}
    row |= {"created_at": now, "last_step": 0, "failed": 0}
    hired = (work.connection.execute(STAFF.insert().returning(STAFF.c.id), {**row, "name": name}) for name in names)
    return [int(one.scalar_one()) for one in hired]


STEADY = datetime(2024, 1, 15, tzinfo=UTC)
"""When a contact of an account last went: long ago."""


def contacts(now: datetime, *days: int) -> list[Contact]:
    """Invented contacts, on file for so many days: an e-mail address, then a phone number."""
    values = ((Kind.EMAIL, "ada@mail.example.com"), (Kind.PHONE, "+8613800000001"), (Kind.TELEGRAM, "4242"))
    return [Contact(kind, value, now - timedelta(days=age)) for (kind, value), age in zip(values, days, strict=False)]


class News:
    """Everybody who is told something, and what."""

    def __init__(self, *, has_portal: bool = False) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []
        self.alarms: list[tuple[str, dict[str, str]]] = []
        self.warned: list[tuple[str, str, str, str]] = []
        """(kind, address, key, token)"""
        self.ports = Ports(
            tell=lambda _order, key, values: self.told.append((key, dict(values))),
            alarm=lambda _order, key, values: self.alarms.append((key, dict(values))),
            warn=lambda _order, kind, address, key, values: self.warned.append((kind, address, key, values["token"])),
            has_portal=has_portal,
        )

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.told]


class Desk:
    """Orders on a database with a clock that can be turned."""

    def __init__(self, database: Database, clock: Clock, *, has_portal: bool = False) -> None:
        self.database, self.clock, self.news = database, clock, News(has_portal=has_portal)
        with database.work() as work:
            hire(work, clock(), "ann", "ben", "cleo", "dora")
            self.alice = work.people.meet("memory", "alice", clock(), "en").id
            self.bob = work.people.meet("memory", "bob", clock(), "en").id
        self.tick()

    @contextmanager
    def orders(self) -> Iterator[Orders]:
        with self.database.work() as work:
            yield Orders(work, self.clock(), deadlines(), self.news.ports)

    def open(self, right: Right = Right.ACCESS, person: int | None = None, **more: Any) -> Order:
        """A verified order of the account K-1, unless `more` says otherwise."""
        proof: dict[str, Any] = {"level": Level.PORTAL, "account_id": "K-1", "code_proven_at": self.clock()}
        with self.orders() as orders:
            return orders.open(person or self.alice, right, language="en", **{**proof, **more})

    def held(self, right: Right = Right.DELETION, ages: tuple[int, ...] = (99, 99)) -> Order:
        """An order that two staff have approved; on hold if it destroys."""
        order = self.open(right)
        with self.orders() as orders:
            order = orders.propose(orders.take(order, ANN), ANN)
            return orders.approve(order, BEN, contacts(self.clock(), *ages), STEADY)

    def tick(self) -> Ran:
        return run_due(self.database, self.clock(), deadlines(), lambda _: self.news.ports)

    def pass_time(self, **by: float) -> None:
        """Time passes with the scheduler running: looked at every hour."""
        end = self.clock() + timedelta(**by)
        while self.clock() < end:
            self.clock.now = min(end, self.clock() + timedelta(hours=1))
            self.tick()

    def turn(self, **by: float) -> Ran:
        """The clock is turned and looked at once: for whatever isn't on hold."""
        self.clock.turn(**by)
        return self.tick()

    def now(self, order: Order) -> Order:
        """The order as it is now."""
        with self.database.read() as work:
            found = work.orders.of_id(order.id)
        assert found is not None
        return found

    def trail(self, order: Order) -> list[tuple[str, str, str]]:
        with self.database.read() as work:
            return [(entry.actor, entry.action, entry.detail) for entry in work.trail.of_thing(order.thing)]


def full_order(work: Work, person_id: int, now: datetime) -> Order:
    """An order that has something in every table of orders."""
    ann, ben = hire(work, now, "ann", "ben")
    orders = Orders(work, now, deadlines())
    order = orders.open(
        person_id, Right.DELETION, language="en", level=Level.PORTAL, account_id="K-1", code_proven_at=now
    )
    orders.attach(order, Actor("staff", ann), "note.txt", "text/plain", b"invented", internal=True)
    orders.remark(order, Actor("staff", ann), "invented", internal=True)
    orders.tick(order, "same_person", ann)
    order = orders.propose(orders.take(order, ann), ann)
    return orders.approve(order, ben, contacts(now, 99), STEADY)
