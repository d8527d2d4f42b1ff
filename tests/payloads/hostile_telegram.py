"""Hostile requests to the Telegram webhook. Each body holds somebody's invented details, and ours where they'd be logged."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.telegram.buttons import Buttons
from tests.payloads.hostile import ABOUT_ME, WORDS, Build, Case, Fate, Known, Wire

PATH = "/telegram"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
CAP = 1024 * 1024
JSON = ("Content-Type", b"application/json")
QUESTION = "How long do you keep my data?"
Data = dict[str, Any]


def post(
    known: Known, body: bytes | Data, *headers: tuple[str, bytes], secret: bytes | None = None, **more: Any
) -> Wire:
    """A post with the secret, unless `secret` is another."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    door = (HEADER, known.secret.encode() if secret is None else secret)
    return Wire(PATH, raw, [JSON, door, *headers], **more)


def update(known: Known, **content: Any) -> Data:
    return {"update_id": known.number(), **content}


def person(known: Known) -> Data:
    return {"id": 991_000_000_000 + known.number(), "is_bot": False, "first_name": ABOUT_ME, "language_code": "en"}


def message(known: Known, text: Any = QUESTION, **more: Any) -> Data:
    """A message in private of somebody new."""
    sender = more.get("from") or person(known)
    who = sender if isinstance(sender, dict) else person(known)
    chat = {"id": who["id"], "type": "private", "first_name": ABOUT_ME}
    head = {"message_id": known.number(), "date": int(datetime.now(UTC).timestamp()), "chat": chat, "from": sender}
    return {**head, "text": text, **more}


def said(known: Known, text: Any = QUESTION, **more: Any) -> Data:
    return update(known, message=message(known, text, **more))


def normal(known: Known) -> Wire:
    """A question that deserves an answer."""
    return post(known, said(known))


def cases() -> Iterator[Case]:
    """All of them; the names are unique."""
    yield from _door()
    yield from _bodies()
    yield from _shapes()
    yield from _fields()
    yield from _kinds()
    yield from _buttons()
    yield from _again()
    yield from _transport()
    for name, words in {**WORDS, "NUL": "how long\0 do you keep", "100,000 characters": "data " * 20_000}.items():
        yield _said(f"says: {name}", Fate.TAKEN, text=f"{words}" if "choice" in name else f"{words} {ABOUT_ME}")
        if words in (WORDS["zero width"], WORDS["emoji alone"], WORDS["spaces"], WORDS["new lines"]):
            fate = Fate.SURVIVED if words.isspace() else Fate.TAKEN
            yield _said(f"says nothing but: {name}", fate, text=words)


def _case(name: str, fate: Fate, build: Build, *statuses: int, is_slow: bool = False) -> Case:
    return Case(f"telegram: {name}", fate, build, frozenset(statuses), is_slow)


def _body(name: str, fate: Fate, body: bytes | Data) -> Case:
    return _case(f"body: {name}", fate, lambda known: [post(known, body)])


def _said(name: str, fate: Fate, **fields: Any) -> Case:
    return _case(name, fate, lambda known: [post(known, said(known, **fields))])


