"""Whether the bot's memory stays flat: a steady load through both webhooks, its resident memory sampled and fitted."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import linear_regression
from time import monotonic
from typing import Any

from tests.faults.stage import facts, report
from tests.faults.talk import Talk
from tests.faults.whole import whole

WARM_UP = 0.25
"""The part of the run that isn't fitted: pools, caches and the allocator find their size in it."""
AT_ONCE = 30
"""Messages that begin it on each platform, all in a moment: threads and connections come with the first crowd and stay.
Were it to come later, by chance, their memory would be a step in the middle of the line."""
FLAT = 6.0
"""MiB that the fitted line may rise in ten minutes. A leak of one answer's text a message would be some ten times that."""


def run(minutes: float = 10.0, per_second: float = 10.0, people: int = 2000, every: float = 10.0) -> dict[str, Any]:
    """Prints a line for each sample, on standard error. `per_second` messages through each platform, each of other words."""
    began = monotonic()
    # The stand-ins keep the last calls only: theirs is another memory, and it isn't judged.
    with tempfile.TemporaryDirectory() as folder, whole(Path(folder), keep=1000) as bot:
        talk, samples = Talk(bot), list[tuple[float, float]]()

        async def play() -> float | None:
            start = monotonic()
            await talk.at_pace(AT_ONCE * 10, 0.1, cycle(range(1, people + 1)))
            talking = asyncio.create_task(talk.at_pace(per_second, minutes * 60, cycle(range(1, people + 1))))
            while not talking.done():
                samples.append(((monotonic() - start) / 60, bot.resident()))
                said = sum(map(len, talk.said.values()))
                print(
                    f"{samples[-1][0]:6.2f} min  {samples[-1][1]:7.1f} MiB  {said:7d} messages",
                    file=sys.stderr,
                    flush=True,
                )
                await asyncio.wait({talking}, timeout=every)
            await talking
            return await talk.quiet(60)

        quiet = asyncio.run(play())
        with bot.database() as database:
            kept = facts(database)
            with database.read() as work:
                turns = work.connection.exec_driver_sql("SELECT count(*) FROM turn").scalar_one()
        effects = asyncio.run(talk.effects())
        first, last, slope = fitted(samples)
        verdict = "flat" if slope * 10 <= FLAT else "growing"
        if effects["given_up_by_wechat"] or quiet is None:
            verdict = "overloaded"  # What waits takes memory. Such a run says nothing: use a machine with less to do.
        return report(
            test="memory",
            **kept,
            minutes=minutes,
            **effects,
            turns=turns,
            people=people,
            start_mib=round(samples[0][1], 1),
            most_mib=round(max(size for _, size in samples), 1),
            fitted_from_mib=round(first, 1),
            fitted_to_mib=round(last, 1),
            mib_in_ten_minutes=round(slope * 10, 2),
            verdict=verdict,
            is_quiet=quiet is not None,
            lives=bot.lives(),
            seconds=round(monotonic() - began, 1),
        )


def fitted(samples: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """(MiB at the beginning, MiB at the end, MiB a minute) of the straight line through what came after the warm-up."""
    end = samples[-1][0]
    kept = [sample for sample in samples if sample[0] >= end * WARM_UP]
    slope, first = linear_regression(*zip(*kept, strict=True))
    return first + slope * kept[0][0], first + slope * end, slope


def holds(figures: dict[str, Any]) -> bool:
    """Whether it was flat, every message one turn, and everybody has an answer.

    `repeats` are no doubled answers but equal ones: "The policy doesn't say" a second time, to another question.
    """
    once = figures["turns"] == figures["said"] and not figures["unanswered"]
    return bool(figures["verdict"] == "flat" and figures["lives"] and once)
