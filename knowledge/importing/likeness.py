"""How much two texts say the same, whatever their order and endings: 0 nothing, 100 the one holds all of the other."""

from functools import lru_cache

from rapidfuzz import fuzz

from knowledge.normal import normalise
from knowledge.words import HAN, STOP_CHARACTERS, STOP_WORDS, stem, words


@lru_cache(maxsize=4096)
def gist(text: str) -> str:
    """The words that carry the meaning: English stems without little words, Chinese characters in pairs."""
    found: list[str] = []
    before = ""
    for word in words(normalise(text)):
        if HAN.match(word):
            if word in STOP_CHARACTERS:
                before = ""
                continue
            if before:
                found.append(before + word)
            before = word
        else:
            before = ""
            if word not in STOP_WORDS:
                found.append(stem(word))
    return " ".join(found)


def likeness(a: str, b: str) -> float:
    """Likeness of two texts in one language, 0-100 (rapidfuzz token_set_ratio over their gists)."""
    left, right = gist(a), gist(b)
    return float(fuzz.token_set_ratio(left, right)) if left and right else 0.0