def _door() -> Iterator[Case]:
    """Who is let in: T13."""

    def secret(name: str, make: Any, fate: Fate = Fate.REFUSED, *statuses: int) -> Case:
        return _case(
            f"secret: {name}", fate, lambda k: [post(k, said(k, ABOUT_ME), secret=make(k))], *statuses or (403,)
        )

    for at in range(40):
        yield secret(f"byte {at} changed", lambda k, at=at: _flipped(k.secret.encode(), at))
    yield secret("empty", lambda k: b"")
    yield secret("longer", lambda k: k.secret.encode() + b"a")
    yield secret("shorter", lambda k: k.secret.encode()[:-1])
    yield secret("other case", lambda k: k.secret.swapcase().encode())
    yield secret("twice in one header", lambda k: f"{k.secret}, {k.secret}".encode())
    yield secret("the bot's token", lambda k: k.bot_token.encode())
    yield secret("WeChat's AppSecret", lambda k: k.app_secret.encode())
    yield secret("no letters at all", lambda k: bytes(range(128, 256)))
    yield secret("somebody's details", lambda k: ABOUT_ME.encode())
    yield secret("5,000 characters", lambda k: b"s" * 5000)
    yield secret("the one before, while it is changed", lambda k: k.old_secret.encode(), Fate.TAKEN, 200)
    yield secret("the new one, while it is changed", lambda k: k.secret.encode(), Fate.TAKEN, 200)

    def headers(name: str, make: Any, fate: Fate = Fate.REFUSED, *statuses: int) -> Case:
        return _case(
            f"secret: {name}",
            fate,
            lambda k: [Wire(PATH, json.dumps(said(k, ABOUT_ME)).encode(), make(k.secret.encode()))],
            *statuses,
        )

    yield headers("missing", lambda s: [JSON], Fate.REFUSED, 403)
    yield headers("in two headers", lambda s: [(HEADER, s), (HEADER, s)], Fate.REFUSED, 403)
    yield headers("right, then wrong", lambda s: [(HEADER, s), (HEADER, b"x")], Fate.REFUSED, 403)
    yield headers("wrong, then right", lambda s: [(HEADER, b"x"), (HEADER, s)], Fate.REFUSED, 403)
    yield headers("under another name", lambda s: [(f"{HEADER}s", s)], Fate.REFUSED, 403)
    yield headers("as a password", lambda s: [("Authorization", b"Bearer " + s)], Fate.REFUSED, 403)
    yield headers("its header in small letters", lambda s: [(HEADER.lower(), s)], Fate.TAKEN)
    yield headers("from a page of another site", lambda s: [(HEADER, s), ("Sec-Fetch-Site", b"cross-site")])
    yield headers("from a page of another origin", lambda s: [(HEADER, s), ("Origin", b"https://evil.example")])
    for kind in (b"application/json; charset=utf-8", b"text/plain", b"application/x-www-form-urlencoded", b"\xff/\xfe"):
        yield headers(
            f"and Content-Type {kind!r}", lambda s, kind=kind: [(HEADER, s), ("Content-Type", kind)], Fate.KEPT
        )
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"):
        yield _case(
            f"method {method}",
            Fate.REFUSED,
            lambda k, method=method: [post(k, said(k), method=method)],
        )
    for target in ("/telegram/", "//telegram", "/TELEGRAM", "/telegram%2f", "/telegram/../telegram", "/telegram;a"):
        yield _case(f"path {target}", Fate.REFUSED, lambda k, t=target: [Wire(t, b"{}", [(HEADER, k.secret.encode())])])
    yield _case(
        "path with the token, as the FAQ has it", Fate.REFUSED, lambda k: [Wire(f"/telegram/{k.bot_token}", b"{}")]
    )
    yield _case(
        "secret in the query", Fate.REFUSED, lambda k: [Wire(f"{PATH}?secret={k.secret}&t={k.bot_token}", b"{}")], 403
    )


def _flipped(secret: bytes, at: int) -> bytes:
    return secret[:at] + bytes([secret[at] ^ 1]) + secret[at + 1 :]


