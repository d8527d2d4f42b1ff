"""Who may post, what is acknowledged, and that nothing which Telegram could send makes the webhook fail."""

import json
import time
from collections.abc import AsyncIterator

import pytest

from bot.channels.telegram.updates import message_of, plainly_said, update_of
from bot.core.message import Address, Event
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.errors import Busy
from tests.bot.channels.telegram_api import (
    ALICE,
    BOB,
    HEADER,
    OLD_SECRET,
    SECRET,
    Stage,
    message,
    private,
    stage,
    user,
)
from tests.conftest import Clock


@pytest.fixture
async def on(policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock) -> AsyncIterator[Stage]:
    async with stage(policy, wording, recogniser, clock) as on:
        yield on


async def test_a_message_goes_through_the_door_before_it_is_acknowledged(on: Stage):
    update = on.said("How long do you keep my data?", code="zh-hans")
    assert (await on.post(update)).status_code == 200
    (heard,) = on.door.messages
    assert heard.sender == Address("telegram", str(ALICE))
    assert (heard.text, heard.message_id) == ("How long do you keep my data?", str(update["update_id"]))
    assert heard.language_hint == "zh-hans"
    assert heard.at.utcoffset() is not None


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
async def test_both_content_types_are_taken(on: Stage, kind: str):
    assert (await on.post(on.said("hello there"), **{"Content-Type": kind})).status_code == 200
    assert len(on.door.messages) == 1


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
async def test_both_secrets_open_during_a_rotation(on: Stage, secret: str):
    assert (await on.post(on.said("hello"), secret)).status_code == 200


FLIPPED = [SECRET[:at] + "t" + SECRET[at + 1 :] for at in range(len(SECRET))]


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET + "s", SECRET.upper(), SECRET + OLD_SECRET, *FLIPPED])
async def test_anything_but_a_secret_is_refused_at_once(on: Stage, secret: str | None):
    answer = await on.post(on.said("hello"), secret)
    assert (answer.status_code, answer.content) == (403, b"")
    assert not on.door.messages
    assert not on.held


async def test_a_secret_given_twice_is_refused(on: Stage):
    content = json.dumps(on.said("hello")).encode()
    answer = await on.web.post("/telegram", content=content, headers=[(HEADER, SECRET), (HEADER, SECRET)])
    assert answer.status_code == 403


async def test_a_secret_that_is_no_latin_text_is_refused(on: Stage):
    answer = await on.web.post("/telegram", content=b"{}", headers=[(HEADER.encode(), "密".encode())])
    assert answer.status_code == 403


async def test_an_old_secret_that_was_taken_out_is_refused(
    policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock
):
    async with stage(policy, wording, recogniser, clock, webhook_secret_old="") as on:
        assert (await on.post(on.said("hello"), OLD_SECRET)).status_code == 403
        assert (await on.post(on.said("hello"), "")).status_code == 403


async def test_a_database_that_is_down_asks_telegram_to_come_again(on: Stage):
    on.door.failures.append(Busy("held"))
    update = on.said("hello")
    answer = await on.post(update)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert not on.held
    assert (await on.post(update)).status_code == 200
    assert len(on.door.messages) == 1


async def test_a_mistake_of_ours_keeps_the_update_and_frees_the_chat(on: Stage):
    on.door.failures.append(RuntimeError("a mistake"))
    update = on.said("hello")
    assert (await on.post(update)).status_code == 200
    ((_, body, error),) = on.held
    assert (json.loads(body), error) == (update, "RuntimeError")


async def test_a_quarantine_that_is_down_asks_telegram_to_come_again(
    policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock
):
    def down(key: str, body: bytes, error: str, user: str | None) -> None:
        raise Busy("held")

    async with stage(policy, wording, recogniser, clock) as on:
        on.telegram._incoming._quarantine = down
        assert (await on.post(b"garbage")).status_code == 503


def deep(levels: int) -> bytes:
    return b'{"update_id":1,"x":' + b"[" * levels + b"]" * levels + b"}"


