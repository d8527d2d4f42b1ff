"""Updates on their way to the bot: order, patience, repeats; by webhook and by polling."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from starlette.responses import JSONResponse, Response

from bot.rehearsal.faults import Rule
from bot.rehearsal.people import Person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from tests.rehearsal.bot_end import BotEnd, Heard, eventually
from tests.rehearsal.conftest import TOKEN, Line


def texts(bot_end: BotEnd) -> list[str]:
    return [heard.data["message"]["text"] for heard in bot_end.heard if "message" in heard.data]


async def test_an_update_comes_with_the_secret_and_is_sent_once_when_taken(
    bot: Line, telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person
) -> None:
    said = await bot.bot("setWebhook", url=webhook, secret_token="s3cret_-", max_connections=10)
    assert said == {"ok": True, "result": True, "description": "Webhook was set"}
    telegram.hands.say(ada, "hello /start")
    await bot_end.until(1)
    heard = bot_end.heard[0]
    assert heard.headers["x-telegram-bot-api-secret-token"] == "s3cret_-"
    assert heard.headers["content-type"] == "application/json"
    message = heard.data["message"]
    assert (message["text"], message["from"]["language_code"]) == ("hello /start", "en")
    assert message["entities"] == [{"offset": 6, "length": 6, "type": "bot_command"}]
    await eventually(lambda: not telegram.webhook.pending.waiting)
    await asyncio.sleep(0.1)
    assert len(bot_end.heard) == 1
    info = (await bot.bot("getWebhookInfo"))["result"]
    assert info == {
        "url": webhook,
        "has_custom_certificate": False,
        "pending_update_count": 0,
        "max_connections": 10,
        "ip_address": "127.0.0.1",
    }


async def test_a_chat_waits_for_its_failed_update_and_the_others_do_not(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person, bo: Person
) -> None:
    failing = [True]

    def answer(heard: Heard) -> Response:
        is_adas = heard.data["message"]["from"]["id"] == ada.telegram
        return Response(status_code=500 if is_adas and failing[0] else 200)

    bot_end.answer = answer
    telegram.point_webhook(webhook)
    for number in range(3):
        telegram.hands.say(ada, f"ada {number}")
        telegram.hands.say(bo, f"bo {number}")
    await eventually(lambda: len([t for t in texts(bot_end) if t.startswith("bo")]) == 3)
    await eventually(lambda: len(bot_end.heard) >= 6)
    assert {text for text in texts(bot_end) if text.startswith("ada")} == {"ada 0"}
    failing[0] = False
    await eventually(lambda: not telegram.webhook.pending.waiting)
    seen = list(dict.fromkeys(texts(bot_end)))
    assert [t for t in seen if t.startswith("ada")] == ["ada 0", "ada 1", "ada 2"]
    assert [t for t in seen if t.startswith("bo")] == ["bo 0", "bo 1", "bo 2"]


async def test_repeats_come_at_once_then_after_2_4_8_seconds(bot_end: BotEnd, webhook: str, ada: Person) -> None:
    stand_in = TelegramStandIn(hurry=8)
    bot_end.answer = lambda heard: Response(status_code=503 if len(bot_end.heard) < 5 else 200)
    stand_in.point_webhook(webhook)
    stand_in.hands.say(ada, "x")
    await bot_end.until(5, within=10)
    await stand_in.close()
    gaps = [8 * (later.at - sooner.at) for sooner, later in pairwise(bot_end.heard)]
    for gap, least, most in zip(gaps, (0, 2, 4, 8), (2, 4, 8, 16), strict=True):
        assert least - 0.1 <= gap < most
    assert stand_in.webhook.info()["last_error_message"] == "Wrong response from the webhook: 503"


async def test_retry_after_is_obeyed(telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person) -> None:
    bot_end.answer = lambda heard: Response(
        status_code=503 if len(bot_end.heard) < 2 else 200, headers={"Retry-After": "6"}
    )
    telegram.point_webhook(webhook)
    telegram.hands.say(ada, "x")
    await bot_end.until(2)
    assert 20 * (bot_end.heard[1].at - bot_end.heard[0].at) >= 6


async def test_an_update_dies_after_a_day(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person
) -> None:
    bot_end.answer = lambda heard: Response(status_code=500)
    telegram.point_webhook(webhook)
    telegram.hands.say(ada, "x")
    await bot_end.until(2)
    telegram.control.clock.forward(timedelta(hours=24))
    await eventually(lambda: telegram.webhook.pending.dropped == 1)
    assert not telegram.webhook.pending.waiting


async def test_410_for_23_hours_ends_the_webhook(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person
) -> None:
    bot_end.answer = lambda heard: Response(status_code=410)
    telegram.point_webhook(webhook)
    telegram.hands.say(ada, "x")
    await bot_end.until(2)
    telegram.control.clock.forward(timedelta(hours=23, seconds=5))
    await eventually(lambda: telegram.webhook.url == "")


@pytest.mark.parametrize("kind", ["json", "form", "multipart"])
async def test_a_method_in_the_answer_is_called(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person, kind: str
) -> None:
    given = {"method": "sendMessage", "chat_id": str(ada.telegram), "text": "in the answer"}
    multipart = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in given.items()
    )
    bot_end.answer = {
        "json": lambda heard: JSONResponse(given),
        "form": lambda heard: Response(
            "&".join(f"{name}={value.replace(' ', '+')}" for name, value in given.items()),
            media_type="application/x-www-form-urlencoded",
        ),
        "multipart": lambda heard: Response(f"{multipart}--b--\r\n", media_type="multipart/form-data; boundary=b"),
    }[kind]
    telegram.point_webhook(webhook)
    telegram.hands.say(ada, "x")
    await eventually(lambda: telegram.seen_by(14)["messages"][-1]["text"] == "in the answer")


async def test_its_failure_is_told_to_nobody_and_the_methods_of_the_account_are_never_called(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person
) -> None:
    answers = iter(
        [{"method": "sendMessage", "chat_id": 1, "text": "x"}, {"method": "deleteWebhook"}, {"method": "getMe"}]
    )
    bot_end.answer = lambda heard: JSONResponse(next(answers))
    telegram.point_webhook(webhook)
    for _ in range(3):
        telegram.hands.say(ada, "x")
    await eventually(lambda: telegram.webhook.pending.delivered == 3)
    await eventually(lambda: telegram.control.journal.counts["sendMessage"] == 1)
    assert telegram.webhook.url == webhook
    call = telegram.control.journal.calls(name="sendMessage")[0]
    assert (call["status"], call["effect"], call["direction"]) == (400, False, "answer")
    assert not telegram.control.journal.counts["getMe"]


async def test_a_script_can_send_twice_and_out_of_order(
    telegram: TelegramStandIn, bot_end: BotEnd, webhook: str, ada: Person
) -> None:
    telegram.control.script.rules += [Rule.parse("update duplicate at=1"), Rule.parse("update swap at=1")]
    telegram.point_webhook(webhook)
    for number in range(4):
        telegram.hands.say(ada, f"{number}")
    await eventually(lambda: telegram.webhook.pending.delivered == 4)
    # The first is sent twice. The rule behind it counts the calls that the first one left it: it strikes the second.
    assert texts(bot_end) == ["0", "0", "2", "1", "3"]


async def test_a_bot_that_comes_back_gets_what_waited(telegram: TelegramStandIn, bot_end: BotEnd, ada: Person) -> None:
    async with served(bot_end) as address:
        telegram.point_webhook(address)
        telegram.hands.say(ada, "one")
        await bot_end.until(1)
    telegram.hands.say(ada, "two")
    await eventually(
        lambda: telegram.webhook.pending.waiting and next(iter(telegram.webhook.pending.waiting.values())).tries > 0
    )
    assert telegram.webhook.info()["last_error_message"]
    async with served(bot_end) as address:
        telegram.point_webhook(address)
        await bot_end.until(2)
    assert texts(bot_end) == ["one", "two"]


async def test_a_webhook_is_refused_as_the_real_one_refuses_it(
    bot: Line, telegram: TelegramStandIn, webhook: str
) -> None:
    for given, words in (
        ({"url": webhook, "secret_token": "s" * 257}, "secret token is too long"),
        ({"url": webhook, "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": "https://example.com/hook"}, "bad webhook: a stand-in pushes to 127.0.0.1 alone"),
    ):
        assert (await bot.bot("setWebhook", **given))["description"] == f"Bad Request: {words}"
    telegram.webhook._hurry = 0.1
    assert (await bot.bot("setWebhook", url=webhook))["ok"]
    assert (await bot.bot("setWebhook", url=webhook))["parameters"] == {"retry_after": 1}


async def test_polling_confirms_by_offset_and_waits_for_what_comes(
    bot: Line, telegram: TelegramStandIn, ada: Person
) -> None:
    telegram.hands.say(ada, "one")
    first = (await bot.bot("getUpdates"))["result"]
    assert (await bot.bot("getUpdates"))["result"] == first
    waiting = asyncio.create_task(bot.bot("getUpdates", offset=first[0]["update_id"] + 1, timeout=5))
    await asyncio.sleep(0.05)
    telegram.hands.say(ada, "two")
    assert [update["message"]["text"] for update in (await waiting)["result"]] == ["two"]
    assert telegram.webhook.pending.delivered == 1


async def test_two_pollers_or_a_webhook_beside_polling_are_a_conflict(
    bot: Line, telegram: TelegramStandIn, webhook: str
) -> None:
    older = asyncio.create_task(bot.bot("getUpdates", timeout=5))
    await asyncio.sleep(0.05)
    newer = asyncio.create_task(bot.bot("getUpdates", timeout=5))
    assert "terminated by other getUpdates request" in (await older)["description"]
    await bot.bot("setWebhook", url=webhook)
    assert (await newer)["description"] == "Conflict: terminated by setWebhook request"
    beside = await bot.bot("getUpdates")
    assert beside["error_code"] == 409
    assert "can't use getUpdates method while webhook is active" in beside["description"]
    assert (await bot.bot("deleteWebhook"))["description"] == "Webhook was deleted"
    assert (await bot.bot("getUpdates"))["result"] == []


async def test_only_the_kinds_that_are_wanted_are_sent(
    bot: Line, telegram: TelegramStandIn, webhook: str, bot_end: BotEnd, ada: Person
) -> None:
    await bot.bot("setWebhook", url=webhook, allowed_updates=["message"])
    telegram.hands.ask_inline(ada, "x")
    telegram.hands.block(ada)
    telegram.hands.say(ada, "hello")
    await bot_end.until(1)
    await asyncio.sleep(0.05)
    assert texts(bot_end) == ["hello"]
    assert len(bot_end.heard) == 1


async def test_blocking_and_letting_in_again_are_updates(telegram: TelegramStandIn, bot: Line, ada: Person) -> None:
    telegram.hands.start(ada, "clause_privacy.7.4")
    telegram.hands.block(ada)
    telegram.hands.block(ada)
    telegram.hands.block(ada, False)
    updates = (await bot.bot("getUpdates"))["result"]
    assert [update["my_chat_member"]["new_chat_member"]["status"] for update in updates[1:]] == ["kicked", "member"]
    assert updates[0]["message"]["text"] == "/start clause_privacy.7.4"


async def test_drop_pending_updates_drops_them(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    telegram.hands.say(ada, "old")
    await bot.bot("deleteWebhook", drop_pending_updates=True)
    assert (await bot.bot("getUpdates"))["result"] == []


async def test_the_token_is_in_no_journal(bot: Line, telegram: TelegramStandIn, webhook: str) -> None:
    await bot.bot("setWebhook", url=webhook, secret_token="canary")
    kept = await bot.control("calls")
    assert TOKEN not in str(kept)
    assert "canary" not in str(kept)
