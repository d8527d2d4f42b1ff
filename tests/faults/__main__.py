"""Fault runs at any size. Each prints its figures as one JSON line and ends with 1 where a promise was broken.

  what is broken on purpose                                    what must hold
  kill     T03  workers are killed in a broadcast              nothing lost; repeats flagged, at most window x kills
  updates  T01  the program is killed while it takes updates   each acknowledged update has one effect
  shuffled T02  updates repeated, out of order, edited         one effect each; none of an edit
  storms   T04  429, 403, 5xx, lost answers, hangs             polite, complete, nobody silently unreached
  stall    P03  the database stands still under WeChat pushes  nothing is answered later than 4.5 s
  full     T05  the disk is full while people write            nothing acknowledged is lost; heals within a minute
  memory        nothing: a steady load for minutes             resident memory stays flat

Try one of them (ten to thirty seconds):
  python -m tests.faults kill --deliveries 300 --kills 3 --db sqlite
  python -m tests.faults stall --db sqlite
  python -m tests.faults full --how limit --seconds 4

At full size (a quarter of an hour each on two cores; in memory the disk is not what is waited for):
  TMPDIR=/dev/shm python -m tests.faults updates --updates 100000 --kills 500 --db sqlite
  python -m tests.faults kill --deliveries 20000 --kills 40 --db postgresql --workers 2
  python -m tests.faults stall --per-second 50 --times 10
  python -m tests.faults full --how tmpfs --seconds 30
  python -m tests.faults memory --minutes 10

kill, updates and storms count effects in a file outside of the database. shuffled, stall, full and memory run `clausebot serve`
in a process of its own and count at the stand-ins. SIGKILL doesn't test fsync: what was written stays with the system.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import structlog

from tests.faults import full, kill, memory, shuffled, stall, storms, updates

SHORTEST = 5
"""Minutes of the run that looks at memory."""
RUNS = {
    "kill": "T03: a broadcast while its workers are killed",
    "updates": "T01: updates while the program that takes them is killed",
    "shuffled": "T02: updates and presses repeated, out of order, edited, their numbers begun anew",
    "storms": "T04: 429, 403, 5xx, lost answers, hangs; the pace before a strict platform; one limited person",
    "stall": "P03: the database stands still while WeChat pushes",
    "full": "T05: the disk is full while people write through both webhooks",
    "memory": "resident memory of the bot under a steady load through both webhooks, sampled each 10 s",
}


def figures(asked: argparse.Namespace) -> Iterator[tuple[dict[str, Any], bool]]:
    """The figures of each run that was asked for, and whether the promise held."""
    if asked.run == "memory":
        seen = memory.run(asked.minutes, asked.per_second, asked.people)
        yield seen, memory.holds(seen)
    elif asked.run == "shuffled":
        seen = shuffled.run(asked.people, asked.seed)
        yield seen, shuffled.holds(seen)
    elif asked.run == "full":
        seen = full.run(asked.how, asked.seconds, asked.per_second)
        yield seen, full.holds(seen)
    else:
        for kind in ("sqlite", "postgresql") if asked.db == "both" else (asked.db,):
            yield from _on(kind, asked)


def _on(kind: str, asked: argparse.Namespace) -> Iterator[tuple[dict[str, Any], bool]]:
    if asked.run == "kill":
        seen = kill.run(kind, asked.deliveries, asked.kills, asked.window, asked.workers, asked.seed, asked.patience)
        yield seen, kill.holds(seen)
    elif asked.run == "updates":
        seen = updates.run(kind, asked.updates, asked.kills, asked.workers, asked.seed, asked.patience)
        yield seen, updates.holds(seen)
    elif asked.run == "stall":
        seen = stall.run(kind, asked.per_second, asked.stalled, asked.times)
        yield seen, stall.holds(seen)
    else:
        seen = storms.mixed(kind, asked.persons, asked.seed)
        yield seen, storms.mixed_holds(seen)
        seen = storms.pace(kind, asked.seconds, asked.workers, asked.seed)
        yield seen, storms.pace_holds(seen)
        seen = storms.one_limited(kind, asked.persons, asked.seed)
        yield seen, storms.one_limited_holds(seen)


def words() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        "python -m tests.faults", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    runs = parser.add_subparsers(dest="run", required=True, metavar="run")
    parts = {
        name: runs.add_parser(name, help=says, description=says, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        for name, says in RUNS.items()
    }
    for name in ("kill", "updates", "storms", "stall"):
        parts[name].add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both", help="database")
    for name in ("kill", "updates", "storms"):
        what, usual = ("pumps", 2) if name == "storms" else ("processes", 1)
        parts[name].add_argument("--seed", type=int, default=1, help="of everything that hangs on chance")
        parts[name].add_argument("--workers", type=int, default=usual, help=f"{what} at once")
    for name in ("kill", "updates"):
        parts[name].add_argument("--kills", type=int, default=40, help="SIGKILLs, 60 to 800 ms after a worker is ready")
        parts[name].add_argument("--patience", type=float, default=3600.0, help="seconds until the run is given up")
    parts["kill"].add_argument("--deliveries", type=int, default=20_000, help="messages of the broadcast")
    parts["kill"].add_argument("--window", type=int, default=30, help="claims of a worker: repeats allowed per kill")
    parts["updates"].add_argument("--updates", type=int, default=20_000, help="messages, six a person")
    parts["storms"].add_argument("--persons", type=int, default=300, help="persons who are written to")
    parts["storms"].add_argument("--seconds", type=float, default=20.0, help="length of the run at Telegram's pace")
    parts["stall"].add_argument("--per-second", type=float, default=50.0, help="pushes a second")
    parts["stall"].add_argument("--stalled", type=float, default=2.0, help="seconds of one stall")
    parts["stall"].add_argument("--times", type=int, default=1, help="stalls one after another")
    parts["full"].add_argument("--how", choices=("limit", "tmpfs"), default="limit", help="tmpfs needs root")
    parts["full"].add_argument("--seconds", type=float, default=10.0, help="how long it is full")
    parts["full"].add_argument("--per-second", type=float, default=10.0, help="messages a second through each webhook")
    parts["shuffled"].add_argument("--people", type=int, default=400, help="who write eight messages each")
    parts["shuffled"].add_argument("--seed", type=int, default=1, help="of everything that hangs on chance")
    parts["memory"].add_argument("--minutes", type=_minutes, default=10.0, help="length of the load")
    parts["memory"].add_argument(
        "--per-second", type=float, default=10.0, help="messages a second through each webhook"
    )
    parts["memory"].add_argument("--people", type=int, default=2000, help="who write in turn")
    return parser


def _minutes(text: str) -> float:
    if (minutes := float(text)) < SHORTEST:
        raise argparse.ArgumentTypeError(f"at least {SHORTEST}: in less, finding its size looks like growing")
    return minutes


def main() -> int:
    asked = words().parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    kept = True
    for seen, holds in figures(asked):
        print(json.dumps({**seen, "holds": holds}), flush=True)
        kept = kept and holds
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
