"""Simplified wording shown in Traditional characters with Taiwan's usual terms.

OpenCC (s2twp) converts; the terms of languages/zh/_traditional.toml go before it, where its general dictionary errs.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import opencc

from knowledge.errors import BrokenFile
from knowledge.library import read_toml
from knowledge.words import HAN

TERMS_FILE = Path(__file__).parent / "languages" / "zh" / "_traditional.toml"


@lru_cache(maxsize=4096)
def traditional(text: str) -> str:
    """`text` in Traditional characters. Text already converted, or without Han characters, comes back as it was."""
    if not HAN.search(text):
        return text
    terms, pattern = _terms()
    # Every second piece is a term: its Traditional form is fixed, and OpenCC sees only what stands between.
    pieces = pattern.split(text)
    return "".join(terms[piece] if i % 2 else str(_converter().convert(piece)) for i, piece in enumerate(pieces))


def read_terms(path: Path = TERMS_FILE) -> Mapping[str, str]:
    """Simplified -> Traditional. Raises BrokenFile."""
    terms = read_toml(path).get("terms")
    if not isinstance(terms, dict) or not terms:
        raise BrokenFile(path, "has no [terms]", 'Add a table [terms] with lines "simplified" = "traditional"')
    for simplified, form in terms.items():
        if not simplified or not isinstance(form, str) or not form:
            raise BrokenFile(path, f"{simplified!r} has no Traditional form", "Write both sides, as texts")
    return terms


@cache
def _terms() -> tuple[Mapping[str, str], re.Pattern[str]]:
    """The terms, and one pattern for all. A Traditional form stands for itself: a second pass changes nothing."""
    terms = read_terms()
    both = {form: form for form in terms.values()} | dict(terms)
    longest_first = sorted(both, key=len, reverse=True)
    return both, re.compile(f"({'|'.join(map(re.escape, longest_first))})")


@lru_cache(maxsize=512)
def in_traditional_characters(text: str) -> str:
    """`text` written in Traditional characters, every word as it is: for official wording, which nobody may reword."""
    return str(_converter("s2tw").convert(text)) if HAN.search(text) else text


@cache
def _converter(way: str = "s2twp") -> opencc.OpenCC:
    return opencc.OpenCC(way)
