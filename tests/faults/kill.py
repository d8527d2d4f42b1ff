"""T03: a broadcast while its workers are killed. Nothing lost, every repeat counted at the receiver and flagged."""

from collections import Counter
from random import Random
from time import monotonic, sleep
from typing import Any

from tests.faults.stage import Killer, Nursery, facts, report, stage


def run(
    kind: str,
    deliveries: int,
    kills: int,
    window: int = 30,
    workers: int = 1,
    seed: int = 1,
    patience: float = 600.0,
    lease: float = 2.0,
) -> dict[str, Any]:
    """Sends `deliveries`, two to a person, while workers are killed `kills` times; what arrived, counted outside."""
    began, persons = monotonic(), deliveries // 2
    # As fast as makes the kills fall into the run: a worker lives 0.43 s at the mean.
    rate = max(50.0, deliveries / (kills * 0.43 / workers + 0.5))
    with stage(kind, window=window, per_second=rate, lease=lease, call=lease / 2) as scene:
        scene.fill(persons, 2)
        with Nursery("pump", scene.plan) as nursery:
            killer = Killer(nursery, Random(seed), workers, kills)
            end = monotonic() + patience
            while not killer.is_done or scene.pending():
                killer.tick()
                sleep(0.005 if not killer.is_done else 0.1)
                if monotonic() > end:
                    break
            killer.end()
        arrived = Counter(line.split()[1] for line in scene.effects())
        flagged = {
            row[0]
            for row in scene.rows(
                "SELECT CAST(person_id - 1 AS TEXT) || ':' || CAST(ordinal AS TEXT) FROM delivery WHERE maybe_repeat"
            )
        }
        first = {name: place for place, name in reversed(list(enumerate(line.split()[1] for line in scene.effects())))}
        states = dict(scene.rows("SELECT state, count(*) FROM delivery GROUP BY state"))
        repeated = {name for name, times in arrived.items() if times > 1}
        return report(
            test="T03 kill",
            seed=seed,
            **facts(scene.database),
            deliveries=persons * 2,
            workers=workers,
            window=window,
            kills=killer.kills,
            sent=states.get("sent", 0),
            lost=persons * 2 - len(arrived),
            repeats=sum(arrived.values()) - len(arrived),
            most_to_one=max(arrived.values(), default=0),
            flagged=len(flagged),
            repeats_unflagged=len(repeated - flagged),
            allowed=window * killer.kills,
            out_of_order=sum(first.get(f"{p}:0", 0) > first.get(f"{p}:1", 1) for p in range(persons)),
            seconds=round(monotonic() - began, 1),
        )


def holds(figures: dict[str, Any]) -> bool:
    """Whether the promise (P04) was kept."""
    return (
        figures["lost"] == figures["repeats_unflagged"] == figures["out_of_order"] == 0
        and figures["sent"] == figures["deliveries"]
        and figures["repeats"] <= figures["allowed"]
        and figures["flagged"] <= figures["allowed"]
    )
