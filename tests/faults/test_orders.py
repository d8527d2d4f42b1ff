"""T05a, scaled down. Full size: python -m tests.faults.orders --orders 10000 --kills 500 --db both"""

import pytest

from tests.faults import orders
from tests.postgres import NoPostgres, binaries


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        try:
            binaries()
        except NoPostgres as reason:
            pytest.skip(str(reason))
    return str(request.param)


def test_orders_survive_the_killing_of_whoever_moves_them(kind: str) -> None:
    figures = orders.run(kind, orders=60, kills=4, patience=60)
    assert orders.holds(figures), figures


def test_a_run_that_breaks_something_is_seen() -> None:
    """The judge itself."""
    good = {**dict.fromkeys(orders.WRONG, 0), "unlike": 0, "kills": 4, "moves": 99, "orders": 60}
    assert orders.holds(good)
    for name in (*orders.WRONG, "unlike"):
        assert not orders.holds(good | {name: 1})
    assert not orders.holds(good | {"moves": 60})
