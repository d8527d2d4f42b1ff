"""T10, scaled down: no path leads to a result without proof and two staff, and each check is needed for that.

Full size: python -m tests.order_walk --steps 1000000
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.contacts import Contact, Kind
from bot.core.order.dates import hold_for
from bot.core.orders import Level, Right
from storage.stores.orders import ORDER
from tests.order_walk import CONTROL, caught, graph, mutants, opened, walk
from tests.order_world import Broken, World


def test_random_walks_find_no_way() -> None:
    moved = 0
    for has_portal in (False, True):
        world = walk(World(11, has_portal=has_portal), 2_000)
        moved += world.moved
        assert world.contradictions == 0
    assert moved > 600  # The walks get somewhere.


def test_walks_reach_what_they_must_not_reach_wrongly(tmp_path: Path) -> None:
    """A judge that never sees a result judges nothing."""
    world = walk(World(3, file=tmp_path / "walk.db"), 6_000)
    assert world.contradictions == 0
    seen = world.connection.exec_driver_sql(
        'SELECT "right", count(delivered_at), count(executed_at), count(stopped_at) FROM work_order GROUP BY "right"'
    ).all()
    done = {right: (delivered, executed, stopped) for right, delivered, executed, stopped in seen}
    assert done["access"][0] > 0
    assert done["deletion"][1] + done["closure"][1] > 0
    assert done["correction"][1] > 0
    assert done["deletion"][2] + done["closure"][2] > 0


def test_the_whole_graph_of_a_right_has_no_way() -> None:
    states, edges = graph(only=(Right.ACCESS,))
    assert states > 40
    assert edges > 40 * states


SOME = (
    "checked without fresh_eyes",
    "proposed without proven",
    "proposed without not_checker",
    "approved without second_person",
    "approved without not_checker",
    "approved without contacts_known",
    "delivered without approved",
    "proved without enough",
    "withdrawn without owner",
    "every proof is enough to open",
    "an appeal proves",
    "whoever vouched isn't noted",
    "a hold of an hour",
)


@pytest.mark.parametrize("name", SOME)
def test_without_one_check_the_walk_finds_the_way(name: str) -> None:
    assert caught(name) is not None


def test_with_every_check_the_same_walks_find_nothing() -> None:
    assert caught(CONTROL, steps=2_000) is None


def test_a_contradiction_in_the_database_would_be_counted() -> None:
    world = World(without=("delivered_unproven", "delivers", "ended"))
    order = opened(world, Right.ACCESS, Level.PORTAL, True, "K-1")
    assert order is not None
    assert (world.contradictions, world.results) == (0, 0)
    world.connection.execute(ORDER.update().values(delivered_at=world.now, state="answered"))
    assert (world.contradictions, world.results) == (1, 1)


def test_those_are_some_of_all() -> None:
    assert set(SOME) < set(mutants())


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        ("approved without second_person", ("two_staff",)),
        ("proposed without not_checker", ("checker_proposes",)),
        ("delivered without approved", ("delivered_unproven",)),
    ],
)
def test_without_the_check_of_the_database_too_the_judge_sees_it_happen(mutant: str, check: tuple[str, ...]) -> None:
    found = caught(mutant, without=check)
    assert found is not None
    assert "the database had to refuse" not in found[1]


def test_the_judge_is_told_when_the_database_steps_in() -> None:
    found = caught("approved without second_person")
    assert found is not None
    assert "the database had to refuse" in found[1]
    assert issubclass(Broken, AssertionError)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), has_portal=st.booleans())
def test_any_short_history_keeps_the_rules(seed: int, has_portal: bool) -> None:
    walk(World(seed, has_portal=has_portal), 200)


@given(ages=st.lists(st.integers(-400, 4000), min_size=1, max_size=4))
def test_a_hold_is_three_days_at_least_and_a_week_for_any_young_contact(ages: list[int]) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    some = [Contact(Kind.EMAIL, "ada@mail.example.com", now - timedelta(days=age)) for age in ages]
    long_ago = now - timedelta(days=400)
    assert hold_for(some, long_ago, now) == timedelta(days=3 if min(ages) > 30 else 7)
    assert hold_for(some, None, now) == timedelta(days=7)
