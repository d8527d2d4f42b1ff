"""The words of a text as the matchers count them: English stems, Chinese characters, and the concepts both stand for.

Texts come in normalised (knowledge.normal). A concept is a group of words that mean the same to somebody asking about
a policy ("sell", "share", "pass on"); the groups are data: knowledge/concepts/<language>.toml.
"""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[\u3400-\u9fff]")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
LATIN = re.compile(r"[A-Za-z]+")
HAN_RUN = re.compile(r"[\u3400-\u9fff]+")

_STOP_WORDS = """
a an the is are am be been being was were do does did done doing i you he she it we they me my mine your yours his
her its our us them their this that these those of to in on at by with from as and or but if then so than can could
will would shall should may might must have has had having what which who whom whose when where why how there here
any some all no not nor only own same too very just about into over after before for up out off again please pls hi
hello hey thanks im ive id dont doesnt didnt cant isnt wont's
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that say little about which clause is meant."""
STOP_CHARACTERS = frozenset(
    "的了吗呢吧啊呀么我你您他她它们是在有和与或及会能可以要把被让给对就都也还这那哪个些什怎样请问一不为"
)
"""Chinese characters that say little about which clause is meant."""

ASKING = "ask_"
"""What the names of concepts begin with that stand for ways of asking."""
_ENDINGS = (
    ("ational", "at"), ("isation", "iz"), ("ization", "iz"), ("ations", "at"), ("ation", "at"), ("ingly", ""),
    ("ments", ""), ("ment", ""), ("ising", "iz"), ("izing", "iz"), ("ised", "iz"), ("ized", "iz"), ("ises", "iz"),
    ("izes", "iz"), ("ise", "iz"), ("ize", "iz"), ("ities", "i"), ("ity", "i"), ("ies", "i"), ("ied", "i"),
    ("ings", ""), ("ing", ""), ("edly", ""), ("ed", ""), ("ers", "er"), ("sses", "ss"), ("ions", "ion"), ("es", ""),
    ("ly", ""), ("s", ""), ("e", ""), ("y", "i"),
)  # fmt: skip


@lru_cache(maxsize=4096)  # People type ever new words; 65,536 of them would take 14 MB.
def stem(word: str) -> str:
    """The stem of a lower-case English word: one ending off, at least three letters stay. Coarser than Porter's."""
    word = word.split("'")[0]
    for ending, rest in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not (ending == "s" and word[-2] in "su"):
            word = word[: -len(ending)] + rest
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word


def counts(text: str) -> tuple[int, int]:
    """How many Han characters and how many Latin words `text` has."""
    return len(HAN.findall(text)), len(LATIN.findall(text))


def words(text: str) -> list[str]:
    """English words, and Han characters one by one, in order."""
    return WORD.findall(text)


@cache
def concept_words(language: str) -> dict[str, list[str]]:
    """Concept -> its words, from the language's file; no concepts where there is none."""
    path = files("knowledge").joinpath(f"concepts/{language}.toml")
    groups: dict[str, list[str]] = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return groups


def common_words() -> dict[str, int]:
    """English words that anybody may type: stop words and the words of concepts, each as if met twice."""
    groups = (word for group in concept_words("en").values() for phrase in group for word in words(phrase))
    return dict.fromkeys((*sorted(STOP_WORDS), *groups), 2)


@cache
def _english_concepts() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Stems of a word or phrase -> the concepts it stands for."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for concept, group in concept_words("en").items():
        for phrase in group:
            key = tuple(stem(word) for word in words(phrase))
            found[key] = tuple(dict.fromkeys((*found.get(key, ()), concept)))
    return found


@cache
def _chinese_concepts() -> tuple[re.Pattern[str], dict[str, tuple[str, ...]]]:
    """A pattern that finds the words, longest first, and the concepts each stands for."""
    found: dict[str, tuple[str, ...]] = {}
    for concept, group in concept_words("zh").items():
        for word in group:
            found[word] = (*found.get(word, ()), concept)
    longest_first = sorted(found, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, longest_first))), found


def concepts(text: str, language: str) -> list[str]:
    """Concepts in a normalised text, in order, one for each word or phrase that stands for it."""
    if language == "zh":
        pattern, known = _chinese_concepts()
        return [concept for word in pattern.findall(text) for concept in known[word]]
    return stem_concepts([stem(word) for word in words(text)])


def stem_concepts(stems: list[str]) -> list[str]:
    """Concepts of a row of English stems; phrases of two or three count beside their words."""
    known = _english_concepts()
    spans = (tuple(stems[i : i + n]) for i in range(len(stems)) for n in (1, 2, 3) if i + n <= len(stems))
    return [concept for span in spans for concept in known.get(span, ())]


def terms(text: str, language: str) -> list[str]:
    """What a normalised text is indexed by: stems (Chinese: characters and pairs of them) without stop words, and
    concepts, marked with "#", save those of asking: a clause doesn't ask."""
    marked = [f"#{concept}" for concept in concepts(text, language) if not concept.startswith(ASKING)]
    if language != "zh":
        return [stem(word) for word in words(text) if word not in STOP_WORDS] + marked
    latin = [stem(word) for word in words(text) if not HAN.match(word)]
    runs = ["".join(c for c in run if c not in STOP_CHARACTERS) for run in HAN_RUN.findall(text)]
    return [run[i : i + n] for run in runs for n in (1, 2) for i in range(len(run) - n + 1)] + latin + marked
