"""People who write to the whole program through both stand-ins, which push, repeat and count as the platforms do."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

import aiohttp

from bot.rehearsal.people import person
from tests.faults.whole import Whole

PLATFORMS = ("telegram", "wechat")


@dataclass(slots=True)
class Talk:
    """Each message has other words, so that nothing is answered from a memory of words."""

    bot: Whole
    said: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in PLATFORMS})
    """Who has written, by platform; somebody who wrote twice stands there twice."""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def at_pace(
        self, per_second: float, seconds: float, people: Iterable[int] = (), platforms: Iterable[str] = PLATFORMS
    ) -> None:
        """So many messages a second through each platform; `people` write in turn, or everybody once."""
        writers, begin, number = iter(people or count(1 + max(map(len, self.said.values())))), monotonic(), 0
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            while (now := monotonic()) < begin + seconds:
                if now < (due := begin + number / per_second):
                    await asyncio.sleep(due - now)
                number, who = number + 1, next(writers)
                for platform in platforms:
                    group.create_task(self._say(session, platform, who))

    async def _say(self, session: aiohttp.ClientSession, platform: str, who: int) -> None:
        questions = person(who).questions()
        number = next(self._numbers)
        words = f"{questions[number % len(questions)]} {number}"
        self.said[platform].append(who)
        async with session.post(f"{getattr(self.bot, platform)}/_/say", json={"person": who, "text": words}) as told:
            told.raise_for_status()

    async def look(self, platform: str, what: str) -> Any:
        """What a stand-in tells under /_/."""
        async with aiohttp.ClientSession() as session, session.get(f"{getattr(self.bot, platform)}/_/{what}") as told:
            return await told.json()

    async def quiet(self, within: float) -> float | None:
        """Seconds until no push waits for its answer and no message to be sent; None when that takes longer."""
        begin = monotonic()
        with self.bot.database() as database:
            while monotonic() < begin + within:
                pushed = (await self.look("wechat", "pushes"))["pushes"]
                waiting = (await self.look("telegram", "updates"))["waiting"]
                if not waiting and all(push["state"] != "waiting" for push in pushed):
                    with database.read() as work:
                        if not any(work.deliveries.pending(name) for name in PLATFORMS):
                            return monotonic() - begin
                await asyncio.sleep(0.25)
        return None

    async def effects(self) -> dict[str, int]:
        """Counted where the messages arrive, once it is quiet: who was acknowledged and has no answer, and answers doubled.

        WeChat gives a push up after three tries; who never was acknowledged there is counted apart.
        """
        got = {name: (await self.look(name, "effects"))["people"] for name in PLATFORMS}
        pushed = (await self.look("wechat", "pushes"))["pushes"]
        given_up = Counter(push["openid"] for push in pushed if push["state"] == "failed")
        due = {
            "telegram": Counter(str(person(who).telegram) for who in self.said["telegram"]),
            "wechat": Counter(person(who).openid for who in self.said["wechat"]) - given_up,
        }
        arrived = {name: Counter({who: one["messages"] for who, one in got[name].items()}) for name in PLATFORMS}
        return {
            "said": sum(map(len, self.said.values())),
            "given_up_by_wechat": given_up.total(),
            "unanswered": sum((due[name] - arrived[name]).total() for name in PLATFORMS),
            "repeats": sum(one["repeats"] for name in PLATFORMS for one in got[name].values()),
        }
