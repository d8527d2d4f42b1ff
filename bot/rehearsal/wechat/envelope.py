"""Signature, encryption and XML of WeChat's pushes, written from Tencent's description alone so that it can check others.

Source: developers.weixin.qq.com/doc/subscription/guide/dev/push/encryption.html
"""

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from lxml import etree

_BLOCK = 32

Fields = Mapping[str, Any]


class Unreadable(ValueError):
    """What should have been an envelope isn't one; the message says why."""


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts, in hexadecimal: token, timestamp, nonce, and in safe mode the ciphertext."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


class Box:
    """Encrypts for one account. `aes_key` has 43 characters. Raises ValueError for another length."""

    def __init__(self, aes_key: str, app_id: str) -> None:
        try:
            self._key = base64.b64decode(aes_key + "=", validate=True) if len(aes_key) == 43 else b""
        except ValueError:
            self._key = b""
        if len(self._key) != 32:
            raise ValueError("an EncodingAESKey has 43 letters and digits")
        self._app_id = app_id.encode()

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))

    def seal(self, text: str, random16: bytes) -> str:
        """Base64 of AES-256-CBC over 16 random bytes, the length, the text and the app id, padded to 32 bytes."""
        words = text.encode("utf-8", "surrogatepass")
        plain = random16 + struct.pack(">I", len(words)) + words + self._app_id
        gap = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([gap]) * gap) + encryptor.finalize()).decode()

    def open(self, sealed: str) -> str:
        """The text. Raises Unreadable when padding, length or app id are not as they must be."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            decryptor = self._cipher().decryptor()
            plain = decryptor.update(raw) + decryptor.finalize()
        except ValueError as bad:
            raise Unreadable(f"no ciphertext: {bad}") from bad
        gap = plain[-1] if plain else 0
        if not 1 <= gap <= _BLOCK or plain[-gap:] != bytes([gap]) * gap:
            raise Unreadable("the padding is wrong")
        plain = plain[:-gap]
        length = struct.unpack(">I", plain[16:20])[0] if len(plain) >= 20 else -1
        if not 0 <= length <= len(plain) - 20:
            raise Unreadable("the length is wrong")
        if plain[20 + length :] != self._app_id:
            raise Unreadable("it is for another app id")
        try:
            return plain[20 : 20 + length].decode()
        except UnicodeDecodeError as bad:
            raise Unreadable("it is no UTF-8") from bad


def to_xml(fields: Fields) -> str:
    """Fields as WeChat writes them: text in CDATA, numbers plain, a list as the same element again and again."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Fields) -> str:
    return "".join(_element(name, value) for name, value in fields.items())


def _element(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = _elements(value)
    elif isinstance(value, str):
        inner = f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
    elif isinstance(value, Sequence):
        return "".join(_element(name, each) for each in value)
    else:
        inner = str(value)
    return f"<{name}>{inner}</{name}>"


def from_xml(source: str) -> dict[str, Any]:
    """The fields of a document of one level of nesting and more. Raises Unreadable, also for an element that is there twice.

    WeChat's own reader is as strict: what it can't read becomes an error line in the person's chat.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, strip_cdata=True)
    try:
        root = etree.fromstring(source.encode("utf-8", "surrogatepass"), parser)
    except (etree.XMLSyntaxError, ValueError) as bad:
        raise Unreadable(f"no XML: {bad}") from bad
    if root.tag != "xml":
        raise Unreadable("the document's element is not <xml>")
    return _fields(root)


def _fields(element: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        if not isinstance(child.tag, str):
            raise Unreadable("entities and comments have no place here")
        value: Any = _fields(child) if len(child) else (child.text or "")
        if child.tag == "item":
            found.setdefault("item", []).append(value)
        elif child.tag in found:
            raise Unreadable(f"<{child.tag}> is there twice")
        else:
            found[child.tag] = value
    return found