def replies(levels: int) -> bytes:
    part = json.dumps(message("hi"))[:-1] + ', "reply_to_message": '
    return ('{"update_id": 1, "message": ' + part * levels + "null" + "}" * (levels + 1)).encode()


def with_message(**parts: object) -> bytes:
    return json.dumps({"update_id": 1, "message": message("hi") | parts}).encode()


GARBAGE = {
    "nothing": b"",
    "no json": b"hello",
    "half": b'{"update_id": 1, "message": {',
    "xml": b"<xml><!ENTITY a 'b'></xml>",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not utf-8": b'{"update_id": 1, "message": "\xff\xfe"}',
    "utf-16": '{"update_id": 1}'.encode("utf-16"),
    "nul": b"\0" * 100,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"x" * 100,
    "depth 3,000": deep(3_000),
    "depth 100k": deep(100_000),
    "depth 500k": deep(500_000),
    "broad": b'{"update_id":1,"x":[' + b"{}," * 9_999 + b"{}]}",
    "1,500 replies to replies": replies(1_500),
    "number of 4,301 digits": b'{"update_id": ' + b"9" * 4_301 + b"}",
    "number of 21 digits": with_message(date=10**20),
    "number of 21 digits somewhere": with_message(x=[10**20]),
    "huge exponent": b'{"update_id": 1e400}',
    "nan": b'{"update_id": 1, "x": NaN}',
    "infinity": b'{"update_id": -Infinity}',
    "a name twice": b'{"update_id": 1, "update_id": 2}',
    "a name twice inside": b'{"update_id": 1, "message": {"text": "a", "text": "b"}}',
    "half a character": b'{"update_id": 1, "message": {"text": "\\ud83d"}}',
    "half a character, other half": b'{"update_id": 1, "x": "\\udc00\\ud800"}',
    "no update_id": b'{"message": {}}',
    "update_id is text": b'{"update_id": "1"}',
    "update_id is true": b'{"update_id": true}',
    "update_id below zero": b'{"update_id": -1}',
    "update_id 2^63": b'{"update_id": 9223372036854775808}',
    "message is a number": b'{"update_id": 1, "message": 5}',
    "message is a list": b'{"update_id": 1, "message": []}',
    "message is empty": b'{"update_id": 1, "message": {"x": 1}}',
    "date is zz": with_message(date="zz"),
    "date is 2^63": with_message(date=2**63 - 1),
    "date is missing": with_message(date=None),
    "text is a list": with_message(text=["a"]),
    "text is a table": with_message(text={"a": 1}),
    "text is a number": with_message(text=5),
    "chat is text": with_message(chat="alice"),
    "chat id is text": with_message(chat={"id": "1001", "type": "private"}),
    "chat id is true": with_message(chat={"id": True, "type": "private"}),
    "chat id is 2^63": with_message(chat={"id": 2**63, "type": "private"}),
    "from is text": with_message(**{"from": "me"}),
    "language is a list": with_message(**{"from": user(ALICE) | {"language_code": ["en"]}}),
    "photo is a number": with_message(photo=7),
    "entities are numbers": with_message(entities=[1, 2]),
    "press without anybody": b'{"update_id": 1, "callback_query": {"id": "1", "chat_instance": "1"}}',
    "press by text": json.dumps(
        {"update_id": 1, "callback_query": {"id": "1", "chat_instance": "1", "from": "x", "data": "y"}}
    ).encode(),
    "member without status": json.dumps({"update_id": 1, "my_chat_member": {"chat": private(ALICE)}}).encode(),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_with_the_right_secret_is_kept_and_acknowledged(on: Stage, name: str):
    began = time.perf_counter()
    answer = await on.post(GARBAGE[name])
    assert time.perf_counter() - began < 1.0
    assert answer.status_code == 200
    assert not on.door.messages
    ((key, body, error),) = on.held
    assert key.startswith("telegram:garbled:")
    assert GARBAGE[name].startswith(body)
    assert len(body) <= 64 * 1024
    assert error


async def test_garbage_without_the_secret_is_refused_quickly(on: Stage):
    for body in GARBAGE.values():
        began = time.perf_counter()
        assert (await on.post(body, "wrong")).status_code == 403
        assert time.perf_counter() - began < 0.5
    assert not on.held


async def test_a_body_of_more_than_a_mebibyte_is_cut_off_and_kept(on: Stage):
    assert (await on.post(b'{"update_id": 1, "x": "' + b"y" * 2_000_000 + b'"}')).status_code == 200
    ((_, body, error),) = on.held
    assert (len(body), error) == (64 * 1024, "Garbled: too long")


async def test_an_update_of_a_kind_nobody_knows_is_acknowledged_without_effect(on: Stage):
    for kind in ("brand_new_thing", "channel_post", "business_message", "poll", "removed_chat_boost"):
        assert (await on.post(on.update(**{kind: {}}))).status_code == 200
    assert not on.door.messages


async def test_the_longest_text_in_reply_to_the_longest_text_is_taken(on: Stage):
    long = "\U0001f600" * 4096
    marks = [{"type": "bold", "offset": at, "length": 1} for at in range(100)]
    update = on.said(long, entities=marks, reply_to_message=message(long, entities=marks))
    assert len(json.dumps(update)) > 64 * 1024
    assert (await on.post(update)).status_code == 200
    assert on.door.messages[0].text == long


async def test_an_edited_message_is_never_executed(on: Stage):
    for kind in ("edited_message", "edited_channel_post", "edited_business_message"):
        assert (await on.post(on.update(**{kind: message("/forget", edit_date=1772443900)}))).status_code == 200
    assert not on.door.messages
    assert not on.api.calls


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}}, "voice"),
        ({"photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]}, "photo"),
        ({"document": {"file_id": "d", "file_unique_id": "d"}}, "document"),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, "location"),
        ({"video_note": {"file_id": "n", "file_unique_id": "n", "length": 1, "duration": 1}}, "video"),
        (
            {
                "sticker": {
                    "file_id": "s",
                    "file_unique_id": "s",
                    "type": "regular",
                    "width": 1,
                    "height": 1,
                    "is_animated": False,
                    "is_video": False,
                }
            },
            "sticker",
        ),
    ],
)
async def test_what_is_no_text_is_told_by_its_kind(on: Stage, sent: dict[str, object], kind: str):
    await on.post(on.said(**sent))
    (heard,) = on.door.messages
    assert (heard.media, heard.text) == (kind, "")


