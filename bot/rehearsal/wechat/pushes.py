"""Pushes to the bot: signed, encrypted, five seconds, three tries, and what the person sees of it."""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.rehearsal.control import Control
from bot.rehearsal.faults import Kind
from bot.rehearsal.serving import Waiting
from bot.rehearsal.wechat.account import Account
from bot.rehearsal.wechat.drawn import TEXT_BYTES
from bot.rehearsal.wechat.envelope import Unreadable, from_xml, signature, to_xml
from bot.rehearsal.wechat.followers import UNAVAILABLE, Data, Followers

PATIENCE = 5.0
"""Seconds until WeChat ends the connection. Source: doc, passive reply."""
TRIES = 3
"""Tries in all. The page can also be read as three repeats after the first; some servers have seen four."""
_QUIET = ("unsubscribe", "view", "templatesendjobfinish", "subscribe_msg_sent_event", "user_info_modified",
          "user_authorization_revoke", "location")  # fmt: skip
"""Events after which the person sees no error line."""


@dataclass(slots=True)
class Push:
    """One push and its fate: "waiting", "replied", "acknowledged", "failed"."""

    number: int
    openid: str
    xml: str
    shows_errors: bool
    state: str = "waiting"
    tries: list[str] = field(default_factory=list)
    reply: Data | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def as_data(self) -> Data:
        names = ("number", "openid", "xml", "state", "tries", "reply")
        return {name: getattr(self, name) for name in names}