def _bodies() -> Iterator[Case]:
    """From somebody who knows the secret, and isn't JSON as Telegram writes it."""
    mine = ABOUT_ME.encode()
    for name, body in {
        "empty": b"",
        "white space": b" \n\t ",
        "null": b"null",
        "true": b"true",
        "a number": b"42",
        "a string": json.dumps(ABOUT_ME).encode(),
        "a list": json.dumps([{"update_id": 1, "message": ABOUT_ME}]).encode(),
        "half a document": b'{"update_id": 1, "message": {"text": "' + mine,
        "two documents": b'{"update_id": 1}{"update_id": 2}',
        "a comma too many": b'{"update_id": 1,}',
        "single quotes": b"{'update_id': 1}",
        "a remark": b'{"update_id": 1 /* ' + mine + b" */}",
        "NaN": b'{"update_id": NaN}',
        "infinity": b'{"update_id": 1, "x": -Infinity}',
        "a name twice": b'{"update_id": 1, "update_id": 2}',
        "a name twice, deep inside": b'{"update_id": 1, "message": {"chat": {"id": 1, "id": 2}}}',
        "a number of 4,301 digits": b'{"update_id": ' + b"9" * 4301 + b"}",
        "a fraction of 100,000 digits": b'{"update_id": 0.' + b"3" * 100_000 + b"}",
        "an exponent beyond all": b'{"update_id": 1e999999999}',
        "a lone surrogate": b'{"update_id": 7, "message": {"text": "\\ud800 ' + mine + b'"}}',
        "a lone surrogate as a name": b'{"update_id": 7, "\\udfff": 1}',
        "invalid UTF-8": b'{"update_id": 7, "message": "\xff\xfe ' + mine + b'"}',
        "UTF-8 longer than need be": b'{"update_id": 7, "message": "\xc0\xaf"}',
        "a surrogate in UTF-8": b'{"update_id": 7, "message": "\xed\xa0\x80"}',
        "UTF-16": json.dumps({"update_id": 1, "message": ABOUT_ME}).encode("utf-16"),
        "UTF-8 with a mark": b"\xef\xbb\xbf" + b'{"update_id": 1}',
        "UTF-7": '{"update_id": 1, "message": "金"}'.encode("utf-7"),
        "NUL bytes": b"\0" * 5000,
        "a control character in a string": b'{"update_id": 1, "message": "\x01\x1b[2J"}',
        "XML": b"<xml><update_id>1</update_id>" + mine + b"</xml>",
        "HTML": b"<!doctype html><title>502</title>" + mine,
        "a form": b"update_id=1&text=" + mine,
        "a multipart form": b'--x\r\nContent-Disposition: form-data; name="update_id"\r\n\r\n1\r\n--x--\r\n',
        "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
        "YAML": b"!!python/object/apply:os.system ['id']",
        "lists 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
        "tables 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "tables 4,000 deep": b'{"update_id":1,"message":' + b'{"a":' * 4000 + b"1" + b"}" * 4001,
        "tables 60 deep": b'{"update_id":1,"message":' + b'{"a":' * 60 + b"1" + b"}" * 61,
        "100,000 empty lists": b'{"update_id":1,"a":[' + b",".join([b"[]"] * 100_000) + b"]}",
        "one byte over the cap": b" " * (CAP + 1),
        "ten megabytes": b'{"update_id": 1, "x": "' + b"a" * 10_000_000 + b'"}',
        "a bomb of gzip": gzip.compress(b" " * 10_000_000),
        "a bomb of deflate": zlib.compress(b"[" * 10_000_000),
        "JSON in gzip": gzip.compress(json.dumps({"update_id": 1, "message": ABOUT_ME}).encode()),
    }.items():
        yield _body(name, Fate.HELD, body)
    for coding in (b"gzip", b"deflate", b"br", b"gzip, gzip, gzip"):
        yield _case(
            f"body: a bomb, said to be {coding.decode()}",
            Fate.HELD,
            lambda k, c=coding: [post(k, gzip.compress(b" " * 10_000_000 + c), ("Content-Encoding", c))],
        )

    def filled(k: Known) -> list[Wire]:
        raw = json.dumps(said(k)).encode()
        return [post(k, raw + b" " * (CAP - len(raw)))]

    yield _case("body: a question that fills the cap to the byte", Fate.TAKEN, filled)


