"""What the topics (knowledge.topics) learn from: a curated policy's phrasings and the sentences of its clauses."""

import re
from collections.abc import Sequence

import numpy as np

from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.library import phrasings
from knowledge.normal import normalise
from knowledge.topics import topic_features, topics
from knowledge.vectors import Families, Space

SENTENCE = re.compile(r"[^\n.;。；]{7,}")
TEXTS_AT_LEAST, FEATURES_AT_MOST = 2, 30_000
"""A feature counts from so many texts on; of these the commonest are kept."""

Material = list[tuple[str, str]]
"""(normalised text, clause or article id) pairs."""


def asked(policy: PolicyVersion, language: str) -> Material:
    """How people ask for each clause."""
    return [(normalise(text), key) for key, texts in phrasings(policy, language).items() for text in texts]


def said(policy: PolicyVersion, language: str) -> Material:
    """The headings and sentences of each clause and article."""
    pieces: tuple[Clause | LawArticle, ...] = (*policy.clauses.values(), *policy.law.values())
    return [
        (normalise(text), piece.id)
        for piece in pieces
        if language in piece.plain
        for text in (piece.heading[language], *SENTENCE.findall(piece.plain[language]))
    ]


def space_of(seen: Sequence[Families]) -> Space:
    """The features that the topics of these texts are told by."""
    return Space.over(seen, at_least=TEXTS_AT_LEAST, at_most=FEATURES_AT_MOST)


def are_stale(policy: PolicyVersion, language: str) -> bool:
    """Whether the topics of a language, if there are any, were learned from other texts than `policy` has now.

    Told by the features and how rare each is: a reworded text shows, a text that only moved to another clause doesn't.
    Raises what `topics` raises for a damaged file.
    """
    trained = topics(language)
    if trained is None:
        return False
    seen = [topic_features(text, language) for text, _ in (*asked(policy, language), *said(policy, language))]
    now = space_of(seen)
    return now.columns != trained.space.columns or not np.array_equal(now.rarity, trained.space.rarity)