class Pushes:
    """Sends pushes to `webhook`, at once and beside one another: WeChat keeps no order."""

    def __init__(
        self, control: Control, account: Account, followers: Followers, webhook: str, *, safe: bool, hurry: float
    ) -> None:
        self._control, self._account, self._followers = control, account, followers
        self.webhook, self.safe, self._hurry = webhook, safe, hurry
        self.past: deque[Push] = deque(maxlen=10_000)
        self._numbers = 0
        self._chance = Random(f"nonce/{control.script.seed}")  # noqa: S311  a rehearsal repeats itself
        self._running = Waiting()
        self._session: aiohttp.ClientSession | None = None

    def send(self, openid: str, fields: Data) -> Push:
        """Pushes `fields` in WeChat's own order: to whom, from whom, when, then the rest."""
        head = {
            "ToUserName": self._account.original_id,
            "FromUserName": openid,
            "CreateTime": fields.get("CreateTime", self._control.clock.unix()),
        }
        event = str(fields.get("Event", "")).lower()
        return self.send_xml(openid, to_xml({**head, **fields}), shows_errors=event not in _QUIET)

    def send_xml(self, openid: str, xml: str, *, shows_errors: bool = False, off: float = 0.0) -> Push:
        """Pushes any text as the inner document, well signed; `off` moves its timestamp by so many seconds."""
        self._numbers += 1
        push = Push(self._numbers, openid, xml, shows_errors)
        self.past.append(push)
        self._running.start(self._run(push, off))
        return push

    async def verify(self) -> bool:
        """What WeChat does when somebody saves the address: whether the bot gives the echo back."""
        stamp, nonce, echo = str(self._control.clock.unix()), self._nonce(), self._nonce()
        given = {"signature": signature(self._account.token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
        call = self._control.journal.open("verify", "", given, "out")
        try:
            async with self._open().get(f"{self.webhook}?{urlencode({**given, 'echostr': echo})}") as answer:
                status, said = answer.status, (await answer.text("utf-8", "replace"))[:200]
        except (aiohttp.ClientError, TimeoutError) as broken:
            status, said = 0, type(broken).__name__
        self._control.journal.close(call, status, said)
        return status == 200 and said == echo

    async def close(self) -> None:
        await self._running.end()
        if self._session:
            await self._session.close()
            self._session = None

    def _nonce(self) -> str:
        return str(self._chance.randrange(10**8, 10**10))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # The threshold: aiohttp rounds limits of five seconds and more up to the next full second.
            patience = aiohttp.ClientTimeout(total=PATIENCE / self._hurry, ceil_threshold=2 * PATIENCE)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=patience)
        return self._session

    def _address(self, push: Push, off: float) -> tuple[str, bytes]:
        """Address and body of one try."""
        stamp, nonce = str(self._control.clock.unix() + int(off)), self._nonce()
        query = {"signature": signature(self._account.token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
        query["openid"] = push.openid
        body = push.xml
        if self.safe:
            sealed = self._account.box.seal(push.xml, hashlib.md5(nonce.encode(), usedforsecurity=False).digest())
            query["encrypt_type"] = "aes"
            query["msg_signature"] = signature(self._account.token, stamp, nonce, sealed)
            body = to_xml({"ToUserName": self._account.original_id, "Encrypt": sealed})
        return f"{self.webhook}?{urlencode(query)}", body.encode("utf-8", "surrogatepass")

    async def _run(self, push: Push, off: float) -> None:
        if not self.webhook:
            push.state = "failed"
            push.done.set()
            return
        fault = self._control.script.at("push", push.openid)
        if fault and fault.kind in (Kind.LATE, Kind.SWAP):
            await asyncio.sleep((fault.seconds if fault.kind is Kind.LATE else 0.5) / self._hurry)
        address, body = self._address(push, off)
        for number in range(TRIES):
            if number == 2:  # Whether a repeat is signed anew isn't documented: the second isn't here, the third is.
                address, body = self._address(push, off)
            if await self._try(push, address, body, str(fault.kind) if fault else ""):
                break
        else:
            self._fail(push)
        if fault and fault.kind is Kind.DUPLICATE:
            await self._try(push, address, body, "duplicate")
        push.done.set()

    async def _try(self, push: Push, address: str, body: bytes, fault: str) -> bool:
        """One push; whether it was answered in time, rightly or wrongly."""
        call = self._control.journal.open("push", push.openid, {"xml": push.xml}, "out")
        headers = {"Content-Type": "text/xml", "Pragma": "no-cache"}
        said: Any
        try:
            async with self._open().post(address, data=body, headers=headers, allow_redirects=False) as answer:
                status, raw = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as broken:
            status, raw, said = 0, b"", type(broken).__name__
        else:
            said = raw[:2000].decode("utf-8", "replace")
        push.tries.append(str(status))
        # A status other than 200 is taken for no answer; the documentation is silent on it.
        if status == 200:
            said = self._take(push, raw, said)
        self._control.journal.close(call, status, said, fault)
        return status == 200

    def _take(self, push: Push, raw: bytes, said: str) -> Any:
        """What the answer of the bot does; what the journal keeps of it."""
        again = push.state != "waiting"
        if raw in (b"", b"success"):
            if not again:
                push.state = "acknowledged"
            return said
        try:
            reply = self._read(raw)
            text = _shown(reply)
        except Unreadable as bad:
            if not again:
                self._fail(push, str(bad))
            return {"unreadable": str(bad), "body": said}
        if again:
            return reply
        push.state, push.reply = "replied", reply
        follower = self._followers.all.get(push.openid)
        if follower:
            self._followers.show(follower, "bot", text, via="passive", kind=reply.get("MsgType"))
        self._control.journal.effect(push.openid, text)
        return reply

    def _read(self, raw: bytes) -> Data:
        try:
            outer = from_xml(raw.decode())
        except UnicodeDecodeError as bad:
            raise Unreadable("it is no UTF-8") from bad
        if not self.safe:
            return outer
        stamp, nonce, sealed = (str(outer.get(name, "")) for name in ("TimeStamp", "Nonce", "Encrypt"))
        if not sealed:
            raise Unreadable("the reply is not encrypted")
        if outer.get("MsgSignature") != signature(self._account.token, stamp, nonce, sealed):
            raise Unreadable("the signature of the reply is wrong")
        reply = from_xml(self._account.box.open(sealed))
        if reply.get("FromUserName") != self._account.original_id:
            raise Unreadable("the reply is not from this account")
        return reply

    def _fail(self, push: Push, why: str = "no answer") -> None:
        push.state = "failed"
        push.tries.append(why)
        follower = self._followers.all.get(push.openid)
        if follower and push.shows_errors:
            self._followers.show(follower, "wechat", UNAVAILABLE, why=why)


def _shown(reply: Data) -> str:
    """The words of a passive reply. Raises Unreadable for what WeChat wouldn't show."""
    kind = reply.get("MsgType")
    if kind == "text":
        text = str(reply.get("Content", ""))
        if not text:
            raise Unreadable("the text is empty")
        if len(text.encode()) > TEXT_BYTES:
            raise Unreadable("the text is too long")
        return text
    if kind in ("image", "voice", "video", "music", "news", "transfer_customer_service"):
        return f"[{kind}]"
    raise Unreadable(f"there is no MsgType {kind!r}")
