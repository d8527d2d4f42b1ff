"""Which language a message is in, and which Chinese script."""

import re
from functools import cache
from importlib.resources import files

from knowledge.normal import simplified

READ_AT_MOST = 2_000
"""Characters looked at; what comes later changes nothing."""
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
LATIN_WORD = re.compile(r"[A-Za-z]+")


def detect(text: str, default: str = "en") -> str:
    """ "zh" when there are at least as many Han characters as Latin words, "en" when fewer, `default` without either."""
    text = text[:READ_AT_MOST]
    han, latin = len(HAN.findall(text)), len(LATIN_WORD.findall(text))
    if not han and not latin:
        return default
    return "zh" if han >= latin else "en"


@cache
def _only_simplified() -> frozenset[str]:
    """Characters that occur in Simplified text only, from OpenCC's table: none of their Traditional forms is themselves."""
    table = files("opencc").joinpath("dictionary/STCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    return frozenset(character for character, forms in pairs if character not in forms.split(" "))


def is_traditional(text: str) -> bool:
    """Whether `text` shows more Traditional-only than Simplified-only characters; False where nothing tells them apart."""
    text = text[:READ_AT_MOST]
    traditional = sum(before != after for before, after in zip(text, simplified(text), strict=True))
    return traditional > sum(character in _only_simplified() for character in text)