def _shapes() -> Iterator[Case]:
    """JSON, and no update: numbers as strings, negative ids, what belongs elsewhere."""
    for name, number in {
        "missing": None,
        "a string": "12",
        "a fraction": 1.5,
        "negative": -1,
        "true": True,
        "a list": [1],
        "2**53": 2**53,
        "2**63": 2**63,
        "20 digits": 10**19,
        "21 digits": 10**20,
    }.items():
        body: Data = {"message": {"text": ABOUT_ME}} | ({} if number is None else {"update_id": number})
        yield _body(f"update_id is {name}", Fate.HELD, body)
    for what in ("message", "callback_query", "inline_query", "my_chat_member"):
        for name, value in {"a string": ABOUT_ME, "a list": [ABOUT_ME], "a number": 5, "an empty table": {}}.items():
            fate = Fate.SURVIVED if value == {} else Fate.HELD
            yield _case(f"body: {what} is {name}", fate, lambda k, w=what, v=value: [post(k, update(k, **{w: v}))], 200)


def _fields() -> Iterator[Case]:
    """A message with one thing wrong."""
    for name, change in {
        "chat is missing": {"chat": None},
        "chat is a string": {"chat": "42"},
        "chat id is a string": {"chat": {"id": "42", "type": "private"}},
        "chat id is 2**53": {"chat": {"id": 2**53, "type": "private"}},
        "chat id is -2**63": {"chat": {"id": -(2**63), "type": "private"}},
        "chat id is a fraction": {"chat": {"id": 4.2, "type": "private"}},
        "chat id is true": {"chat": {"id": True, "type": "private"}},
        "chat id is a table": {"chat": {"id": {"$gt": 0}, "type": "private"}},
        "date is a word": {"date": "zz"},
        "date is a number as a string": {"date": "1795000000"},
        "date is missing": {"date": None},
        "date is 2**60": {"date": 2**60},
        "date is -2**60": {"date": -(2**60)},
        "date is a table": {"date": {}},
        "text is a number": {"text": 42},
        "text is a list": {"text": [ABOUT_ME]},
        "text is a table": {"text": {"a": ABOUT_ME}},
        "sender is a string": {"from": ABOUT_ME},
        "sender is a list": {"from": [1]},
        "language is a number": {"from": {"id": 5, "is_bot": False, "first_name": "A", "language_code": 5}},
    }.items():
        yield _said(f"message: {name}", Fate.HELD, **change)
    for name, change in {
        "chat id is negative, in private": {"chat": {"id": -42, "type": "private"}},
        "chat id is nought": {"chat": {"id": 0, "type": "private"}},
        "date is nought": {"date": 0},
        "date is negative": {"date": -1},
        "date is a fraction": {"date": 1.5},
        "message_id is a string": {"message_id": "x"},
        "message_id is -2**63": {"message_id": -(2**63)},
        "sender's id is a string": {"from": {"id": "1 OR 1=1", "is_bot": False, "first_name": ABOUT_ME}},
        "sender's id is negative": {"from": {"id": -5, "is_bot": False, "first_name": ABOUT_ME}},
        "marks that point nowhere": {"entities": [{"type": "bold", "offset": 10**9, "length": -5}]},
        "marks without end": {"entities": [{"type": "url", "offset": 0, "length": 1}] * 900},
        "marks of an unknown kind": {"entities": [{"type": ABOUT_ME, "offset": 0, "length": 1}]},
        "marks that are a string": {"entities": "bold"},
        "a caption and a text": {"caption": ABOUT_ME, "photo": [{"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1}]},
        "somebody's contact": {"text": None, "contact": {"phone_number": "13900007261", "first_name": ABOUT_ME}},
        "a contact without number": {"text": None, "contact": {}},
        "a contact with a number that is none": {"text": None, "contact": {"phone_number": 13900007261, "first_name": ABOUT_ME}},
        "a contact with a number of a kilobyte": {"text": None, "contact": {"phone_number": "+" + "9" * 1024, "first_name": ABOUT_ME}},
        "a contact whose owner is no number": {"text": None, "contact": {"phone_number": "13900007261", "first_name": ABOUT_ME, "user_id": [1]}},
        "a document named as a path": {"text": None, "document": {"file_id": "x", "file_unique_id": "y", "file_name": "../../a\0b"}},
        "a place off the map": {"text": None, "location": {"longitude": 1e308, "latitude": -1e308}},
        "an answer to an answer, 8 deep": {"reply_to_message": None},
        "unknown fields": {ABOUT_ME: ABOUT_ME, "__class__": "x", "__proto__": {"admin": True}},
        "language code of a kilobyte": {"from": {"id": 991000000999, "is_bot": False, "first_name": "A", "language_code": "z" * 1024}},
    }.items():  # fmt: skip
        yield _said(f"message: {name}", Fate.KEPT, **change)
    yield _said("message: no text, no media", Fate.NOTED, text=None)
    yield _said("message: an empty text", Fate.NOTED, text="")


def _kinds() -> Iterator[Case]:
    """Updates that nobody asks anything with."""
    yield _case("kind: none at all", Fate.NOTED, lambda k: [post(k, update(k))])
    for kind in (
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_message",
        "edited_business_message",
    ):
        yield _case(
            f"kind: {kind}",
            Fate.NOTED,
            lambda k, kind=kind: [post(k, update(k, **{kind: {**message(k, f"/forget {ABOUT_ME}"), "edit_date": 5}}))],
        )
    for kind in ("from_the_future", "__init__", "message\0", "poll_", "MESSAGE", "shipping"):
        yield _case(
            f"kind: unknown, {kind!r}", Fate.NOTED, lambda k, kind=kind: [post(k, update(k, **{kind: {"a": ABOUT_ME}}))]
        )
    for kind in (
        "poll",
        "poll_answer",
        "shipping_query",
        "pre_checkout_query",
        "chat_join_request",
        "message_reaction",
    ):
        yield _case(f"kind: {kind}, empty", Fate.SURVIVED, lambda k, kind=kind: [post(k, update(k, **{kind: {}}))], 200)

    def member(k: Known, before: str, after: str, **chat: Any) -> list[Wire]:
        who = person(k)
        bot = {"id": 990_000_001, "is_bot": True, "first_name": "bot"}
        status = [{"status": one, "user": bot, "until_date": 0} for one in (before, after)]
        event = {"chat": {"id": who["id"], "type": "private"} | chat, "from": who, "date": 1_795_000_000}
        return [
            post(k, update(k, my_chat_member={**event, "old_chat_member": status[0], "new_chat_member": status[1]}))
        ]

    yield _case("kind: a status nobody knows", Fate.SURVIVED, lambda k: member(k, "emperor", "ghost"), 200)
    yield _case("kind: blocked in a group", Fate.NOTED, lambda k: member(k, "member", "kicked", id=-5, type="group"))
    yield _said("kind: said by a bot", Fate.NOTED, **{"from": {"id": 5, "is_bot": True, "first_name": ABOUT_ME}})
    yield _said("kind: said in a group", Fate.NOTED, chat={"id": -100123, "type": "group", "title": ABOUT_ME})
    yield _said("kind: said in a chat of no kind", Fate.NOTED, chat={"id": 5, "type": ABOUT_ME})
    for name, words in {
        "sql": WORDS["sql"],
        "long": "a" * 5000,
        "empty": "",
        "emoji": "🙂",
        "details": ABOUT_ME,
    }.items():
        yield _case(
            f"inline: {name}",
            Fate.NOTED,
            lambda k, w=words: [
                post(k, update(k, inline_query={"id": "1", "from": person(k), "query": w, "offset": ""}))
            ],
        )


def _buttons() -> Iterator[Case]:
    """Callback data is whatever a client sends: it counts only when it is signed, in time, for the one who pressed."""
    now = datetime.now(UTC)

    def pressed(k: Known, who: Data, data: Any, **chat: Any) -> Wire:
        shown = {
            "message_id": 1,
            "date": 1_795_000_000,
            "text": "?",
            "chat": {"id": who["id"], "type": "private"} | chat,
        }
        query = {"id": str(k.number()), "from": who, "chat_instance": "1", "data": data, "message": shown}
        return post(k, update(k, callback_query=query))

    def own(k: Known, who: Data, value: str = "clause:privacy.7.2", at: datetime = now) -> str:
        return Buttons(k.signing_key).data(value, str(who["id"]), at)

    def case(name: str, fate: Fate, build: Any, *statuses: int) -> Case:
        def wires(k: Known) -> Sequence[Wire]:
            return [build(k, person(k))]

        return _case(f"button: {name}", fate, wires, *statuses or (200,))

    yield case("a true one", Fate.TAKEN, lambda k, who: pressed(k, who, own(k, who)))
    yield case("somebody else's", Fate.NOTED, lambda k, who: pressed(k, who, own(k, person(k))))
    yield case("too old", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who, at=now - timedelta(weeks=10))))
    yield case(
        "from times to come", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who, at=now + timedelta(weeks=99)))
    )
    yield case("in another chat", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who), id=5))
    yield case("in a group", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who), id=-5, type="group"))
    yield case("another value, the same signature", Fate.NOTED, lambda k, who: pressed(k, who, "x" + own(k, who)))
    yield case("one byte of the signature", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who)[:-1] + "!"))
    yield case("no signature", Fate.NOTED, lambda k, who: pressed(k, who, "clause:privacy.7.2"))
    yield case(
        "signed with another key",
        Fate.NOTED,
        lambda k, who: pressed(k, who, Buttons(b"x" * 32).data("a", str(who["id"]), now)),
    )
    yield case("a digest whose label is gone", Fate.NOTED, lambda k, who: pressed(k, who, own(k, who, "a" * 99)))
    yield case("hostile value, truly signed", Fate.KEPT, lambda k, who: pressed(k, who, own(k, who, "'; DROP TABLE x")))
    for name, data in {"empty": "", "marks": "~~~~", "NUL": "\0~00AAAAAAAA", "10,000 characters": "a" * 10_000,
                       "details": ABOUT_ME, "Chinese": "条款~零零一二三四五六七八", "no string": 5, "a table": {"a": 1}}.items():  # fmt: skip
        yield case(f"data is {name}", Fate.SURVIVED, lambda k, who, d=data: pressed(k, who, d))

    def twice(k: Known) -> Sequence[Wire]:
        who = person(k)
        wire = pressed(k, who, own(k, who))
        return [wire, wire]

    yield _case("button: the same press comes twice", Fate.NOTED, twice, 200)


