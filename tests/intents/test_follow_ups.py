"""Short follow-ups stand for a full question, and nothing else does."""

import pytest

from intents.follow_ups import in_full
from intents.heard import languages


@pytest.mark.parametrize(
    ("text", "language", "about"),
    [
        ("and how long?", "en", "how long"),
        ("Why?", "en", "used for"),
        ("who sees it", "en", "share"),
        ("那多久", "zh", "多久"),
        ("为什么呢？", "zh", "用来做什么"),
        ("那能删吗", "zh", "删除"),
        ("who tells me?", "en", ""),
        ("why is the sky blue and the grass green, and so on", "de", ""),
        ("", "en", ""),
    ],
)
def test_a_follow_up_in_full(text: str, language: str, about: str) -> None:
    full = in_full(text, language)
    assert about in full
    assert bool(full) == bool(about)


def test_every_language_reads_its_file() -> None:
    assert all(isinstance(in_full("?", language), str) for language in languages())
