"""Hostile requests to the WeChat webhook: forged, old, repeated; well signed and garbled; well said and hostile."""

import base64
import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.rehearsal.wechat.envelope import signature
from tests.payloads.hostile import ABOUT_ME, WORDS, Build, Case, Fate, Known, Wire

PATH = "/wechat"
CAP = 64 * 1024
ACCOUNT = "gh_canary0000000"
QUESTION = "How long do you keep my data?"
XML = ("Content-Type", b"text/xml")
Query = dict[str, str]


class Raw(str):
    """Goes into the XML as it is."""


def openid(known: Known) -> str:
    return f"oCANARY{known.number():021d}"


def xml(known: Known, **fields: Any) -> str:
    """The inner document of a push by somebody new. None leaves a field out."""
    head = {
        "ToUserName": ACCOUNT,
        "FromUserName": openid(known),
        "CreateTime": Raw(int(time.time())),
        "MsgType": "text",
    }
    body = {"Content": QUESTION, "MsgId": Raw(24_000_000_000_000_000 + known.number())}
    drawn = []
    for name, value in {**head, **body, **fields}.items():
        if value is not None:
            inner = value if isinstance(value, Raw) else "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
            drawn.append(f"<{name}>{inner}</{name}>")
    return f"<xml>{''.join(drawn)}</xml>"


def event(known: Known, name: str | None, **fields: Any) -> str:
    return xml(known, MsgType="event", Event=name, Content=None, MsgId=None, **fields)


def sealed(plain: str | bytes, key: str, app_id: str, *, whole: bytes | None = None, pad: bytes | None = None) -> str:
    """Base64 of AES-256-CBC as WeChat describes it; `whole` takes the place of all that is encrypted, `pad` of the padding."""
    raw = plain if isinstance(plain, bytes) else plain.encode("utf-8", "surrogatepass")
    text = os.urandom(16) + struct.pack(">I", len(raw)) + raw + app_id.encode() if whole is None else whole
    gap = 32 - len(text) % 32
    text += bytes([gap]) * gap if pad is None else pad
    aes = base64.b64decode(key + "=")
    engine = Cipher(algorithms.AES(aes), modes.CBC(aes[:16])).encryptor()
    return base64.b64encode(engine.update(text) + engine.finalize()).decode()


def envelope(encrypted: str) -> bytes:
    return (
        f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()
    )


