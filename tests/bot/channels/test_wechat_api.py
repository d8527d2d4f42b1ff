"""Calls to WeChat: one token for everybody, no storms, and every answer means something."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.channels.wechat import Api, NoToken
from bot.channels.wechat.errcodes import failure_of, until_midnight
from bot.core.errors import DeliveryError, Refused, TryLater, Unreachable
from storage.engine import Database
from tests.bot.channels.wechat_edge import APP_ID, SECRET, USER, FakeApi, running, settings
from tests.conftest import Clock


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with running(FakeApi()) as api:
        yield api


@pytest.fixture
async def client(api: FakeApi, database: Database, clock: Clock) -> AsyncIterator[Api]:
    async with another(api, database, clock) as client:
        yield client


def another(api: FakeApi, database: Database, clock: Clock, **more: timedelta) -> Api:
    """As another process has it."""
    return Api(settings(api_url=api.url), database, clock, **more)


async def failure(client: Api) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        await client.send_text(USER, "hello")
    return raised.value


async def test_a_text_goes_out_unescaped(client: Api, api: FakeApi) -> None:
    raw = []

    async def keep(request: web.Request) -> web.Response:
        raw.append(await request.read())
        return web.json_response({"errcode": 0})

    api.script.append(keep)
    await client.send_text(USER, "您好 <b> 😀")
    assert "您好 <b> 😀".encode() in raw[0]
    assert json.loads(raw[0]) == {"touser": USER, "msgtype": "text", "text": {"content": "您好 <b> 😀"}}


async def test_one_token_serves_many_calls_and_processes(
    client: Api, api: FakeApi, database: Database, clock: Clock
) -> None:
    async with another(api, database, clock) as other:
        await asyncio.gather(*(one.send_text(USER, "hello") for one in (client, other) for _ in range(10)))
    assert len(api.of("stable_token")) == 1
    assert api.of("stable_token")[0] == {
        "grant_type": "client_credential",
        "appid": APP_ID,
        "secret": SECRET,
        "force_refresh": False,
    }
    assert len(api.texts()) == 20


async def test_a_token_is_renewed_five_minutes_before_its_end(client: Api, api: FakeApi, clock: Clock) -> None:
    await client.send_text(USER, "one")
    clock.turn(minutes=114, seconds=59)
    await client.send_text(USER, "two")
    assert len(api.of("stable_token")) == 1
    clock.turn(seconds=1)
    await client.send_text(USER, "three")
    assert len(api.of("stable_token")) == 2


async def test_a_token_near_its_end_is_not_asked_for_at_every_call(client: Api, api: FakeApi, clock: Clock) -> None:
    api.lasts = 120
    for _ in range(5):
        await client.send_text(USER, "hello")
    assert len(api.of("stable_token")) == 1
    clock.turn(seconds=31)
    await client.send_text(USER, "hello")
    assert len(api.of("stable_token")) == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_refused_token_is_replaced_once_and_the_call_repeated(client: Api, api: FakeApi, code: int) -> None:
    api.script.append({"errcode": code, "errmsg": "invalid credential"})
    await client.send_text(USER, "hello")
    assert [body["force_refresh"] for body in api.of("stable_token")] == [False, True]
    assert len(api.texts()) == 2


async def test_a_token_refused_for_ever_ends_in_waiting(client: Api, api: FakeApi, clock: Clock) -> None:
    api.takes_any = True
    api.script += [{"errcode": 40001}] * 200
    outcomes = [await failure(client) for _ in range(50)]
    assert all(isinstance(one, TryLater) and one.halts == "everyone" for one in outcomes)
    assert len(api.of("stable_token")) == 2, "one, and one forced"
    for _ in range(60):
        clock.turn(minutes=1)
        await failure(client)
    assert len(api.of("stable_token")) <= 5, "three forced at most while it lasts"


async def test_one_call_is_repeated_once_however_long_it_takes(client: Api, api: FakeApi, clock: Clock) -> None:
    async def refuse(request: web.Request) -> web.Response:
        clock.turn(seconds=31)
        return web.json_response({"errcode": 40001})

    api.script += [refuse] * 5
    assert isinstance(await failure(client), TryLater)
    assert len(api.texts()) == 2


async def test_twenty_forced_renewals_a_day_are_the_most(client: Api, api: FakeApi, clock: Clock) -> None:
    api.takes_any = True
    api.script += [{"errcode": 40001}] * 2000
    for _ in range(24 * 12):
        await failure(client)
        clock.turn(minutes=5)
    assert 15 <= sum(body["force_refresh"] for body in api.of("stable_token")) <= 20


async def test_many_refused_at_once_force_one_renewal(
    client: Api, api: FakeApi, database: Database, clock: Clock
) -> None:
    async with another(api, database, clock) as other:
        await asyncio.gather(client.send_text(USER, "x"), other.send_text(USER, "x"))
        api.tokens.append("somebody else took it")
        await asyncio.gather(*(one.send_text(USER, "hello") for one in (client, other) for _ in range(10)))
    assert sum(body["force_refresh"] for body in api.of("stable_token")) == 1


async def test_a_process_takes_over_the_token_that_another_renewed(
    client: Api, api: FakeApi, database: Database, clock: Clock
) -> None:
    async with another(api, database, clock) as other:
        await asyncio.gather(client.send_text(USER, "x"), other.send_text(USER, "x"))
        api.tokens.append("somebody else took it")
        await client.send_text(USER, "renews")
        await other.send_text(USER, "takes over")
    assert sum(body["force_refresh"] for body in api.of("stable_token")) == 1


async def test_a_holder_that_died_is_followed_by_another(
    client: Api, api: FakeApi, database: Database, clock: Clock
) -> None:
    with database.work() as work:
        assert work.wechat.hold(APP_ID, "dead", clock(), clock() + timedelta(seconds=15))
    waiting = asyncio.create_task(client.send_text(USER, "hello"))
    await asyncio.sleep(0.25)
    assert not waiting.done()
    clock.turn(seconds=15)
    await waiting
    assert api.texts() == ["hello"]


async def test_a_wrong_secret_halts_the_channel_and_is_asked_again_later(client: Api, api: FakeApi) -> None:
    api.token_answers += [{"errcode": 40125, "errmsg": "invalid appsecret"}]
    outcome = await failure(client)
    assert isinstance(outcome, NoToken)
    assert (outcome.halts, outcome.errcode, outcome.after) == ("everyone", 40125, timedelta(seconds=60))
    await client.send_text(USER, "hello")


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (-1, TryLater, ""),
        (45009, TryLater, "everyone"),
        (45011, TryLater, "everyone"),
        (43116, TryLater, "person"),
        (43117, TryLater, "person"),
        (40003, Unreachable, "unknown_person"),
        (43004, Unreachable, "not_following"),
        (43101, Unreachable, "not_subscribed"),
        (45015, Unreachable, "window_closed"),
        (45047, Unreachable, "quota_used"),
        (48002, Unreachable, "refuses_messages"),
        (45002, Refused, "45002"),
        (40037, Refused, "40037"),
        (47003, Refused, "47003"),
        (48001, Refused, "48001"),
        (48004, Refused, "48004"),
        (99999, Refused, "99999"),
    ],
)
async def test_each_code_means_wait_gone_or_never(
    client: Api, api: FakeApi, code: int, kind: type[DeliveryError], says: str
) -> None:
    api.script.append({"errcode": code, "errmsg": "rid: canary"})
    outcome = await failure(client)
    assert type(outcome) is kind
    assert (outcome.halts or "" if isinstance(outcome, TryLater) else outcome.reason) == says
    assert not isinstance(outcome, TryLater) or not outcome.unsure
    assert len(api.texts()) == 1


def test_the_day_of_the_quota_ends_at_midnight_in_beijing() -> None:
    assert until_midnight(datetime(2026, 3, 2, 15, 59, tzinfo=UTC)) == timedelta(minutes=1, seconds=5)
    assert until_midnight(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == timedelta(days=1, seconds=5)
    assert isinstance(failure_of(45009, datetime(2026, 3, 2, tzinfo=UTC)), TryLater)


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


def saying(status: int, body: bytes) -> object:
    async def say(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"} if status == 302 else {})

    return say


ODD = {
    "502 page": saying(502, b"<html>Bad Gateway</html>"),
    "garbage": saying(200, b"\xff\xfe garbage"),
    "no object": saying(200, b"[1]"),
    "deep": saying(200, b"[" * 100_000),
    "endless": saying(200, b"x" * 400_000),
    "odd code": saying(200, b'{"errcode": "zero"}'),
    "redirect": saying(302, b""),
    "reset": reset,
    "drip": drip,
    "hang": hang,
}


@pytest.mark.parametrize("how", ODD.values(), ids=ODD)
async def test_an_odd_answer_leaves_open_whether_it_arrived(
    api: FakeApi, database: Database, clock: Clock, how: object
) -> None:
    async with another(api, database, clock, call_within=timedelta(seconds=0.6)) as client:
        await client.tokens.get()
        api.script.append(how)
        began = asyncio.get_running_loop().time()
        outcome = await failure(client)
        assert asyncio.get_running_loop().time() - began < 2
    assert isinstance(outcome, TryLater)
    assert outcome.unsure or how is ODD["odd code"]
    assert len(api.of("custom/send")) == 1


async def test_a_call_that_never_left_is_no_possible_repeat(database: Database, clock: Clock) -> None:
    with database.work() as work:
        work.wechat.hold(APP_ID, "me", clock(), clock() + timedelta(seconds=15))
        later = clock() + timedelta(hours=2)
        work.wechat.keep(APP_ID, "me", "a-token", later, later)
    async with Api(settings(api_url="http://127.0.0.1:9"), database, clock) as client:
        outcome = await failure(client)
    assert isinstance(outcome, TryLater)
    assert not outcome.unsure


async def test_no_error_and_no_log_line_holds_a_token_or_the_secret(
    api: FakeApi, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told, words = [], "-".join(("words", "canary"))
    async with another(api, database, clock, call_within=timedelta(seconds=0.4)) as client:
        await client.tokens.get()
        for how in (*ODD.values(), {"errcode": 40001}, {"errcode": 48001, "errmsg": f"{SECRET}"}):
            api.script.append(how)
            try:
                await client.send_text(USER, words)
            except DeliveryError as error:
                told.append("".join(traceback.format_exception(error)))
        api.token_answers.append({"errcode": 40125, "errmsg": f"{SECRET}"})
        clock.turn(hours=3)
        told.append("".join(traceback.format_exception(await failure(client))))
    everything = "\n".join([*told, caplog.text, *capsys.readouterr()])
    assert len(told) > 10
    assert not any(canary in everything for canary in (SECRET, "token-canary", words, USER))


async def test_templates_and_subscriptions(client: Api, api: FakeApi) -> None:
    api.script.append({"errcode": 0, "errmsg": "ok", "msgid": 200228332})
    sent = await client.send_template(USER, "T1", {"thing1": "您好"}, link="https://example.com", client_msg_id="d-7")
    assert sent == "200228332"
    assert api.of("template/send") == [
        {
            "touser": USER,
            "template_id": "T1",
            "data": {"thing1": {"value": "您好"}},
            "url": "https://example.com",
            "client_msg_id": "d-7",
        }
    ]
    await client.send_subscribed(USER, "T2", {"thing1": "x"}, page="https://example.com")
    assert api.of("subscribe/bizsend")[0]["page"] == "https://example.com"


async def test_the_menu_is_put_and_read(client: Api, api: FakeApi) -> None:
    await client.put_menu([{"type": "click", "name": "a", "key": "menu"}])
    assert api.of("menu/create") == [{"button": [{"type": "click", "name": "a", "key": "menu"}]}]
    api.script.append({"menu": {"button": [{"type": "click", "name": "a", "key": "menu", "sub_button": []}]}})
    assert [button["name"] for button in await client.menu()] == ["a"]
    api.script.append({"errcode": 46003, "errmsg": "menu no exist"})
    assert await client.menu() == []


async def test_a_person_is_asked_for_and_a_file_uploaded_again_whole(client: Api, api: FakeApi) -> None:
    api.script.append({"subscribe": 1, "openid": USER, "subscribe_time": 1})
    assert (await client.user(USER))["subscribe"] == 1
    assert api.calls[-1][1]["openid"] == USER
    api.script += [{"errcode": 40001}, {"type": "image", "media_id": "M1", "created_at": 1}]
    assert await client.upload("image", "a.png", b"\x89PNG", "image/png") == "M1"
    assert api.of("media/upload") == [("media", "a.png", b"\x89PNG")] * 2
