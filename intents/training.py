"""Trains the matcher, and tells whether it has learned from the wording there is now.

Only the project's own wording data. The same data give the same file, byte for byte.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from intents.examples import Example, examples
from intents.model import FORMAT, Model
from intents.recogniser import trained_file
from knowledge.clause import PolicyVersion
from knowledge.library import phrasings
from knowledge.words import concept_words


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
    from intents.machine import fit  # Running the bot needs none of it.

    written = []
    for language in policy.languages:
        if phrasings(policy, language):
            found = examples(policy, language)
            path = trained_file(policy, language)
            fit(found, language, digest(found, language)).save(path)
            written.append(path)
    return written
