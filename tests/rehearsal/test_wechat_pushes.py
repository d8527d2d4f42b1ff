"""WeChat's pushes: how they are signed, how long they wait, how often they come, and what the person sees in the end."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import Response
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import check_signature

from bot.rehearsal.faults import Rule
from bot.rehearsal.people import Person
from bot.rehearsal.serving import served
from bot.rehearsal.wechat import Account, WeChatStandIn
from bot.rehearsal.wechat.envelope import from_xml, to_xml
from bot.rehearsal.wechat.followers import UNAVAILABLE
from bot.rehearsal.wechat.pushes import Push
from tests.rehearsal.bot_end import BotEnd, Heard

ACCOUNT = Account()
CRYPTO = WeChatCrypto(ACCOUNT.token, ACCOUNT.aes_key, ACCOUNT.app_id)
"""wechatpy reads and writes the other end of every line here."""


def opened(heard: Heard) -> dict[str, Any]:
    """The fields of a push, opened by wechatpy."""
    query = heard.query
    xml = CRYPTO.decrypt_message(heard.body, query["msg_signature"], query["timestamp"], query["nonce"])
    return from_xml(xml)


def reply(heard: Heard, words: str, **change: str) -> Response:
    """A passive reply, sealed by wechatpy."""
    push = opened(heard)
    fields = {
        "ToUserName": push["FromUserName"],
        "FromUserName": push["ToUserName"],
        "CreateTime": 1_790_000_000,
        "MsgType": "text",
        "Content": words,
    }
    return Response(CRYPTO.encrypt_message(to_xml(fields | change), "n0nce", "1790000000"))


async def done(push: Push) -> Push:
    async with asyncio.timeout(5):
        await push.done.wait()
    return push


def seen(stand_in: WeChatStandIn) -> list[tuple[str, str]]:
    return [(line["from"], line["text"]) for line in stand_in.seen_by(14)["messages"]]


@pytest.fixture
async def wechat(wechat: WeChatStandIn, webhook: str) -> WeChatStandIn:
    wechat.point_webhook(webhook)
    return wechat


async def test_a_push_is_signed_and_encrypted_and_its_reply_is_seen(
    wechat: WeChatStandIn, bot_end: BotEnd, ada: Person
) -> None:
    bot_end.answer = lambda heard: reply(heard, "三年 ]]> <b>")
    push = await done(wechat.hands.say(ada, "保存多久？"))
    heard = bot_end.heard[0]
    check_signature(ACCOUNT.token, heard.query["signature"], heard.query["timestamp"], heard.query["nonce"])
    fields = opened(heard)
    assert (fields["MsgType"], fields["Content"], fields["FromUserName"]) == ("text", "保存多久？", ada.openid)
    assert "保存" not in heard.body.decode()
    assert (push.state, push.tries) == ("replied", ["200"])
    assert seen(wechat) == [("person", "保存多久？"), ("bot", "三年 ]]> <b>")]
    assert wechat.control.journal.effects()["people"][ada.openid]["messages"] == 1


@pytest.mark.parametrize("body", ["", "success"])
async def test_an_acknowledged_push_shows_nothing_and_does_not_come_again(
    wechat: WeChatStandIn, bot_end: BotEnd, ada: Person, body: str
) -> None:
    bot_end.answer = lambda heard: Response(body)
    push = await done(wechat.hands.say(ada, "x"))
    assert (push.state, len(bot_end.heard), seen(wechat)) == ("acknowledged", 1, [("person", "x")])


async def test_without_an_answer_in_five_seconds_it_comes_three_times_and_then_wechat_excuses_itself(
    wechat: WeChatStandIn, bot_end: BotEnd, ada: Person
) -> None:
    async def slow(heard: Heard) -> Response:
        await asyncio.sleep(1.1)
        return Response("success")

    bot_end.answer = slow
    push = await done(wechat.hands.say(ada, "x"))
    assert (push.state, push.tries) == ("failed", ["0", "0", "0", "no answer"])
    assert seen(wechat)[-1] == ("wechat", UNAVAILABLE)
    first, second, third = bot_end.heard
    assert second.at - first.at >= 0.45  # a tenth of five seconds, as far as the clocks agree
    assert (second.query, second.body) == (first.query, first.body)
    assert third.query["nonce"] != first.query["nonce"]
    assert opened(third)["MsgId"] == opened(first)["MsgId"]


async def test_the_second_try_may_be_answered(wechat: WeChatStandIn, bot_end: BotEnd, ada: Person) -> None:
    async def once_slow(heard: Heard) -> Response:
        if len(bot_end.heard) == 1:
            await asyncio.sleep(1.1)
        return reply(heard, "here")

    bot_end.answer = once_slow
    push = await done(wechat.hands.say(ada, "x"))
    assert (push.state, push.tries) == ("replied", ["0", "200"])
    assert seen(wechat) == [("person", "x"), ("bot", "here")]


async def test_a_bot_that_is_down_is_tried_three_times(wechat: WeChatStandIn, ada: Person) -> None:
    wechat.point_webhook("http://127.0.0.1:1/wechat")
    push = await done(wechat.hands.say(ada, "x"))
    assert (push.state, push.tries) == ("failed", ["0", "0", "0", "no answer"])


WRONG: list[tuple[str, Callable[[Heard], Response]]] = [
    ("no XML", lambda heard: Response('{"json": 1}')),
    ("not encrypted", lambda heard: Response("<xml><MsgType>text</MsgType></xml>")),
    ("not from this account", lambda heard: reply(heard, "x", FromUserName="gh_other")),
    ("no MsgType", lambda heard: reply(heard, "x", MsgType="cake")),
    ("empty", lambda heard: reply(heard, "")),
    ("too long", lambda heard: reply(heard, "长" * 683)),
    (
        "signature",
        lambda heard: Response(
            bytes(reply(heard, "x").body).replace(b"<MsgSignature><![CDATA[", b"<MsgSignature><![CDATA[0")
        ),
    ),
]


@pytest.mark.parametrize(("why", "answer"), WRONG, ids=[why for why, _ in WRONG])
async def test_an_answer_wechat_cannot_read_becomes_its_error_line(
    wechat: WeChatStandIn, bot_end: BotEnd, ada: Person, why: str, answer: Callable[[Heard], Response]
) -> None:
    bot_end.answer = answer
    push = await done(wechat.hands.say(ada, "x"))
    assert (push.state, why in push.tries[-1]) == ("failed", True)
    assert seen(wechat)[-1] == ("wechat", UNAVAILABLE)
    assert len(bot_end.heard) == 1
    assert wechat.control.journal.effects()["messages"] == 0


async def test_injected_xml_is_no_reply(wechat: WeChatStandIn, bot_end: BotEnd, ada: Person) -> None:
    evil = "x]]></Content><MsgType><![CDATA[image]]></MsgType><Content><![CDATA[y"
    inner = f"<xml><FromUserName>{ACCOUNT.original_id}</FromUserName><MsgType>text</MsgType><Content><![CDATA[{evil}]]></Content></xml>"
    bot_end.answer = lambda heard: Response(CRYPTO.encrypt_message(inner, "n0nce", "1790000000"))
    push = await done(wechat.hands.say(ada, "x"))
    assert push.state == "failed"
    assert "is there twice" in push.tries[-1]


EVENTS: list[tuple[str, Callable[[WeChatStandIn, Person], Push], dict[str, Any]]] = [
    ("follow", lambda w, who: w.hands.follow(who, "order-7"), {"Event": "subscribe", "EventKey": "qrscene_order-7"}),
    ("unfollow", lambda w, who: w.hands.unfollow(who), {"Event": "unsubscribe"}),
    ("scan", lambda w, who: w.hands.scan(who, "order-7"), {"Event": "SCAN", "EventKey": "order-7"}),
    ("tap", lambda w, who: w.hands.tap(who, "privacy"), {"Event": "CLICK", "EventKey": "privacy"}),
    ("view", lambda w, who: w.hands.view(who, "https://example.com/"), {"Event": "VIEW", "MenuId": "400000001"}),
    (
        "popup",
        lambda w, who: w.hands.decide(who, "T"),
        {"SubscribeMsgPopupEvent": {"List": {"TemplateId": "T", "SubscribeStatusString": "accept", "PopupScene": "2"}}},
    ),
    (
        "change",
        lambda w, who: w.hands.decide(who, "T", accept=False, how="change"),
        {"SubscribeMsgChangeEvent": {"List": {"TemplateId": "T", "SubscribeStatusString": "reject"}}},
    ),
    ("info", lambda w, who: w.hands.change_info(who), {"Event": "user_info_modified"}),
    ("revoke", lambda w, who: w.hands.revoke(who, "1,2"), {"Event": "user_authorization_revoke", "RevokeInfo": "1,2"}),
    ("voice", lambda w, who: w.hands.speak(who, "多久？"), {"MsgType": "voice", "Recognition": "多久？"}),
    ("place", lambda w, who: w.hands.send(who, "location"), {"MsgType": "location", "Location_X": "48.0"}),
    ("msgmenu", lambda w, who: w.hands.choose(who, "2", "No"), {"MsgType": "text", "bizmsgmenuid": "2"}),
    ("any", lambda w, who: w.hands.fields(who, {"MsgType": "event", "Event": "new"}), {"Event": "new"}),
]


@pytest.mark.parametrize(("act", "fields"), [case[1:] for case in EVENTS], ids=[case[0] for case in EVENTS])
async def test_what_people_do_is_pushed_as_wechat_words_it(
    wechat: WeChatStandIn,
    bot_end: BotEnd,
    ada: Person,
    act: Callable[[WeChatStandIn, Person], Push],
    fields: dict[str, Any],
) -> None:
    await done(act(wechat, ada))
    pushed = opened(bot_end.heard[0])
    assert pushed["FromUserName"] == ada.openid
    assert pushed | fields == pushed
    assert ("MsgId" in pushed) is (pushed["MsgType"] != "event")


async def test_a_script_can_push_twice_and_late(wechat: WeChatStandIn, bot_end: BotEnd, ada: Person) -> None:
    wechat.control.script.rules.append(Rule.parse("push duplicate at=1"))
    bot_end.answer = lambda heard: reply(heard, "once")
    await done(wechat.hands.say(ada, "x"))
    assert [opened(heard)["MsgId"] for heard in bot_end.heard] == [opened(bot_end.heard[0])["MsgId"]] * 2
    assert seen(wechat) == [("person", "x"), ("bot", "once")]


async def test_hostile_documents_can_be_pushed_well_signed_and_old_ones_too(
    wechat: WeChatStandIn, bot_end: BotEnd, ada: Person
) -> None:
    await done(wechat.hands.xml(ada, "<xml>" * 3, off=-301))
    heard = bot_end.heard[0]
    assert (
        CRYPTO.decrypt_message(heard.body, *(heard.query[n] for n in ("msg_signature", "timestamp", "nonce")))
        == "<xml>" * 3
    )
    assert abs(wechat.control.clock.unix() - 301 - int(heard.query["timestamp"])) <= 2


async def test_the_address_is_verified_by_an_echo(wechat: WeChatStandIn, bot_end: BotEnd) -> None:
    bot_end.answer = lambda heard: Response(heard.query["echostr"])
    assert await wechat.pushes.verify()
    heard = bot_end.heard[0]
    assert heard.method == "GET"
    check_signature(ACCOUNT.token, heard.query["signature"], heard.query["timestamp"], heard.query["nonce"])
    bot_end.answer = lambda heard: Response("something else")
    assert not await wechat.pushes.verify()


async def test_plain_mode_pushes_what_a_careful_bot_refuses(bot_end: BotEnd, ada: Person) -> None:
    stand_in = WeChatStandIn(safe=False)
    async with served(bot_end) as address:
        stand_in.point_webhook(address)
        await done(stand_in.hands.say(ada, "x"))
        await stand_in.close()
    assert from_xml(bot_end.heard[0].body.decode())["Content"] == "x"
    assert "msg_signature" not in bot_end.heard[0].query


def test_nothing_is_pushed_beyond_this_machine() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1"):
        WeChatStandIn(webhook="https://example.com/wechat")
