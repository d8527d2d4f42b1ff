"""Fault runs at any size; each prints its figures as one JSON line and ends with 1 where a promise was broken.

python -m tests.faults kill --deliveries 20000 --kills 40 --db sqlite
python -m tests.faults updates --updates 100000 --kills 500 --db postgresql --workers 2
python -m tests.faults storms --persons 2000
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import structlog

from tests.faults import kill, storms, updates


def figures(asked: argparse.Namespace) -> Iterator[tuple[dict[str, Any], bool]]:
    """The figures of each run that was asked for, and whether the promise held."""
    for kind in ("sqlite", "postgresql") if asked.db == "both" else (asked.db,):
        if asked.run == "kill":
            seen = kill.run(
                kind, asked.deliveries, asked.kills, asked.window, asked.workers, asked.seed, asked.patience
            )
            yield seen, kill.holds(seen)
        elif asked.run == "updates":
            seen = updates.run(kind, asked.updates, asked.kills, asked.workers, asked.seed, asked.patience)
            yield seen, updates.holds(seen)
        else:
            seen = storms.mixed(kind, asked.persons, asked.seed)
            yield seen, storms.mixed_holds(seen)
            seen = storms.pace(kind, asked.seconds, asked.workers, asked.seed)
            yield seen, storms.pace_holds(seen)
            seen = storms.one_limited(kind, asked.persons, asked.seed)
            yield seen, storms.one_limited_holds(seen)


def main() -> int:
    parser = argparse.ArgumentParser(
        "python -m tests.faults", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    runs = parser.add_subparsers(dest="run", required=True)
    for name, says in (
        ("kill", "T03: a broadcast while its workers are killed"),
        ("updates", "T01: updates while the program that takes them is killed"),
        ("storms", "T04: 429, 403, 5xx, lost answers, hangs; the pace before a strict platform; one limited person"),
    ):
        run = runs.add_parser(name, help=says, description=says)
        run.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
        run.add_argument("--seed", type=int, default=1)
        run.add_argument(
            "--workers", type=int, default=2 if name == "storms" else 1, help="processes (storms: pumps) at once"
        )
        if name == "storms":
            run.add_argument("--persons", type=int, default=300)
            run.add_argument("--seconds", type=float, default=20.0, help="length of the run at Telegram's pace")
            continue
        run.add_argument("--kills", type=int, default=40, help="SIGKILLs in all, 60 to 800 ms after a worker is ready")
        run.add_argument("--patience", type=float, default=3600.0, help="seconds until the run is given up")
        if name == "kill":
            run.add_argument("--deliveries", type=int, default=20_000)
            run.add_argument(
                "--window", type=int, default=30, help="claims a worker may hold: repeats allowed per kill"
            )
        else:
            run.add_argument("--updates", type=int, default=20_000)
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kept = True
    for seen, holds in figures(asked):
        print(json.dumps({**seen, "holds": holds}), flush=True)
        kept = kept and holds
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