async def test_the_words_below_a_picture_are_read(on: Stage):
    photo = [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]
    await on.post(on.said(photo=photo, caption="do you sell this?"))
    assert on.door.messages[0].text == "do you sell this?"


async def test_of_a_contact_nothing_is_read(on: Stage):
    contact = {"phone_number": "+86 555 0100 0000", "first_name": "Bob", "user_id": BOB, "vcard": "BEGIN"}
    await on.post(on.said(contact=contact, caption="Bob"))
    (heard,) = on.door.messages
    assert (heard.media, heard.text) == ("contact", "")
    assert "555" not in repr(heard)
    assert "Bob" not in repr(heard)


async def test_what_only_happened_in_the_chat_and_what_bots_say_is_passed_over(on: Stage):
    await on.post(on.said(pinned_message=message("old")))
    await on.post(on.said(message_auto_delete_timer_changed={"message_auto_delete_time": 86400}))
    await on.post(on.update(message=message("hi") | {"from": user(BOB) | {"is_bot": True}}))
    await on.post(on.said("A clause", via_bot={"id": 4242, "is_bot": True, "first_name": "Clause"}))
    assert not on.door.messages
    assert not on.held


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ("/start clause_privacy.7.4", "/start clause_privacy.7.4"),
        ("/start clause_privacy-7-4", "/start clause_privacy.7.4"),
        ("/start clause_def-user-information", "/start clause_def.user-information"),
        ("/start clause_none-1", "/start clause_none-1"),
        ("/start inline", "/start inline"),
    ],
)
async def test_a_deep_link_names_its_clause_with_the_characters_telegram_allows(on: Stage, typed: str, heard: str):
    await on.post(on.said(typed))
    assert on.door.messages[0].text == heard


