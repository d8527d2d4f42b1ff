"""The Bot API's methods: what they do, and how they refuse."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.rehearsal.control import Wrong
from bot.rehearsal.people import Person
from bot.rehearsal.telegram import Rates, TelegramStandIn
from tests.rehearsal.conftest import TOKEN, Line

BUTTONS = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "No", "callback_data": "n"}]]}


@pytest.fixture
def chat(telegram: TelegramStandIn, ada: Person) -> int:
    """Ada has pressed Start."""
    telegram.hands.start(ada)
    return ada.telegram


async def test_a_message_arrives_once_in_the_shape_of_the_real_one(
    bot: Line, telegram: TelegramStandIn, chat: int
) -> None:
    said = await bot.bot("sendMessage", chat_id=chat, text="  Hello  ", reply_markup=BUTTONS)
    message = said["result"]
    assert said["ok"] is True
    assert message["text"] == "Hello"
    assert message["chat"] == {"id": chat, "type": "private", "first_name": "Ada", "last_name": "Example 14"}
    assert message["from"]["is_bot"] is True
    assert message["reply_markup"] == BUTTONS
    assert (await bot.control("effects"))["people"] == {str(chat): {"messages": 1, "repeats": 0}}
    assert telegram.seen_by(14)["messages"][-1] == message


async def test_keyboards_below_the_chat_are_kept_apart_from_the_messages_used_and_taken_away(
    bot: Line, telegram: TelegramStandIn, ada: Person, chat: int
) -> None:
    share = {"text": "Share", "request_contact": True}
    keyboard = {"keyboard": [[share, "No"]], "one_time_keyboard": True}
    asked = (await bot.bot("sendMessage", chat_id=chat, text="Which?", reply_markup=keyboard))["result"]
    assert "reply_markup" not in asked
    assert telegram.seen_by(14)["keys"] == [[share, {"text": "No", "request_contact": False}]]
    await bot.control("key", {"person": 14, "text": "Share"})
    shared = telegram.seen_by(14)["messages"][-1]
    assert shared["contact"] == {"phone_number": "+999000000014", "first_name": "Example", "user_id": ada.telegram}
    assert shared["reply_to_message"] == asked
    assert telegram.seen_by(14)["keys"] == []
    with pytest.raises(Wrong, match="no such button"):
        telegram.hands.press_key(ada, "Share")
    await bot.bot("sendMessage", chat_id=chat, text="Which?", reply_markup={"keyboard": [["No"]]})
    telegram.hands.press_key(ada, "No")
    said = telegram.seen_by(14)
    assert (said["messages"][-1]["text"], "reply_to_message" in said["messages"][-1]) == ("No", False)
    assert said["keys"], "it stays until it is taken away"
    await bot.bot("sendMessage", chat_id=chat, text="with buttons", reply_markup=BUTTONS)
    assert telegram.seen_by(14)["keys"], "buttons of a message don't touch it"
    await bot.bot("sendMessage", chat_id=chat, text="Thanks", reply_markup={"remove_keyboard": True})
    assert telegram.seen_by(14)["keys"] == []


@pytest.mark.parametrize(
    ("keyboard", "why"),
    [
        ("x", 'field "keyboard" of the ReplyKeyboardMarkup must be an Array of Arrays'),
        (["x"], 'field "keyboard" of the ReplyKeyboardMarkup must be an Array of Arrays'),
        ([[1]], "can't parse keyboard button: KeyboardButton must be a String or an Object"),
        ([[{}]], "can't parse keyboard button: Can't find field \"text\""),
        (
            [[{"text": "x", "request_contact": "yes"}]],
            'can\'t parse keyboard button: Field "request_contact" must be of type Boolean',
        ),
        ([[" "]], "keyboard button text must be non-empty"),
    ],
)
async def test_a_keyboard_that_is_none_is_refused(bot: Line, chat: int, keyboard: Any, why: str) -> None:
    said = await bot.bot("sendMessage", chat_id=chat, text="x", reply_markup={"keyboard": keyboard})
    assert said["description"] == f"Bad Request: {why}"


async def test_a_phone_number_is_asked_for_in_private_only(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    telegram.hands.add_to_group(ada, -1_009_900_000_003)
    keyboard = {"keyboard": [[{"text": "Share", "request_contact": True}]]}
    said = await bot.bot("sendMessage", chat_id=-1_009_900_000_003, text="x", reply_markup=keyboard)
    assert said["description"] == "Bad Request: phone number can be requested in private chats only"


@pytest.mark.parametrize("how", ["query", "form", "json", "multipart"])
async def test_parameters_come_by_query_form_json_or_multipart(
    bot: Line, chat: int, session: aiohttp.ClientSession, how: str
) -> None:
    given = {"chat_id": str(chat), "text": "你好 & <b>", "reply_markup": '{"inline_keyboard": []}'}
    ways: dict[str, dict[str, Any]] = {"query": {"params": given}, "form": {"data": given}, "json": {"json": given}}
    form = aiohttp.MultipartWriter("form-data")
    for name, value in given.items():
        form.append(value).set_content_disposition("form-data", name=name)
    ways["multipart"] = {"data": form}
    async with session.post(f"{bot.address}/bot{TOKEN}/SENDMESSAGE", **ways[how]) as answer:
        assert (await answer.json())["result"]["text"] == "你好 & <b>"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": "x"}, "chat_id is empty"),
    ({"chat_id": 77, "text": "x"}, "chat not found"),
    ({"text": " \n "}, "message text is empty"),
    ({"text": "x" * 4097}, "message is too long"),
    ({"text": "🙂" * 2049}, "message is too long"),
    (
        {"text": "<b>x", "parse_mode": "HTML"},
        "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    (
        {"text": "你<u2>x", "parse_mode": "HTML"},
        'can\'t parse entities: Unsupported start tag "u2" at byte offset 3',
    ),
    (
        {"text": "1.5", "parse_mode": "MarkdownV2"},
        "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
    ),
    (
        {"text": "*x", "parse_mode": "MarkdownV2"},
        "can't parse entities: Can't find end of Bold entity at byte offset 0",
    ),
    ({"text": "x", "parse_mode": "Word"}, "unsupported parse_mode"),
    ({"text": "\ud800"}, "strings must be encoded in UTF-8"),
    (
        {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "d" * 65}]]}},
        "BUTTON_DATA_INVALID",
    ),
    (
        {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x"}]]}},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    ({"text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
    ({"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
async def test_what_the_real_server_refuses_is_refused(bot: Line, chat: int, given: dict[str, Any], words: str) -> None:
    said = await bot.bot(
        "sendMessage", **(given if "chat_id" in given or words == "chat_id is empty" else given | {"chat_id": chat})
    )
    assert said == {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}
    assert (await bot.control("effects"))["messages"] == 0


async def test_markup_becomes_entities_counted_in_utf16_units(bot: Line, chat: int) -> None:
    html = '🙂 <b>bold <i>both</i></b> &lt;x&gt; <a href="https://example.com/?a=1&amp;b=2">here</a>'
    markdown = "🙂 *bold _both_* <x\\> [here](https://example.com/?a=1&b=2)"
    by_html, by_markdown = [
        (await bot.bot("sendMessage", chat_id=chat, text=text, parse_mode=mode))["result"]
        for text, mode in ((html, "HTML"), (markdown, "MarkdownV2"))
    ]
    assert by_html["text"] == by_markdown["text"] == "🙂 bold both <x> here"
    assert (
        by_html["entities"]
        == by_markdown["entities"]
        == [
            {"offset": 3, "length": 9, "type": "bold"},
            {"offset": 8, "length": 4, "type": "italic"},
            {"offset": 17, "length": 4, "type": "text_link", "url": "https://example.com/?a=1&b=2"},
        ]
    )


async def test_addresses_and_commands_are_found_without_markup(bot: Line, chat: int) -> None:
    text = "see https://example.com/a. or /help, `x`"
    found = (await bot.bot("sendMessage", chat_id=chat, text=text))["result"]["entities"]
    assert [(e["type"], text[e["offset"] : e["offset"] + e["length"]]) for e in found] == [
        ("url", "https://example.com/a"),
        ("bot_command", "/help"),
    ]


async def test_an_edit_changes_the_message_and_nothing_changed_is_refused(bot: Line, chat: int) -> None:
    number = (await bot.bot("sendMessage", chat_id=chat, text="one", reply_markup=BUTTONS))["result"]["message_id"]
    edited = (await bot.bot("editMessageText", chat_id=chat, message_id=number, text="two"))["result"]
    assert (edited["text"], edited["message_id"], "reply_markup" in edited) == ("two", number, False)
    assert edited["edit_date"] >= edited["date"]
    again = await bot.bot("editMessageText", chat_id=chat, message_id=number, text="two")
    assert again["description"].startswith("Bad Request: message is not modified: specified new message content")
    gone = await bot.bot("editMessageText", chat_id=chat, message_id=9999, text="two")
    assert gone["description"] == "Bad Request: message to edit not found"
    theirs = await bot.bot("editMessageText", chat_id=chat, message_id=1, text="two")
    assert theirs["description"] == "Bad Request: message can't be edited"


async def test_a_message_is_deleted_within_two_days(bot: Line, telegram: TelegramStandIn, chat: int) -> None:
    first, second = [
        (await bot.bot("sendMessage", chat_id=chat, text=text))["result"]["message_id"] for text in ("one", "two")
    ]
    assert (await bot.bot("deleteMessage", chat_id=chat, message_id=first))["result"] is True
    again = await bot.bot("deleteMessage", chat_id=chat, message_id=first)
    assert again["description"] == "Bad Request: message to delete not found"
    telegram.control.clock.forward(timedelta(hours=48, seconds=2))
    late = await bot.bot("deleteMessage", chat_id=chat, message_id=second)
    assert late["description"] == "Bad Request: message can't be deleted for everyone"


async def test_a_person_who_blocked_or_left_for_ever_is_403(
    bot: Line, telegram: TelegramStandIn, ada: Person, bo: Person, chat: int
) -> None:
    telegram.hands.block(ada)
    said = await bot.bot("sendMessage", chat_id=chat, text="x")
    assert said == {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
    telegram.hands.block(ada, False)
    assert (await bot.bot("sendMessage", chat_id=chat, text="x"))["ok"]
    telegram.hands.delete_account(bo)
    gone = await bot.bot("sendChatAction", chat_id=bo.telegram, action="typing")
    assert gone["description"] == "Forbidden: user is deactivated"


async def test_a_pressed_button_is_answered_once_and_in_time(
    bot: Line, telegram: TelegramStandIn, ada: Person, chat: int
) -> None:
    number = (await bot.bot("sendMessage", chat_id=chat, text="?", reply_markup=BUTTONS))["result"]["message_id"]
    query, _ = telegram.hands.press(ada, number, "y")
    assert (await bot.bot("answerCallbackQuery", callback_query_id=query, text="ok"))["result"] is True
    late, _ = telegram.hands.press(ada, number, "y")
    telegram.control.clock.forward(timedelta(minutes=16))
    for name in (query, late, "nonsense"):
        said = await bot.bot("answerCallbackQuery", callback_query_id=name)
        assert said["description"] == (
            "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )


async def test_inline_results_are_checked(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    article = {"type": "article", "id": "1", "title": "A", "input_message_content": {"message_text": "text"}}
    bad = [
        ([{**article, "title": ""}], 'can\'t parse inline query result: Field "title" is empty'),
        ([article, article], "RESULT_ID_DUPLICATE"),
        ([{**article, "id": "i" * 65}], "RESULT_ID_INVALID"),
        ([{**article, "id": str(n)} for n in range(51)], "RESULTS_TOO_MUCH"),
    ]
    for results, words in bad:
        query, _ = telegram.hands.ask_inline(ada, "cookies")
        said = await bot.bot("answerInlineQuery", inline_query_id=query, results=results)
        assert said["description"] == f"Bad Request: {words}"
    query, _ = telegram.hands.ask_inline(ada, "cookies")
    assert (await bot.bot("answerInlineQuery", inline_query_id=query, results=[article], cache_time=5))[
        "result"
    ] is True


async def test_commands_are_kept_by_scope_and_language(bot: Line) -> None:
    commands = [{"command": "help", "description": "What I can do"}]
    scope = {"type": "all_private_chats"}
    assert (await bot.bot("setMyCommands", commands=commands, scope=scope, language_code="en"))["result"] is True
    assert (await bot.bot("getMyCommands", scope=scope, language_code="en"))["result"] == commands
    assert (await bot.bot("getMyCommands"))["result"] == []
    for wrong, words in (
        ({"commands": [{"command": "Help!", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "help", "description": ""}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ({"commands": [], "language_code": "zh-hans"}, "invalid language code specified"),
        ({"commands": [], "scope": {"type": "everybody"}}, "can't parse BotCommandScope: Unsupported type specified"),
    ):
        assert (await bot.bot("setMyCommands", **wrong))["description"] == f"Bad Request: {words}"


async def test_a_file_can_be_fetched(bot: Line, telegram: TelegramStandIn, ada: Person) -> None:
    update = telegram.hands.send(ada, "voice")
    assert update
    name = update.data["message"]["voice"]["file_id"]
    file = (await bot.bot("getFile", file_id=name))["result"]
    async with bot.session.get(f"{bot.address}/file/bot{TOKEN}/{file['file_path']}") as answer:
        assert len(await answer.read()) == file["file_size"]
    assert (await bot.bot("getFile", file_id="other"))["error_code"] == 400


async def test_a_wrong_token_an_unknown_method_and_a_broken_body(bot: Line, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{bot.address}/botnonsense/getMe") as answer:
        assert (answer.status, await answer.json()) == (
            401,
            {"ok": False, "error_code": 401, "description": "Unauthorized"},
        )
    assert await bot.bot("sendCake") == {"ok": False, "error_code": 404, "description": "Not Found: method not found"}
    headers = {"Content-Type": "application/json"}
    async with session.post(f"{bot.address}/bot{TOKEN}/getMe", data=b"{", headers=headers) as answer:
        assert answer.status == 400


async def test_one_token_alone_can_be_let_in(session: aiohttp.ClientSession) -> None:
    stand_in = TelegramStandIn(token=TOKEN)
    assert stand_in.is_let_in(TOKEN)
    assert not stand_in.is_let_in("990000000:OTHER")


async def test_the_flood_limits_are_enforced_when_asked_for(
    bot: Line, telegram: TelegramStandIn, ada: Person, chat: int
) -> None:
    telegram.methods.rates = Rates(overall=30, per_chat=1)
    assert (await bot.bot("sendMessage", chat_id=chat, text="1"))["ok"]
    async with bot.session.post(f"{bot.address}/bot{TOKEN}/sendMessage", data={"chat_id": chat, "text": "2"}) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "1"
        assert await answer.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 1",
            "parameters": {"retry_after": 1},
        }
    assert (await bot.control("effects"))["messages"] == 1


def test_the_window_slides_and_what_is_refused_does_not_count() -> None:
    now = [0.0]
    rates = Rates(overall=3, per_chat=1, per_group=2, now=lambda: now[0])
    assert [rates.take(chat) for chat in (1, 1, 2, 3, 4)] == [0, 1, 0, 0, 1]
    now[0] = 1.0
    assert [rates.take(chat) for chat in (1, -5, 4)] == [0, 0, 0]
    now[0] = 2.0
    assert rates.take(-5) == 0
    now[0] = 3.0
    assert rates.take(-5) == 58
    now[0] = 61.0
    assert rates.take(-5) == 0


async def test_typing_shows_until_the_message_comes(bot: Line, telegram: TelegramStandIn, chat: int) -> None:
    assert (await bot.bot("sendChatAction", chat_id=chat, action="typing"))["result"] is True
    assert telegram.seen_by(14)["typing"]
    await bot.bot("sendMessage", chat_id=chat, text="here")
    assert not telegram.seen_by(14)["typing"]
    wrong = await bot.bot("sendChatAction", chat_id=chat, action="thinking")
    assert wrong["description"] == "Bad Request: wrong parameter action in request"


async def test_with_anyone_a_stranger_can_be_written_to(session: aiohttp.ClientSession) -> None:
    assert TelegramStandIn(anyone=True).chats.find(424242).is_private
