"""Simplified wording shown in Traditional characters with Taiwan's usual terms (OpenCC, s2twp)."""

from functools import cache, lru_cache

import opencc


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("s2twp")


@lru_cache(maxsize=4096)
def traditional(text: str) -> str:
    """`text` in Traditional characters. Latin text comes back as it was."""
    converted: str = _converter().convert(text)
    return converted
