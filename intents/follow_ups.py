"""Short follow-ups ("and how long?", 那多久) and the full question each stands for: languages/<language>/_follow_ups.toml."""

import re
from functools import cache

from intents.wording import LANGUAGES_FOLDER
from knowledge.errors import BrokenFile
from knowledge.library import read_toml
from knowledge.normal import normalise


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    path = LANGUAGES_FOLDER / language / "_follow_ups.toml"
    if not path.exists():
        return ()
    found = []
    for pattern, question in read_toml(path).items():
        try:
            found.append((re.compile(pattern), str(question)))
        except re.error as bad:
            raise BrokenFile(path, f"{pattern!r} is no regular expression: {bad}", "Mend the line") from bad
    return tuple(found)


def in_full(text: str, language: str) -> str:
    """The question that a short follow-up stands for; "" when it is none of those the language knows."""
    said = normalise(text).strip(" ?？!！.。,，")
    return next((question for pattern, question in _patterns(language) if pattern.fullmatch(said)), "")
