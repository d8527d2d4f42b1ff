"""H6, H7, H37, links and signed calls: what the impostor finds, forwards, intercepts or forges. See test_impostor for the table."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.rehearsal.people import person
from bot.rehearsal.portal.calls import SECRET as PORTAL_SECRET
from storage.crypto import Keyring
from tests.acceptance.impostor_stage import (
    ADA,
    ADAS_MAIL,
    ADAS_PHONE,
    MALLORY,
    SECRETS_OF_ADA,
    TELEGRAM_SECRET,
    Stage,
    stage,
)

OWN = {"Sec-Fetch-Site": "same-origin"}
BO, CHEN = person(2), person(4)


@pytest.fixture
async def on(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    """A company with a portal."""
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        yield on


@pytest.fixture
async def without_portal(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    async with stage(tmp_path / "without", sqlite_template, keyring, portal=False) as on:
        yield on


async def link(on: Stage, account: str) -> dict[str, Any]:
    status, told = await on.portal.link(account, on.clock().timestamp())
    assert status == 200
    return told


# ---- H7: links that connect a chat


async def test_h07_nobody_who_only_looks_opens_a_link(on: Stage) -> None:
    """Link previews, mail scanners and other sites' pages: the link waits for its owner's own press."""
    made = await link(on, ADA)
    ada, scanner = await on.browser(), await on.browser()
    await ada.say("hello")
    for visitor in (scanner, ada):
        for method in ("GET", "HEAD"):
            await visitor.ask(method, f"/?start={made['token']}")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        await ada.say(f"/start {made['token']}", headers=headers)
    assert await on.portal.state(made["id"]) == "offered"
    await on.connect(ada, ADA)
    assert len(await on.portal.chats(ADA)) == 1


async def test_h07_the_victims_chat_cant_be_hung_on_the_impostors_account(on: Stage) -> None:
    ada = await on.browser()
    for _ in range(5):
        made = await link(on, MALLORY)
        await ada.say(f"/start {made['token']}")  # Ada was sent it, and opens it.
        right = on.digits(ada)
        status, told = await on.portal.confirm(
            made["id"], "10" if right != "10" else "11"
        )  # Mallory doesn't see Ada's screen.
        assert (status, told) == (410, {"error": "void"})
        assert (await on.portal.confirm(made["id"], right or ""))[0] == 410, "one try"
        await ada.say("42")
    assert (await on.portal.chats(MALLORY), on.count("binding")) == ([], 0)
    # Even the right number, one of ninety, leaves Ada to type what only Mallory's portal shows.
    made = await link(on, MALLORY)
    await ada.say(f"/start {made['token']}")
    status, told = await on.portal.confirm(made["id"], on.digits(ada) or "")
    assert status == 200
    await ada.say("10" if told["digits"] != "10" else "11")
    await ada.say(told["digits"])
    assert on.count("binding") == 0


async def test_h07_an_intercepted_link_connects_neither_chat(on: Stage) -> None:
    ada, mallory = await on.browser(), await on.browser()
    made = await link(on, ADA)
    await mallory.say(f"/start {made['token']}")
    assert on.digits(mallory)
    await ada.say(f"/start {made['token']}")
    assert on.digits(ada) is None, "Ada's chat shows nothing, so there is nothing to type into the portal"
    assert await on.portal.state(made["id"]) == "void"
    assert (await on.portal.confirm(made["id"], "42"))[0] == 410
    for chat in (ada, mallory):
        await chat.say("42")
        await chat.say(f"/start {made['token']}")
    assert on.count("binding") == 0
    mallory.saw_nothing_of(*SECRETS_OF_ADA)


async def test_h07_of_chats_that_race_for_a_link_none_gets_on_with_a_strangers_number(on: Stage) -> None:
    chats = [await on.browser() for _ in range(6)]
    for chat in chats:
        await chat.say("hello")
    made = await link(on, ADA)
    await asyncio.gather(*(chat.say(f"/start {made['token']}") for chat in chats))
    shown = [digits for chat in chats if (digits := on.digits(chat))]
    assert (len(shown), await on.portal.state(made["id"])) == (1, "void")
    assert (await on.portal.confirm(made["id"], shown[0]))[0] == 410
    assert on.count("binding") == 0


async def test_h07_a_used_link_is_worth_nothing_and_connecting_is_told_to_every_contact(on: Stage) -> None:
    ada, mallory = await on.browser(), await on.browser()
    made = await link(on, ADA)
    await ada.say(f"/start {made['token']}")
    _, back = await on.portal.confirm(made["id"], on.digits(ada) or "")
    await ada.say(back["digits"])
    await on.go_on()
    for _ in range(2):
        await mallory.say(f"/start {made['token']}")
        await mallory.say(back["digits"])
    assert on.digits(mallory) is None
    assert len(await on.portal.chats(ADA)) == 1
    assert [any("connected" in text for text in on.sent(to)) for to in (ADAS_PHONE, ADAS_MAIL)] == [True, True]


async def test_h07_a_signed_call_of_the_portal_is_good_once_and_for_itself(on: Stage) -> None:
    """Somebody between portal and bot has seen one whole call: the same again, or its parts put together anew."""
    made = await link(on, ADA)
    ada = await on.browser()
    await ada.say(f"/start {made['token']}")
    path, body = (
        "/api/portal/bindings",
        json.dumps({"account_id": MALLORY, "logged_in_at": int(on.clock().timestamp())}),
    )
    stamp, nonce = str(int(on.clock().timestamp())), secrets.token_hex(16)
    lines = ["clausebot-request-v1", "POST", path, stamp, nonce, hashlib.sha256(body.encode()).hexdigest()]
    signature = hmac.new(PORTAL_SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    signed = {"X-Clausebot-Timestamp": stamp, "X-Clausebot-Nonce": nonce, "X-Clausebot-Signature": signature}
    chats, confirm = "/api/portal/chats", f"/api/portal/bindings/{made['id']}/confirm"
    digits = json.dumps({"digits": on.digits(ada)})
    fresh = signed | {"X-Clausebot-Nonce": secrets.token_hex(16)}
    async with httpx.AsyncClient(base_url=on.url) as wire:
        tries = [
            (path, body, {**signed, "X-Clausebot-Timestamp": str(int(stamp) + 1)}, 401),
            (path, body.replace(MALLORY, ADA), signed, 401),
            (path, body, fresh, 401),
            (chats, body, signed, 401),
            (confirm, digits, signed, 401),
            (confirm, digits, {}, 401),
            (path + "/", body, signed, 404),
            (path, body, signed, 200),
            (path, body, signed, 409),
            (f"{path}?account_id={ADA}", body, signed, 409),
        ]
        for number, (where, what, headers, status) in enumerate(tries):
            answer = await wire.post(where, content=what, headers=headers, follow_redirects=False)
            assert answer.status_code in {status, *([307] if status == 404 else [])}, (number, answer.text)
            assert ADA not in answer.text
    assert await on.portal.state(made["id"]) == "opened", "none of it came through"


# ---- H6, H37: Telegram


async def test_h06_a_contact_that_is_shared_proves_nothing_whosever_it_is(without_portal: Stage) -> None:
    """Own, somebody else's, or a forwarded one with its owner's id in it: no code, no account, and no number is kept."""
    on = without_portal
    on.telegram.point_webhook(f"{on.url}/telegram", TELEGRAM_SECRET)
    hands = on.telegram.hands
    hands.say(BO, "/start")
    victims = {"phone_number": ADAS_PHONE, "first_name": "Ada", "user_id": BO.telegram}
    origin = {"type": "user", "date": 1, "sender_user": {"id": CHEN.telegram, "is_bot": False, "first_name": "Chen"}}
    await heard(on, 1)
    shared: list[dict[str, Any]] = [
        {"contact": victims},
        {"contact": victims | {"user_id": CHEN.telegram}},
        {"contact": victims, "forward_origin": origin},
    ]
    for number, more in enumerate(shared, 2):
        hands.say(BO, "", **more)
        await heard(on, number)
    await on.go_on()
    assert [on.count(table) for table in ("enquiry", "verification", "work_order")] == [0, 0, 0]
    assert on.sent() == []
    said = {message["text"] for message in seen(on)[1:]}
    assert len(said) == 1, "the same words for all of them"
    assert "13800000001" not in json.dumps(seen(on))
    assert b"13800000001" not in (on.app.settings.key_file.parent / "clausebot.db").read_bytes()


async def test_h37_a_link_opened_in_a_group_stays_closed(on: Stage) -> None:
    """Others read along, so not even its owner can use it there."""
    on.telegram.point_webhook(f"{on.url}/telegram", TELEGRAM_SECRET)
    made = await link(on, ADA)
    group = -100123
    on.telegram.hands.add_to_group(BO, group)
    for text in (f"/start {made['token']}", f"/start@example_bot {made['token']}", "12345678", "/status", "/mydata"):
        on.telegram.hands.say(BO, text, group=group)
    on.telegram.hands.say(BO, "/help")
    await heard(on, 1)
    assert await on.portal.state(made["id"]) == "offered"
    chat = on.telegram.chats.group(group, "Example group", {"id": BO.telegram})
    told = [message["text"] for message in chat.messages.values() if message["from"]["is_bot"]]
    assert all("private" in text and "KP-" not in text for text in told), told


def seen(on: Stage) -> list[dict[str, Any]]:
    return [one for one in on.telegram.seen_by(BO.number)["messages"] if one["from"]["is_bot"]]


async def heard(on: Stage, answers: int) -> list[dict[str, Any]]:
    """Waits until the bot has answered so often in Bo's chat."""
    async with asyncio.timeout(10):
        while len(seen(on)) < answers:
            on.clock.turn(seconds=2)
            await on.app.senders["telegram"].sweep()
            await asyncio.sleep(0.02)
    return seen(on)
