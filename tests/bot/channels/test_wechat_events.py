"""What each kind of push means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.channels.wechat.codec import Garbage, Push, Signed, read
from bot.channels.wechat.events import Happening, Note, read_push
from bot.core.message import Address, Event
from tests.bot.channels.wechat_edge import ACCOUNT, USER, Raw, xml

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def happened(**fields: Any) -> Happening:
    text = xml(**fields)
    return read_push(Push(Signed(NOW, "1", "1"), text, read(text), 0), NOW)


def event(name: str, **fields: Any) -> Happening:
    return happened(MsgType="event", Event=name, **fields)


def test_a_text_is_a_message_under_wechats_own_number() -> None:
    about = happened(Content="你们会保存多久？", MsgId="6054768590064713728")
    message = about.message
    assert message is not None
    assert (about.user, about.account, about.contact) == (USER, ACCOUNT, "message")
    assert (message.sender, message.text, message.message_id) == (
        Address("wechat", USER),
        "你们会保存多久？",
        "6054768590064713728",
    )
    assert message.key == "wechat:6054768590064713728"
    assert message.language_hint == "zh-CN"
    assert message.at == datetime.fromtimestamp(1772443800, UTC)


@pytest.mark.parametrize(
    ("fields", "text", "media"),
    [
        ({"MsgType": "voice", "Recognition": "删除我的信息", "MediaId": "m"}, "删除我的信息", None),
        ({"MsgType": "voice", "Recognition": "", "MediaId": "m"}, "", "voice"),
        ({"MsgType": "voice", "MediaId": "m"}, "", "voice"),
        ({"MsgType": "image", "PicUrl": "http://x", "MediaId": "m"}, "", "photo"),
        ({"MsgType": "shortvideo", "MediaId": "m"}, "", "video"),
        ({"MsgType": "location", "Location_X": "1", "Label": "somewhere"}, "", "location"),
        ({"MsgType": "link", "Title": "t", "Url": "http://x"}, "", "document"),
        ({"MsgType": "something_new"}, "", "document"),
        ({"MsgType": "text", "Content": ""}, "", None),
    ],
)
def test_voice_is_what_was_recognised_and_other_things_are_media(fields: dict, text: str, media: str | None) -> None:
    message = happened(MsgId="1", **fields).message
    assert message is not None
    assert (message.text, message.media) == (text, media)


@pytest.mark.parametrize(
    ("name", "key", "text", "choice", "joined_or_left", "contact"),
    [
        ("subscribe", "", "", None, Event.JOINED, "action"),
        ("subscribe", "qrscene_42", "", None, Event.JOINED, "action"),
        ("subscribe", "qrscene_clause_privacy.7.4", "/start clause_privacy.7.4", None, None, "action"),
        ("unsubscribe", "", "", None, Event.LEFT, None),
        ("SCAN", "42", "/start", None, None, "action"),
        ("SCAN", "clause_privacy.5.3", "/start clause_privacy.5.3", None, None, "action"),
        ("SCAN", "clause_/forget now", "/start", None, None, "action"),
        ("CLICK", "start:help", "", "start:help", None, "action"),
    ],
)
def test_events_that_the_assistant_answers(
    name: str, key: str, text: str, choice: str | None, joined_or_left: Event | None, contact: str | None
) -> None:
    about = event(name, EventKey=key)
    message = about.message
    assert message is not None
    assert (message.text, message.choice, message.event, about.contact) == (text, choice, joined_or_left, contact)


@pytest.mark.parametrize("name", ["VIEW", "LOCATION", "pic_weixin", "MASSSENDJOBFINISH", "never_heard_of", "x" * 500])
def test_other_events_say_nothing_and_keep_nothing(name: str) -> None:
    about = event(name, EventKey="http://x", Latitude="1.0")
    assert (about.message, about.contact, about.notes) == (None, None, ())


ITEM = "<List><TemplateId><![CDATA[{}]]></TemplateId><SubscribeStatusString>{}</SubscribeStatusString></List>"


@pytest.mark.parametrize("tag", ["SubscribeMsgChangeEvent", "SubscribeMsgPopupEvent"])
def test_one_subscription_is_an_element_and_several_are_a_list(tag: str) -> None:
    one, two = ITEM.format("aaa", "accept"), ITEM.format("bbb", "reject")
    notes = event("subscribe_msg_change_event", **{tag: Raw(one)}).notes
    assert notes == (Note("subscribe_msg_change", "aaa accept"),)
    notes = event("subscribe_msg_change_event", **{tag: Raw(one + two)}).notes
    assert [note.detail for note in notes] == ["aaa accept", "bbb reject"]


def test_a_sent_subscription_says_what_became_of_it() -> None:
    item = "<List><TemplateId>aaa</TemplateId><MsgID>1</MsgID><ErrorCode>0</ErrorCode><ErrorStatus>success</ErrorStatus></List>"
    assert event("subscribe_msg_sent_event", SubscribeMsgSentEvent=Raw(item)).notes == (
        Note("subscribe_msg_sent", "aaa success"),
    )
    assert event("subscribe_msg_sent_event").notes == ()
    assert event("subscribe_msg_popup_event", SubscribeMsgPopupEvent="text").notes == ()


def test_a_template_says_what_became_of_it() -> None:
    about = event("TEMPLATESENDJOBFINISH", MsgID="200163836", Status="failed:user block")
    assert about.notes == (Note("template_report", "failed:user block"),)


@pytest.mark.parametrize("name", ["user_info_modified", "user_authorization_revoke"])
def test_what_people_shared_with_wechat_is_noted_without_its_content(name: str) -> None:
    about = event(name, OpenID=USER, RevokeInfo="1,2", nickname="Invented Name")
    assert about.notes == (Note(name),)
    assert about.message is None


def test_events_of_the_same_second_are_told_apart() -> None:
    first, again = event("CLICK", EventKey="menu"), event("CLICK", EventKey="menu")
    other, later = event("CLICK", EventKey="start:help"), event("CLICK", EventKey="menu", CreateTime=1772443801)
    assert first.key == again.key
    assert len({first.key, other.key, later.key}) == 3
    assert USER not in first.key


@pytest.mark.parametrize("number", ["", "-1", "x", "9" * 21, "1.5"])
def test_a_message_without_a_number_has_a_key_all_the_same(number: str) -> None:
    about = happened(Content="hello", MsgId=number)
    assert about.key.startswith("event-")
    assert about.key == happened(Content="hello", MsgId=number).key
    assert about.key != happened(Content="hallo", MsgId=number).key


@pytest.mark.parametrize("stamp", ["zz", "", "-5", str(2**63), "9" * 11, "0", "1.5"])
def test_a_time_that_cannot_be_true_is_ours(stamp: str) -> None:
    message = happened(Content="hello", MsgId="1", CreateTime=stamp).message
    assert message is not None
    assert abs(message.at - NOW) < timedelta(days=366)


@pytest.mark.parametrize("name", ["FromUserName", "ToUserName"])
@pytest.mark.parametrize("value", ["", "a b", "]]>", "x" * 65, "名字"])
def test_names_that_wechat_never_gives_are_garbage(name: str, value: str) -> None:
    with pytest.raises(Garbage):
        happened(Content="hello", **{name: Raw(value.replace("]]>", "&gt;"))})


def test_a_tap_on_a_message_menu_counts_as_a_tap_on_the_menu() -> None:
    about = happened(Content="yes", MsgId="1", bizmsgmenuid="101")
    assert about.contact == "action"
    assert about.message is not None
    assert about.message.text == "yes"