async def test_blocking_is_leaving_and_unblocking_is_joining(on: Stage):
    await on.post(on.member("member", "kicked"))
    await on.post(on.member("kicked", "member"))
    assert [m.event for m in on.door.messages] == [Event.LEFT, Event.JOINED]
    assert on.door.messages[0].sender == Address("telegram", str(ALICE))


async def test_changes_elsewhere_or_without_a_block_are_nothing(on: Stage):
    await on.post(on.member("member", "administrator"))
    await on.post(on.member("left", "member", id=-77, type="supergroup", title="G"))
    await on.post(on.member("member", "kicked", id=-77, type="supergroup", title="G"))
    assert not on.door.messages


@pytest.mark.parametrize("event_first", [True, False])
async def test_coming_back_is_greeted_once(on: Stage, event_first: bool):
    both = [on.member("kicked", "member"), on.said("/start")]
    for update in both if event_first else reversed(both):
        await on.post(update)
    assert len(on.door.messages) == 1
    await on.post(on.said("/start"))
    assert len(on.door.messages) == 2, "a /start that somebody types later is answered"


async def test_two_starts_in_a_row_are_both_answered(on: Stage):
    await on.post(on.said("/start"))
    await on.post(on.said("/start"))
    assert len(on.door.messages) == 2


async def test_a_block_between_is_not_forgotten(on: Stage):
    for update in (on.said("/start"), on.member("member", "kicked"), on.member("kicked", "member")):
        await on.post(update)
    assert [m.event for m in on.door.messages] == [None, Event.LEFT, Event.JOINED]


async def test_somebody_who_waits_sees_that_something_is_being_written(on: Stage):
    on.door.takes = 0.9
    await on.post(on.said("slow"))
    assert [c["chat_id"] for c in await on.api.until("sendChatAction")] == [ALICE]
    assert on.api.of("sendChatAction")[0]["action"] == "typing"


async def test_a_quick_turn_shows_nothing_of_the_kind(on: Stage):
    await on.post(on.said("quick"))
    await on.telegram._incoming.rest(1.0)
    assert not on.api.calls


@pytest.mark.parametrize("hint", ["en", "zh-hans", None])
@pytest.mark.parametrize("text", ["How long?", "多久？", "2", " ", "\u202eright to left"])
def test_a_plain_text_is_read_as_the_library_reads_it(text: str, hint: str | None):
    sender = {"id": 7, "is_bot": False, "first_name": "A"} | ({"language_code": hint} if hint else {})
    said = {"message_id": 5, "from": sender, "chat": {"id": 7, "type": "private"}, "date": 1772443800, "text": text}
    update = update_of(data := {"update_id": 9, "message": said})
    assert update.message is not None
    assert plainly_said(data) == message_of(update, update.message)


@pytest.mark.parametrize(
    "odd",
    [
        {"text": ""},
        {"text": 7},
        {"text": "/start"},
        {"date": "1"},
        {"date": 0},
        {"from": None},
        {"from": {"id": 7, "is_bot": True}},
        {"chat": {"id": 7, "type": "group"}},
        {"reply_to_message": {}},
        {"forward_origin": {}},
        {"entities": []},
        {"via_bot": {}},
    ],
)
def test_what_is_not_plain_is_left_to_the_library(odd: dict[str, object]):
    sender = {"id": 7, "is_bot": False, "first_name": "A"}
    said = {"message_id": 5, "from": sender, "chat": {"id": 7, "type": "private"}, "date": 1772443800, "text": "hello"}
    assert plainly_said({"update_id": 9, "message": said}) is not None
    assert plainly_said({"update_id": 9, "message": said | odd}) is None
    assert plainly_said({"update_id": 9, "edited_message": said}) is None
