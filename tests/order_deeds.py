"""What anybody might try with an order, sensible or not, each with who does it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.core.orders import Actor, Event, Level, Order, Orders, person, staff
from tests.orders import STEADY, contacts

STAFF = (1, 2, 3, 4)
CLEO = 3
"""A staff member who vouches for contacts."""
DORA, DORAS_ACCOUNT = 4, "K-4"
"""A staff member with an account at the company."""


@dataclass(frozen=True)
class Deed:
    """What somebody did: its name, who, and on which order (as it was before; None: a new one)."""

    name: str
    actor: Actor
    before: Order | None
    owner: bool = True
    contacts: int = 0
    proof: tuple[Level, bool, bool] | None = None
    """Of an opening or a proof: level, whether the code was right, whether an account is named."""
    vouched_by: int | None = None
    """Of the same: who of staff vouched for the contact that the code went to."""


Tries = list[tuple[Deed, Callable[[Orders], Order | None]]]
"""Deeds, and how each is done."""


class Surroundings(Protocol):
    """What deeds need to know of the world around an order."""

    now: datetime
    people: list[int]
    tokens: dict[int, list[str]]
    papers: set[int]


RAW = ("answered", "closed", "taken", "released", "withdrawn", "reminded", "papers_came")
"""Moves that change nothing but the state: tried by everybody."""


def deeds(world: Surroundings, order: Order) -> Tries:
    """Everything that anybody might try with one order now, sensible or not."""
    owner = order.person_id or 0
    found: Tries = []

    def add(name: str, actor: Actor, act: Callable[[Orders], Order | None], **more: Any) -> None:
        found.append((Deed(name, actor, order, **more), act))

    for one in STAFF:
        by = staff(one)
        add("take", by, lambda orders, one=one: orders.take(order, one))
        add("release", by, lambda orders, one=one: orders.release(order, one))
        add("check", by, lambda orders, one=one: orders.check(order, one))
        add("propose", by, lambda orders, one=one: orders.propose(order, one))
        add("send_back", by, lambda orders, one=one: orders.send_back(order, one))
        for ages in ((), (99,), (99, 3)):
            some = contacts(world.now, *ages)
            add(
                "approve",
                by,
                lambda orders, one=one, some=some: orders.approve(order, one, some, STEADY),
                contacts=len(some),
            )
        add("answer", by, lambda orders, one=one: orders.answer(order, one))
        for reason in ("other", "just so"):
            add("refuse", by, lambda orders, one=one, reason=reason: orders.refuse(order, one, reason))
    ann = STAFF[0]
    add("assign", staff(ann), lambda orders: orders.assign(order, ann, STAFF[1]))
    add("extend", staff(ann), lambda orders: orders.extend(order, ann, "reason"))
    add("pause", staff(ann), lambda orders: orders.pause(order, ann, "reason"))
    for kind in (staff(ann), staff(DORA), Actor("bot"), Actor("clock"), person(owner), Actor("link")):
        add("deliver", kind, lambda orders, kind=kind: orders.deliver(order, kind))
        add("execute", kind, lambda orders, kind=kind: orders.execute(order, kind))
        for event in RAW:
            add(f"raw {event}", kind, lambda orders, kind=kind, event=event: orders._move(order, Event(event), kind))
    add("resume", Actor("bot"), lambda orders: orders.resume(order, Actor("bot")))
    for who in (owner, world.people[-1]):
        add("withdraw", person(who), lambda orders, who=who: orders.withdraw(order, who), owner=who == owner)
        add("appeal", person(who), lambda orders, who=who: orders.appeal(order, who), owner=who == owner)
    clock = Actor("clock")
    add("remind", clock, lambda orders: orders.remind(order, 100))
    add("recount", clock, lambda orders: orders.recount(order))
    add("warn", clock, lambda orders: orders.warn_again(order))
    add("end_hold", clock, lambda orders: orders.end_hold(order))
    add("expire", clock, lambda orders: orders.expire(order))
    for level, code, account in ((Level.CHANNEL, True, True), (Level.CONTACT, True, True), (Level.PORTAL, False, True),
                                 (Level.PORTAL, True, False), (Level.PORTAL, True, True)):  # fmt: skip
        add(
            "prove",
            person(owner),
            lambda orders, level=level, code=code, account=account: orders.prove(
                order, level, f"K-{order.id}" if account else None, orders.now if code else None
            ),
            proof=(level, code, account),
        )
    for level in (Level.CONTACT, Level.PORTAL):
        add(
            "prove",
            person(owner),
            lambda orders, level=level: orders.prove(order, level, f"K-{order.id}", orders.now, CLEO),
            proof=(level, True, True),
            vouched_by=CLEO,
        )
    if order.state == "verifying":
        add("attach", person(owner), lambda orders: _paper(world, orders, order, owner))
    for token in world.tokens.get(order.id, [])[-1:]:
        add("stop", Actor("link"), lambda orders, token=token: orders.stop(token))
    return found


def _paper(world: Surroundings, orders: Orders, order: Order, owner: int) -> Order:
    after = orders.attach(order, person(owner), "scan", "image/png", b"x", internal=False)
    if order.right in ("guardian", "next_of_kin"):
        world.papers.add(order.id)
    return after
