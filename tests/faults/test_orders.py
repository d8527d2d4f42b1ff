"""T05a, scaled down. Full size:

python -m tests.faults.orders --orders 10000 --kills 500 --db both
python -m tests.faults.notices --orders 2000 --kills 200 --db both
"""

import pytest

from tests.faults import notices, orders
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


def test_contacts_get_every_notice_though_the_program_is_killed(kind: str) -> None:
    figures = notices.run(kind, orders=24, kills=3, patience=60)
    assert notices.holds(figures), figures


def test_a_run_that_loses_a_notice_is_seen() -> None:
    none = ("lost", "repeats_unflagged", "strange", "dead_links", "links_untold")
    good: dict[str, int] = {**dict.fromkeys((*notices.WRONG, *none), 0), "kills": 4, "mails": 99, "orders": 60}
    good |= {"repeats": 7, "flagged": 9, "allowed": 10}
    assert notices.holds(good)
    for name in (*notices.WRONG, *none):
        assert not notices.holds(good | {name: 1})
    for worse in ({"repeats": 11}, {"flagged": 11}, {"kills": 0}, {"mails": 9}):
        assert not notices.holds(good | worse)
