"""The portal's calls: signed both ways, once each, and what a demo's customer sees of them."""

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from bot.core.binding import Bindings, Shown
from bot.core.clock import system_clock
from bot.core.codes import Codes
from bot.core.errors import Misconfigured
from bot.portal_api import Links, PortalApi, PortalSettings
from bot.rehearsal.mailbox import Mail, Mailbox
from bot.rehearsal.portal import page
from bot.rehearsal.portal.calls import SECRET, PortalCalls, Unsigned
from bot.rehearsal.serving import served
from bot.rehearsal.sms import SmsStandIn, Text
from bot.request_desk import request_desk
from bot.settings import Settings
from intents.wording import Wording
from knowledge.library import load_policy
from storage.engine import Database

ACCOUNT = "K-100001"
OLD = "the-secret-before-0123456789abcdefgh"


@asynccontextmanager
async def portal(database: Database, secret: str = SECRET, **more) -> AsyncIterator[PortalCalls]:
    api = PortalApi(
        PortalSettings(SECRET, OLD),
        database,
        Codes.of(database.keyring),
        system_clock,
        Links("https://privacy.example.com", "example_bot", True),
    )
    async with served(Starlette(routes=api.routes)) as address:
        yield PortalCalls(address, secret, **more)


def opened(database: Database, token: str, user: str = "alice") -> Shown:
    with database.work() as work:
        person = work.people.meet("memory", user, system_clock(), "en")
        shown = Bindings(work, Codes.of(database.keyring), system_clock()).start(token, person, is_private=True)
    assert isinstance(shown, Shown)
    return shown


def finished(database: Database, digits: str, user: str = "alice") -> None:
    with database.work() as work:
        person = work.people.meet("memory", user, system_clock(), "en")
        Bindings(work, Codes.of(database.keyring), system_clock()).finish(person, digits)


async def test_a_chat_is_connected_over_the_wire_and_disconnected(database: Database):
    async with portal(database) as calls:
        status, link = await calls.link(ACCOUNT, time())
        assert status == 200
        assert set(link) == {"id", "token", "links", "expires_at"}
        assert link["links"] == {
            "typed": f"/start {link['token']}",
            "web": f"https://privacy.example.com/?start={link['token']}",
            "telegram": f"https://t.me/example_bot?start={link['token']}",
            "wechat_scene": link["token"],
        }
        assert await calls.state(link["id"]) == "offered"
        shown = opened(database, link["token"])
        assert await calls.state(link["id"]) == "opened"
        status, matched = await calls.confirm(link["id"], shown.digits)
        assert (status, matched["state"]) == (200, "matched")
        assert await calls.state(link["id"]) == "matched"
        finished(database, matched["digits"])
        assert await calls.state(link["id"]) == "done"
        [chat] = await calls.chats(ACCOUNT)
        assert set(chat) == {"id", "channel", "bound_at"}
        assert await calls.chats("K-999999") == []
        assert not await calls.unbind("K-999999", chat["id"])
        assert await calls.unbind(ACCOUNT, chat["id"])
        assert await calls.chats(ACCOUNT) == []


@pytest.mark.parametrize(
    ("more", "ways"),
    [
        ({}, {"typed"}),
        ({"telegram_name": "example_bot"}, {"typed"}),  # Without a token there is no bot to open it in.
        ({"telegram_token": "1:invented", "telegram_name": "example_bot"}, {"typed", "telegram"}),
        ({"telegram_token": "1:invented", "wechat_app_id": "wx1"}, {"typed", "wechat_scene"}),
    ],
)
async def test_a_link_leads_into_the_chats_that_are_set_up(sqlite_database: Database, more: dict, ways: set[str]):
    settings = Settings(portal_secret=SECRET, **more)
    desk = request_desk(settings, sqlite_database, load_policy("kenpai"), Wording.load(), system_clock)
    async with served(Starlette(routes=desk.routes)) as address:
        status, link = await PortalCalls(address, SECRET).link(ACCOUNT, time())
    assert status == 200
    assert set(link["links"]) == ways
    if "telegram" in ways:
        assert link["links"]["telegram"] == f"https://t.me/example_bot?start={link['token']}"


async def test_a_mailbox_of_staff_without_mail_is_refused(sqlite_database: Database):
    with pytest.raises(Misconfigured, match="CLAUSEBOT_STAFF_MAIL"):
        request_desk(
            Settings(staff_mail="desk@example.com"),
            sqlite_database,
            load_policy("kenpai"),
            Wording.load(),
            system_clock,
        )


async def test_a_wrong_number_is_gone_with_its_link(database: Database):
    async with portal(database) as calls:
        _, link = await calls.link(ACCOUNT, time())
        shown = opened(database, link["token"])
        wrong = str((int(shown.digits) - 9) % 90 + 10)
        assert await calls.confirm(link["id"], wrong) == (410, {"error": "void"})
        assert await calls.confirm(link["id"], shown.digits) == (410, {"error": "void"})
        assert await calls.state(link["id"]) == "void"


