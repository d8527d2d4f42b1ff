"""Order numbers that can be read out on the phone: "KP-7M2D-Q4XK".

Seven random characters and one that checks them, from Crockford's 32 (no I, L, O, U). The eight are a code word over
the field of 32 elements: their sum, weighted by powers of a primitive element, is zero. So one wrong character and any
two that changed places are always noticed (Blahut, Algebraic Codes for Data Transmission, chapter 3). The mod-37 check
of ISO 7064 would need letters that are misheard.
"""

import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM = 7
"""Characters left to chance: 2^35 numbers."""
PREFIX = "KP"
TYPED_MOST = 40
"""Characters of a typed number, with blanks and dashes."""

_VALUE = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1, primitive over the field of two elements."""


def new_number() -> str:
    """A fresh number; that it is free is for the store to see."""
    return number_of([secrets.randbelow(32) for _ in range(RANDOM)])


def number_of(values: list[int]) -> str:
    """The number of seven values from 0 to 31, with its check character."""
    rest = _syndrome([*values, 0])
    text = "".join(ALPHABET[value] for value in [*values, rest])
    return f"{PREFIX}-{text[:4]}-{text[4:]}"


def tidy(text: str) -> str | None:
    """The number that was typed or said, in its one form; None where it is none or a character is wrong.

    Full width, lower case, blanks, dashes and a missing prefix don't matter; O is read as 0, I and L as 1.
    """
    if len(text) > TYPED_MOST:
        return None
    plain = unicodedata.normalize("NFKC", text).upper()
    said = "".join(one for one in plain if one.isalnum())
    if len(said) == RANDOM + 1 + len(PREFIX) and said.startswith(PREFIX):
        said = said[len(PREFIX) :]
    if len(said) != RANDOM + 1 or any(character not in _VALUE for character in said):
        return None
    values = [_VALUE[character] for character in said]
    return number_of(values[:RANDOM]) if _syndrome(values) == 0 else None


def _syndrome(values: list[int]) -> int:
    """The weighted sum; zero for a right number. The last value has weight one."""
    total = 0
    for value in values:
        total <<= 1
        if total & 0b100000:
            total ^= _POLYNOMIAL
        total ^= value
    return total
