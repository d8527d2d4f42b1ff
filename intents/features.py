"""What the matcher sees of a text: its letter groups, words and concepts.

English: letters 2-5 inside words; stems alone and in pairs. Chinese: characters 1-3; Latin words. Both: concepts
(knowledge.words), and pairs of concepts, so that a question in unheard words still looks like one that was heard.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations, pairwise

from knowledge.normal import normalise
from knowledge.words import HAN, concepts, stem, stem_concepts, words

READ_AT_MOST = 2_000
"""Characters of a message that are read: nobody's question is longer, and reading must stay quick."""
LETTERS = range(2, 6)
CHARACTERS = range(1, 4)
SHARES: Mapping[str, tuple[float, ...]] = {"en": (1.0, 1.0, 0.7, 0.5), "zh": (1.0, 1.0, 0.5, 0.3)}
"""How much letters, words, concepts and pairs of them weigh, a language; best of seven mixes (docs/decisions/0002)."""


def readable(text: str) -> str:
    """The part of `text` that is read, in its matching form."""
    return normalise(text[:READ_AT_MOST])[:READ_AT_MOST]


def families(text: str, language: str) -> tuple[Counter[str], ...]:
    """Counts of a normalised text's features, a family each. Words are marked "=", concepts "#", pairs of them "&"."""
    found = words(text)
    stems = [stem(word) for word in found]
    if language == "zh":
        letters = Counter(_groups(f" {text} ", CHARACTERS))
        spoken = Counter(f"={word}" for word in stems if not HAN.match(word))
        meant = concepts(text, language)
    else:
        letters = Counter[str]()
        for word in found:
            letters.update(_groups(f" {word} ", LETTERS))
        spoken = Counter([*(f"={word}" for word in stems), *(f"={a} {b}" for a, b in pairwise(stems))])
        meant = stem_concepts(stems)
    pairs = Counter(f"&{a} {b}" for a, b in combinations(sorted(set(meant)), 2))
    return letters, spoken, Counter(f"#{concept}" for concept in meant), pairs


def _groups(text: str, sizes: range) -> list[str]:
    """Every run of so many characters."""
    return [text[i : i + n] for n in sizes for i in range(len(text) - n + 1)]
