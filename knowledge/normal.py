"""One form for what people type, so that two spellings of the same question look alike.

NFKC (full width to half width), lower case, no zero-width or direction marks, Traditional characters to Simplified,
one space between words. Meant for matching only: what is shown to a person is never normalised.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
"""Zero-width characters, direction marks and overrides, variation selectors and tags: they carry no words."""
UNWRITTEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""Control characters but line break and tab, lone surrogates, private use (Unicode categories Cc, Cs, Co)."""
SPACE = re.compile(r"\s+")


@cache
def _simplified() -> dict[int, str]:
    """Traditional -> Simplified, a character for a character, from OpenCC's own table (first candidate of each line)."""
    text = files("opencc").joinpath("dictionary/TSCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {ord(traditional): targets.split(" ")[0] for traditional, targets in pairs if len(traditional) == 1}


def visible(text: str) -> str:
    """`text` without invisible characters and control characters; line breaks stay."""
    return UNWRITTEN.sub("", INVISIBLE.sub("", text))


def simplified(text: str) -> str:
    """`text` in Simplified characters. Twice as coarse as OpenCC's phrases, a hundred times as quick: for matching."""
    return text.translate(_simplified())


def normalise(text: str) -> str:
    """The matching form of `text` (see the module)."""
    return SPACE.sub(" ", simplified(visible(unicodedata.normalize("NFKC", text)).lower())).strip()
