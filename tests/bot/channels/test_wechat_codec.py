"""Signature, encryption and form of pushes, held against WeChat's published example and an independent writing of it."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from bot.channels.wechat.codec import Codec, Garbage, NotWeChat, Push, Signed, _Prp, check_form, read
from bot.core.errors import Misconfigured
from tests.bot.channels.wechat_edge import (
    AES_KEY,
    APP_ID,
    OLD_KEY,
    TOKEN,
    Raw,
    decrypt,
    encrypt,
    envelope,
    settings,
    signature,
    xml,
)

VECTORS = json.loads(Path("tests/payloads/wechat_vectors.json").read_text(encoding="utf-8"))
RECORDED = json.loads(Path("tests/payloads/wechat_crypto_vectors.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def official(**more: object) -> Codec:
    return Codec(settings(app_id=VECTORS["appid"], token=VECTORS["token"], aes_key=VECTORS["aes_key"], **more))


def at(part: str) -> datetime:
    return datetime.fromtimestamp(int(VECTORS[part]["timestamp"]), UTC)


def query(part: str, **more: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in (VECTORS[part] | more).items() if name not in ("encrypt", "plaintext")}


def pushed(text: str | bytes, key: str = AES_KEY, app_id: str = APP_ID, when: datetime = NOW) -> tuple[dict, bytes]:
    encrypted, stamp = encrypt(text, key, app_id), str(int(when.timestamp()))
    found = {"timestamp": stamp, "nonce": "42", "encrypt_type": "aes"}
    found["msg_signature"] = signature(TOKEN, stamp, "42", encrypted)
    return {name: [value] for name, value in found.items()}, envelope(encrypted).encode()


def test_wechats_own_address_check_is_answered() -> None:
    found = query("url_check")
    assert official().echo(found, at("url_check")) == VECTORS["url_check"]["echostr"]
    for name in found:
        broken = found | {name: [found[name][0][:-1] + ("0" if found[name][0][-1] != "0" else "1")]}
        if name != "echostr":
            with pytest.raises(NotWeChat):
                official().echo(broken, at("url_check"))


def test_wechats_own_encrypted_push_is_opened() -> None:
    """The example's text is JSON, which we ask WeChat not to send: opened, then not understood."""
    found = query("safe", encrypt_type="aes")
    body = envelope(VECTORS["safe"]["encrypt"]).encode()
    with pytest.raises(Garbage) as garbage:
        official().open(found, body, at("safe"))
    assert garbage.value.text == VECTORS["safe"]["plaintext"]


def test_wechats_own_answer_has_the_same_bytes_with_the_same_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = VECTORS["reply"]
    monkeypatch.setattr(_Prp, "get_random_string", lambda self: reply["random16"])
    push = Push(Signed(at("reply"), reply["timestamp"], reply["nonce"]), "", None, 0)
    sealed = official().seal(reply["plaintext"], push, at("reply"))
    assert reply["encrypt"] in sealed
    assert reply["msg_signature"] in sealed


@how(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=800))
@example("]]></Content><MsgType><![CDATA[image]]></MsgType>")
@example("𠀀" * 700)
def test_any_text_comes_through_both_ways(words: str) -> None:
    codec = Codec(settings())
    inert = words.replace("]]>", "]]]]><![CDATA[>")
    found, body = pushed(xml(Content="-").replace("<![CDATA[-]]>", f"<![CDATA[{inert}]]>"))
    push = codec.open(found, body, NOW)
    assert (push.message._data["Content"] or "") == words.strip()
    if words:
        sealed = codec.seal(words, push, NOW)
        encrypted = sealed.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        assert decrypt(encrypted) == (words, APP_ID)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["text"][:12])
def test_what_other_libraries_encrypted_is_opened(case: dict[str, str]) -> None:
    codec = Codec(settings(app_id=RECORDED["app_id"], token=RECORDED["token"], aes_key=RECORDED["aes_key"]))
    for library in ("wecom", "wechat_crypto"):
        assert codec._decrypt(case[library]) == (case["text"], 0)


@pytest.mark.parametrize(("seconds", "is_fresh"), [(299, True), (-299, True), (300, True), (301, False), (-301, False)])
def test_a_push_is_fresh_for_five_minutes_either_way(seconds: int, is_fresh: bool) -> None:
    found, body = pushed(xml(Content="hello"), when=NOW + timedelta(seconds=seconds))
    if is_fresh:
        assert Codec(settings()).open(found, body, NOW)
    else:
        with pytest.raises(NotWeChat, match="time"):
            Codec(settings()).open(found, body, NOW)


