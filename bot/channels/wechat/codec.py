"""Pushes as they travel: query and body in, the XML that WeChat wrote out, and the encrypted answer.

NotWeChat   nobody who knows our token wrote this, or it is old, or for another account -> 403
Garbage     it is signed and still can't be read -> quarantine, and `success`

Signature and encryption: https://developers.weixin.qq.com/doc/subscription/guide/dev/push/encryption.html
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.messages import BaseMessage
from wechatpy.parser import parse_message
from wechatpy.utils import WeChatSigner

from bot.channels.wechat.settings import WeChatSettings

FRESH = timedelta(seconds=300)
"""How far the signed time may be from ours, either way."""
DEPTH_MOST, ELEMENTS_MOST = 4, 64
"""WeChat's deepest push (a list of subscriptions) has 4 levels and about 25 elements."""
ECHO = re.compile(r"[0-9A-Za-z_+/=-]{1,256}")
_NONCE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TIME = re.compile(r"[0-9]{1,11}")
_MARKUP = re.compile(r"<!\[CDATA\[|<(/?)[A-Za-z_][A-Za-z0-9_.-]{0,63}\s*(/?)>|<")
_FROM = re.compile(r"<FromUserName>\s*(?:<!\[CDATA\[)?([0-9A-Za-z_-]{1,64})(?:\]\]>)?\s*</FromUserName>")
_DECLARATION = re.compile(r"\s*<\?xml[^<>]{0,100}\?>")


class NotWeChat(Exception):
    """This is not from WeChat, not from now, or not for this account."""


class Garbage(Exception):
    """Signed, and not to be read. `what` says where it went wrong, `text` is as much as was decrypted."""

    def __init__(self, what: str, text: str = "") -> None:
        super().__init__(what)
        self.what, self.text = what, text

    @property
    def sender(self) -> str | None:
        """Who sent it, where that much can be read: so that erasing a person finds it."""
        return found[1] if (found := _FROM.search(self.text)) else None


class _Prp(PrpCrypto):  # type: ignore[misc]  # wechatpy has no types
    """wechatpy's AES envelope, its salt from the system's generator instead of a shuffle of letters."""

    def get_random_string(self) -> str:
        return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True)
class Signed:
    """The part of a query that is signed."""

    at: datetime
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Push:
    """One push, opened. `message` is wechatpy's reading, `key` the place of the AES key that opened it, None for none."""

    signed: Signed
    xml: str
    message: BaseMessage
    key: int | None


