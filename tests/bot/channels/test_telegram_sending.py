"""What leaves for Telegram: texts and their parts, buttons, and what each way of failing means."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram.drawing import PART_MAX, keyboard, messages, parts, split
from bot.channels.telegram.transport import Transport, Unintelligible
from bot.core.errors import DeliveryError, Refused, TryLater, Unreachable
from bot.core.message import Address, Choice, Citation, Reply
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from tests.bot.channels.telegram_api import ALICE, TOKEN, Planned, Stage, stage
from tests.conftest import Clock

TO_ALICE = Address("telegram", str(ALICE))
HELLO = Reply("Hello <b>you</b> & _them_ [x](y) `z`")


@pytest.fixture
async def on(policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock) -> AsyncIterator[Stage]:
    async with stage(policy, wording, recogniser, clock) as on:
        yield on


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


async def test_a_text_goes_out_as_it_is_without_markup_and_previews(on: Stage):
    receipt = await on.telegram.send(TO_ALICE, HELLO)
    (call,) = on.api.of("sendMessage")
    assert call["text"] == HELLO.text
    assert call["chat_id"] == ALICE
    assert call["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in call
    assert "reply_markup" not in call
    assert receipt.platform_id == "1"


def test_what_an_answer_rests_on_is_its_last_line():
    cited = Citation("privacy.7.2", "Privacy Policy 7.2", "policy", "15 December 2023")
    law = Citation("pipl.45", "PIPL Article 45", "law")
    reply = Reply("We keep it as long as needed.", (), (cited, cited, law), "ABCD-EFGH", "en", "https://example.com/x")
    assert parts(reply) == [
        "We keep it as long as needed.\n\n"
        "— Privacy Policy 7.2, version 15 December 2023; PIPL Article 45  [ABCD-EFGH]\nhttps://example.com/x"
    ]
    chinese = Reply("保存。", (), (Citation("privacy.7.2", "《隐私政策》7.2", "policy", "2023年12月15日"),), "AB", "zh")
    assert parts(chinese)[0].endswith("— 《隐私政策》7.2, 2023年12月15日版  [AB]")


def test_a_text_is_cut_at_the_end_of_a_line():
    lines = "\n".join(f"Line {number} of a long answer." for number in range(400))
    pieces = split(lines)
    assert len(pieces) == 3
    assert all(units(piece) <= PART_MAX for piece in pieces)
    assert "\n".join(pieces) == lines


@given(st.text(st.sampled_from("ab .\n。中\U0001f600\u200d\ufe0f\u0301\U0001f3fd"), max_size=400), st.integers(64, 90))
def test_no_part_is_too_long_and_nothing_but_space_is_lost(text: str, most: int):
    pieces = split(text, most)
    assert all(units(piece) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_family_of_joined_emoji_is_not_torn_apart():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    for before in range(3_980, 4_001):
        pieces = split("x" * before + family * 4)
        assert "".join(pieces) == "x" * before + family * 4
        assert not any(piece.startswith("\u200d") or piece.endswith("\u200d") for piece in pieces)


@pytest.mark.parametrize("length", [4_095, 4_096, 4_097, 8_000, 8_001, 20_000])
def test_emoji_around_the_limit_stay_within_it(length: int):
    pieces = parts(Reply("\U0001f600" * length))
    assert all(units(piece) <= 4_096 for piece in pieces)
    assert sum(len(piece) for piece in pieces) == length


async def test_half_characters_and_control_characters_never_stop_a_message(on: Stage):
    await on.telegram.send(TO_ALICE, Reply("a\ud800b\x00c\x1bd", (Choice("x\udfffy\x07", "menu"),)))
    (call,) = on.api.of("sendMessage")
    assert call["text"] == "a?bcd"
    assert call["reply_markup"]["inline_keyboard"][0][0]["text"] == "x?y"


async def test_the_buttons_stand_below_the_last_part(on: Stage):
    await on.telegram.send(TO_ALICE, Reply("word " * 1_500, (Choice("Yes", "flow:abcd1234:sure:yes"),)))
    first, last = on.api.of("sendMessage")
    assert "reply_markup" not in first
    ((button,),) = last["reply_markup"]["inline_keyboard"]
    assert button["text"] == "Yes"
    assert button["callback_data"].startswith("flow:abcd1234:sure:yes~")


def test_short_labels_stand_two_in_a_row_and_long_ones_alone():
    labels = ["Yes", "No", "A label that needs the whole width", "十个汉字以上的一个标签啊", "是", "否", "也许"]
    drawn = json.loads(keyboard([Choice(label, "menu") for label in labels], lambda value: value))
    rows = [[button["text"] for button in row] for row in drawn["inline_keyboard"]]
    assert rows == [["Yes", "No"], [labels[2]], [labels[3]], ["是", "否"], ["也许"]]
    assert keyboard([], str) == ""
    assert len(json.loads(keyboard([Choice("x" * 200, "menu")], str))["inline_keyboard"][0][0]["text"]) == 64


def refusal(status: int, said: str, **parameters: object) -> Planned:
    body: dict[str, object] = {"ok": False, "error_code": status, "description": said}
    return Planned(status, body | ({"parameters": parameters} if parameters else {}))


S = timedelta(seconds=1)
FAILURES: list[tuple[Planned, type[DeliveryError], dict[str, object]]] = [
    (refusal(403, "Forbidden: bot was blocked by the user"), Unreachable, {"reason": "blocked"}),
    (refusal(403, "Forbidden: user is deactivated"), Unreachable, {"reason": "deactivated"}),
    (refusal(403, "Forbidden: bot can't initiate conversation with a user"), Unreachable, {"reason": "not_started"}),
    (refusal(403, "Forbidden: bot was kicked from the group chat"), Unreachable, {"reason": "removed"}),
    (refusal(403, "Forbidden: something new"), Unreachable, {"reason": "forbidden"}),
    (refusal(400, "Bad Request: chat not found"), Unreachable, {"reason": "chat_not_found"}),
    (refusal(400, "Bad Request: PEER_ID_INVALID"), Unreachable, {"reason": "chat_not_found"}),
    (
        refusal(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100),
        Unreachable,
        {"reason": "migrated"},
    ),
    (refusal(400, "Bad Request: message is too long"), Refused, {"reason": "too_long"}),
    (refusal(400, "Bad Request: message text is empty"), Refused, {"reason": "empty"}),
    (refusal(400, "Bad Request: BUTTON_DATA_INVALID"), Refused, {"reason": "button"}),
    (refusal(400, 'Bad Request: can\'t find "Hello <b>you"'), Refused, {"reason": "bad_request"}),
    (refusal(429, "Too Many Requests: retry after 7", retry_after=7), TryLater, {"after": 7 * S, "unsure": False}),
    (Planned(429, b"busy", headers={"Retry-After": "3"}), TryLater, {"after": 3 * S, "unsure": False}),
    (Planned(429, b"", headers={"Retry-After": "soon"}), TryLater, {"after": S, "unsure": False}),
    (refusal(429, "", retry_after="NaN"), TryLater, {"after": S, "unsure": False}),
    (refusal(401, "Unauthorized"), TryLater, {"after": 60 * S, "unsure": False, "halts": "everyone"}),
    (refusal(404, "Not Found"), TryLater, {"after": 60 * S, "unsure": False, "halts": "everyone"}),
    (refusal(500, "Internal Server Error"), TryLater, {"unsure": True}),
    (Planned(502, b"<html>Bad Gateway</html>"), TryLater, {"unsure": True}),
    (Planned(200, b"<html>hello</html>"), TryLater, {"unsure": True}),
    (Planned(200, []), TryLater, {"unsure": True}),
    (Planned(200, {"ok": True}), TryLater, {"unsure": True}),
    (Planned(200, {"ok": True, "result": {"x": 1}}), TryLater, {"unsure": True}),
    (Planned(302, b"", headers={"Location": "http://127.0.0.1:1/elsewhere"}), TryLater, {"unsure": True}),
    (Planned(cut=True), TryLater, {"unsure": True}),
]


@pytest.mark.parametrize(("answer", "kind", "facts"), FAILURES)
async def test_what_a_failed_call_means(
    on: Stage, answer: Planned, kind: type[DeliveryError], facts: dict[str, object], caplog: pytest.LogCaptureFixture
):
    on.api.plan("sendMessage", answer)
    with pytest.raises(kind) as failed:
        await on.telegram.send(TO_ALICE, HELLO)
    assert {name: getattr(failed.value, name) for name in facts} == facts
    assert "Hello" not in str(failed.value)
    assert TOKEN not in str(failed.value)
    assert "canary" not in caplog.text
    assert len(on.api.of("sendMessage")) == 1, "nothing is tried again behind the ledger's back"


async def test_without_a_connection_nothing_can_have_arrived(
    policy: PolicyVersion, wording: Wording, recogniser: Recogniser, clock: Clock
):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
    async with stage(policy, wording, recogniser, clock, api_url=closed) as on:
        with pytest.raises(TryLater) as failed:
            await on.telegram.send(TO_ALICE, HELLO)
    assert (failed.value.unsure, failed.value.halts) == (False, "everyone")


@pytest.mark.parametrize("drip", [False, True])
async def test_a_whole_call_has_a_limit_whatever_the_server_does(drip: bool):
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" if drip else b"")
        try:
            for _ in range(100):
                writer.write(b" " if drip else b"")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = Transport(url, timedelta(seconds=0.4))
    began = time.perf_counter()
    with pytest.raises(Exception, match="Timed out") as failed:
        await transport.do_request(f"{url}/bot{TOKEN}/sendMessage", "POST")
    assert time.perf_counter() - began < 1.5
    assert failed.value.__context__ is None, "aiohttp's error knows the address with the token"
    await transport.shutdown()
    server.close()


async def test_no_error_of_the_transport_knows_the_token(on: Stage):
    on.api.plan("sendMessage", Planned(cut=True))
    transport = Transport(on.api.url)
    for address in (f"{on.api.url}/bot{TOKEN}/sendMessage", f"http://127.0.0.1:1/bot{TOKEN}/x", f"bad://{TOKEN}"):
        with pytest.raises(Exception) as failed:  # noqa: PT011  any error there is
            await transport.do_request(address, "POST")
        error: BaseException | None = failed.value
        while error is not None:
            assert TOKEN not in repr(error) + str(error)
            error = error.__cause__ or error.__context__
    await transport.shutdown()


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b"\xff", b'{"ok": true}', b"[" * 100_000])
def test_an_answer_that_is_none_is_not_logged(answer: bytes, caplog: pytest.LogCaptureFixture):
    with pytest.raises(Unintelligible):
        Transport.parse_json_payload(answer)
    assert not caplog.records


async def test_a_reply_of_two_parts_goes_on_where_it_was_stopped(on: Stage):
    long = Reply("\n".join(f"{number} and more words" for number in range(300)))
    assert len(parts(long)) == 2
    on.api.plan("sendMessage", Planned(), refusal(429, "", retry_after=2))
    with pytest.raises(TryLater) as failed:
        await on.telegram.send(TO_ALICE, long)
    assert failed.value.after == 2 * S
    await on.telegram.send(TO_ALICE, long)
    assert [call["text"][:5] for call in on.api.of("sendMessage")] == [
        parts(long)[0][:5],
        parts(long)[1][:5],
        parts(long)[1][:5],
    ]
    await on.telegram.send(TO_ALICE, long)
    assert len(on.api.of("sendMessage")) == 5, "the same reply later is sent from its beginning"


async def test_as_many_as_call_are_served_at_once(on: Stage):
    for _ in range(300):
        on.api.plan("sendMessage", Planned(after=2.0))
    began = time.perf_counter()
    await asyncio.gather(*(on.telegram.send(Address("telegram", str(2000 + n)), HELLO) for n in range(300)))
    assert time.perf_counter() - began < 9.0, "with a pool of 64 it would be five rounds and more"
    assert len(on.api.of("sendMessage")) == 300


@pytest.mark.parametrize(
    ("language", "label", "also"),
    [
        ("en", "Share my phone number", "Or pick one of these:"),
        ("zh", "分享我的手机号", "或者选择："),
        ("zh-Hant", "分享我的手機號碼", "或者選擇："),
    ],
)
def test_where_a_phone_number_may_be_shared_its_button_comes_with_the_text(language: str, label: str, also: str):
    """A message has room for one keyboard, so the other buttons come with a second one."""
    reply = Reply("Which account?", (Choice("None", "none"),), language=language, takes_phone=True)
    (text, first), (more, second) = messages(reply, lambda value: value)
    assert (text, more) == ("Which account?", also)
    assert json.loads(first) == {
        "keyboard": [[{"text": label, "request_contact": True}]],
        "one_time_keyboard": True,
        "resize_keyboard": True,
    }
    assert json.loads(second)["inline_keyboard"] == [[{"text": "None", "callback_data": "none"}]]
    ((text, only),) = messages(Reply("Which account?", takes_phone=True), lambda value: value)
    assert (text, "request_contact" in only) == ("Which account?", True)
    assert messages(Reply("Hello"), lambda value: value) == [("Hello", "")]
