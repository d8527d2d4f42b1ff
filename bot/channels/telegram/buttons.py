"""What a button carries: its value, signed for one person and a time, in the 64 bytes that Telegram allows.

A client of somebody's own making can send any callback data ("the message can contain no callback buttons with this
data", says the Bot API), so what isn't signed for the one who pressed has no effect.

    clause:privacy.3.1~0kXXXXXXXX       value ~ last week (2 characters, base 36) + 8 characters of an HMAC
    #kT1pQd0...~0kXXXXXXXX              a value too long to fit: its digest; the press is told by the button's label
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime

DATA_MAX = 64
"""Bytes of callback_data. Source: Bot API, InlineKeyboardButton."""
WEEKS = 8
"""How long a button works: this week and so many more. The steps of a dialogue end sooner, by the dialogue's own rule."""
LONG = "#"
_MARK = "~"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ROUND = len(_DIGITS) ** 2
_WEEK = 7 * 24 * 3600


class Buttons:
    """Signs and reads callback data. `key` is the installation's signing key."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"telegram buttons", "sha256")

    def data(self, value: str, person: str, now: datetime) -> str:
        """The callback data of a button with `value`, for `person` alone. At most 64 bytes."""
        last = (int(now.timestamp()) // _WEEK + WEEKS) % _ROUND
        week = _DIGITS[last // len(_DIGITS)] + _DIGITS[last % len(_DIGITS)]
        carried = value
        if value.startswith(LONG) or len(value.encode("utf-8", "replace")) > DATA_MAX - len(_MARK) - 10:
            carried = LONG + _short(hashlib.sha256(value.encode("utf-8", "replace")).digest()[:15])
        return f"{carried}{_MARK}{week}{self._signature(carried, person, week)}"

    def read(self, data: str, person: str, now: datetime) -> str | None:
        """The value, or LONG + digest; None when `data` is forged, another's, or too old."""
        carried, mark, tail = data.rpartition(_MARK)
        week, signature = tail[:2], tail[2:]
        expected = self._signature(carried, person, week)
        if not mark or not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
            return None
        ahead = (int(week, 36) - int(now.timestamp()) // _WEEK) % _ROUND
        return carried if ahead <= WEEKS else None

    def _signature(self, carried: str, person: str, week: str) -> str:
        signed = f"{person}\n{week}\n{carried}".encode("utf-8", "replace")
        # `hmac.digest` lets another thread in at every call, and this one waits for its turn (measured).
        return _short(hmac.new(self._key, signed, "sha256").digest()[:6])


def _short(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