async def test_an_old_login_gets_no_link(database: Database):
    async with portal(database) as calls:
        assert await calls.link(ACCOUNT, time() - 660) == (403, {"error": "too_old"})


async def test_both_secrets_are_taken_while_one_replaces_the_other(database: Database):
    async with portal(database, OLD) as calls:
        assert (await calls.link(ACCOUNT, time()))[0] == 200


async def test_another_secret_and_another_clock_are_refused_unsigned(database: Database):
    async with portal(database, "nobodys-secret-0123456789-0123456789") as calls:
        with pytest.raises(Unsigned):
            await calls.link(ACCOUNT, time())
    for apart in (-301, 302):
        async with portal(database, clock=lambda apart=apart: time() + apart) as calls:
            with pytest.raises(Unsigned):
                await calls.link(ACCOUNT, time())


def signed(address: str, path: str, body: bytes, **more: str) -> dict[str, str]:
    own = {"method": "POST", "stamp": str(int(time())), "nonce": "a" * 32, "word": "clausebot-request-v1"} | more
    lines = [own["word"], own["method"], path, own["stamp"], own["nonce"], hashlib.sha256(body).hexdigest()]
    return {
        "X-Clausebot-Timestamp": own["stamp"],
        "X-Clausebot-Nonce": own["nonce"],
        "X-Clausebot-Signature": hmac.new(SECRET.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest(),
    }


async def post(address: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(address + path, data=body, headers=headers) as answer:
        return answer.status, json.loads(await answer.read())


async def test_the_same_request_counts_once(database: Database):
    async with portal(database) as calls:
        path, body = "/api/portal/chats", b'{"account_id": "K-100001"}'
        headers = signed(calls._address, path, body)
        assert (await post(calls._address, path, body, headers))[0] == 200
        assert await post(calls._address, path, body, headers) == (409, {"error": "nonce"})


@pytest.mark.parametrize("changed", ["body", "path", "stamp", "nonce", "method", "word", "cut", "case", "none", "odd"])
async def test_nothing_signed_can_be_changed(database: Database, changed: str):
    async with portal(database) as calls:
        path, body = "/api/portal/chats", b'{"account_id": "K-100001"}'
        more = {"method": {"method": "GET"}, "word": {"word": "clausebot-answer-v1"}}.get(changed, {})
        headers = signed(calls._address, path, body, **more)
        match changed:
            case "body":
                body = body.replace(b"1", b"2")
            case "path":
                path = "/api/portal/bindings"
            case "stamp":
                headers["X-Clausebot-Timestamp"] = str(int(headers["X-Clausebot-Timestamp"]) + 1)
            case "nonce":
                headers["X-Clausebot-Nonce"] = "b" * 32
            case "cut":
                headers["X-Clausebot-Signature"] = headers["X-Clausebot-Signature"][:-1]
            case "case":
                headers["X-Clausebot-Signature"] = headers["X-Clausebot-Signature"].upper()
            case "none":
                headers = {}
            case "odd":
                headers["X-Clausebot-Timestamp"] = "١٢٣"
        assert await post(calls._address, path, body, headers) == (401, {"error": "signature"})


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/bindings", {}),
        ("/bindings", {"account_id": ACCOUNT}),
        ("/bindings", {"account_id": ACCOUNT, "logged_in_at": "now"}),
        ("/bindings", {"account_id": ACCOUNT, "logged_in_at": True}),
        ("/bindings", {"account_id": ACCOUNT, "logged_in_at": 10**30}),
        ("/bindings", {"account_id": ACCOUNT, "logged_in_at": -1}),
        ("/bindings", {"account_id": ACCOUNT, "logged_in_at": 1, "name": "Ada"}),
        ("/bindings", {"account_id": " K-1", "logged_in_at": 1}),
        ("/bindings", {"account_id": 7, "logged_in_at": 1}),
        ("/chats", {"account_id": "x" * 65}),
        ("/chats", ["K-100001"]),
        ("/chats", "K-100001"),
        ("/bindings/" + "x" * 22 + "/confirm", {"digits": 42}),
        ("/bindings/" + "x" * 22 + "/confirm", {}),
        ("/bindings/" + "x" * 22 + "/state", {"more": 1}),
    ],
)
async def test_a_signed_request_that_is_not_as_agreed_is_told_so(database: Database, path: str, what: Any):
    async with portal(database) as calls:
        status, told = await calls.ask(path, what)
        assert status == 400
        assert set(told) == {"error"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 50_000, b'{"account_id": "a", "account_id": "b"}', b"NaN"])
async def test_a_signed_body_that_is_no_json_object_is_told_so(database: Database, body: bytes):
    async with portal(database) as calls:
        path = "/api/portal/chats"
        assert await post(calls._address, path, body, signed(calls._address, path, body)) == (400, {"error": "body"})


