"""One-time codes: eight digits that are computed when they are sent and when they are checked, and stored nowhere."""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from storage.crypto import Keyring

DIGITS = 8
VALID_FOR = {"email": timedelta(minutes=10), "phone": timedelta(minutes=5)}
"""Counted from when the code is sent. At most 10 minutes: NIST SP 800-63B, out-of-band authenticators."""
NUMBERS_FROM, NUMBERS = 10, 90
"""The two-digit numbers that chat and portal show each other: 10 to 99."""

_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]")


def digits_of(typed: str, count: int = DIGITS) -> str | None:
    """`typed` as that many ASCII digits; None when it isn't. Full width, blanks and dashes are read over."""
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", typed[:64]))
    return plain if re.fullmatch(rf"[0-9]{{{count}}}", plain) else None


@dataclass(frozen=True, slots=True)
class Codes:
    """The key of all codes, and how two are compared."""

    key: bytes = field(repr=False)
    is_same: Callable[[bytes, bytes], bool] = hmac.compare_digest
    """Takes as long wherever the first difference lies."""

    @classmethod
    def of(cls, keyring: Keyring) -> "Codes":
        """The codes of this installation."""
        return cls(hmac.new(keyring.signing, b"derived:one-time codes", hashlib.sha256).digest())

    def code(self, verification_id: int, salt: bytes) -> str:
        """The eight digits of one verification. The salt keeps an id that a restored backup gives out again apart."""
        return f"{self._number('code', verification_id, salt) % 10**DIGITS:0{DIGITS}}"

    def number(self, side: str, offer_id: int, person_id: int, token_index: str) -> str:
        """The two digits that the chat, or the portal, shows while a chat is being connected. `side` says which."""
        return str(NUMBERS_FROM + self._number(side, offer_id, f"{person_id}:{token_index}".encode()) % NUMBERS)

    def are_same(self, right: str, typed: str) -> bool:
        """Whether the typed digits are the right ones."""
        return self.is_same(right.encode(), typed.encode())

    def _number(self, purpose: str, row: int, more: bytes) -> int:
        # Cut from 64 bits: no digit is likelier than another by more than 10^-11.
        mac = hmac.new(self.key, f"{purpose}:{row}:".encode() + more, hashlib.sha256).digest()
        return int.from_bytes(mac[:8])
