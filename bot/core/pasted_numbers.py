"""Personal numbers: of identity documents, bank cards and accounts, telephones; and e-mail addresses.

Recognised by shape with a check, or by a weaker shape where the number is named. [0-9], never \\d (Arabic digits match \\d).
- PRC identity numbers of 18 characters: birth date and check character of GB 11643 (ISO 7064 MOD 11-2); the older ones of
  15 digits: region and birth date. Passports and travel permits where they are named
- bank cards: 13 to 19 digits that pass Luhn (ISO/IEC 7812); IBANs (ISO 13616: length and MOD 97-10)
- mobile and landline numbers of China, North American numbers in their usual spelling, numbers with +country
- eight digits on their own, which may be a one-time code
"""

import re
from collections.abc import Callable
from datetime import date

from bot.core.pasted import Look, Pasted, Shelf

_GAP = r"[ \-\u2010-\u2015]?"
_IS = r"\s{0,2}(?:is|was|are|就?是|为|為)?\s{0,2}[:=#]?\s{0,3}"
"""What stands between the name of a number and the number."""
_NOT_A_LINE = rf"(?!{_GAP}(?:400|800|95)|1?{_GAP}8(?:33|44|55|66|77|88))"
"""Service numbers of companies: 400 and 800 in China, toll-free in North America."""
_ORDER = re.compile(
    r"(?:order|ticket|invoice|case|订单|訂單|工单|工單|单号|單號|流水|编号|編號|发票|發票)"
    r"(?:\s?(?:number|no\.?|id|code|号码?|號碼?|编号))?[\s:#]{0,3}$",
    re.IGNORECASE,
)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_REGIONS = frozenset(
    map(str, (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)))
)
"""Provinces of GB/T 2260, the first two digits of an identity number."""
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL SD", "19": "MK SI", "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV", "22": "BG BH CR DE GB GE IE ME RS", "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR", "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV", "29": "BR EG PS QA UA", "30": "JO KW MU", "31": "MT SC", "32": "LC", "33": "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip
"""Characters of an IBAN by country: the registry of ISO 13616."""


def is_identity_number(digits: str) -> bool:
    """Whether 18 characters are a PRC identity number: a possible birth date and the right check character."""
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", digits):
        return False
    check = _CHECK[sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=False)) % 11]
    return is_date(digits[6:14], first=1850) and check == digits[17]


def is_old_identity_number(digits: str) -> bool:
    """Whether 15 digits are a PRC identity number as given out until 1999: region, birth date (yymmdd), a number."""
    return len(digits) == 15 and len(set(digits)) > 1 and digits[:2] in _REGIONS and is_date("19" + digits[6:12])


def passes_luhn(digits: str) -> bool:
    """The check of bank card numbers (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, d in enumerate(reversed(digits)):
        n = int(d) * (1 + i % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def iban_length(text: str) -> int:
    """How many characters of `text` (upper case, no blanks) are an IBAN; 0 when it doesn't begin with one."""
    length = _IBAN_LENGTHS.get(text[:2], 0)
    if not length or len(text) < length:
        return 0
    turned = text[4:length] + text[:4]
    return length if int("".join(str(int(c, 36)) for c in turned)) % 97 == 1 else 0


def is_date(digits: str, first: int = 1900) -> bool:
    """Whether eight digits are a day (yyyymmdd) from the year `first` to 2100."""
    try:
        return first <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year <= 2100
    except ValueError:
        return False


def _digits(text: str) -> str:
    return re.sub(r"[^0-9Xx]", "", text).upper()


def _is_order(found: re.Match[str]) -> bool:
    """Whether the number before us was just called an order, an invoice or the like."""
    return bool(_ORDER.search(found.string, max(0, found.start() - 24), found.start()))


def _named(kind: str, last: int = 0) -> Callable[[re.Match[str]], Pasted]:
    def judge(found: re.Match[str]) -> Pasted:
        return Pasted(*found.span("number"), kind, _digits(found["number"])[-last:] if last else "")

    return judge


def _phone(found: re.Match[str]) -> Pasted:
    return Pasted(*found.span(), "phone", _digits(found[0])[-3:])


def _landline(found: re.Match[str]) -> Pasted | None:
    return None if _is_order(found) else _phone(found)


def _identity(found: re.Match[str]) -> Pasted | None:
    return Pasted(*found.span(), "identity") if is_identity_number(_digits(found[0])) else None


def _old_identity(found: re.Match[str]) -> Pasted | None:
    if not is_old_identity_number(_digits(found[0])) or _is_order(found):
        return None
    return Pasted(*found.span(), "identity")


def _card(found: re.Match[str]) -> Pasted | None:
    digits = _digits(found[0])
    return Pasted(*found.span(), "card", digits[-4:]) if passes_luhn(digits) and len(set(digits)) > 1 else None