def _again() -> Iterator[Case]:
    """What has taken effect doesn't again."""

    def same(k: Known) -> Sequence[Wire]:
        wire = normal(k)
        return [wire, wire]

    def other(k: Known) -> Sequence[Wire]:
        first, second = said(k), said(k, f"/forget {ABOUT_ME}")
        return [post(k, first), post(k, {**second, "update_id": first["update_id"]})]

    def held(k: Known) -> Sequence[Wire]:
        wire = post(k, b'{"again": "' + str(k.number()).encode() + b'"}')
        return [wire, wire]

    yield _case("again: the same update", Fate.NOTED, same, 200)
    yield _case("again: its number with other words", Fate.NOTED, other, 200)
    yield _case("again: the same garbage", Fate.NOTED, held, 200)
    yield _case(
        "again: numbers begin anew after a quiet week",
        Fate.TAKEN,
        lambda k: [post(k, {**said(k), "update_id": 900_000_000 - k.number()})],
    )


def _transport() -> Iterator[Case]:
    """HTTP itself."""

    def of(name: str, fate: Fate, build: Any, *statuses: int, is_slow: bool = False) -> Case:
        return _case(f"http: {name}", fate, lambda k: [build(k)], *statuses, is_slow=is_slow)

    def body(k: Known) -> bytes:
        return json.dumps(said(k, f"{QUESTION} {ABOUT_ME}"), ensure_ascii=False).encode()

    yield of("chunked", Fate.TAKEN, lambda k: post(k, body(k), chunk=100))
    yield of("chunked, byte by byte", Fate.TAKEN, lambda k: post(k, body(k), chunk=1))
    yield of(
        "without end, secret known", Fate.HELD, lambda k: post(k, b"a" * 60_000, chunk=60_000, is_endless=True), 200
    )
    yield of("without end, secret wrong", Fate.REFUSED, lambda k: post(k, b"a" * 60_000, chunk=60_000, is_endless=True, secret=b"x"), 403)  # fmt: skip
    yield of("ten megabytes, secret wrong", Fate.REFUSED, lambda k: post(k, b"a" * 10_000_000, secret=b"x"), 403)
    yield of("in pieces", Fate.TAKEN, lambda k: post(k, body(k), pause=0.02))
    yield of("so slowly that it never ends", Fate.REFUSED, lambda k: post(k, b"{" * 100, pause=0.5, is_endless=True, length="900000"), 408, is_slow=True)  # fmt: skip
    yield of("less than was said", Fate.REFUSED, lambda k: post(k, body(k), length="99999"), 408, is_slow=True)
    yield of("more than was said", Fate.HELD, lambda k: post(k, body(k), length="9"), 200)
    yield of("no length", Fate.NOTED, lambda k: post(k, b"", length=""), 200)  # As the empty body before.
    yield of("a negative length", Fate.REFUSED, lambda k: post(k, body(k), length="-1"))
    yield of("a length in words", Fate.REFUSED, lambda k: post(k, body(k), length="many"))
    yield of("a length of 30 digits", Fate.REFUSED, lambda k: post(k, body(k), length="9" * 30))
    yield of("length and chunks", Fate.REFUSED, lambda k: post(k, body(k), ("Content-Length", b"5"), chunk=50))
    yield of("two lengths", Fate.REFUSED, lambda k: post(k, body(k), ("Content-Length", b"5")))
    yield of("chunks that aren't", Fate.REFUSED, lambda k: post(k, b"zz\r\n" + body(k), ("Transfer-Encoding", b"chunked"), length=""))  # fmt: skip
    yield of("a header of 100,000 bytes", Fate.SURVIVED, lambda k: post(k, body(k), ("X-A", b"a" * 100_000)))
    yield of("10,000 headers", Fate.SURVIVED, lambda k: post(k, body(k), *[("X-A", b"a")] * 10_000))
    yield of("asked whether to go on", Fate.TAKEN, lambda k: post(k, body(k), ("Expect", b"100-continue")))
    yield of("would be a WebSocket", Fate.SURVIVED, lambda k: post(k, body(k), ("Upgrade", b"websocket"), ("Sec-WebSocket-Key", b"x")))  # fmt: skip
    for name, raw in {
        "headers without end": b"POST /telegram HTTP/1.1\r\n" + b"X-A: a\r\n" * 400_000,
        "one header without end": b"POST /telegram HTTP/1.1\r\nX-A: " + b"a" * 3_000_000,
        "a path without end": b"POST /telegram?" + b"a" * 3_000_000,
        "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        "a greeting of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "no protocol": b"POST /telegram\r\n\r\n",
        "noise": bytes(range(256)) * 40 + b"\r\n\r\n",
        "line ends of UNIX": b"POST /telegram HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}",
        "a NUL in the path": b"POST /tele\0gram HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    }.items():
        yield of(name, Fate.REFUSED, lambda k, raw=raw: Wire(PATH, raw=raw))
    pipelined = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 50_000
    yield of("50,000 requests at once", Fate.SURVIVED, lambda k: Wire(PATH, raw=pipelined))
