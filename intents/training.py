"""What the matcher learns from, and whether it has: phrasings of clauses and law, what is not covered, commands.

Only the project's own wording data. The same data give the same file, byte for byte.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from intents.features import readable
from intents.heard import examples as heard
from intents.model import FORMAT, INTENT, Model
from intents.recogniser import trained_file
from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.library import phrasings
from knowledge.words import concept_words

SENTENCE = re.compile(r"[^\n.;。；]{7,}")
WORDING = 0.5
"""How much a sentence of a clause's own wording weighs beside something a person would ask."""


@dataclass(frozen=True, slots=True)
class Example:
    """Something a person may write (normalised), the label it should get (intents.model), and how much it weighs."""

    text: str
    label: str
    weight: float = 1.0


def examples(policy: PolicyVersion, language: str) -> list[Example]:
    """Everything the matcher of `language` learns from, sorted; a text under two labels is kept under both."""
    found = {Example(readable(text), label) for label, texts in phrasings(policy, language).items() for text in texts}
    found |= {Example(readable(text), INTENT + intent) for intent, text in heard(language)}
    found |= {Example(readable(text), label, WORDING) for label, text in wording(policy, language)}
    return sorted(found, key=lambda e: (e.label, e.text, e.weight))


def wording(policy: PolicyVersion, language: str) -> Iterator[tuple[str, str]]:
    """(clause or law id, text): its heading, its heading and wording, and each sentence of its plain words."""
    pieces: tuple[Clause | LawArticle, ...] = (*policy.clauses.values(), *policy.law.values())
    for piece in pieces:
        if language in piece.plain and language in piece.heading:
            heading, plain = piece.heading[language], piece.plain[language]
            for text in (heading, f"{heading} {plain}", *SENTENCE.findall(plain)):
                yield piece.id, text


def digest(found: Sequence[Example], language: str) -> str:
    """SHA-256 over the training data, the concepts of the language, and the format of what is made of them."""
    lines = [
        f"format {FORMAT}",
        *map(str, concept_words(language).items()),
        *(f"{e.weight}\t{e.label}\t{e.text}" for e in found),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_stale(policy: PolicyVersion, language: str) -> bool:
    """Whether the trained file is missing or broken, or was trained from other data than there are now."""
    try:
        return Model.load(trained_file(policy, language)).digest != digest(examples(policy, language), language)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return True


def train(policy: PolicyVersion) -> list[Path]:
    """Train and write the model of every language that has phrasings; returns the files written. Needs scikit-learn."""
    from intents.machine import fit

    written = []
    for language in policy.languages:
        if phrasings(policy, language):
            found = examples(policy, language)
            path = trained_file(policy, language)
            fit(found, language, digest(found, language)).save(path)
            written.append(path)
    return written
