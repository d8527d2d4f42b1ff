"""T05, P20: the disk fills up while people write. Nothing acknowledged is lost, and it heals when there is space again."""

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from bot.core.message import Reply
from bot.rehearsal.people import person
from tests.faults.stage import facts, report
from tests.faults.talk import PLATFORMS, Talk
from tests.faults.whole import Whole, ask, whole

BEFORE, AFTER = 1.5, 1.5
"""Seconds of talk before the disk is full, and after there is space again."""
HEALED_WITHIN = 60.0
"""Seconds until everybody has an answer: P20."""
STRANGERS = 100_000
"""Where the numbers of those begin who get a broadcast; those who write have the numbers from 1."""
BROADCAST_PER_SECOND = 24
"""Telegram's own pace, so that the broadcast is under way all the while."""
LEFT = 16 * 1024
"""Bytes that the files may still grow by when "limit" begins."""
MOUNT_MB = 24


def run(how: str, seconds: float = 10.0, per_second: float = 10.0) -> dict[str, Any]:
    """People write through both webhooks, and a broadcast goes out; for `seconds` nothing can grow.

    `how`: "limit" (no file of the bot's may grow, RLIMIT_FSIZE) or "tmpfs" (a small file system that is really full; root).
    """
    began = monotonic()
    with _folder(how) as folder, whole(folder) as bot:
        talk, ballast, notified = Talk(bot), Ballast(bot, folder, how), list[str]()

        async def play() -> float | None:
            await talk.at_pace(per_second, BEFORE)
            notified.extend(_broadcast(bot, round(seconds * BROADCAST_PER_SECOND)))
            ballast.fill()
            try:
                await talk.at_pace(per_second, seconds)
            finally:
                ballast.free()
            freed = monotonic()
            await talk.at_pace(per_second, AFTER)
            return monotonic() - freed if await talk.quiet(HEALED_WITHIN) is not None else None

        healed = asyncio.run(play())
        refused = {
            name: sum(call["status"] != 200 for call in ask(f"{getattr(bot, name)}/_/calls?call={push}")["calls"])
            for name, push in zip(PLATFORMS, ("update", "push"), strict=True)
        }
        effects = asyncio.run(talk.effects())
        got = asyncio.run(talk.look("telegram", "effects"))["people"]
        with bot.database() as database:
            kept = facts(database)
            with database.read() as work:
                integrity = work.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
                quarantined = work.quarantine.count()
        return report(
            test="T05 full",
            how=how,
            **kept,
            full_for=seconds,
            **effects,
            refused_telegram=refused["telegram"],
            refused_wechat=refused["wechat"],
            quarantined=quarantined,
            healed_after=None if healed is None else round(healed, 1),
            integrity=integrity,
            lives=bot.lives(),
            broadcast=len(notified),
            broadcast_lost=sum(user not in got for user in notified),
            broadcast_repeats=sum(got[user]["messages"] > 1 for user in notified if user in got),
            seconds=round(monotonic() - began, 1),
        )


def holds(figures: dict[str, Any]) -> bool:
    """Whether P20 was kept. Without a refusal the disk was not full, and nothing was shown."""
    return bool(
        figures["refused_telegram"] + figures["refused_wechat"] > 0
        and figures["unanswered"] == 0
        and figures["lives"]
        and figures["broadcast_lost"] == 0
        and figures["integrity"] == "ok"
        and figures["healed_after"] is not None
        and figures["healed_after"] <= HEALED_WITHIN
    )


class Ballast:
    """Takes away the space, and gives it back."""

    def __init__(self, bot: Whole, folder: Path, how: str) -> None:
        self._bot, self._how, self._file = bot, how, folder / "ballast"

    def fill(self) -> None:
        """From now on nothing grows."""
        if self._how == "limit":
            most = max(path.stat().st_size for path in self._file.parent.glob("clausebot.db*"))
            self._bot.limit_files(most + LEFT)
            return
        with self._file.open("ab", buffering=0) as ballast:
            for size in (65536, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        ballast.write(b"\0" * size)

    def free(self) -> None:
        if self._how == "limit":
            self._bot.limit_files(None)
        else:
            self._file.unlink()


def _broadcast(bot: Whole, each: int) -> list[str]:
    """Puts a message into the outbox for each of so many persons of Telegram, who never wrote; their addresses."""
    now, body = datetime.now(UTC), json.dumps(Reply("A notice.").as_data()).encode()
    users = [str(person(STRANGERS + number).telegram) for number in range(each)]
    with bot.database() as database, database.work() as work:
        for user in users:
            work.deliveries.add(
                work.people.meet("telegram", user, now, "en"), "notice:full", [body], now, lane="broadcast"
            )
    return users


def may_mount() -> bool:
    """Whether a small file system can be mounted here: only root can, and not in every container."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0 or _mount(Path(folder)) != 0:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


def _mount(folder: Path) -> int:
    wish = ["mount", "-t", "tmpfs", "-o", f"size={MOUNT_MB}m", "tmpfs", str(folder)]
    try:
        return subprocess.run(wish, capture_output=True, check=False).returncode
    except FileNotFoundError:
        return 127


@contextmanager
def _folder(how: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        if how == "tmpfs" and _mount(Path(folder)) != 0:
            raise SystemExit("A file system can't be mounted here: that needs root. Use --how limit.")
        try:
            yield Path(folder)
        finally:
            if how == "tmpfs":
                subprocess.run(["umount", "--lazy", folder], check=False)
