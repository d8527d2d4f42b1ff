"""T10: no bad path. The whole graph of states, random walks through the real code, and proof that each check is needed.

python -m tests.order_walk --steps 1000000
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.core import orders as orders_module
from bot.core.order import guards as order_guards
from bot.core.order import moving as order_moving
from bot.core.order.moves import TABLE, Move, State
from bot.core.orders import Event, Level, Order, Orders, Right, person
from storage.stores.orders import ORDER
from tests.order_deeds import CLEO, DORAS_ACCOUNT, Deed, deeds
from tests.order_world import STRICT, Broken, World

PROOFS = (
    (Level.CHANNEL, False, None),
    (Level.CONTACT, True, None),
    (Level.PORTAL, False, None),
    (Level.PORTAL, True, None),
    (Level.CONTACT, True, CLEO),
    (Level.PORTAL, True, CLEO),
)
"""Level, whether a code was right, and who of staff vouched for the contact that it went to."""
LATER = (0.02, 7, 25, 49, 74, 169, 400, 800)
"""Hours that pass at once."""
A_WORLD = 50_000
"""Steps of a walk on one database."""
ALIVE = 24
"""Orders of a walk that are under way at once."""


def opened(
    world: World, right: Right, level: Level, code: bool, account: str | None, vouched_by: int | None = None
) -> Order | None:
    who = world.chance.choice(world.people[:-1])

    def act(orders: Orders) -> Order:
        proven_at = world.now if code else None
        return orders.open(
            who,
            right,
            language="en",
            level=level,
            account_id=account,
            code_proven_at=proven_at,
            vouched_by=vouched_by,
        )

    return world.do(Deed("open", person(who), None, vouched_by=vouched_by), act)


def walk(
    world: World,
    steps: int,
    rights: tuple[Right, ...] = tuple(Right),
    restless: float = 0.02,
    still: float = 0.2,
    jumps: tuple[int, ...] = (-30, -1, 2, 80, 500),
) -> World:
    """Random deeds on a few dozen orders, half of the time the sensible next one. Raises Broken.

    `restless` is how often time passes, `still` in how many of these the scheduler stands still; the clock is set by one
    of `jumps` (hours) in a third of the others.
    """
    chance, alive = world.chance, list[int]()
    while world.steps < steps:
        if len(alive) < ALIVE:
            level, code, voucher = chance.choice(PROOFS)
            account = chance.choice(
                (None, DORAS_ACCOUNT, f"K-{chance.randrange(10**6)}", f"K-{chance.randrange(10**6)}")
            )
            order = opened(world, chance.choice(rights), level, code, account, voucher)
            if order is not None and not order.joined and order.id not in alive:
                alive.append(order.id)
            continue
        if chance.random() < restless:
            world.steps += 1
            if chance.random() < still:
                world.stand_still(75)
            elif chance.random() < 0.3:
                world.jump(chance.choice(jumps))
            else:
                world.pass_time(chance.choice(LATER))
            continue
        place = chance.randrange(ALIVE)
        order = world.work.orders.of_id(alive[place])
        assert order is not None
        tries = world.tries(order)
        wanted = _next(order, world) if chance.random() < 0.5 else None
        some = [one for one in tries if one[0].name == wanted] or tries
        deed, act = chance.choice(some)
        world.do(deed, act)
        if (order.state in ("closed", "withdrawn", "expired") and chance.random() < 0.3) or (
            order.state in ("answered", "refused") and chance.random() < 0.03
        ):
            alive.pop(place)
    return world


def _next(order: Order, world: World) -> str | None:
    """What a good member of staff, or a persistent person, would do now."""
    if order.state == "verifying":
        return world.chance.choice(("prove", "attach", "check", "refuse"))
    if order.state == "open":
        return world.chance.choice(("take", "take", "check", "stop"))
    if order.state == "in_progress" and order.right in STRICT:
        if order.proposed_by is None:
            return world.chance.choice(("check", "propose", "propose"))
        if order.approved_by is None:
            return "approve"
        return world.chance.choice(("execute", "deliver", "warn", "end_hold", "stop"))
    if order.state == "refused" and world.chance.random() < 0.5:
        return "appeal"
    return world.chance.choice(("stop", "execute", "recount", "remind", "raw withdrawn", "expire"))


# ---- the whole graph


def graph(*, has_portal: bool = False, only: tuple[Right, ...] = tuple(Right)) -> tuple[int, int]:
    """Enumerates every state that can be reached and every deed in it, each once; (states, edges). Raises Broken.

    Two orders are in the same state when no rule of proof can tell them apart: staff by the part they took, not by name,
    times by what they have passed. A pause or an extension makes no other state here; the walks have them.
    """
    world = World(7, has_portal=has_portal)
    states = edges = 0
    for right in only:
        found: dict[Any, tuple[dict[str, Any], Any]] = {}
        queue: list[Any] = []
        for level, code, voucher in PROOFS:
            for account in (None, "K-1"):
                order = opened(world, right, level, code, account, voucher)
                if order is not None and not order.joined:
                    _remember(world, order, found, queue)
                world.connection.exec_driver_sql("DELETE FROM work_order")
                world.connection.commit()
        while queue:
            key = queue.pop()
            row, clock = found[key]
            _restore(world, row, clock)
            for attempt in _tries(world, row):
                moved, at = world.moved, world.real
                attempt()
                edges += 1
                if (world.moved, world.real) != (moved, at):
                    after = world.work.orders.of_id(row["id"])
                    assert after is not None
                    _remember(world, after, found, queue)
                    _restore(world, row, clock)
        states += len(found)
        world.connection.exec_driver_sql("DELETE FROM work_order")
        world.connection.commit()
    return states, edges


def _tries(world: World, row: dict[str, Any]) -> list[Callable[[], object]]:
    order = world.work.orders.of_id(row["id"])
    assert order is not None
    tries: list[Callable[[], object]] = [partial(world.do, deed, act) for deed, act in deeds(world, order)]
    return tries + [partial(world.pass_time, hours) for hours in (25, 73, 169, 750)]


def _remember(world: World, order: Order, found: dict[Any, Any], queue: list[Any]) -> None:
    key = _key(world, order)
    if key in found:
        return
    connection = world.connection
    row = dict(connection.execute(ORDER.select().where(ORDER.c.id == order.id)).one()._mapping)
    steady = connection.exec_driver_sql("SELECT name, at, seconds FROM steady_clock").all()
    keys = connection.exec_driver_sql(f"SELECT key_id, wrapped FROM work_order_key WHERE order_id={order.id}").all()
    began = [store.get(order.id) for store in _told_of(world)]
    clock = (
        world.now,
        world.real,
        steady,
        keys,
        began,
        order.id in world.papers,
        list(world.tokens.get(order.id, [])[-1:]),
    )
    found[key] = (row, clock)
    queue.append(key)


def _restore(world: World, row: dict[str, Any], clock: Any) -> None:
    now, real, steady, keys, began, has_paper, tokens = clock
    connection, id = world.connection, row["id"]
    connection.exec_driver_sql("DELETE FROM work_order")  # And whatever belongs to it.
    connection.execute(ORDER.insert(), row)
    for key_id, wrapped in keys:
        connection.exec_driver_sql("INSERT INTO work_order_key VALUES (?, ?, ?)", (id, key_id, wrapped))
    for name, at, seconds in steady:
        connection.exec_driver_sql("UPDATE steady_clock SET at=?, seconds=? WHERE name=?", (at, seconds, name))
    world.now, world.real = now, real
    for store, value in zip(_told_of(world), began, strict=True):
        store.pop(id, None)
        if value is not None:
            store[id] = value
    world.papers.discard(id)
    if has_paper:
        world.papers.add(id)
        if row["checked_by"] is None and row["right"] in ("guardian", "next_of_kin"):
            world.work.orders.papers.add_file(id, now, "person:1", "x", "y", b"z", internal=True, paper=True)
    world.tokens[id] = list(tokens)
    connection.commit()


def _told_of(world: World) -> tuple[dict[int, Any], ...]:
    """What the judge remembers of each order."""
    return world.begun, world.told_again, world.refusers, world.vouchers


def _key(world: World, order: Order) -> Any:
    """What the rules can tell apart."""
    parts: dict[int, int] = {}

    def part(staff_id: int | None) -> int | None:
        return None if staff_id is None else parts.setdefault(staff_id, len(parts))

    seen, now = world.work.orders.holds.seen(world.now), world.now
    hold = order.hold_until
    return (
        order.right,
        order.state,
        order.subject.partition(":")[0],
        order.level,
        order.code_proven_at is not None,
        part(order.checked_by),
        part(world.vouchers.get(order.id)),
        part(order.proposed_by),
        part(order.approved_by),
        part(order.refused_by),
        None
        if hold is None
        else (now >= hold, now >= hold - timedelta(hours=24), seen >= (order.hold_seen_until or 0)),
        None if order.warned_at is None else now >= order.warned_at + timedelta(hours=24),
        order.hold_over_at is not None,
        order.executed_at is not None,
        order.delivered_at is not None,
        order.stopped_at is not None,
        order.appealed_at is not None,
        None if order.expires_at is None else now >= order.expires_at,
        order.state == "refused" and order.ended_at is not None and now > order.ended_at + timedelta(days=30),
        order.id in world.papers,
        bool(world.tokens.get(order.id)),
    )


# ---- each check is needed


BY_STATE = (Event.PAPERS_CHECKED, Event.CHECKED)
"""Moves that are chosen by the state an order is in, so that no other state comes to them."""
CONTROL = "the program as it is"
"""In which nothing may be found, or the others would prove nothing."""


@contextmanager
def changed(place: Any, name: str, value: Any) -> Iterator[None]:
    kept = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, kept)


def mutants() -> dict[str, Callable[[], Any]]:
    """One for each check in the code: the program without it. And the program as it is, for control."""
    found: dict[str, Callable[[], Any]] = {CONTROL: nullcontext}

    def with_move(event: Any, move: Move) -> Callable[[], Any]:
        return lambda: changed(order_moving, "TABLE", {**TABLE, event: move})

    for event, move in TABLE.items():
        for guard in move.guards:
            left = tuple(name for name in move.guards if name != guard)
            found[f"{event} without {guard}"] = with_move(event, replace(move, guards=left))
        if event not in BY_STATE:
            found[f"{event} from everywhere"] = with_move(event, replace(move, sources=frozenset(State)))
    anybody = frozenset({"staff", "person", "link", "clock", "bot"})
    for event in ("delivered", "executed", "answered", "closed", "taken", "released", "withdrawn", "reminded"):
        state = next(one for one in TABLE if one == event)
        found[f"{event} by anybody"] = with_move(state, replace(TABLE[state], actors=anybody))
    found["every proof is enough to open"] = lambda: changed(orders_module, "is_enough_to_open", lambda *_: True)
    found["an appeal proves"] = lambda: changed(orders_module, "was_verified", lambda _: True)
    found["a hold of an hour"] = lambda: changed(
        __import__("bot.core.order.deciding", fromlist=["hold_for"]), "hold_for", lambda *_: timedelta(hours=1)
    )
    found["whoever vouched isn't noted"] = lambda: changed(
        orders_module, "proof_columns", lambda level, at, _: {"level": int(level), "code_proven_at": at}
    )
    always = {**order_guards.GUARDS, "proven": lambda _: True}
    found["everything is proven"] = lambda: changed(order_moving, "GUARDS", always)
    return found


def _where(name: str) -> dict[str, Any]:
    """Where to look for a mutant: what concerns holds shows only while time does what it likes."""
    if not any(word in name for word in ("hold", "warned", "stopped")):
        return {}
    odd: dict[str, Any] = {"jumps": (-30,)} if "by_wall" in name else {"still": 0.7} if "hold_warned" in name else {}
    return {"rights": (Right.DELETION,), "restless": 0.1, **odd}


def caught(name: str, *, steps: int = 60_000, without: tuple[str, ...] = ()) -> tuple[int, str] | None:
    """After how many steps of a walk the mutant is noticed, and by what; None: not at all.

    What no walk of that length comes upon is looked for in the graph of two rights, where nothing is left to chance.
    """
    for has_portal in (False, True):
        for seed in (1, 2):
            with mutants()[name]():
                world = World(seed, without=without, has_portal=has_portal)
                try:
                    walk(world, steps // 4, **_where(name))
                except Broken as broken:
                    return world.steps, str(broken).split(";")[0]
    if name == CONTROL:  # Its graph is enumerated for all rights.
        return None
    for has_portal in (False, True):
        with mutants()[name]():
            try:
                graph(has_portal=has_portal, only=(Right.ACCESS, Right.DELETION))
            except Broken as broken:
                return steps, f"graph: {str(broken).split(';')[0]}"
    return None


def _walk_far(steps: int, seed: int) -> dict[str, Any]:
    """A walk on a file as the program keeps it, a world at a time, so that none grows without end. Raises Broken."""
    began, worlds, seen = time.monotonic(), 0, Counter[str]()
    while seen["steps"] < steps:
        with TemporaryDirectory() as folder:
            world = World(seed * 1000 + worlds, has_portal=worlds % 2 == 1, file=Path(folder) / "walk.db")
            walk(world, min(A_WORLD, steps - seen["steps"]))
            seen += Counter(steps=world.steps, moves=world.moved, declined=world.declined)
            seen += Counter(results=world.results, counter_examples=world.contradictions)
            worlds += 1
            world.connection.close()
    figures = {name: seen[name] for name in ("steps", "moves", "declined", "results", "counter_examples")}
    return {"test": "T10 walk", "seed": seed, "worlds": worlds, **figures, "s": round(time.monotonic() - began, 1)}


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.order_walk", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant-steps", type=int, default=60_000, help="at most, for each check that is taken out")
    parser.add_argument("--no-mutants", action="store_true")
    parser.add_argument("--mutant", default="", help="only those whose name holds this")
    parser.add_argument("--no-graph", action="store_true")
    asked = parser.parse_args()
    good = True
    if not asked.no_graph:
        for has_portal in (False, True):
            began = time.monotonic()
            states, edges = graph(has_portal=has_portal)
            spent = round(time.monotonic() - began, 1)
            graph_seen = {"states": states, "edges": edges, "counter_examples": 0, "s": spent}
            print(json.dumps({"test": "T10 graph", "portal": has_portal, **graph_seen}), flush=True)
    if asked.steps:
        print(json.dumps(_walk_far(asked.steps, asked.seed)), flush=True)
    if not asked.no_mutants:
        missed = []
        asked_for = [name for name in mutants() if asked.mutant in name]
        for name in asked_for:
            seen = caught(name, steps=asked.mutant_steps)
            print(json.dumps({"mutant": name, "caught": seen}), flush=True)
            missed += [name] if (seen is None) != (name == CONTROL) else []
        print(json.dumps({"test": "T10 mutants", "of": len([*filter(CONTROL.__ne__, asked_for)]), "wrong": missed}))
        good = not missed
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