async def test_a_number_of_half_a_character_is_wrong_and_no_fault(database: Database):
    async with portal(database) as calls:
        _, link = await calls.link(ACCOUNT, time())
        opened(database, link["token"])
        assert await calls.confirm(link["id"], "\ud800") == (410, {"error": "void"})
        assert (await calls.ask("/bindings/short/state", {}))[0] == 404


@pytest.mark.parametrize(
    ("secret", "old", "names"),
    [("short", "", ["PORTAL_SECRET"]), ("", OLD, ["PORTAL_SECRET"]), (SECRET, "x", ["PORTAL_SECRET_OLD"])],
)
def test_settings_say_what_is_wrong(secret: str, old: str, names: list[str]):
    with pytest.raises(Misconfigured) as raised:
        PortalSettings(secret, old)
    assert [problem.partition(":")[0] for problem in raised.value.problems] == names
    assert SECRET not in repr(PortalSettings(SECRET))


def test_the_page_names_every_call_and_answer():
    text = (Path(__file__).parents[3] / "docs" / "portal-api.md").read_text(encoding="utf-8")
    for name in (
        "/bindings",
        "/confirm",
        "/state",
        "/chats",
        "/unbind",
        "logged_in_at",
        "wechat_scene",
        "PORTAL_SECRET_OLD",
    ):
        assert name in text, name
    for word in ("offered", "opened", "matched", "done", "void", "too_old", "too_many", "nonce", "busy"):
        assert f"`{word}`" in text, word


# ---- the demo's pages


@asynccontextmanager
async def pages(database: Database) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with portal(database) as calls:
        mailbox, sms = Mailbox(), SmsStandIn()
        mailbox.mails.append(Mail("ada@mail.example.com", "a@b.cc", "<script>", "Code 1234 5678", "<1@b>", time()))
        sms.texts.append(Text("+8613800000001", "SMS 8765 4321", "r", time()))
        app = Starlette(routes=page.routes(calls, mailbox, sms))
        async with served(app) as address, aiohttp.ClientSession(address) as browser:
            yield browser, address


async def seen(browser: aiohttp.ClientSession, path: str = "/portal?lang=en") -> str:
    async with browser.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def press(browser: aiohttp.ClientSession, act: str, **more: str) -> str:
    async with browser.post("/portal?lang=en", data={"act": act, **more}) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_newcomer_connects_a_chat_on_the_page(sqlite_database: Database):
    async with pages(sqlite_database) as (browser, _):
        assert "K-100002" in await seen(browser)
        await press(browser, "login", customer=ACCOUNT)
        text = await press(browser, "connect")
        found = re.search(r"/start ([A-Za-z0-9_-]{22})", text)
        assert found
        assert 'http-equiv="refresh"' in text
        shown = opened(sqlite_database, found[1])
        text = await seen(browser)
        assert 'name="digits"' in text
        assert 'http-equiv="refresh"' not in text, "or what is being typed would vanish"
        text = await press(browser, "confirm", digits=shown.digits)
        back = re.search(r'class="number">([0-9]{2})<', text)
        assert back
        finished(sqlite_database, back[1])
        text = await seen(browser)
        assert "The chat is connected." in text
        chat = re.search(r'name="chat" value="([^"]+)"', text)
        assert chat
        assert "no longer connected" in await press(browser, "disconnect", chat=chat[1])
        assert "Log in as a customer" in await press(browser, "logout")


async def test_a_wrong_number_on_the_page_asks_for_a_new_link(sqlite_database: Database):
    async with pages(sqlite_database) as (browser, _):
        await press(browser, "login", customer=ACCOUNT)
        text = await press(browser, "connect")
        opened(sqlite_database, re.search(r"/start ([A-Za-z0-9_-]{22})", text)[1])
        text = await press(browser, "confirm", digits="x")
        assert "That link is over" in text
        assert "Make a one-time link" in text


async def test_the_mailbox_page_shows_what_was_sent_and_runs_none_of_it(sqlite_database: Database):
    async with pages(sqlite_database) as (browser, _):
        text = await seen(browser, "/mailbox?lang=en")
        assert "1234 5678" in text
        assert "8765 4321" in text
        assert "&lt;script&gt;" in text
        for language in ("zh", "zh-Hant"):
            for path in ("/portal", "/mailbox"):
                assert 'lang="zh' in await seen(browser, f"{path}?lang={language}")
        async with browser.get("/portal/desk.css") as answer:
            assert answer.headers["Content-Type"].startswith("text/css")


async def test_another_sites_page_can_press_nothing(sqlite_database: Database):
    async with pages(sqlite_database) as (browser, _):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            async with browser.post("/portal", data={"act": "login", "customer": ACCOUNT}, headers=headers) as answer:
                assert answer.status == 403
        async with browser.post("/portal", data={"act": "confirm"}) as answer:
            assert answer.status == 400


def test_both_languages_word_the_pages():
    assert page.words("en").keys() == page.words("zh").keys() == page.words("zh-Hant").keys()
