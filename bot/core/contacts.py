"""How a customer can be reached, each way with its age; and what people type to name one, brought to one form.

The one form (what is compared, and what an import or the company's system must come to):
- e-mail: lower case, ASCII, at most 254 characters
- phone: E.164, "+8613800000000". A PRC mobile may be written without +86, with 0086, with blanks, dashes or brackets
- account id: as the company writes it, 1 to 64 letters, digits and . _ @ : -
- wechat: an openid; telegram: a user id, 1 to 2^52
Width is folded first (NFKC), so full-width digits count; [0-9], never \\d (Arabic digits match \\d).
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from knowledge.normal import visible

SETTLED_AFTER = timedelta(days=30)
"""A contact must be on file for longer than this before a code sent there proves anything (privacy.5: identity)."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""A contact "since 1970" is an empty field of some system, not an age."""

_TYPED_MOST = 320
"""Characters of a hint; the longest e-mail address has 254, with room for blanks around it."""
_SEPARATORS = re.compile(r"[\s()\-\u2010-\u2015]")
"""No dots: "13800000001.0" is a number that a spreadsheet has spoilt, not one digit more."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_CHINA = re.compile(r"(?:\+|00)?86(1[3-9][0-9]{9})")
_EMAIL = re.compile(
    r"(?=.{3,254}\Z)[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,15}"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,63}")
_OPENID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{15,63}")
_TELEGRAM_ID = re.compile(r"[1-9][0-9]{0,15}")
_TELEGRAM_MOST = 2**52


class Kind(StrEnum):
    """Ways to reach a customer."""

    EMAIL = "email"
    PHONE = "phone"
    WECHAT = "wechat"
    """The openid of a linked WeChat login. Another app or account of WeChat's has another openid for the same human."""
    TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True, repr=False)
class Contact:
    """One way to reach a customer. `value` is in its one form; `since` is when it was put on file, aware."""

    kind: Kind
    value: str
    since: datetime

    @property
    def masked(self) -> str:
        """What may be shown of it: "a***@example.com", "***000"."""
        if self.kind is Kind.EMAIL:
            name, _, domain = self.value.partition("@")
            return f"{name[0]}***@{domain}"
        return f"***{self.value[-3:]}"

    def is_settled(self, now: datetime) -> bool:
        """Whether it has been on file for more than 30 days."""
        return now - self.since > SETTLED_AFTER

    def __repr__(self) -> str:
        return f"Contact({self.kind}, since={self.since:%Y-%m-%d})"


def one_form(kind: Kind, text: str) -> str | None:
    """`text` as a contact of that kind in its one form; None when it is none."""
    return _READERS[kind](_plain(text))


def account_id(text: str) -> str | None:
    """`text` as the company's name for an account; None when it can't be one."""
    plain = _plain(text)
    return plain if _ACCOUNT_ID.fullmatch(plain) else None


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody typed to name an account, in every way it can be read; None where it can't."""

    account_id: str | None
    contact: tuple[Kind, str] | None

    @property
    def is_nothing(self) -> bool:
        """Whether it can't name any account."""
        return self.account_id is None and self.contact is None

    def __repr__(self) -> str:
        return "Named(***)"


def named(hint: str) -> Named:
    """The readings of a typed hint. A linked WeChat or Telegram id is none of them: nobody types those but a stranger."""
    if len(hint) > _TYPED_MOST:
        return Named(None, None)
    contact = next(((kind, form) for kind in (Kind.EMAIL, Kind.PHONE) if (form := one_form(kind, hint))), None)
    return Named(account_id(hint), contact)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", visible(text)).strip()


def _email(plain: str) -> str | None:
    lower = plain.lower()
    return lower if lower.isascii() and _EMAIL.fullmatch(lower) else None


def _phone(plain: str) -> str | None:
    digits = _SEPARATORS.sub("", plain)
    if _MOBILE.fullmatch(digits):
        return f"+86{digits}"
    if china := _CHINA.fullmatch(digits):
        return f"+86{china[1]}"
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    # What begins like a PRC mobile and isn't one has a digit too many or too few.
    return digits if _E164.fullmatch(digits) and not re.match(r"\+861[3-9]", digits) else None


def _wechat(plain: str) -> str | None:
    return plain if _OPENID.fullmatch(plain) else None


def _telegram(plain: str) -> str | None:
    return plain if _TELEGRAM_ID.fullmatch(plain) and int(plain) <= _TELEGRAM_MOST else None


_READERS = {Kind.EMAIL: _email, Kind.PHONE: _phone, Kind.WECHAT: _wechat, Kind.TELEGRAM: _telegram}