def _iban(found: re.Match[str]) -> Pasted | None:
    length = iban_length(re.sub(r"[ \-]", "", found[0]).upper())
    if not length:
        return None
    places = [place for place, character in enumerate(found[0]) if character not in " -"][:length]
    last = "".join(found[0][place] for place in places[-4:])
    return Pasted(found.start(), found.start() + places[-1] + 1, "account", last)


def _code(found: re.Match[str]) -> Pasted | None:
    """Eight digits on their own may be a one-time code; a date written 20231215 is not."""
    return None if is_date(_digits(found[0])) or _is_order(found) else Pasted(*found.span(), "code")


def _mail(found: re.Match[str]) -> Pasted:
    return Pasted(*found.span("hidden"), "mail")


def _look(pattern: str, judge: Callable[[re.Match[str]], Pasted | None]) -> Look:
    return Look(re.compile(pattern, re.IGNORECASE), judge)


_MAILS = (
    _look(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-](?P<hidden>[A-Za-z0-9._%+-]{0,63})"
        r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}",
        _mail,
    ),
)
_NUMBERS = (
    _look(rf"(?<![0-9])[1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9X](?![0-9])", _identity),
    _look(
        rf"(?:身[份分][证證]|居民[证證]|\bid(?:entity)?[ -]?(?:card)|\bidentity|\bID)(?:\s?(?:number|no\.?|[号號][码碼]?))?{_IS}"
        rf"(?P<number>[1-9](?:{_GAP}[0-9]){{13,16}}{_GAP}[0-9X])(?![0-9])",
        _named("identity"),
    ),
    _look(
        rf"(?:passport|travel permit|[护護]照|通行[证證]|台胞[证證]|回[乡鄉][证證])(?:\s?(?:number|num|no\.?|id|[号號][码碼]?))?{_IS}"
        r"(?P<number>[A-Z]{0,2}[0-9]{7,9})(?![A-Za-z0-9])",
        _named("passport"),
    ),
    _look(
        r"(?<![A-Za-z0-9])(?P<number>[A-Z]{1,2}[0-9]{7,8})(?=\s?(?:is|是)\s?(?:my|the|our|我|本人)?的?\s?(?:passport|[护護]照))",
        _named("passport"),
    ),
    _look(r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}", _iban),
    # Before cards: one in ten of these passes Luhn.
    _look(rf"(?<![0-9])(?:\+|00)?86{_GAP}1[3-9](?:{_GAP}[0-9]){{9}}(?!{_GAP}[0-9])", _phone),
    _look(
        rf"(?:卡[号號][码碼]?|[银銀]行卡|信用卡|储蓄卡|\bcard(?:\s?(?:number|no\.?))){_IS}"
        rf"(?P<number>[0-9](?:{_GAP}[0-9]){{12,18}})(?![0-9])",
        _named("card", 4),
    ),
    _look(rf"(?<![0-9])[0-9](?:{_GAP}[0-9]){{12,18}}(?![0-9])", _card),
    _look(rf"(?<![0-9])[1-9](?:{_GAP}[0-9]){{14}}(?![0-9])", _old_identity),
    _look(rf"(?<![0-9])1[3-9](?:{_GAP}[0-9]){{9}}(?![0-9])", _phone),
    _look(
        rf"(?:(?<![A-Za-z])(?:tele|cell|mobile\s)?phone(?:\s?(?:number|no\.?))?|(?<![A-Za-z])(?:tel|mobile|whatsapp|landline|fax)"
        rf"|(?:call|ring|text)\sme\s(?:at|on)|[电電][话話]|手[机機]|座[机機]|固[话話]|[传傳]真)[号號]?[码碼]?{_IS}{_NOT_A_LINE}"
        rf"(?P<number>[(+]?[0-9](?:[ \-().]{{0,2}}[0-9]){{6,13}})(?![0-9])",
        _named("phone", 3),
    ),
    _look(r"(?<![0-9+])\+[1-9](?:[ \-.\u2010-\u2015]?[(]?[0-9][)]?){7,14}(?![0-9])", _phone),
    _look(
        rf"(?<![0-9.])(?:(?:\+|00)86{_GAP}\(?0?|\(?0)(?:10|2[0-9]|[3-9][0-9]{{2}})\)?{_GAP}[1-9][0-9]{{2,3}}{_GAP}[0-9]{{4}}(?![0-9])",
        _landline,
    ),
    _look(
        rf"(?<![0-9.(])(?:1[ .-])?{_NOT_A_LINE}(?:\([2-9][0-9]{{2}}\)[ .-]?|[2-9][0-9]{{2}}[ .-])[2-9][0-9]{{2}}[ .-][0-9]{{4}}(?![0-9])",
        _landline,
    ),
    _look(r"(?<![0-9A-Za-z])(?<![0-9]\.)[0-9]{4}[ -]?[0-9]{4}(?![0-9A-Za-z])", _code),
)
"""In this order: what is surer, or named, comes first."""

NUMBERS = (
    Shelf(re.compile("@"), _MAILS),
    Shelf(re.compile(r"[0-9](?:[^0-9]{0,4}[0-9]){6}"), _NUMBERS),
)