def test_every_flipped_byte_of_the_signature_is_refused() -> None:
    found, body = pushed(xml(Content="hello"))
    codec, good = Codec(settings()), found["msg_signature"][0]
    for place in range(len(good)):
        wrong = good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :]
        with pytest.raises(NotWeChat):
            codec.open(found | {"msg_signature": [wrong]}, body, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"msg_signature": []},
        {"msg_signature": [""]},
        {"msg_signature": ["é" * 40]},
        {"timestamp": []},
        {"timestamp": ["zz"]},
        {"timestamp": ["9" * 30]},
        {"timestamp": ["-1"]},
        {"timestamp": ["١٧"]},
        {"nonce": ["]]>"]},
        {"nonce": [""]},
        {"nonce": ["7" * 65]},
        {"encrypt_type": ["raw"]},
        {"encrypt_type": ["AES"]},
        {"encrypt_type": ["aes", "aes"]},
        {"encrypt_type": []},
    ],
)
def test_an_odd_query_is_refused(change: dict[str, list[str]]) -> None:
    found, body = pushed(xml(Content="hello"))
    with pytest.raises(NotWeChat):
        Codec(settings()).open(found | change, body, NOW)


def test_a_signature_twice_or_in_capitals_is_refused() -> None:
    found, body = pushed(xml(Content="hello"))
    good = found["msg_signature"][0]
    for values in ([good, good], [good.upper()], [good + " "]):
        with pytest.raises(NotWeChat):
            Codec(settings()).open(found | {"msg_signature": values}, body, NOW)


def test_the_plain_signature_proves_nothing_about_an_encrypted_body() -> None:
    found, body = pushed(xml(Content="hello"))
    stamp, nonce = found["timestamp"][0], found["nonce"][0]
    with pytest.raises(NotWeChat):
        Codec(settings()).open(found | {"msg_signature": [signature(TOKEN, stamp, nonce)]}, body, NOW)


def test_a_changed_body_is_refused_before_it_is_decrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> str:
        raise AssertionError("decrypted before it was proven")

    monkeypatch.setattr(_Prp, "decrypt", never)
    found, body = pushed(xml(Content="hello"))
    with pytest.raises(NotWeChat, match="signature"):
        Codec(settings()).open(
            found, body.replace(b"=]]>", b"A]]>").replace(b"Encrypt><![CDATA[", b"Encrypt><![CDATA[A"), NOW
        )


def test_a_push_for_another_account_is_refused() -> None:
    found, body = pushed(xml(Content="hello"), app_id="wxfedcba9876543210")
    with pytest.raises(NotWeChat, match="appid"):
        Codec(settings()).open(found, body, NOW)


def test_the_key_before_is_tried_second_and_answered_with() -> None:
    codec = Codec(settings(aes_key_old=OLD_KEY))
    found, body = pushed(xml(Content="hello"), key=OLD_KEY)
    push = codec.open(found, body, NOW)
    assert push.key == 1
    encrypted = codec.seal("<xml/>", push, NOW).split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    assert decrypt(encrypted, OLD_KEY)[0] == "<xml/>"
    with pytest.raises(Garbage):
        Codec(settings()).open(found, body, NOW)


def test_plain_mode_only_where_a_setting_allows_it() -> None:
    stamp = str(int(NOW.timestamp()))
    found = {"timestamp": [stamp], "nonce": ["42"], "signature": [signature(TOKEN, stamp, "42")]}
    body = xml(Content="hello").encode()
    with pytest.raises(NotWeChat, match="mode"):
        Codec(settings()).open(found, body, NOW)
    codec = Codec(settings(plain_mode=True))
    push = codec.open(found, body, NOW)
    assert codec.seal("<xml/>", push, NOW) == "<xml/>"
    assert codec.open(*pushed(xml(Content="hello")), NOW).key == 0
    with pytest.raises(NotWeChat):
        Codec(settings(plain_mode=True, aes_key="")).open(*pushed(xml(Content="hello")), NOW)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml><Content>&b;</Content></xml>'
