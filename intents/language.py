"""Which language a message is in, and which Chinese script."""

from functools import cache
from importlib.resources import files

from knowledge.normal import simplified
from knowledge.words import counts

READ_AT_MOST = 2_000
"""Characters looked at; what comes later changes nothing."""


def detect(text: str, default: str = "en") -> str:
    """The code "zh" when Han characters are at least as many as Latin words, "en" when fewer, else `default`."""
    han, latin = counts(text[:READ_AT_MOST])
    if not han and not latin:
        return default
    return "zh" if han >= latin else "en"


@cache
def _only_simplified() -> frozenset[str]:
    """Characters of Simplified text only, from OpenCC's table: none of their Traditional forms is themselves."""
    table = files("opencc").joinpath("dictionary/STCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    return frozenset(character for character, forms in pairs if character not in forms.split(" "))


def is_traditional(text: str) -> bool:
    """Whether `text` shows more Traditional-only than Simplified-only characters; False when it shows neither."""
    text = text[:READ_AT_MOST]
    traditional = sum(before != after for before, after in zip(text, simplified(text), strict=True))
    return traditional > sum(character in _only_simplified() for character in text)