def query(known: Known, encrypted: str, *, off: int = 0, nonce: str = "") -> Query:
    """What WeChat puts behind the address; signed `off` seconds from now."""
    stamp, nonce = str(int(time.time()) + off), nonce or str(10**9 + known.number())
    found = {"signature": signature(known.token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    return found | {"encrypt_type": "aes", "msg_signature": signature(known.token, stamp, nonce, encrypted)}


def post(asked: Query | Sequence[tuple[str, str]], body: bytes, *headers: tuple[str, bytes], **more: Any) -> Wire:
    return Wire(f"{PATH}?{urlencode(asked)}", body, [XML, *headers], **more)


def push(known: Known, inner: str | bytes, **more: Any) -> Wire:
    """A push as WeChat makes it."""
    encrypted = sealed(inner, known.aes_key, known.app_id)
    return post(query(known, encrypted), envelope(encrypted), **more)


def normal(known: Known) -> Wire:
    """A question that deserves an answer."""
    return push(known, xml(known))


def cases() -> Iterator[Case]:
    """All of them; the names are unique."""
    yield from _door()
    yield from _again()
    yield from _envelopes()
    yield from _ciphers()
    yield from _documents()
    yield from _fields()
    yield from _events()
    yield from _transport()
    for name, words in WORDS.items():
        yield _said(f"says: {name}", Fate.TAKEN, Content=words if "choice" in name else f"{words} {ABOUT_ME}")
    for name in ("zero width", "emoji alone", "spaces", "new lines"):
        yield _said(f"says nothing but: {name}", Fate.TAKEN, Content=WORDS[name])
    yield _said("says: 40,000 characters", Fate.TAKEN, Content="data " * 8_000)
    yield _said("says: 100,000 characters", Fate.REFUSED, 413, Content="data " * 20_000)
    yield _said("says: a NUL", Fate.HELD, Content="how long\0 do you keep")
    yield _said("says: control characters", Fate.HELD, Content="how\x01 long \x1b[2J")
    yield _said("says: noncharacters of XML", Fate.HELD, Content="how long \ufffe \uffff")
    yield _said("says: a lone surrogate", Fate.HELD, Content="how long \ud800 do you keep")


def _case(name: str, fate: Fate, build: Build, *statuses: int, is_slow: bool = False) -> Case:
    return Case(f"wechat: {name}", fate, build, frozenset(statuses), is_slow)


def _pushed(name: str, fate: Fate, make: Any, *statuses: int) -> Case:
    """`make`: the inner document."""
    return _case(name, fate, lambda known: [push(known, make(known))], *statuses)


def _said(name: str, fate: Fate, *statuses: int, **fields: Any) -> Case:
    return _pushed(name, fate, lambda known: xml(known, **fields), *statuses)


def _door() -> Iterator[Case]:
    """Who is let in: T13."""

    def asked(name: str, change: Any, fate: Fate = Fate.REFUSED, *statuses: int) -> Case:
        """`change`: (known, query, encrypted) -> query."""

        def build(k: Known) -> Sequence[Wire]:
            encrypted = sealed(xml(k, Content=f"{QUESTION} {ABOUT_ME}"), k.aes_key, k.app_id)
            return [post(change(k, query(k, encrypted), encrypted), envelope(encrypted))]

        return _case(f"query: {name}", fate, build, *statuses or (403,))

    for at in range(40):
        yield asked(
            f"byte {at} of the signature",
            lambda k, q, e, at=at: q | {"msg_signature": _flipped(q["msg_signature"], at)},
        )
    for name in ("msg_signature", "timestamp", "nonce", "encrypt_type"):
        yield asked(f"no {name}", lambda k, q, e, n=name: {a: b for a, b in q.items() if a != n})
        yield asked(f"an empty {name}", lambda k, q, e, n=name: q | {n: ""})
        yield asked(f"{name} twice", lambda k, q, e, n=name: [*q.items(), (n, q[n])])
        yield asked(f"{name} of 10,000 characters", lambda k, q, e, n=name: q | {n: q[n] * 1000})
        yield asked(f"{name} holds details", lambda k, q, e, n=name: q | {n: ABOUT_ME})
        yield asked(f"{name} ends in NUL", lambda k, q, e, n=name: q | {n: q[n] + "\0"})
    yield asked("no query at all", lambda k, q, e: {})
    yield asked("signature in capitals", lambda k, q, e: q | {"msg_signature": q["msg_signature"].upper()})
    yield asked("the signature of plain mode", lambda k, q, e: q | {"msg_signature": q["signature"]})
    yield asked("signature in other digits", lambda k, q, e: q | {"msg_signature": "０" + q["msg_signature"][1:]})
    yield asked(
        "signed with another token",
        lambda k, q, e: q | {"msg_signature": signature("x", q["timestamp"], q["nonce"], e)},
    )
    yield asked(
        "signed with no token", lambda k, q, e: q | {"msg_signature": signature("", q["timestamp"], q["nonce"], e)}
    )
    yield asked(
        "signed with the AppSecret",
        lambda k, q, e: q | {"msg_signature": signature(k.app_secret, q["timestamp"], q["nonce"], e)},
    )
    yield asked("another nonce than was signed", lambda k, q, e: q | {"nonce": "7"})
    yield asked(
        "timestamp and nonce changed about", lambda k, q, e: q | {"nonce": q["timestamp"], "timestamp": q["nonce"]}
    )
    yield asked("plain mode", lambda k, q, e: q | {"encrypt_type": "raw"})
    yield asked("a mode of its own", lambda k, q, e: q | {"encrypt_type": "AES"})
    for off, fate, status in ((-301, Fate.REFUSED, 403), (302, Fate.REFUSED, 403), (-297, Fate.TAKEN, 200), (298, Fate.TAKEN, 200),
                              (-(10**9), Fate.REFUSED, 403), (10**9, Fate.REFUSED, 403)):  # fmt: skip
        yield asked(f"signed {off} s from now", lambda k, q, e, off=off: query(k, e, off=off), fate, status)

    def signed(name: str, **other: str) -> Case:
        """Well signed, with what WeChat never writes there."""

        def change(k: Known, q: Query, e: str) -> Query:
            q = q | other
            return q | {"msg_signature": signature(k.token, q["timestamp"], q["nonce"], e)}

        return asked(name, change)

    yield signed("signed, a time in words", timestamp="now")
    yield signed("signed, a time with a fraction", timestamp=f"{time.time():.2f}")
    yield signed("signed, a time in full-width digits", timestamp="１７９５０００００００")
    yield signed("signed, a time of 30 digits", timestamp="9" * 30)
    yield signed("signed, a negative time", timestamp="-5")
    yield signed("signed, a nonce with marks", nonce="'; DROP TABLE wechat_nonce; --")
    yield signed("signed, a nonce of 65 characters", nonce="n" * 65)
    yield asked(
        "more than is needed", lambda k, q, e: [*q.items(), ("openid", ABOUT_ME), ("a[]", "1")], Fate.TAKEN, 200
    )
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "FOO"):
        yield _case(f"method {method}", Fate.REFUSED, lambda k, m=method: [push(k, xml(k), method=m)])
    for target in ("/wechat/", "//wechat", "/WeChat", "/wechat%00"):
        yield _case(
            f"path {target}",
            Fate.REFUSED,
            lambda k, t=target: [Wire(f"{t}?{urlencode(query(k, ''))}", b"<xml/>", [XML])],
        )

    def entered(name: str, echo: str | None, fate: Fate, status: int, **other: str) -> Case:
        """The address is entered in WeChat's console."""

        def build(k: Known) -> Sequence[Wire]:
            q = query(k, "")
            given = {n: q[n] for n in ("signature", "timestamp", "nonce")} | ({} if echo is None else {"echostr": echo})
            return [Wire(f"{PATH}?{urlencode(given | other)}", method="GET")]

        return _case(f"echo: {name}", fate, build, status)

    yield entered("right", "5837402837465", Fate.NOTED, 200)
    yield entered("none", None, Fate.REFUSED, 403)
    yield entered("empty", "", Fate.REFUSED, 403)
    yield entered("a page", "<script>alert(1)</script>", Fate.REFUSED, 403)
    yield entered("a header", "a\r\nSet-Cookie: a=b", Fate.REFUSED, 403)
    yield entered("details", ABOUT_ME, Fate.REFUSED, 403)
    yield entered("10,000 characters", "1" * 10_000, Fate.REFUSED, 403)
    yield entered("badly signed", "1", Fate.REFUSED, 403, signature="0" * 40)
    yield entered("old", "1", Fate.REFUSED, 403, timestamp="1")


def _flipped(signed: str, at: int) -> str:
    return signed[:at] + ("0" if signed[at] != "0" else "1") + signed[at + 1 :]


def _again() -> Iterator[Case]:
    """Nonces and messages a second time; both keys and the wrong ones."""

    def same(k: Known) -> Sequence[Wire]:
        wire = normal(k)
        return [wire, wire]

    def signed_anew(k: Known) -> Sequence[Wire]:
        inner = xml(k)
        return [push(k, inner), push(k, inner)]

    def other_body(k: Known, inner: str | None = None) -> Sequence[Wire]:
        first, second = (
            sealed(xml(k, Content=f"{one} {ABOUT_ME}"), k.aes_key, k.app_id) for one in (QUESTION, "/forget")
        )
        nonce = str(10**9 + k.number())
        return [post(query(k, one, nonce=nonce), envelope(one)) for one in (first, second)]

    def moved(k: Known) -> Sequence[Wire]:
        """A captured signature over a body of one's own."""
        first, own = (sealed(xml(k), k.aes_key, k.app_id) for _ in range(2))
        captured = query(k, first)
        return [post(captured, envelope(first)), post(captured, envelope(own))]

    def other_words(k: Known) -> Sequence[Wire]:
        number, who = Raw(24_000_000_000_000_000 + k.number()), openid(k)
        return [push(k, xml(k, Content=c, MsgId=number, FromUserName=who)) for c in (QUESTION, "/forget")]

    def garbage(k: Known) -> Sequence[Wire]:
        wire = push(k, f"no XML {k.number()}")
        return [wire, wire]

    yield _case("again: the same push", Fate.NOTED, same, 200)
    yield _case("again: the same message, signed anew", Fate.NOTED, signed_anew, 200)
    yield _case("again: its number with other words", Fate.NOTED, other_words, 200)
    yield _case("again: the same nonce with another body", Fate.REFUSED, other_body, 403)
    yield _case("again: the same query with another body", Fate.REFUSED, moved, 403)
    yield _case("again: the same garbage", Fate.NOTED, garbage, 200)

    def with_key(name: str, key: Any, app: Any, fate: Fate, *statuses: int) -> Case:
        def build(k: Known) -> Sequence[Wire]:
            encrypted = sealed(xml(k, Content=f"{QUESTION} {ABOUT_ME}"), key(k), app(k))
            return [post(query(k, encrypted), envelope(encrypted))]

        return _case(f"key: {name}", fate, build, *statuses)

    yield with_key("the new one, while it is changed", lambda k: k.aes_key, lambda k: k.app_id, Fate.TAKEN, 200)
    yield with_key("the one before, while it is changed", lambda k: k.old_key, lambda k: k.app_id, Fate.TAKEN, 200)
    yield with_key("neither", lambda k: "Zz" * 21 + "A", lambda k: k.app_id, Fate.REFUSED_OR_HELD)
    for name, change in {"another": lambda a: "wx_another", "none": lambda a: "", "longer": lambda a: a + "0",
                         "shorter": lambda a: a[:-1], "in capitals": lambda a: a.upper()}.items():  # fmt: skip
        yield with_key(f"appid: {name}", lambda k: k.aes_key, lambda k, c=change: c(k.app_id), Fate.REFUSED, 403)


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>'
QUADRATIC = f'<!DOCTYPE x [<!ENTITY a "{"a" * 9000}">]>'
BAD_XML: dict[str, str] = {
    "nothing": "",
    "white space": "   ",
    "words": ABOUT_ME,
    "JSON": json.dumps({"xml": {"Content": ABOUT_ME}}),
    "half a document": f"<xml><MsgType>text</MsgType><Content><![CDATA[{ABOUT_ME}",
    "crossed elements": "<xml><a><b></a></b></xml>",
    "two documents": "<xml><a>1</a></xml><xml><a>2</a></xml>",
    "another root": f"<root><MsgType>text</MsgType><Content>{ABOUT_ME}</Content></root>",
    "a billion laughs": f"{LAUGHS}<xml><MsgType>text</MsgType><Content>&i;</Content></xml>",
    "quadratic blow-up": f"{QUADRATIC}<xml><MsgType>text</MsgType><Content>{'&a;' * 9000}</Content></xml>",
    "a file from outside": f"{OUTSIDE}<xml><MsgType>text</MsgType><Content>&y;</Content></xml>",
    "an address from outside": OUTSIDE.replace("file:///etc/passwd", "http://127.0.0.1:1/")
    + "<xml><Content>&y;</Content></xml>",
    "an entity of parameters": '<!DOCTYPE x [<!ENTITY % y SYSTEM "http://127.0.0.1:1/d"> %y;]><xml/>',
    "a bare DOCTYPE": "<!DOCTYPE xml><xml><MsgType>text</MsgType></xml>",
    "an instruction": "<xml><?php system('id') ?><MsgType>text</MsgType></xml>",
    "a remark": "<xml><!-- --><MsgType>text</MsgType></xml>",
    "an include": '<xml xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></xml>',
    "an attribute": '<xml a="1"><MsgType>text</MsgType></xml>',
    "CDATA without end": "<xml><MsgType><![CDATA[text</MsgType></xml>",
    "1,000 deep": "<a>" * 1000 + "</a>" * 1000,
    "5 deep": "<xml><MsgType>text</MsgType><a><b><c><d>1</d></c></b></a></xml>",
    "65 elements": f"<xml>{''.join(f'<a{n}>1</a{n}>' for n in range(65))}</xml>",
    "5,000 empty elements": f"<xml>{'<a/>' * 5000}</xml>",
    "an unknown entity": "<xml><MsgType>text</MsgType><Content>&nosuch;</Content></xml>",
    "a character that is none": "<xml><MsgType>text</MsgType><Content>&#0;</Content></xml>",
    "another encoding said": "<?xml version='1.0' encoding='utf-7'?><xml><MsgType>text</MsgType></xml>",
}


def _envelopes() -> Iterator[Case]:
    """The outer document, which is read before anything is proven: whatever is wrong, it is not WeChat's."""
    for name, text in BAD_XML.items():
        yield _case(f"envelope: {name}", Fate.REFUSED, lambda k, t=text: [post(query(k, "x"), t.encode())])
    for name, body in {
        "invalid UTF-8": b"<xml><Encrypt>\xff\xfe</Encrypt></xml>",
        "UTF-16": "<xml><Encrypt>a</Encrypt></xml>".encode("utf-16"),
        "NUL": b"<xml>\0<Encrypt>a</Encrypt></xml>",
        "no Encrypt": b"<xml><a>1</a></xml>",
        "Encrypt twice": b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
        "Encrypt holds elements": b"<xml><Encrypt><a>1</a></Encrypt></xml>",
        "zlib": zlib.compress(b"<xml/>" * 100_000),
        "65,536 unfinished elements": b"<" * CAP,
        "a long name": b"<" + b"a" * 60_000 + b">",
    }.items():
        yield _case(f"envelope: {name}", Fate.REFUSED, lambda k, b=body: [post(query(k, "x"), b)], 403)
    yield _case("envelope: one byte over the cap", Fate.REFUSED, lambda k: [post(query(k, "x"), b"a" * (CAP + 1))], 413)
    yield _case("envelope: ten megabytes", Fate.REFUSED, lambda k: [post(query(k, "x"), b"<xml>" * 2_000_000)], 413)

    def filled(k: Known) -> Sequence[Wire]:
        wire = normal(k)
        return [Wire(wire.target, wire.body + b" " * (CAP - len(wire.body)), wire.headers)]

    yield _case("envelope: a question that fills the cap to the byte", Fate.TAKEN, filled, 200)


def _ciphers() -> Iterator[Case]:
    """Signed by whoever knows the token, and not to be decrypted."""

    def of(name: str, fate: Fate, make: Any) -> Case:
        def build(k: Known) -> Sequence[Wire]:
            encrypted = make(k)
            return [post(query(k, encrypted), envelope(encrypted))]

        return _case(f"cipher: {name}", fate, build)

    def whole(text: Any, pad: bytes | None = None) -> Any:
        return lambda k: sealed("", k.aes_key, k.app_id, whole=text(k), pad=pad)

    r16, app = b"r" * 16, lambda k: k.app_id.encode()
    yield of("no Base64", Fate.HELD, lambda k: f"!!! {ABOUT_ME} !!!")
    yield of("Base64 of words", Fate.HELD, lambda k: base64.b64encode(ABOUT_ME.encode()).decode())
    yield of("half a block", Fate.HELD, lambda k: base64.b64encode(b"12345678").decode())
    yield of("nothing", Fate.REFUSED_OR_HELD, lambda k: "")
    yield of("noise", Fate.REFUSED_OR_HELD, lambda k: base64.b64encode(os.urandom(512)).decode())
    yield of("one block of noise", Fate.REFUSED_OR_HELD, lambda k: base64.b64encode(os.urandom(16)).decode())
    yield of("letters beyond ASCII", Fate.HELD, lambda k: "金丝雀" * 100)
    for name, length in {
        "too great": 2**31,
        "all ones": 2**32 - 1,
        "nought": 0,
        "one too many": 4,
        "one too few": 2,
    }.items():
        yield of(f"its length is {name}", Fate.REFUSED_OR_HELD,
                 whole(lambda k, n=length: r16 + struct.pack(">I", n) + b"abc" + app(k)))  # fmt: skip
    yield of("shorter than its head", Fate.REFUSED_OR_HELD, whole(lambda k: b"abc"))
    yield of("nothing but padding", Fate.REFUSED_OR_HELD, whole(lambda k: b""))
    for name, pad in {
        "noughts": b"\0" * 12,
        "255": b"\xff" * 12,
        "33": b"\x21" * 12,
        "uneven": b"abcdefghijk\x0c",
    }.items():
        # The text has 52 bytes with the account's 17, so that twelve more fill two blocks.
        text = lambda k: r16 + struct.pack(">I", 15) + b"<xml>noXML<xml>" + app(k)  # noqa: E731
        yield of(f"padded with {name}", Fate.REFUSED_OR_HELD, whole(text, pad))


def _documents() -> Iterator[Case]:
    """The inner document: signed, encrypted, and nothing that WeChat writes."""
    for name, text in BAD_XML.items():
        yield _pushed(f"document: {name}", Fate.HELD, lambda k, t=text: t or "\n" * k.number(), 200)
    for name, raw in {
        "invalid UTF-8": b"<xml><MsgType>text</MsgType><Content>\xff\xfe</Content></xml>",
        "UTF-8 longer than need be": b"<xml><Content>\xc0\xaf</Content></xml>",
        "UTF-16": "<xml><MsgType>text</MsgType></xml>".encode("utf-16"),
        "zlib": zlib.compress(b"<xml/>" * 10_000),
    }.items():
        yield _pushed(f"document: {name}", Fate.HELD, lambda k, raw=raw: raw, 200)


def _fields() -> Iterator[Case]:
    """A message with one thing wrong."""
    for name, fields in {
        "no MsgType": {"MsgType": None},
        "MsgType is elements": {"MsgType": Raw("<a>text</a>")},
        "MsgType twice": {"MsgType": Raw("text</MsgType><MsgType>event")},
        "no sender": {"FromUserName": None},
        "an empty sender": {"FromUserName": ""},
        "sender holds marks": {"FromUserName": "'; DROP TABLE person; --"},
        "sender holds a page": {"FromUserName": "<script>1</script>"},
        "sender of 65 characters": {"FromUserName": "o" * 65},
        "sender in Chinese": {"FromUserName": "金丝雀甲乙丙"},
        "sender is elements": {"FromUserName": Raw("<a>o1</a>")},
        "sender is a path": {"FromUserName": "../../etc/passwd"},
        "no account": {"ToUserName": None},
        "account holds marks": {"ToUserName": "]]></ToUserName>"},
        "Content twice": {"Content": Raw("a</Content><Content>b")},
        "CDATA broken out of": {"Content": Raw("<![CDATA[a]]></Content><MsgType><![CDATA[event]]></MsgType><Content><![CDATA[b]]>")},
    }.items():  # fmt: skip
        yield _said(f"message: {name}", Fate.HELD, 200, **fields)
    for name, fields in {
        "a kind nobody knows": {"MsgType": "hologram"},
        "a kind with marks": {"MsgType": "text' OR '1'='1"},
        "a kind as a class": {"MsgType": "__class__"},
        "Content is elements": {"Content": Raw("<a><b>1</b></a>")},
        "no Content": {"Content": None},
        "an empty Content": {"Content": ""},
        "Content is Base64": {"Content": base64.b64encode(ABOUT_ME.encode()).decode()},
        "Content in entities": {"Content": Raw("&lt;script&gt;&#97;&#x1F642;&amp;")},
        "no number": {"MsgId": None},
        "number is a word": {"MsgId": "zz"},
        "number is negative": {"MsgId": "-5"},
        "number of 40 digits": {"MsgId": "9" * 40},
        "number in full-width digits": {"MsgId": "１２３４５６"},
        "number holds marks": {"MsgId": "1' OR '1'='1"},
        "time is a word": {"CreateTime": "zz"},
        "time is negative": {"CreateTime": "-1"},
        "time of 40 digits": {"CreateTime": "9" * 40},
        "time is nought": {"CreateTime": "0"},
        "time is a fraction": {"CreateTime": "1.5"},
        "no time": {"CreateTime": None},
        "unknown fields": {"Zzz": ABOUT_ME, "__proto__": "1", "Encrypt": "x"},
        "a voice that was understood": {"MsgType": "voice", "Content": None, "Recognition": f"{WORDS['sql']} {ABOUT_ME}"},
        "a voice that was not": {"MsgType": "voice", "Content": None, "MediaId": "../../x"},
        "a picture at an address of its own": {"MsgType": "image", "Content": None, "PicUrl": "http://169.254.169.254/", "MediaId": "x"},
        "a place off the map": {"MsgType": "location", "Content": None, "Location_X": "1e308", "Location_Y": "NaN", "Label": ABOUT_ME},
        "a place of words": {"MsgType": "location", "Content": None, "Location_X": "here", "Location_Y": "there", "Scale": "x"},
        "a link to a script": {"MsgType": "link", "Content": None, "Url": "javascript:alert(1)", "Title": ABOUT_ME},
        "a tap on a menu of messages": {"bizmsgmenuid": "'; DROP TABLE x"},
    }.items():  # fmt: skip
        yield _said(f"message: {name}", Fate.KEPT, 200, **fields)


def _events() -> Iterator[Case]:
    def of(name: str, fate: Fate, event_name: str | None, **fields: Any) -> Case:
        return _pushed(f"event: {name}", fate, lambda k: event(k, event_name, **fields), 200)

    yield of("no name", Fate.SURVIVED, None)
    yield of("an empty name", Fate.SURVIVED, "")
    yield of("a name nobody knows", Fate.NOTED, "teleport", EventKey=ABOUT_ME)
    yield of("a name with marks", Fate.NOTED, "subscribe' OR '1'='1")
    yield of("a name as a class", Fate.NOTED, "__init__")
    yield of("a click on details", Fate.TAKEN, "CLICK", EventKey=ABOUT_ME)
    yield of("a click on marks", Fate.TAKEN, "CLICK", EventKey=WORDS["sql"])
    yield of("a click on 20,000 characters", Fate.TAKEN, "CLICK", EventKey="k" * 20_000)
    yield of("a click on nothing", Fate.KEPT, "CLICK", EventKey="")
    yield of("a click whose key is missing", Fate.KEPT, "CLICK")
    yield of("a click whose key is elements", Fate.KEPT, "CLICK", EventKey=Raw("<a>1</a>"))
    yield of("a scene with a path", Fate.TAKEN, "SCAN", EventKey="clause_../../x", Ticket="x")
    yield of("a scene with marks", Fate.TAKEN, "SCAN", EventKey="clause_'; DROP TABLE x", Ticket="x")
    yield of("followed by a hostile scene", Fate.TAKEN, "subscribe", EventKey=f"qrscene_{WORDS['html']}", Ticket="x")
    yield of("followed by a scene of elements", Fate.KEPT, "subscribe", EventKey=Raw("<a>1</a>"), Ticket="x")
    yield of("a link to a script", Fate.NOTED, "VIEW", EventKey="javascript:alert(1)")
    yield of("a place nobody asked for", Fate.NOTED, "LOCATION", Latitude="NaN", Longitude="1e308", Precision=ABOUT_ME)
    yield of("a report with marks", Fate.NOTED, "TEMPLATESENDJOBFINISH", Status=WORDS["html"], MsgID="zz")
    yield of("a subscription of words", Fate.NOTED, "subscribe_msg_popup_event", SubscribeMsgPopupEvent=ABOUT_ME)
    yield of("a subscription of lists", Fate.NOTED, "subscribe_msg_change_event",
             SubscribeMsgChangeEvent=Raw(f"<List><TemplateId>{'x' * 900}</TemplateId></List>" * 9))  # fmt: skip
    yield of(
        "a subscription without list", Fate.NOTED, "subscribe_msg_sent_event", SubscribeMsgSentEvent=Raw("<a>1</a>")
    )
    yield of("a withdrawal of details", Fate.NOTED, "user_authorization_revoke", OpenID=ABOUT_ME, RevokeInfo="'; --")


def _transport() -> Iterator[Case]:
    """HTTP itself."""

    def of(name: str, fate: Fate, make: Any, *statuses: int, is_slow: bool = False) -> Case:
        def build(k: Known) -> Sequence[Wire]:
            encrypted = sealed(xml(k, Content=f"{QUESTION} {ABOUT_ME}"), k.aes_key, k.app_id)
            return [make(query(k, encrypted), envelope(encrypted))]

        return _case(f"http: {name}", fate, build, *statuses, is_slow=is_slow)

    yield of("chunked", Fate.TAKEN, lambda q, b: post(q, b, chunk=50), 200)
    yield of("chunked, byte by byte", Fate.TAKEN, lambda q, b: post(q, b, chunk=1), 200)
    yield of("in pieces", Fate.TAKEN, lambda q, b: post(q, b, pause=0.02), 200)
    yield of("without end", Fate.REFUSED, lambda q, b: post(q, b"a" * 30_000, chunk=30_000, is_endless=True), 413)
    yield of("so slowly that it never ends", Fate.REFUSED, lambda q, b: post(q, b"<" * 100, pause=0.5, is_endless=True, length="60000"), 408, is_slow=True)  # fmt: skip
    yield of("less than was said", Fate.REFUSED, lambda q, b: post(q, b, length="9999"), 408, is_slow=True)
    yield of("more than was said", Fate.REFUSED, lambda q, b: post(q, b, length="9"), 403)
    yield of("no length", Fate.REFUSED, lambda q, b: post(q, b"", length=""), 403)
    yield of("a negative length", Fate.REFUSED, lambda q, b: post(q, b, length="-1"))
    yield of("a length of 30 digits", Fate.REFUSED, lambda q, b: post(q, b, length="9" * 30))
    yield of("a bomb, said to be gzip", Fate.REFUSED, lambda q, b: post(q, zlib.compress(b"<a>" * 10**7)[:CAP], ("Content-Encoding", b"gzip")), 403)  # fmt: skip
    for kind in (b"application/json", b"multipart/form-data; boundary=x", b"", b"text/xml; charset=utf-7"):
        yield of(f"Content-Type {kind!r}", Fate.TAKEN, lambda q, b, c=kind: Wire(f"{PATH}?{urlencode(q)}", b, [("Content-Type", c)]), 200)  # fmt: skip
    yield of(
        "from a page of another site", Fate.REFUSED, lambda q, b: post(q, b, ("Sec-Fetch-Site", b"cross-site")), 403
    )
    yield of("a query of 60,000 bytes", Fate.SURVIVED, lambda q, b: post(q | {"x": "a" * 60_000}, b))
