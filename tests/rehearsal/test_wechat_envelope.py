"""Signature and encryption of WeChat's pushes against Tencent's example and three other libraries."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.rehearsal.wechat import Account, WeChatStandIn
from bot.rehearsal.wechat.envelope import Box, Unreadable, from_xml, signature, to_xml
from tests.rehearsal.peers import NO_NODE, SCRIPT, node_folder
from tests.rehearsal.record_vectors import by_peers, cases

PAYLOADS = Path(__file__).parents[1] / "payloads"
RECORDED = json.loads((PAYLOADS / "wechat_crypto_vectors.json").read_text("utf-8"))
OFFICIAL = json.loads((PAYLOADS / "wechat_vectors.json").read_text("utf-8"))
needs_node = pytest.mark.skipif(node_folder() is None, reason=NO_NODE)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: repr(case["text"][:20]))
def test_what_other_libraries_sealed_opens_and_sealing_gives_the_same_bytes(case: dict[str, Any]) -> None:
    box = Box(RECORDED["aes_key"], RECORDED["app_id"])
    assert box.open(case["wecom"]) == box.open(case["wechat_crypto"]) == case["text"]
    assert box.seal(case["text"], bytes.fromhex(case["random16"])) == case["wecom"]
    ours = signature(RECORDED["token"], case["timestamp"], case["nonce"], case["wecom"])
    assert ours == case["signature"] == case["signature_too"]


def test_tencents_own_example() -> None:
    token, box = OFFICIAL["token"], Box(OFFICIAL["aes_key"], OFFICIAL["appid"])
    check, safe, reply = OFFICIAL["url_check"], OFFICIAL["safe"], OFFICIAL["reply"]
    assert signature(token, check["timestamp"], check["nonce"]) == check["signature"]
    assert signature(token, safe["timestamp"], safe["nonce"]) == safe["signature"]
    assert signature(token, safe["timestamp"], safe["nonce"], safe["encrypt"]) == safe["msg_signature"]
    assert box.open(safe["encrypt"]) == safe["plaintext"]
    assert box.seal(reply["plaintext"], reply["random16"].encode()) == reply["encrypt"]
    assert signature(token, reply["timestamp"], reply["nonce"], reply["encrypt"]) == reply["msg_signature"]


@needs_node
def test_the_libraries_say_today_what_was_recorded_and_open_what_we_seal() -> None:
    account = Account()
    wanted = [{**case, "sealed": account.box.seal(case["text"], bytes(16)), "older": "-"} for case in cases()]
    for made, recorded in zip(by_peers(wanted), RECORDED["cases"], strict=True):
        assert (made["wecom"], made["signature"]) == (recorded["wecom"], recorded["signature"])
        assert made["read_back"] == [made["text"], made["text"]]


@needs_node
async def test_a_server_on_co_wechat_understands_our_pushes_and_we_its_replies() -> None:
    folder, account = node_folder(), Account()
    command = [
        "node",
        "--no-deprecation",
        str(SCRIPT),
        str(folder),
        "serve",
        account.token,
        account.aes_key,
        account.app_id,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: ASYNC220
        assert server.stdin
        assert server.stdout
        stand_in = WeChatStandIn(webhook=f"http://127.0.0.1:{int(server.stdout.readline())}/wechat")
        try:
            from bot.rehearsal.people import person

            assert await stand_in.pushes.verify()
            push = stand_in.hands.say(person(1), "你好 🙂")
            await push.done.wait()
            assert (push.state, push.tries) == ("replied", ["200"])
            assert push.reply
            assert push.reply["Content"] == "heard: 你好 🙂"
        finally:
            await stand_in.close()
            server.stdin.close()


@pytest.mark.parametrize(
    ("sealed", "why"),
    [
        ("not base64!", "no ciphertext"),
        ("AAAA", "no ciphertext"),
        ("A" * 43 + "=", "padding"),
        (Box(Account().aes_key, "wx00000000another0").seal("x", bytes(16)), "another app id"),
    ],
)
def test_what_is_no_envelope_is_refused_with_a_reason(sealed: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Account().box.open(sealed)


@pytest.mark.parametrize("key", ["", "short", "A" * 42, "A" * 44, "!" * 43])
def test_a_key_has_43_characters(key: str) -> None:
    with pytest.raises(ValueError, match="43 letters and digits"):
        Account(aes_key=key)


def test_xml_reads_back_also_what_would_break_out_of_cdata() -> None:
    fields = {"Content": "x]]></Content><Evil><![CDATA[y", "MsgId": 12, "Inner": {"List": {"A": "甲"}}}
    assert from_xml(to_xml(fields)) == {**fields, "MsgId": "12"}


@pytest.mark.parametrize(
    "source",
    [
        "",
        "<xml>",
        "<other/>",
        "<xml><A>1</A><A>2</A></xml>",
        '<!DOCTYPE x [<!ENTITY e "boom">]><xml><A>&e;</A></xml>',
        "<xml><Content><![CDATA[x]]></Content></Content></xml>",
    ],
)
def test_a_document_wechat_could_not_read_is_refused(source: str) -> None:
    with pytest.raises(Unreadable):
        from_xml(source)
