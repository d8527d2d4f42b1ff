"""Trains the topics (knowledge.topics) from a curated policy's phrasings and plain words. Needs scikit-learn.

`python -m knowledge.topic_training [COMPANY]` writes knowledge/trained/.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.fitting import rows_of
from knowledge.library import load_policy, phrasings
from knowledge.topic_material import asked, said, space_of
from knowledge.topics import Topics, topic_features
from knowledge.vectors import Weights

SEED = 20231215
ASKED_IN_SAID = 0.3
"""How much a phrasing weighs beside a sentence of the clause when learning what a clause's sentence is about."""
OFF_TOPIC = "_far"


def train_topics(policy: PolicyVersion) -> list[Path]:
    """Train and write the topics of every language that `policy` has phrasings in; returns the files written."""
    return [fit_topics(policy, language).save() for language in policy.languages if phrasings(policy, language)]


def fit_topics(policy: PolicyVersion, language: str) -> Topics:
    """The topics of one language."""
    of_people, of_clauses = asked(policy, language), said(policy, language)
    seen = [topic_features(text, language) for text, _ in (*of_people, *of_clauses)]
    space = space_of(seen)
    matrix = rows_of(space, seen, (1.0,))
    keys = np.array([key for _, key in (*of_people, *of_clauses)])
    is_asked = np.arange(len(keys)) < len(of_people)
    is_clause = np.array([not key.startswith("_") for key in keys])
    topic = np.array([topic_of(key) for key in keys])
    weight = np.where(is_asked, ASKED_IN_SAID, 1.0)
    about = LogisticRegression(C=5.0, solver="liblinear", random_state=SEED)
    about.fit(matrix[is_asked], keys[is_asked] != OFF_TOPIC)
    return Topics(
        language,
        space,
        asked=_weights(matrix[is_asked & is_clause], topic[is_asked & is_clause], None),
        said=_weights(matrix[is_clause], topic[is_clause], weight[is_clause]),
        privacy=Weights.of(about.coef_.T, about.intercept_),
    )


def topic_of(key: str) -> str:
    """The numbered item of a clause ("privacy.3.1" for "privacy.3.1.4", "legal.1"); a law article is a topic."""
    return ".".join(key.split(".")[: 3 if key.startswith("privacy") else 2])


def _weights(matrix: csr_matrix, topic: NDArray[np.str_], weight: NDArray[np.float64] | None) -> Weights:
    machine = LinearSVC(C=1.0, random_state=SEED).fit(matrix, topic, sample_weight=weight)
    return Weights.of(machine.coef_.T, machine.intercept_)


def main() -> None:
    """Trains the topics from the policy of a company (default: the bundled one) and names the files."""
    arguments = argparse.ArgumentParser(
        prog="python -m knowledge.topic_training",
        description="Train the topics that help policies without phrasings, from a policy that has them. "
        "Writes knowledge/trained/.",
    )
    arguments.add_argument(
        "company", nargs="?", default="kenpai", help="whose policy: the name of a folder of policies (default: kenpai)"
    )
    try:
        for path in train_topics(load_policy(arguments.parse_args().company)):
            print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    except BrokenFile as broken:
        sys.exit(str(broken))


if __name__ == "__main__":
    main()
