"""Secrets and personal numbers that people paste into a chat, masked before anything is stored.

- numbers that give themselves away by shape, date or check digit, and numbers that are named (`pasted_numbers.py`)
- passwords, codes, keys and tokens (`pasted_secrets.py`)

What is found is cut out of the text as it was written; everything else stays untouched. The words put in its place are
in the language of the message. A name or an address in plain words is not recognised.
"""

import re
import unicodedata
from collections.abc import Sequence

from bot.core.pasted import Pasted, found_by, replaced
from bot.core.pasted_numbers import NUMBERS
from bot.core.pasted_secrets import SECRETS
from intents.language import is_traditional
from knowledge.normal import visible

_SUSPECT = re.compile(
    r"[^\W_a-zA-Z\u3400-\u9fff]|[@\uff20]|pass|p[sw]|secret|token|key|phrase|mnemonic"
    r"|[密秘金][码碼钥鑰匙]|口令|令牌|助[记記]|-----BEGIN|[A-Za-z0-9_-]{16}",
    re.IGNORECASE,
)
"""What every secret has: a digit of any script, an @, a long run of letters, or a word that introduces one. Most messages have none."""
_HAN = re.compile("[\u3400-\u9fff]")

_WORDS = {
    "en": {
        "identity": "ID number", "passport": "passport", "phone": "phone", "card": "card", "account": "account",
        "secret": "secret", "token": "token", "private key": "private key", "code": "code",
    },
    "zh": {
        "identity": "身份证号", "passport": "护照号", "phone": "电话", "card": "银行卡", "account": "银行账号",
        "secret": "已遮盖", "token": "密钥", "private key": "私钥", "code": "数字码",
    },
    "zh-Hant": {
        "identity": "身分證號", "passport": "護照號碼", "phone": "電話", "card": "銀行卡", "account": "銀行帳號",
        "secret": "已遮蓋", "token": "金鑰", "private key": "私密金鑰", "code": "數字碼",
    },
}  # fmt: skip
"""What stands in the place of each kind, in brackets."""
_SHELVES = (*SECRETS, *NUMBERS)
"""In this order, because a password may look like a number."""


READ_AT_MOST, EDGE = 8_000, 64
"""Characters that are looked at: twice what a message may hold. What may be half of a number at the end is dropped."""


class _Folds(dict[int, int]):
    """Full width to half width (NFKC), a character for a character: a place in the folded text is one in the text."""

    def __missing__(self, point: int) -> int:
        folded = unicodedata.normalize("NFKC", chr(point))
        self[point] = ord(folded) if len(folded) == 1 else point
        return self[point]


_FOLDS = _Folds()


def mask(text: str) -> str:
    """`text`, made visible, with a word in brackets in the place of each secret it held.

    Longer than READ_AT_MOST it is cut: nothing is kept that wasn't looked at.
    """
    shown = visible(text)
    if len(shown) > READ_AT_MOST:
        return mask(shown[:READ_AT_MOST])[:-EDGE]
    return masked_in(shown, found_in(shown)) if _SUSPECT.search(shown) else shown


def found_in(text: str) -> list[Pasted]:
    """Every secret of a text, however long, in its order."""
    return found_by(_SHELVES, text if text.isascii() else text.translate(_FOLDS))


def masked_in(text: str, found: Sequence[Pasted]) -> str:
    """`text` with a word in brackets in the place of each secret that was found in it."""
    if not found:
        return text
    words = _WORDS["en"]
    if _HAN.search(text):
        words = _WORDS["zh-Hant" if is_traditional(text) else "zh"]

    def word(one: Pasted) -> str:
        if one.kind == "mail":
            return "***"
        return f"[{words[one.kind]} ***{one.last}]" if one.last else f"[{words[one.kind]}]"

    return replaced(text, found, word)
