"""Polling: nothing is confirmed to Telegram before it is committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bot.channels.telegram import polling
from bot.core.message import InboundMessage
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.errors import Busy
from tests.bot.channels.telegram_api import ALICE, BOB, Planned, Stage, stage
from tests.conftest import Clock


@pytest.fixture
async def on(
    policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    for name in ("FIRST_PAUSE", "LONGEST_PAUSE", "STORAGE_PAUSE"):
        monkeypatch.setattr(polling, name, 0.02)
    async with stage(policy, wording, recogniser, clock, mode="polling", webhook_secret="") as on:
        yield on


async def polled(on: Stage, messages: int, polls: int = 1) -> None:
    """Polls until so many messages came through the door and so many more polls were answered."""
    task = asyncio.create_task(on.telegram.poll(on.door))
    async with asyncio.timeout(10):
        while len(on.door.messages) < messages:  # noqa: ASYNC110  the door is no event
            await asyncio.sleep(0.005)
        await on.api.until("getUpdates", len(on.api.of("getUpdates")) + polls)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def test_in_polling_mode_there_is_no_webhook(on: Stage):
    assert on.telegram.routes(on.door) == ()


async def test_updates_come_in_order_and_a_webhook_is_taken_away_first(on: Stage):
    on.api.queue = [on.said(f"m{number}") for number in range(20)]
    await polled(on, 20)
    assert [m.text for m in on.door.messages] == [f"m{number}" for number in range(20)]
    assert on.api.calls[0] == ("deleteWebhook", {"drop_pending_updates": False})
    assert on.api.of("getUpdates")[0]["allowed_updates"] == list(polling.ALLOWED_UPDATES)


async def test_a_batch_is_confirmed_only_after_its_last_commit(on: Stage):
    on.api.queue = [on.said("one"), on.said("two", BOB)]
    seen: list[int] = []
    on.door.takes = 0.1
    on.door.then = lambda message: seen.append(len(on.api.of("getUpdates")))
    await polled(on, 2)
    assert seen == [1, 1], "the second getUpdates came after both commits"
    assert on.api.of("getUpdates")[1]["offset"] == int(on.door.messages[-1].message_id) + 1


async def test_one_slow_person_keeps_nobody_else_waiting(on: Stage):
    on.api.queue = [on.said("slow", ALICE), on.said("slow", BOB), on.said("slow", 1003)]
    began = asyncio.get_running_loop().time()
    on.door.takes = 0.3
    await polled(on, 3, polls=0)
    assert asyncio.get_running_loop().time() - began < 0.8


async def test_what_could_not_be_kept_is_asked_for_again(on: Stage):
    on.api.queue = [on.said("one"), on.said("two", BOB), on.said("three")]
    on.door.failures = [Busy("held")]
    first = on.api.queue[0]["update_id"]
    await polled(on, 4)
    assert on.api.of("getUpdates")[1]["offset"] == first
    assert {m.text for m in on.door.messages} == {"one", "two", "three"}
    alices = [m.text for m in on.door.messages if m.sender.user == str(ALICE)]
    assert alices == ["one", "three"], "what came later of the same person waited for it"


async def test_ids_that_begin_anew_below_the_last_are_not_missed(on: Stage):
    on.api.queue = [on.said("before the quiet week")]
    task = asyncio.create_task(on.telegram.poll(on.door))
    await on.api.until("getUpdates", 3)
    on.api.queue = [on.said("after it") | {"update_id": 5}]
    async with asyncio.timeout(5):
        while len(on.door.messages) < 2:  # noqa: ASYNC110  the door is no event
            await asyncio.sleep(0.005)
    task.cancel()
    assert on.door.messages[1].message_id == "5"


@pytest.mark.parametrize(
    "answer",
    [
        Planned(
            409, {"ok": False, "error_code": 409, "description": "Conflict: terminated by other getUpdates request"}
        ),
        Planned(429, {"ok": False, "parameters": {"retry_after": 0}}),
        Planned(500, b"<html>"),
        Planned(200, b"garbage"),
        Planned(200, {"ok": True, "result": 5}),
        Planned(200, {"ok": True, "result": [5, {"x": 1}, {"update_id": "1"}]}),
        Planned(cut=True),
    ],
)
async def test_polling_goes_on_after_any_failure(on: Stage, answer: Planned):
    on.api.plan("getUpdates", answer)
    on.api.queue = [on.said("hello")]
    await polled(on, 1)
    assert on.door.messages[0].text == "hello"


async def test_garbage_from_polling_is_kept_and_passed_over(on: Stage):
    on.api.queue = [on.update(message=5), on.said("hello")]
    await polled(on, 1)
    assert len(on.held) == 1


async def test_a_turn_that_is_cut_off_by_the_end_comes_again(on: Stage):
    on.api.queue = [on.said("hello")]
    on.door.takes = 30.0
    task = asyncio.create_task(on.telegram.poll(on.door))
    await on.api.until("getUpdates")
    await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    on.door.takes = 0.0
    await polled(on, 1)
    heard: InboundMessage = on.door.messages[0]
    assert heard.text == "hello"
