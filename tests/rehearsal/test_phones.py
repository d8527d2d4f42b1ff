"""The page with both phones: what it holds, what a hand can do on it, and that it asks nobody else for anything."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from lxml import html
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.rehearsal import phones
from bot.rehearsal.people import person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn

HERE = Path(phones.__file__).parent


@pytest.fixture
def stand_ins() -> tuple[TelegramStandIn, WeChatStandIn]:
    return TelegramStandIn(), WeChatStandIn()


@pytest.fixture
def browser(stand_ins: tuple[TelegramStandIn, WeChatStandIn]) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=phones.routes(*stand_ins)), headers={"Accept-Language": "en"}) as client:
        yield client


def do(browser: TestClient, phone: str, act: str, **more: object) -> int:
    return browser.post("/phones/do", json={"owner": 2, "phone": phone, "act": act, **more}).status_code


def test_the_page_shows_two_named_phones_each_with_a_log_a_field_and_a_button(browser: TestClient) -> None:
    page = html.document_fromstring(browser.get("/phones").text)
    for name in ("telegram", "wechat"):
        (phone,) = page.xpath(f"//section[@id='{name}']")
        assert page.get_element_by_id(phone.get("aria-labelledby")).text_content().split()
        assert phone.xpath(".//*[@role='log' and @aria-live='polite' and @tabindex='0' and @aria-label]")
        (field,) = phone.xpath(".//form//textarea")
        assert phone.xpath(f".//label[@for='{field.get('id')}']")
        assert "stand-in" in phone.xpath("string(.//h2)")
    assert [tab.get("aria-controls") for tab in page.xpath("//*[@role='tab']")] == ["telegram", "wechat", "wire"]
    assert len(page.xpath("//*[@role='switch' and @aria-checked]")) == len(phones.ONCE) + 1


def test_it_asks_nobody_else_for_anything_and_runs_nothing_inline(browser: TestClient) -> None:
    answer = browser.get("/phones")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = html.document_fromstring(answer.text)
    addresses = [*page.xpath("//@src"), *page.xpath("//link/@href"), *page.xpath("//form/@action")]
    assert addresses
    assert all(address.startswith(("/phones/", "data:,")) for address in addresses)
    assert not page.xpath("//style | //@style | //script[not(@src)] | //@*[starts-with(name(), 'on')]")
    for name in ("phones.css", "phones.js"):
        asset = browser.get(f"/phones/{name}")
        assert asset.status_code == 200
        assert not re.search(r"(?:url\(|@import|import\s|innerHTML|insertAdjacentHTML|eval\()", asset.text)
    assert browser.get("/phones/..%2Fphones.py").status_code == 404


@pytest.mark.parametrize(
    ("language", "code", "title"),
    [("en", "en", "Two phones"), ("zh", "zh-Hans", "两部手机"), ("zh-Hant", "zh-Hant", "兩部手機")],
)
def test_it_speaks_three_languages(browser: TestClient, language: str, code: str, title: str) -> None:
    page = html.document_fromstring(browser.get(f"/phones?lang={language}").text)
    assert (page.get("lang"), page.xpath("string(//h1)")) == (code, title)


def test_both_files_of_words_have_the_same_keys_and_the_script_finds_its_own() -> None:
    english, chinese = (
        tomllib.loads((HERE / "templates" / "text" / f"{name}.toml").read_text("utf-8")) for name in ("en", "zh")
    )
    assert set(english) == set(chinese)
    script = (HERE / "static" / "phones.js").read_text("utf-8")
    assert {f"js_{key}" for key in re.findall(r'say\("(\w+)"', script)} <= set(english)


def test_a_written_line_becomes_an_update_and_a_push(
    browser: TestClient, stand_ins: tuple[TelegramStandIn, WeChatStandIn]
) -> None:
    telegram, wechat = stand_ins
    assert do(browser, "telegram", "start") == 200
    assert do(browser, "telegram", "say", text="hello") == 200
    assert [update.data["message"]["text"] for update in telegram.webhook.pending.waiting.values()] == [
        "/start",
        "hello",
    ]
    assert do(browser, "wechat", "say", text="hello") == 400  # who doesn't follow can't write
    assert do(browser, "wechat", "follow") == 200
    assert do(browser, "wechat", "say", text="hello") == 200
    assert ["subscribe" in wechat.pushes.past[0].xml, "hello" in wechat.pushes.past[1].xml] == [True, True]
    seen = browser.get("/phones/state?owner=2").json()
    assert [message["text"] for message in seen["telegram"]["messages"]] == ["/start", "hello"]
    assert seen["wechat"]["left"] == {"tap": 3, "message": 5}
    assert browser.get("/phones/state?owner=1").json()["telegram"]["messages"] == []


def test_switches_arm_one_fault_and_show_when_it_has_struck(
    browser: TestClient, stand_ins: tuple[TelegramStandIn, WeChatStandIn]
) -> None:
    telegram, _ = stand_ins
    for name in phones.ONCE:
        assert do(browser, "switch", name, on=True) == 200
    assert all(browser.get("/phones/state").json()["switches"][name] for name in phones.ONCE)
    assert telegram.control.script.at("sendMessage")
    assert not browser.get("/phones/state").json()["switches"]["flood"]
    for name in phones.ONCE:
        do(browser, "switch", name, on=False)
    assert telegram.control.script.rules == []
    assert do(browser, "switch", "blocked", on=True) == 200
    assert telegram.seen_by(2)["blocked"]
    assert browser.get("/phones/state").json()["switches"]["blocked"]


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"owner": 3, "phone": "telegram", "act": "start"},
        {"owner": 2, "phone": "telegram", "act": "dance"},
        {"owner": 2, "phone": "telegram", "act": "say"},
        {"owner": 2, "phone": "telegram", "act": "key", "text": "Share"},
        {"owner": 2, "phone": "telegram", "act": "say", "text": " "},
        {"owner": 2, "phone": "telegram", "act": "press", "message": "1", "data": "x"},
    ],
)
def test_a_wrong_wish_is_refused_with_a_reason(browser: TestClient, wish: dict[str, object]) -> None:
    answer = browser.post("/phones/do", json=wish)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_another_sites_page_can_do_nothing(browser: TestClient) -> None:
    wish = {"owner": 2, "phone": "telegram", "act": "start"}
    assert browser.post("/phones/do", json=wish, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


async def test_what_changes_is_told_at_once(
    stand_ins: tuple[TelegramStandIn, WeChatStandIn], session: aiohttp.ClientSession
) -> None:
    telegram, _ = stand_ins

    async def next_state(answer: aiohttp.ClientResponse) -> dict[str, object]:
        while not (line := (await answer.content.readline()).decode()).startswith("data:"):
            assert line, "the stream ended"
        told: dict[str, object] = json.loads(line[5:])
        return told

    async with (
        served(Starlette(routes=phones.routes(*stand_ins))) as address,
        session.get(f"{address}/phones/events?owner=2") as answer,
    ):
        answer.content._high_water = 2**20
        first = await next_state(answer)
        telegram.hands.say(person(2), "hello")
        second = await next_state(answer)
    assert (len(str(first)) < len(str(second)), "hello" in str(second["telegram"])) == (True, True)
