"""P03: the database stalls while WeChat pushes. Nothing is answered later than it may be, and everybody has an answer."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import OperationalError

from tests.faults.stage import facts, report
from tests.faults.talk import Talk
from tests.faults.whole import Whole, whole
from tests.postgres import DURABLE, TemporaryPostgres

LATEST = 4500
"""Milliseconds in which the answer to a push must be there: half a second before WeChat ends the connection."""
AROUND = 1.0
"""Seconds of pushes before the stall, and after it."""
QUIET_WITHIN = 40.0


def run(kind: str, per_second: float = 50.0, stalled: float = 2.0, times: int = 1) -> dict[str, Any]:
    """Pushes at a steady pace; `times` the database takes nothing for `stalled` seconds. Every person writes once."""
    began = monotonic()
    with tempfile.TemporaryDirectory() as folder, _address(kind) as url, whole(Path(folder), url=url) as bot:
        talk = Talk(bot)

        async def play() -> float | None:
            for _ in range(times):
                pushing = asyncio.create_task(talk.at_pace(per_second, 2 * AROUND + stalled, platforms=["wechat"]))
                await asyncio.sleep(AROUND)
                await asyncio.to_thread(hold, bot, stalled)
                await pushing
            return await talk.quiet(QUIET_WITHIN)

        quiet = asyncio.run(play())
        calls = asyncio.run(talk.look("wechat", "calls?call=push"))["calls"]
        pushed = asyncio.run(talk.look("wechat", "pushes"))["pushes"]
        effects = asyncio.run(talk.effects())
        took = sorted(call["ms"] for call in calls)
        with bot.database() as database:
            kept = facts(database)
        return report(
            test="P03 stall",
            **kept,
            per_second=per_second,
            stalled=stalled * times,
            pushes=len(pushed),
            tries=len(calls),
            cut_off=sum(call["status"] == 0 for call in calls),
            answered_by_reply=sum(push["state"] == "replied" for push in pushed),
            answered_later=sum(push["state"] == "acknowledged" for push in pushed),
            **effects,
            ms_median=took[len(took) // 2],
            ms_p99=took[int(len(took) * 0.99)],
            ms_latest=took[-1],
            is_quiet=quiet is not None,
            seconds=round(monotonic() - began, 1),
        )


def holds(figures: dict[str, Any]) -> bool:
    """Whether P03's limit was kept: every push answered in time, everybody with one answer."""
    return bool(
        figures["ms_latest"] <= LATEST
        and figures["pushes"] > 0
        and figures["is_quiet"]
        and figures["cut_off"] == figures["given_up_by_wechat"] == figures["unanswered"] == figures["repeats"] == 0
    )


def hold(bot: Whole, seconds: float) -> None:
    """Nobody else gets anything out of the bot's database for so long, nor into it."""
    if bot.url.startswith("sqlite"):
        connection = sqlite3.connect(make_url(bot.url).database or "", timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            sleep(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()
        return
    engine = create_engine(make_url(bot.url).set(drivername="postgresql+psycopg"))
    try:
        while not _held(engine, seconds):
            sleep(0.003)
    finally:
        engine.dispose()


def _held(engine: Engine, seconds: float) -> bool:
    """Whether all tables could be locked at one moment, and were for so long. To wait for some of them would deadlock."""
    with engine.connect() as connection:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = connection.exec_driver_sql(names).scalars().all()
        try:
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE NOWAIT")
        except OperationalError:
            return False
        sleep(seconds)
    return True


@contextmanager
def _address(kind: str) -> Iterator[str]:
    """Where the database is; "" for a SQLite file among the bot's own."""
    if kind == "sqlite":
        yield ""
        return
    with TemporaryPostgres(DURABLE) as server:
        yield server.url(server.create())