HOSTILE = {
    "empty": "",
    "no element": "hello",
    "json": '{"MsgType": "text"}',
    "billion laughs": LAUGHS,
    "external entity": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>',
    "bare doctype": "<!DOCTYPE xml><xml><MsgType>text</MsgType></xml>",
    "comment": "<xml><!-- --><MsgType>text</MsgType></xml>",
    "instruction": "<xml><?php x ?><MsgType>text</MsgType></xml>",
    "attribute": '<xml a="b"><MsgType>text</MsgType></xml>',
    "five deep": "<xml><a><b><c><d>x</d></c></b></a></xml>",
    "deep": "<a>" * 20_000,
    "wide": "<xml>" + "<a/>" * 20_000 + "</xml>",
    "cdata without end": "<xml><a><![CDATA[" * 3_000,
    "unknown entity": "<xml><MsgType>text</MsgType><a>&foo;</a></xml>",
    "not closed": "<xml><MsgType>text</MsgType>",
    "no type": "<xml><Content>x</Content></xml>",
    "type twice": "<xml><MsgType>text</MsgType><MsgType>text</MsgType></xml>",
    "name twice": xml(Content="x").replace("<MsgType>", "<FromUserName>a</FromUserName><MsgType>"),
    "type of elements": "<xml><MsgType><a>text</a></MsgType></xml>",
    "nul": "<xml><MsgType>text</MsgType><Content>\0</Content></xml>",
    "not an element": "<xml>text</xml>",
    "event of elements": "<xml><MsgType>event</MsgType><Event><a>x</a></Event></xml>",
    "key twice": "<xml><MsgType>event</MsgType><Event>subscribe</Event><EventKey>a</EventKey><EventKey>b</EventKey></xml>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_signed_garbage_is_garbage_and_quickly_so(body: str) -> None:
    found, raw = pushed(body)
    began = time.perf_counter()
    with pytest.raises(Garbage):
        Codec(settings()).open(found, raw, NOW)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("body", [*HOSTILE.values(), b"\xff\xfe", b"\x1f\x8b\x08", b"\xed\xa0\x80" * 9], ids=repr)
def test_unsigned_garbage_is_not_wechats(body: str | bytes) -> None:
    found, _ = pushed(xml(Content="hello"))
    with pytest.raises(NotWeChat):
        Codec(settings()).open(found, body.encode() if isinstance(body, str) else body, NOW)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"<xml><MsgType>text</MsgType><a>\xff</a></xml>"])
def test_signed_bytes_that_are_no_text_are_garbage(raw: bytes) -> None:
    with pytest.raises(Garbage):
        Codec(settings()).open(*pushed(raw), NOW)


@pytest.mark.parametrize("encrypted", ["", "AAAA", "not base64!", "A" * 44, "A" * 64, "=" * 8])
def test_a_signed_envelope_around_nothing_is_garbage(encrypted: str) -> None:
    stamp = str(int(NOW.timestamp()))
    found = {"timestamp": [stamp], "nonce": ["42"], "encrypt_type": ["aes"]}
    found["msg_signature"] = [signature(TOKEN, stamp, "42", encrypted)]
    with pytest.raises((Garbage, NotWeChat)):
        Codec(settings()).open(found, envelope(encrypted).encode(), NOW)


@how(deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="<>/!?[]&;ax CDAT-", max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(Garbage):
        read(text)


@how(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_opening(raw: bytes) -> None:
    with suppress(Garbage, NotWeChat):
        Codec(settings()).open(*pushed(raw), NOW)


def test_words_that_look_like_markup_are_words() -> None:
    assert read(xml(Content="<!DOCTYPE html><?php &lt; <b>"))._data["Content"] == "<!DOCTYPE html><?php &lt; <b>"
    assert read("<?xml version='1.0'?>\n" + xml(Content="x")).type == "text"


def test_a_list_of_subscriptions_fits_the_form() -> None:
    item = "<List><TemplateId>t</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
    check_form(xml(MsgType="event", Event="subscribe_msg_popup_event", SubscribeMsgPopupEvent=Raw(item * 3)))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"app_id": ""}, "WECHAT_APP_ID"),
        ({"app_secret": ""}, "WECHAT_APP_SECRET"),
        ({"token": "a b"}, "WECHAT_TOKEN"),
        ({"aes_key": ""}, "WECHAT_AES_KEY"),
        ({"aes_key": "short"}, "WECHAT_AES_KEY"),
        ({"aes_key_old": "A" * 44}, "WECHAT_AES_KEY_OLD"),
        ({"api_url": "api.weixin.qq.com"}, "WECHAT_API_URL"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        settings(**wrong)


def test_settings_keep_their_secrets_out_of_sight() -> None:
    shown = repr(settings(aes_key_old=OLD_KEY))
    assert not any(secret in shown for secret in (TOKEN, AES_KEY, OLD_KEY, "canary"))
