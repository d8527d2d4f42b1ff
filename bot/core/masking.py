"""Secrets and personal numbers that people paste into a chat, masked before anything is stored.

Works on the NFKC form, so full-width digits count; [0-9], never \\d (Arabic digits match \\d). What is found:
- PRC identity numbers: shape, birth date and the check character of GB 11643 (ISO 7064 MOD 11-2)
- bank cards: 13 to 19 digits that pass Luhn (ISO/IEC 7812); the last four stay
- PRC mobile numbers, also with +86, blanks or dashes; the last three stay. Other numbers written with +country
- e-mail addresses; the first letter and the domain stay
- passwords and keys named as such, tokens with a known shape, one-time codes (8 digits on their own)
"""

import re
import unicodedata
from datetime import date

from knowledge.normal import visible

_GAP = r"[ \-\u2010-\u2015]?"
_SUSPECT = re.compile(
    r"[^\W_a-zA-Z\u3400-\u9fff]|@|pass|pwd|secret|token|key|密|口令|验证码|驗證碼|金鑰|\uff20|-----BEGIN|[A-Za-z0-9_-]{16}",
    re.IGNORECASE,
)
"""What every secret has: a digit of any script, an @, a long run of letters, or a word that introduces one. Most messages have none."""
_ID = re.compile(rf"(?<![0-9])[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx](?![0-9])")
_CARD = re.compile(rf"(?<![0-9])[0-9](?:{_GAP}[0-9]){{12,18}}(?![0-9])")
_MOBILE = re.compile(rf"(?<![0-9])1[3-9](?:{_GAP}[0-9]){{9}}(?![0-9])")
_CHINA = re.compile(rf"(?<![0-9])(?:\+|00)?86{_GAP}1[3-9](?:{_GAP}[0-9]){{9}}(?!{_GAP}[0-9])")
_FOREIGN = re.compile(rf"(?<![0-9+])\+[1-9](?:{_GAP}[0-9]){{7,14}}(?![0-9])")
_MAIL = re.compile(r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-]{1,64})@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})")
_SAID_OF_PASSWORDS = (
    "already|also|always|being|changed|compromised|correct|encrypted|exposed|forgotten|hacked|hashed|invalid|kept|known"
    "|leaked|lost|necessary|needed|never|public|required|reset|safe|saved|secure|seen|sent|shared|still|stolen|stored"
    "|stronger|used|visible|weak|what|where|wrong"
)
"""Words that follow "my password is" when people speak of a password instead of giving it away."""
_SECRET = re.compile(
    r"(?i)((?:password|passwd|passcode|pwd|secret|token|api[ _-]?key|access[ _-]?key|验证码|驗證碼|密码|密碼|口令|密钥|金鑰)"
    r"\s*(?:(?:(?:is|was)(?![a-z])|是|为|為)?\s*[:：=]\s*|(?:is|was)\s+(?!(?:"
    + _SAID_OF_PASSWORDS
    + r")\b)|[是为為]\s*(?=[!-~])))"
    r"([^\s,;，；。]{4,128})"
)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9]{8,10}:[A-Za-z0-9_-]{35}|AKIA[0-9A-Z]{16}|LTAI[0-9A-Za-z]{12,26}|gh[pousr]_[A-Za-z0-9]{36,}"
    r"|sk-[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)")
_CODE = re.compile(r"(?<![0-9A-Za-z])[0-9]{4}[ -]?[0-9]{4}(?![0-9A-Za-z])")

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def mask(text: str) -> str:
    """`text` without the secrets it held, in its NFKC form where something was masked, else unchanged but visible."""
    shown = visible(text)
    if not _SUSPECT.search(shown):
        return shown
    masked = _mask(unicodedata.normalize("NFKC", shown))
    return shown if masked == unicodedata.normalize("NFKC", shown) else masked


def _mask(text: str) -> str:
    text = _KEY_BLOCK.sub("[private key]", text)
    text = _TOKEN.sub("[token]", text)
    text = _SECRET.sub(lambda m: m[1] + "[secret]", text)
    text = _MAIL.sub(lambda m: f"{m[1][0]}***@{m[2]}", text)
    text = _ID.sub(_identity, text)
    text = _CHINA.sub(lambda m: "[phone ***" + _digits(m[0])[-3:] + "]", text)  # One in ten of them passes Luhn.
    text = _CARD.sub(_card, text)
    text = _MOBILE.sub(lambda m: "[phone ***" + _digits(m[0])[-3:] + "]", text)
    text = _FOREIGN.sub(lambda m: "[phone ***" + _digits(m[0])[-3:] + "]", text)
    return _CODE.sub(_code, text)


def is_identity_number(digits: str) -> bool:
    """Whether 18 characters are a PRC identity number: a possible birth date and the right check character."""
    if len(digits) != 18 or not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", digits):
        return False
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    return (
        born.year >= 1850 and _CHECK[sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=False)) % 11] == digits[17]
    )


def passes_luhn(digits: str) -> bool:
    """The check of bank card numbers (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, d in enumerate(reversed(digits)):
        n = int(d) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def _digits(text: str) -> str:
    return re.sub(r"[^0-9Xx]", "", text).upper()


def _identity(found: re.Match[str]) -> str:
    return "[ID number]" if is_identity_number(_digits(found[0])) else found[0]


def _card(found: re.Match[str]) -> str:
    digits = _digits(found[0])
    return f"[card ***{digits[-4:]}]" if passes_luhn(digits) and len(set(digits)) > 1 else found[0]


def _code(found: re.Match[str]) -> str:
    """Eight digits on their own may be a one-time code; a date written 20231215 is not."""
    digits = _digits(found[0])
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return "[code]"
    return found[0] if 1900 <= int(digits[:4]) <= 2100 else "[code]"
