"""What people say when they want something done: languages/<language>/heard/<intent>.toml, [heard] examples.

The only module that knows where these examples lie.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from intents.catalogue import flows
from intents.wording import LANGUAGES_FOLDER
from knowledge.errors import BrokenFile
from knowledge.library import companies, load_policy, phrasings, read_toml
from knowledge.normal import normalise


def folder_of(language: str, root: Path = LANGUAGES_FOLDER) -> Path:
    """Where the examples of `language` lie, a file an intent."""
    return root / language / "heard"


def file_of(intent: str, language: str, root: Path = LANGUAGES_FOLDER) -> Path:
    """The file with what people say in `language` when they mean `intent`."""
    return folder_of(language, root) / f"{intent}.toml"


def languages(root: Path = LANGUAGES_FOLDER) -> list[str]:
    """Codes of the languages that have a folder."""
    return sorted(path.parent.name for path in root.glob("*/_language.toml"))


def examples(language: str, root: Path = LANGUAGES_FOLDER) -> Iterator[tuple[str, str]]:
    """(intent, what a person said), file by file. Raises BrokenFile."""
    for path in sorted(folder_of(language, root).glob("[!_]*.toml")):
        for text in _texts(path):
            yield path.stem, text


def doubts(root: Path = LANGUAGES_FOLDER) -> list[str]:
    """What is doubtful about the examples, one line each; empty when all is well. Raises BrokenFile.

    An intent without examples in a language, examples for an intent that has no flow, and the same words under two
    intents, or under an intent and a clause of a bundled policy: the matcher can learn only one of them.
    """
    found: list[str] = []
    for language in languages(root):
        heard = list(examples(language, root))
        named = {intent for intent, _ in heard}
        found += [f"{_place(intent, language)} has no examples" for intent in sorted(flows().keys() - named)]
        found += [f"{_place(intent, language)} belongs to no flow" for intent in sorted(named - flows().keys())]
        meanings: dict[str, set[str]] = defaultdict(set)
        for intent, text in heard:
            meanings[normalise(text)].add(intent)
        for key, text in _asked_of_clauses(language):
            if normalise(text) in meanings:
                meanings[normalise(text)].add(key)
        for text, meant in sorted(meanings.items()):
            if len(meant) > 1:
                found.append(f"({language}) {text!r} stands under {' and '.join(sorted(meant))}")
    return found


def _asked_of_clauses(language: str) -> Iterator[tuple[str, str]]:
    """(clause or law id, phrasing) of every bundled policy; "_near" and "_far" are what no clause answers."""
    for company in companies():
        for key, texts in phrasings(load_policy(company), language).items():
            for text in texts:
                yield key, text


def _texts(path: Path) -> list[str]:
    texts = read_toml(path).get("heard", {}).get("examples", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BrokenFile(path, "[heard] examples must be a list of texts", "Write one example a line inside [ ]")
    return texts


def _place(intent: str, language: str) -> str:
    return f"{file_of(intent, language).relative_to(LANGUAGES_FOLDER).as_posix()} ({language})"
