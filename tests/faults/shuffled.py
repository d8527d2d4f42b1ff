"""T02: updates come repeated, in any order, edited, with numbers that begin anew, and buttons are pressed again and again.

Every person writes four messages under high update numbers and four under low ones, as after a week in which Telegram
begins anew. Beside each comes an edit of it that says "/forget". All are posted one to three times, in an order of
chance, twenty at once. Then one button of each reply that has some is pressed, every press posted three times.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import Any

import aiohttp

from tests.faults.stage import facts, report
from tests.faults.talk import Talk
from tests.faults.whole import SECRET, Whole, whole

EACH = 4
"""Messages of a person under high numbers, and under low ones."""
HIGH, LOW, EDITS, PRESSES = 800_000_000, 5_000, 100_000_000, 900_000_000
FIRST = 7_800_000_000
AT_ONCE = 20
QUESTIONS = (
    "How long do you keep my data?",
    "Where is my data stored?",
    "你们会把我的信息给第三方吗？",
    "/policy privacy.7.4",
)
Update = dict[str, Any]


def run(people: int = 40, seed: int = 1) -> dict[str, Any]:
    """`turns` and `pressed` are counted in the bot's database, `refused` are answers other than 200."""
    began, chance = monotonic(), Random(seed)
    said, edits = list(_said(people, chance)), list(_edits(people))
    with tempfile.TemporaryDirectory() as folder, whole(Path(folder)) as bot:
        talk = Talk(bot)

        async def play() -> tuple[int, int, int]:
            refused = await _post(bot, [one for one in said for _ in range(chance.randint(1, 3))] + edits, chance)
            await talk.quiet(60)
            turns = _count(bot, "turn")
            calls = (await talk.look("telegram", "calls"))["calls"]
            presses = list(_presses(calls))
            refused += await _post(bot, presses * 3, chance)
            await talk.quiet(60)
            return refused, turns, len(presses)

        refused, turns, presses = asyncio.run(play())
        with bot.database() as database:
            kept = facts(database)
        return report(
            test="T02 shuffled",
            **kept,
            people=people,
            seed=seed,
            said=len(said),
            edits=len(edits),
            turns=turns,
            presses=presses,
            pressed=_count(bot, "turn") - turns,
            refused=refused,
            quarantined=_count(bot, "quarantine"),
            lives=bot.lives(),
            seconds=round(monotonic() - began, 1),
        )


def holds(figures: dict[str, Any]) -> bool:
    """One effect for each message and each press, none for an edit, and nothing refused or set aside."""
    once = figures["turns"] == figures["said"] and figures["pressed"] == figures["presses"] > 0
    return bool(once and not figures["refused"] and not figures["quarantined"] and figures["lives"])


def _said(people: int, chance: Random) -> Iterator[Update]:
    for who in range(people):
        for number in range(2 * EACH):
            base = HIGH if number < EACH else LOW
            yield {
                "update_id": base + who * 2 * EACH + number,
                "message": _message(who, number, chance.choice(QUESTIONS)),
            }


def _edits(people: int) -> Iterator[Update]:
    for who in range(people):
        for number in range(2 * EACH):
            edited = _message(who, number, "/forget") | {"edit_date": int(time())}
            yield {"update_id": EDITS + who * 2 * EACH + number, "edited_message": edited}


def _presses(calls: Sequence[dict[str, Any]]) -> Iterator[Update]:
    """The first button of each reply that has one."""
    for number, call in enumerate(calls):
        asked, answer = call.get("params") or {}, (call.get("answer") or {}).get("result") or {}
        keyboard = asked.get("reply_markup")
        keyboard = json.loads(keyboard) if isinstance(keyboard, str) else keyboard
        rows = (keyboard or {}).get("inline_keyboard")
        if not rows or not isinstance(answer, dict) or "message_id" not in answer:
            continue
        who = int(asked["chat_id"]) - FIRST
        shown = _message(who, 0, "shown") | {"message_id": answer["message_id"]}
        pressed = {"id": str(PRESSES + number), "from": _person(who), "chat_instance": "1", "message": shown}
        yield {"update_id": PRESSES + number, "callback_query": pressed | {"data": rows[0][0]["callback_data"]}}


def _message(who: int, number: int, text: str) -> Update:
    chat = {"id": FIRST + who, "type": "private"}
    return {"message_id": number + 1, "date": int(time()), "chat": chat, "from": _person(who), "text": text}


def _person(who: int) -> Update:
    return {"id": FIRST + who, "is_bot": False, "first_name": "Invented"}


async def _post(bot: Whole, updates: list[Update], chance: Random) -> int:
    """Posts them in an order of chance; how many were not answered 200."""
    chance.shuffle(updates)
    some, refused = asyncio.Semaphore(AT_ONCE), 0
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(update: Update) -> None:
            nonlocal refused
            async with some, session.post(f"{bot.bot}/telegram", json=update, headers=headers) as answer:
                refused += answer.status != 200

        await asyncio.gather(*map(one, updates))
    return refused


def _count(bot: Whole, table: str) -> int:
    with bot.database() as database, database.read() as work:
        counted: int = work.connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
        return counted
