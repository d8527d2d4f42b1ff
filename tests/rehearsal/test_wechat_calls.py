"""WeChat's API: tokens, quotas, error codes."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.rehearsal.people import Person
from bot.rehearsal.wechat import WeChatStandIn
from bot.rehearsal.wechat.menus import check_menu
from tests.rehearsal.bot_end import eventually
from tests.rehearsal.conftest import Line


def text(who: Person, words: str = "x") -> dict[str, Any]:
    return {"touser": who.openid, "msgtype": "text", "text": {"content": words}}


async def codes(api: Line, body: dict[str, Any], times: int) -> list[int]:
    return [(await api.wechat("message/custom/send", body))["errcode"] for _ in range(times)]


async def test_five_messages_in_48_hours_after_a_message(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    wechat.hands.say(ada, "hello")
    assert await codes(api, text(ada), 7) == [0, 0, 0, 0, 0, 45047, 45047]
    wechat.hands.say(ada, "again")
    wechat.control.clock.forward(timedelta(hours=47, minutes=59))
    await api.log_in(wechat)
    assert await codes(api, text(ada), 1) == [0]
    wechat.control.clock.forward(timedelta(minutes=2))
    assert await codes(api, text(ada), 1) == [45015]


async def test_three_in_a_minute_after_a_tap_a_follow_or_a_scan(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    for act in (
        lambda: wechat.hands.follow(ada),
        lambda: wechat.hands.tap(ada, "privacy"),
        lambda: wechat.hands.scan(ada, "order"),
        lambda: wechat.hands.choose(ada, "1", "Yes"),
    ):
        act()
        assert await codes(api, text(ada), 4) == [0, 0, 0, 45047]
        wechat.control.clock.forward(timedelta(seconds=61))
        assert await codes(api, text(ada), 1) == [45015]


async def test_the_window_that_ends_first_is_used_first(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    wechat.hands.say(ada, "hello")
    wechat.hands.tap(ada, "privacy")
    assert await codes(api, text(ada), 3) == [0, 0, 0]
    assert wechat.seen_by(14)["left"] == {"message": 5, "tap": 0}


async def test_who_left_cannot_be_written_to(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    wechat.hands.say(ada, "hello")
    wechat.hands.unfollow(ada)
    assert await codes(api, text(ada), 1) == [45015]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"touser": "oNOBODY"}, 40003),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": "长" * 683}}, 45002),
        ({"text": {"content": "长" * 682}}, 0),
        ({"msgtype": "cake"}, 40008),
        ({"msgtype": "image", "image": {"media_id": "none"}}, 40007),
    ],
)
async def test_a_wrong_message_takes_nothing_of_the_quota(
    api: Line, wechat: WeChatStandIn, ada: Person, change: dict[str, Any], code: int
) -> None:
    wechat.hands.say(ada, "hello")
    assert (await api.wechat("message/custom/send", text(ada) | change))["errcode"] == code
    assert wechat.seen_by(14)["left"] == {"message": 5 if code else 4}


async def test_a_stable_token_stays_the_same_until_five_minutes_before_its_end(
    api: Line, wechat: WeChatStandIn, ada: Person
) -> None:
    first = await api.log_in(wechat)
    wechat.control.clock.forward(timedelta(seconds=6800))
    later = await api.log_in(wechat)
    assert later["access_token"] == first["access_token"]
    assert 350 <= later["expires_in"] <= 400
    wechat.control.clock.forward(timedelta(seconds=150))
    renewed = await api.log_in(wechat)
    assert renewed["access_token"] != first["access_token"]
    assert renewed["expires_in"] == 7200
    wechat.hands.say(ada, "x")
    for token in (first["access_token"], renewed["access_token"]):
        assert (await api.wechat("message/custom/send", text(ada), access_token=token))["errcode"] == 0
    wechat.control.clock.forward(timedelta(seconds=301))
    ended = await api.wechat("message/custom/send", text(ada), access_token=first["access_token"])
    assert ended["errcode"] == 42001


async def test_a_forced_one_ends_the_other_at_once_but_not_twice_in_30_seconds_nor_21_times_a_day(
    api: Line, wechat: WeChatStandIn
) -> None:
    first = api.token
    assert (await api.log_in(wechat, force_refresh=True))["access_token"] != first
    assert (await api.wechat("menu/get", access_token=first))["errcode"] == 40001
    assert (await api.log_in(wechat, force_refresh=True))["errcode"] == 45011
    for _ in range(19):
        wechat.control.clock.forward(timedelta(seconds=31))
        assert "access_token" in await api.log_in(wechat, force_refresh=True)
    wechat.control.clock.forward(timedelta(seconds=31))
    assert (await api.log_in(wechat, force_refresh=True))["errcode"] == 45009


async def test_the_old_call_makes_a_new_token_each_time_and_leaves_the_stable_one(
    api: Line, wechat: WeChatStandIn
) -> None:
    account = wechat.account
    query = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret}
    one, two = [(await api.wechat("token", access_token="", **query))["access_token"] for _ in range(2)]
    assert one != two
    assert (await api.wechat("menu/get"))["errcode"] == 46003
    wechat.control.clock.forward(timedelta(seconds=301))
    assert (await api.wechat("menu/get", access_token=one))["errcode"] == 42001
    assert (await api.wechat("menu/get", access_token=two))["errcode"] == 46003


@pytest.mark.parametrize(
    ("change", "code"), [({"appid": "wx"}, 40013), ({"secret": "no"}, 40125), ({"grant_type": "x"}, 40002)]
)
async def test_a_token_needs_the_accounts_own_secrets(
    api: Line, wechat: WeChatStandIn, change: dict[str, str], code: int
) -> None:
    assert (await api.log_in(wechat, **change))["errcode"] == code


async def test_a_call_needs_its_method_its_token_and_json(
    api: Line, wechat: WeChatStandIn, session: aiohttp.ClientSession
) -> None:
    address = f"{api.address}/cgi-bin/message/custom/send"
    for method, query, body, code in (
        ("GET", {"access_token": api.token}, b"", 43002),
        ("POST", {}, b"{}", 41001),
        ("POST", {"access_token": "nonsense"}, b"{}", 40001),
        ("POST", {"access_token": api.token}, b"", 44002),
        ("POST", {"access_token": api.token}, b"[1]", 47001),
    ):
        async with session.request(method, address, params=query, data=body) as answer:
            said = await answer.json()
            assert (said["errcode"], "rid:" in said["errmsg"]) == (code, True)
    wechat.calls.tokens.revoke()
    assert (await api.wechat("menu/get"))["errcode"] == 40001


async def test_the_day_has_a_quota_and_the_next_day_another(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    await api.control("quotas", {"custom/send": 1})
    wechat.hands.say(ada, "x")
    assert await codes(api, text(ada), 2) == [0, 45009]
    wechat.control.clock.forward(timedelta(days=1))
    await api.log_in(wechat)
    assert await codes(api, text(ada), 1) == [0]


async def test_escaped_chinese_is_seen_as_it_was_sent(
    api: Line, wechat: WeChatStandIn, ada: Person, session: aiohttp.ClientSession
) -> None:
    wechat.hands.say(ada, "x")
    address = f"{api.address}/cgi-bin/message/custom/send?access_token={api.token}"
    for inner, seen in (("\\u4f60", "\\u4f60"), ("你", "你"), ("a\\nb", "a\nb"), ("\\\\u4f60", "\\u4f60")):
        body = f'{{"touser":"{ada.openid}","msgtype":"text","text":{{"content":"{inner}"}}}}'
        async with session.post(address, data=body.encode()) as answer:
            assert (await answer.json())["errcode"] == 0
        assert wechat.seen_by(14)["messages"][-1]["text"] == seen


async def test_a_template_message_is_sent_once_by_its_id_and_reported(
    api: Line, wechat: WeChatStandIn, ada: Person
) -> None:
    wechat.followers.meet(ada)
    body = {
        "touser": ada.openid,
        "template_id": "REHEARSAL_TEMPLATE",
        "client_msg_id": "notice-1",
        "data": {"thing1": {"value": "An invented notice"}, "time2": {"value": "2026-01-01"}},
    }
    first, again = [await api.wechat("message/template/send", body) for _ in range(2)]
    assert first["errcode"] == again["errcode"] == 0
    assert first["msgid"] == again["msgid"]
    assert (await api.control("effects"))["messages"] == 1
    assert [push.xml.count("TEMPLATESENDJOBFINISH") for push in wechat.pushes.past] == [1]
    wechat.control.clock.forward(timedelta(minutes=11))
    assert (await api.wechat("message/template/send", body))["msgid"] != first["msgid"]
    for change, code in (
        ({"template_id": "none"}, 40037),
        ({"data": {"thing1": {"value": "x" * 21}, "time2": {"value": "1"}}}, 47003),
        ({"touser": "oNOBODY"}, 40003),
    ):
        assert (await api.wechat("message/template/send", body | change))["errcode"] == code
    wechat.hands.unfollow(ada)
    assert (await api.wechat("message/template/send", body))["errcode"] == 43004


async def test_a_subscription_message_needs_a_permission_each(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    wechat.followers.meet(ada)
    body = {
        "touser": ada.openid,
        "template_id": "REHEARSAL_TEMPLATE",
        "data": {"thing1": {"value": "x"}, "time2": {"value": "y"}},
    }
    path = "message/subscribe/bizsend"
    assert (await api.wechat(path, body))["errcode"] == 43101
    wechat.hands.decide(ada, "REHEARSAL_TEMPLATE")
    assert [(await api.wechat(path, body))["errcode"] for _ in range(2)] == [0, 43101]
    wechat.hands.decide(ada, "REHEARSAL_TEMPLATE")
    wechat.hands.decide(ada, "REHEARSAL_TEMPLATE", accept=False, how="change")
    assert (await api.wechat(path, body))["errcode"] == 43101
    assert any("subscribe_msg_sent_event" in push.xml for push in wechat.pushes.past)


MENU = {"button": [{"type": "click", "name": "隐私", "key": "privacy"}]}


async def test_a_menu_is_made_shown_and_taken_away(api: Line, wechat: WeChatStandIn) -> None:
    assert (await api.wechat("menu/create", MENU))["errcode"] == 0
    assert await api.wechat("menu/get") == {"menu": MENU}
    added = await api.wechat("menu/addconditional", {**MENU, "matchrule": {"client_platform_type": "1"}})
    assert (await api.wechat("menu/get"))["conditionalmenu"][0]["menuid"] == int(added["menuid"])
    assert (await api.wechat("menu/delconditional", {"menuid": added["menuid"]}))["errcode"] == 0
    assert (await api.wechat("menu/delete"))["errcode"] == 0
    assert (await api.wechat("menu/get"))["errcode"] == 46003


CLICK = {"type": "click", "name": "x", "key": "k"}


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        ([{**CLICK, "name": "隐私政策查询"}], 40018),
        ([{**CLICK, "type": "cake"}], 40017),
        ([{**CLICK, "key": ""}], 40019),
        ([{"type": "view", "name": "x", "url": "javascript:1"}], 40020),
        ([{"name": "x", "sub_button": [CLICK] * 6}], 40023),
        ([{"name": "x", "sub_button": [{**CLICK, "key": "k" * 129}]}], 40026),
    ],
)
async def test_a_menu_wechat_would_not_take_is_refused(api: Line, buttons: list[dict[str, Any]], code: int) -> None:
    assert (await api.wechat("menu/create", {"button": buttons}))["errcode"] == code


def test_a_menu_of_the_largest_size_is_taken() -> None:
    check_menu({"button": [{"name": "一二三四五", "sub_button": [{**CLICK, "name": "字" * 20}] * 5}] * 3})


async def test_what_is_known_of_a_follower(api: Line, wechat: WeChatStandIn, ada: Person) -> None:
    wechat.followers.meet(ada)
    known = await api.wechat("user/info", openid=ada.openid, lang="zh_CN")
    assert (known["subscribe"], known["openid"], "nickname" in known) == (1, ada.openid, False)
    wechat.hands.unfollow(ada)
    gone = await api.wechat("user/info", openid=ada.openid)
    assert gone == {"subscribe": 0, "openid": ada.openid, "tagid_list": []}
    assert (await api.wechat("user/info", openid="oNOBODY"))["errcode"] == 40003


async def test_a_file_is_uploaded_sent_and_fetched(
    api: Line, wechat: WeChatStandIn, ada: Person, session: aiohttp.ClientSession
) -> None:
    form = aiohttp.FormData()
    form.add_field("media", b"an invented picture", filename="x.png", content_type="image/png")
    query = {"access_token": api.token, "type": "image"}
    async with session.post(f"{api.address}/cgi-bin/media/upload", params=query, data=form) as answer:
        media = await answer.json()
    assert media["type"] == "image"
    wechat.hands.say(ada, "x")
    body = {"touser": ada.openid, "msgtype": "image", "image": {"media_id": media["media_id"]}}
    assert (await api.wechat("message/custom/send", body))["errcode"] == 0
    query = {"access_token": api.token, "media_id": media["media_id"]}
    async with session.get(f"{api.address}/cgi-bin/media/get", params=query) as answer:
        assert await answer.read() == b"an invented picture"


async def test_typing_shows_within_30_seconds_of_a_message_and_not_twice(
    api: Line, wechat: WeChatStandIn, ada: Person
) -> None:
    wechat.hands.say(ada, "x")
    body = {"touser": ada.openid, "command": "Typing"}
    said = [(await api.wechat("message/custom/typing", body))["errcode"] for _ in range(2)]
    assert (said, wechat.seen_by(14)["typing"]) == ([0, 45081], True)
    wechat.control.clock.forward(timedelta(seconds=40))
    assert (await api.wechat("message/custom/typing", body))["errcode"] == 45080


@pytest.mark.parametrize("code", [-1, 40001, 45009, 45015, 48001])
async def test_a_script_refuses_with_any_code(api: Line, wechat: WeChatStandIn, ada: Person, code: int) -> None:
    wechat.hands.say(ada, "x")
    await api.control("faults", {"rule": f"custom/send refuse:{code} person={ada.openid} at=1"})
    assert await codes(api, text(ada), 2) == [code, 0]
    assert (await api.control("effects"))["messages"] == 1


async def test_secrets_are_in_no_journal(api: Line, wechat: WeChatStandIn) -> None:
    await eventually(lambda: wechat.control.journal.total > 0)
    kept = str(await api.control("calls"))
    assert wechat.account.app_secret not in kept
