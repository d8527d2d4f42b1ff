"""A day of the rights, rehearsed: 50 invented customers use every right on Telegram, WeChat and the web.

python -m tests.acceptance.day --report day.json
"""

import argparse
import asyncio
import heapq
import json
import logging
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import structlog
from rich.console import Console
from rich.table import Table

from tests.acceptance.day_cast import LASTS, START, Customer, cast
from tests.acceptance.day_counted import counted, seen
from tests.acceptance.day_expected import Figures, expected
from tests.acceptance.day_invariants import problems
from tests.acceptance.day_people import Player
from tests.acceptance.day_script import Later
from tests.acceptance.day_stage import Company, company

EXIT_DIFFERENT = 1
SHOWN = {
    "customers": "invented customers",
    "said": "messages from customers",
    "messages": "messages to customers, as the platforms took them",
    "orders": "orders",
    "right": "orders by right",
    "state": "orders by state, at the end",
    "joined": "wishes joined to an order under way",
    "appeals": "second looks asked for",
    "refused": "refused or stopped, by reason",
    "deadline": "deadlines",
    "reminder": "reminders to staff, by per cent of the time",
    "staff": "acts of staff on orders; those that the program barred",
    "papers": "papers checked, and deleted; files and old links refused",
    "chats": "chats bound to an account, a number each way",
    "links": "portal links spoilt by a wrong number",
    "codes": "one-time codes",
    "mails": "mails that arrived",
    "sms": "SMS that arrived",
    "holds": "holds before a deletion",
    "stops": "stop links pressed",
    "carried_out": "deletions, closures and corrections carried out",
    "packages": "packages made and announced",
    "fetches": "packages fetched; refused because none was left",
    "certificates": "certificates of deletion; known to the page; forged ones it refused",
    "news": "news to the company's systems, signed, each once",
    "impostors": "tries of impostors that came to nothing",
    "trail": "entries of the audit trail, all proven",
}
"""The report's lines: the first part of a figure's name, and what it is."""


@dataclass
class Report:
    """What came of the days. `differences` and `problems` are sentences; without any, all is as it must be."""

    customers: int
    seed: int
    begins: datetime
    ends: datetime
    figures: Figures = field(default_factory=Counter)
    foretold: Figures = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def differences(self) -> list[str]:
        """Every figure that is not as the script says."""
        names = sorted({name for name in self.figures if _is_foretold(name)} | set(self.foretold))
        return [
            f"{name}: {self.figures[name]}, and by the script {self.foretold[name]}"
            for name in names
            if self.figures[name] != self.foretold[name]
        ]

    @property
    def holds(self) -> bool:
        return not self.differences and not self.problems

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        data = asdict(self) | {"figures": dict(sorted(self.figures.items())), "differences": self.differences}
        times = {"begins": self.begins.isoformat(), "ends": self.ends.isoformat(), "holds": self.holds}
        return data | {"foretold": dict(sorted(self.foretold.items()))} | times


def _is_foretold(name: str) -> bool:
    return name.partition(".")[0] not in ("messages", "trail")


async def run(customers: Sequence[Customer], seed: int = 1) -> Report:
    """Plays the days of both companies, one after the other. Raises AssertionError where an act comes to something else."""
    began, report = monotonic(), Report(len(customers), seed, START, START + LASTS, foretold=expected(customers))
    with tempfile.TemporaryDirectory(prefix="clausebot-day-", dir=_quick_folder()) as folder:
        for has_portal in (True, False):
            of_company = [who for who in customers if who.has_portal is has_portal]
            if of_company:
                async with company(of_company, Path(folder), has_portal=has_portal, seed=seed) as on:
                    await _play(on, of_company, report)
    report.seconds = round(monotonic() - began, 1)
    return report


