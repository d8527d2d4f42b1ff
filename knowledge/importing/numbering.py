"""The number printed before a paragraph: 1.  1)  (1)  IV.  a)  1.2.3  第三条  三、  （一）  ①

A mark can read in more than one way ("C." is a letter and a Roman hundred): every reading is kept, and the outline
takes the one that continues what came before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST = 300
"""No item of a policy has a higher number: "2023." at the start of a line is a year."""

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_ROMAN_FORM = re.compile(r"(?=.)(c{0,2})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})$")
_HAN_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_HAN_UNITS = {"十": 10, "百": 100}
_HAN = "〇零一二两三四五六七八九十百"
_CIRCLED = {chr(0x2460 + i): i + 1 for i in range(20)}
_ENDINGS = {".": ".", "．": ".", "、": ",", ")": ")", "）": ")"}

_ORDINAL = re.compile(rf"第\s*([{_HAN}]+|\d{{1,3}})\s*([编章节条款项部])(?:分)?\s*[:：、.．]?\s*")
_DECIMAL = re.compile(r"(\d{1,2}(?:[.．]\d{1,2}){1,4})(?:[.．、)）]\s*|\s+|(?=[\u3400-\u9fff]))")
_SIMPLE = re.compile(rf"(\d{{1,3}}|[{_HAN}]{{1,5}}|[A-Za-z]{{1,8}})\s?([.．、)）])(?!\d)\s*")
_BOTH = re.compile(rf"[(（]\s*(\d{{1,3}}|[{_HAN}]{{1,5}}|[A-Za-z]{{1,8}})\s*[)）]\s*[、.．]?\s*")
_WORDED = re.compile(
    r"(?:section|article|part|chapter|clause)\s+(\d{1,3}|[ivxlc]{1,8})\s*(?:[.:)–—-]\s*|\s+|$)", re.IGNORECASE
)
_CIRCLE = re.compile(r"([\u2460-\u2473])\s*")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a mark. `style` is what siblings share ("arabic.", "roman.", "han第条"); `path` has more than one
    number only for 1.2.3."""

    style: str
    path: tuple[int, ...]

    @property
    def value(self) -> int:
        return self.path[-1]


def marked(text: str) -> tuple[str, str, tuple[Reading, ...]]:
    """(the mark as printed, the rest of the text, how the mark can be read); ("", text, ()) where there is none."""
    text = text.strip()
    for match, readings in _candidates(text):
        kept = tuple(reading for reading in readings if all(0 < number <= LARGEST for number in reading.path))
        if kept:
            return match.group().strip(), text[match.end() :].strip(), kept
    return "", text, ()


def _candidates(text: str) -> Iterator[tuple[re.Match[str], list[Reading]]]:
    if match := _ORDINAL.match(text):
        yield match, [Reading(f"han第{match[2]}", (han_number(match[1]) if match[1][0] in _HAN else int(match[1]),))]
    if match := _WORDED.match(text):
        yield match, [Reading(f"worded {match.group().split()[0].lower()}", r.path) for r in _readings(match[1], "")]
    if match := _DECIMAL.match(text):
        path = tuple(int(number) for number in re.split("[.．]", match[1]))
        yield match, [Reading("decimal", path)]
    if match := _BOTH.match(text):
        yield match, _readings(match[1], "()")
    if match := _SIMPLE.match(text):
        yield match, _readings(match[1], _ENDINGS[match[2]])
    if match := _CIRCLE.match(text):
        yield match, [Reading("circled", (_CIRCLED[match[1]],))]


def _readings(number: str, ending: str) -> list[Reading]:
    if number.isdigit():
        return [Reading(f"arabic{ending}", (int(number),))]
    if number[0] in _HAN:
        return [Reading(f"han{ending}", (han_number(number),))]
    if number.lower() != number and number.upper() != number:
        return []
    case = "upper" if number.isupper() else "lower"
    found = []
    if value := roman_number(number.lower()):
        found.append(Reading(f"roman {case}{ending}", (value,)))
    if len(number) == 1:
        found.append(Reading(f"letter {case}{ending}", (ord(number.lower()) - ord("a") + 1,)))
    return found


def roman_number(number: str) -> int:
    """ "xiv" -> 14; 0 where it is no Roman number below 300 in its usual form."""
    if not _ROMAN_FORM.match(number):
        return 0
    values = [_ROMAN[letter] for letter in number]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))


def han_number(number: str) -> int:
    """ "二十三" -> 23, "一百零五" -> 105; 0 where the characters form no number."""
    if not any(c in _HAN_UNITS for c in number):
        return int("".join(str(_HAN_DIGITS[c]) for c in number))
    total, digit = 0, 0
    for character in number:
        if character in _HAN_UNITS:
            total += (digit or 1) * _HAN_UNITS[character]
            digit = 0
        else:
            digit = _HAN_DIGITS[character]
    return total + digit


def numeral(value: int, form: str) -> str:
    """`value` as Word writes it in the number format `form` (ST_NumberFormat); "" for bullets and none."""
    if form in ("bullet", "none"):
        return ""
    if form in ("lowerRoman", "upperRoman"):
        text = _roman(value)
        return text if form == "lowerRoman" else text.upper()
    if form in ("lowerLetter", "upperLetter"):
        text = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return text if form == "lowerLetter" else text.upper()
    if form.startswith(("chinese", "japaneseCounting", "ideographDigital", "taiwaneseCounting")):
        return _han(value)
    if form.startswith("decimalEnclosedCircle"):
        return chr(0x245F + value) if value <= 20 else str(value)
    return f"{value:02d}" if form == "decimalZero" else str(value)


def _roman(value: int) -> str:
    steps = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
    text = ""
    for worth, letters in steps:
        text += letters * (value // worth)
        value %= worth
    return text


def _han(value: int) -> str:
    digits = "零一二三四五六七八九"
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    text = f"{digits[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else digits[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (digits[ones] if ones else "")