class Codec:
    """Opens pushes to one account and seals the answers."""

    def __init__(self, settings: WeChatSettings) -> None:
        self._settings = settings
        keys = [key for key in (settings.aes_key, settings.aes_key_old) if key]
        self._cryptos = [WeChatCrypto(settings.token, key, settings.app_id) for key in keys]

    def echo(self, query: Mapping[str, list[str]], now: datetime) -> str:
        """What WeChat wants to hear when our address is entered in its console. Raises NotWeChat."""
        signed = _signed(query, now)
        self._check(_one(query, "signature"), signed)
        echo = _one(query, "echostr")
        if not ECHO.fullmatch(echo):
            raise NotWeChat("echostr")
        return echo

    def open(self, query: Mapping[str, list[str]], body: bytes, now: datetime) -> Push:
        """The push in a request. Raises NotWeChat, Garbage."""
        signed = _signed(query, now)
        kind = _one(query, "encrypt_type") if "encrypt_type" in query else "raw"
        if kind == "aes" and self._cryptos:
            encrypted = self._envelope(body)
            self._check(_one(query, "msg_signature"), signed, encrypted)
            xml, key = self._decrypt(encrypted)
        elif kind == "raw" and self._settings.plain_mode:
            self._check(_one(query, "signature"), signed)
            xml, key = _text(body), None
        else:
            raise NotWeChat("mode")
        return Push(signed, xml, read(xml), key)

    def seal(self, xml: str, push: Push, now: datetime) -> str:
        """The answer to `push`, encrypted with the key that opened it; as it is when the push was not encrypted."""
        if push.key is None:
            return xml
        crypto, stamp = self._cryptos[push.key], str(int(now.timestamp()))
        return str(crypto._encrypt_message(xml, push.signed.nonce, stamp, _Prp))

    def _check(self, given: str, signed: Signed, *more: str) -> None:
        signer = WeChatSigner()
        signer.add_data(self._settings.token, signed.timestamp, signed.nonce, *more)
        if not hmac.compare_digest(signer.signature.encode(), given.encode("utf-8", "surrogatepass")):
            raise NotWeChat("signature")

    def _envelope(self, body: bytes) -> str:
        """The Encrypt element. Nothing is proven yet, so what can't be read is simply not WeChat's."""
        try:
            text = _text(body)
            check_form(text)
            root = ElementTree.fromstring(text)  # noqa: S314  check_form lets no declaration of entities through
            (encrypted,) = root.iter("Encrypt")
        except Exception as bad:  # The parser fails in as many ways as there are bad bodies.
            raise NotWeChat("envelope") from bad
        if root.tag != "xml" or encrypted not in list(root) or len(encrypted) or not encrypted.text:
            raise NotWeChat("envelope")
        return encrypted.text.strip()

    def _decrypt(self, encrypted: str) -> tuple[str, int]:
        failure = "AES"
        for place, crypto in enumerate(self._cryptos):
            try:
                return str(_Prp(crypto.key).decrypt(encrypted, self._settings.app_id)), place
            except InvalidAppIdException as other:
                raise NotWeChat("appid") from other
            except Exception as bad:  # As the envelope's parser: garbage fails in many ways, each of them tested.
                failure = type(bad).__name__
        raise Garbage(f"decrypting: {failure}")


def read(xml: str) -> BaseMessage:
    """What wechatpy makes of the XML, all its fields plain strings or elements in their own right. Raises Garbage."""
    try:
        check_form(xml)
        message = parse_message(xml)
        fields: Any = message._data
        odd = [name for name, value in fields.items() if not isinstance(value, str | dict | None)]
    except Garbage as bad:
        raise Garbage(bad.what, xml) from bad
    except Exception as bad:
        raise Garbage(f"parsing: {type(bad).__name__}", xml) from bad
    if odd:
        raise Garbage("parsing: an element twice", xml)
    return message


def check_form(xml: str) -> None:
    """Refuses what WeChat never writes: anything but plain elements, text and CDATA, too deep, too many. Raises Garbage.

    Reads each character once, so it costs the same whatever the body is made of.
    """
    depth = elements = 0
    place = found.end() if (found := _DECLARATION.match(xml)) else 0
    while found := _MARKUP.search(xml, place):
        place = found.end()
        if found[0] == "<![CDATA[":
            end = xml.find("]]>", place)
            if end < 0:
                raise Garbage("form: CDATA without end")
            place = end + 3
        elif found[0] == "<":
            raise Garbage("form: markup")
        elif found[1]:
            depth -= 1
        else:
            elements += 1
            depth += not found[2]
            if depth > DEPTH_MOST or elements > ELEMENTS_MOST:
                raise Garbage("form: too large")


def _signed(query: Mapping[str, list[str]], now: datetime) -> Signed:
    timestamp, nonce = _one(query, "timestamp"), _one(query, "nonce")
    if not _TIME.fullmatch(timestamp) or not _NONCE.fullmatch(nonce):
        raise NotWeChat("query")
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(timestamp))
    if abs(at - now) > FRESH:
        raise NotWeChat("time")
    return Signed(at, timestamp, nonce)


def _one(query: Mapping[str, list[str]], name: str) -> str:
    values = query.get(name, [])
    if len(values) != 1:
        raise NotWeChat("query")
    return values[0]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise Garbage("not UTF-8") from bad