def _quick_folder() -> Path | None:
    """In memory, where there is some: nobody asks about the disk here."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > 1 << 30 else None


async def _play(on: Company, customers: Sequence[Customer], report: Report) -> None:
    async with AsyncExitStack() as sessions:
        players = dict[int, Player]()
        for who in customers:
            jar = aiohttp.CookieJar(unsafe=True)
            session = await sessions.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
            players[who.number] = Player(who, on, session, players)
        await _act(on, players)
        await on.pass_time(START + LASTS)
        report.figures += counted(on, list(players.values())) + seen(on)
        report.problems += await problems(on, list(players.values()))


async def _act(on: Company, players: dict[int, Player]) -> None:
    """Everybody's acts in the order of their times; whoever is at it goes on until the script has them wait."""
    waiting = [(player.who.begins, number, 0) for number, player in players.items()]
    heapq.heapify(waiting)
    while waiting:
        at, number, place = heapq.heappop(waiting)
        await on.pass_time(at)
        player = players[number]
        for here, act in enumerate(player.who.acts[place:], place):
            if isinstance(act, Later):
                heapq.heappush(waiting, (on.clock() + timedelta(hours=act.hours), number, here + 1))
                break
            await player.play(act)


def table(report: Report) -> Table:
    """The report, for people."""
    found = Table(title=f"{report.customers} customers, {LASTS.days} days from {START:%d %B %Y}", title_style="bold")
    found.add_column("")
    found.add_column("", style="dim")
    found.add_column("counted", justify="right")
    found.add_column("by the script", justify="right")
    names = sorted(set(report.figures) | set(report.foretold), key=lambda name: (_line_of(name), _order_in(name)))
    before = ""
    for name in names:
        first, _, rest = name.partition(".")
        wanted = str(report.foretold[name]) if _is_foretold(name) else ""
        style = "red" if wanted not in ("", str(report.figures[name])) else None
        found.add_row(
            SHOWN.get(first, first) if first != before else "", rest, str(report.figures[name]), wanted, style=style
        )
        before = first
    return found


def _line_of(name: str) -> int:
    return list(SHOWN).index(first) if (first := name.partition(".")[0]) in SHOWN else len(SHOWN)


def _order_in(name: str) -> tuple[int, str]:
    rest = name.partition(".")[2]
    return (int(rest), "") if rest.isdecimal() else (0, rest)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m tests.acceptance.day",
        description="Plays thirty days of rights requests with 50 invented customers against the real application: its "
        "HTTP pages and its adapters for Telegram, WeChat and the web, with stand-ins of both platforms, a mail server, "
        "an SMS gateway, an account directory and a company's portal on this machine. Staff work the orders with the "
        "functions behind `clausebot orders`, with one-time passwords. The clock is turned, so it takes about a minute.",
        epilog="What is counted afterwards is compared with what the script of the customers says must come of it "
        "(tests/acceptance/day_expected.py), and every order and chat is looked at for what must never be "
        "(tests/acceptance/day_invariants.py). Exit code 0: all is as it must be; 1: something isn't, and is printed. "
        "Who plays what: tests/acceptance/day_cast.py. Nothing is sent anywhere; the database is thrown away.",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there, as JSON")
    parser.add_argument("--small", action="store_true", help="fourteen customers, every right once: what CI plays")
    parser.add_argument("--seed", type=int, default=1, help="of how long people take to type (default 1)")
    asked = parser.parse_args(words)
    _be_quiet()
    console = Console(highlight=False)
    try:
        with console.status("The days pass ..."):
            report = asyncio.run(run(cast(small=asked.small), asked.seed))
    except AssertionError as wrong:
        console.print(f"It came to something else than the script says:\n{wrong}", markup=False, style="red")
        return EXIT_DIFFERENT
    if asked.report:
        asked.report.write_text(json.dumps(report.as_data(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    console.print(table(report))
    for line in (*report.differences, *report.problems):
        console.print(line, markup=False, style="red")
    verdict = "All is as the script says." if report.holds else "NOT as the script says."
    console.print(f"{verdict} {report.seconds} s.", style="green" if report.holds else "red")
    return 0 if report.holds else EXIT_DIFFERENT


def _be_quiet() -> None:
    """What the program logs while it is played to isn't part of the report."""
    for name in [name for name in os.environ if name.startswith(("CLAUSEBOT_", "TELEGRAM_", "WECHAT_"))]:
        del os.environ[name]
    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


if __name__ == "__main__":
    sys.exit(main())
