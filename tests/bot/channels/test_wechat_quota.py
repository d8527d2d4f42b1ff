"""What the channel writes down by itself is written together, and fails together."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.channels.wechat.quota import Quota
from bot.core.errors import Unreachable
from storage.engine import Database
from tests.conftest import Clock


class Counted(Quota):
    commits = 0

    def _commit(self, group: list) -> list:
        self.commits += 1
        return super()._commit(group)


@pytest.fixture
def quota(database: Database, clock: Clock) -> Counted:
    return Counted(database, clock)


def note_push(quota: Quota, user: str, *push, left: bool):
    return quota.write(user, quota.noting(user, *push, left=left))


async def test_a_hundred_pushes_at_once_cost_a_few_commits(quota: Counted, clock: Clock) -> None:
    pushes = [note_push(quota, f"o{number}", str(number), clock(), "a", "message", left=False) for number in range(100)]
    assert await asyncio.gather(*pushes) == [True] * 100
    assert quota.commits <= 3
    taken = await asyncio.gather(*(quota.take("o7", 1, "interactive") for _ in range(6)), return_exceptions=True)
    assert [type(one) for one in taken] == [type(None)] * 4 + [Unreachable] * 2


async def test_each_gets_its_own_result(quota: Counted, clock: Clock) -> None:
    bodies = ["a", "b", "a", "c"]
    pushes = [note_push(quota, "o1", "7", clock(), body, None, left=False) for body in bodies]
    assert await asyncio.gather(*pushes) == [True, False, True, False]


async def test_a_group_that_fails_is_told_so_and_the_next_goes_on(
    quota: Counted, database: Database, clock: Clock
) -> None:
    with database.work() as work:
        work.connection.execute(text("ALTER TABLE wechat_window RENAME TO gone"))
    pushes = [note_push(quota, f"o{n}", str(n), clock(), "a", "message", left=False) for n in range(3)]
    assert all(isinstance(one, Exception) for one in await asyncio.gather(*pushes, return_exceptions=True))
    with database.work() as work:
        work.connection.execute(text("ALTER TABLE gone RENAME TO wechat_window"))
    assert await note_push(quota, "o1", "1", clock(), "another body", "message", left=False), "nothing was kept"


async def test_who_stops_waiting_spoils_nothing(quota: Counted, clock: Clock) -> None:
    waiting = asyncio.create_task(note_push(quota, "o1", "1", clock(), "a", "message", left=False))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await note_push(quota, "o2", "2", clock(), "a", "message", left=False)


async def test_what_is_past_its_time_goes_by_itself(quota: Counted, database: Database, clock: Clock) -> None:
    await note_push(quota, "o1", "1", clock(), "a", "message", left=False)
    clock.now += timedelta(minutes=11)
    await note_push(quota, "o2", "2", clock(), "a", "message", left=False)
    with database.read() as work:
        assert work.connection.execute(text("SELECT nonce FROM wechat_nonce")).scalars().all() == ["2"]
