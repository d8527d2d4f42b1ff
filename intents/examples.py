"""What the matcher learns from: phrasings of clauses and law, what is not covered, commands, and the clauses' own words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from intents.features import readable
from intents.heard import examples as heard
from intents.model import INTENT
from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.library import phrasings

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
