"""Which of the choices on offer a typed message means: "2", "第二个", "二", "b)", the label itself, yes or no."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from bot.core.message import Choice
from knowledge.normal import normalise

_NUMBER = re.compile(
    r"(?:第|选|选择|no\.?|number|option|the)?\s*([0-9]{1,2}|[一二两三四五六七八九十])\s*(?:个|项|号|条|st|nd|rd|th)?\s*[.)、。]?"
    r"(?:[,，]?\s*(?:thanks|thank you|please|谢谢您?|吧|谢了))?"
)
_KEYCAP = re.compile("\ufe0f?\u20e3")
"""What makes a digit the key of a phone: 2️⃣ ."""
_WORDS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "first one": 1,
    "second one": 2,
    "third one": 3,
    "the first one": 1,
    "the second one": 2,
    "the third one": 3,
}
_YES = {"yes", "y", "yep", "yeah", "sure", "ok", "okay", "是", "是的", "好", "好的", "对", "可以", "确定", "嗯"}
_NO = {"no", "n", "nope", "no thanks", "不", "不要", "不用", "否", "不是", "不用了", "别"}
_HEARD = {"ok", "okay", "sure", "好", "好的", "嗯", "嗯嗯", "可以"}
LIKE_A_LABEL = 88.0
"""Least rapidfuzz ratio (0..100) at which typed words count as a button's label."""


def bare_word(text: str) -> Literal["heard", "yes or no", ""]:
    """What a word means that answers nothing on offer: "ok" that one has heard, a yes or no to nothing; else ""."""
    said = normalise(text).strip(" .!。！,，")
    return "heard" if said in _HEARD else "yes or no" if said in _YES | _NO else ""


@lru_cache(maxsize=1024)
def _label(text: str) -> str:
    return normalise(text)


def pick(text: str, offers: Sequence[Choice]) -> Choice | None:
    """The choice that `text` means, or None. A number beyond the list means none of them."""
    said = _said(text)
    if not said or len(said) > 80 or not offers:
        return None
    for offer in offers:
        if said in (_label(offer.label), _words(offer.label)):
            return offer
    if found := _NUMBER.fullmatch(said):
        number = _WORDS.get(found[1]) or int(found[1])
        return offers[number - 1] if 1 <= number <= len(offers) else None
    if number := _ORDINALS.get(said, 0):
        return offers[number - 1] if number <= len(offers) else None
    by_end = {offer.value.rsplit(":", 1)[-1]: offer for offer in offers}
    if said in _YES and "yes" in by_end:
        return by_end["yes"]
    if said in _NO and "no" in by_end:
        return by_end["no"]
    likeness = [(fuzz.ratio(said, _words(offer.label)), -i) for i, offer in enumerate(offers)]
    best, place = max(likeness)
    return offers[-place] if best >= LIKE_A_LABEL else None


def is_number(text: str) -> bool:
    """Whether `text` is nothing but the number of a choice, be it on offer or not."""
    return _NUMBER.fullmatch(_said(text)) is not None


def _said(text: str) -> str:
    return normalise(_KEYCAP.sub("", text)).strip(" .!。！,，")


def _words(label: str) -> str:
    """A label as people type it: without the thumb or arrow it is drawn with."""
    return re.sub(r"^\W+|\W+$", "", normalise(label))
