"""What is true: clauses of a policy, articles of a law, and the version that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

Localized = Mapping[str, str]
"""Language code ("en", "zh") -> text."""


def localized(texts: Localized, language: str) -> str:
    """The text in `language`, else in English, else in whatever language there is; "" when there is none."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: how it is cited, said in plain words, and, where the company imported it, its official wording.

    `id` reads part.section.item[.sub-item] in Arabic numerals ("privacy.7.4"), however the text itself numbers it.
    A lead is the introductory sentence of a numbered item; its cases are the clauses whose `parent` it is.
    """

    id: str
    section: str
    citation: Localized
    heading: Localized
    plain: Localized
    official: Localized = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    law: tuple[str, ...] = ()
    is_lead: bool = False
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class LawArticle:
    """One article of a statute, restated. It is law, never the company's promise, and is always labelled so."""

    id: str
    citation: Localized
    heading: Localized
    plain: Localized
    jurisdiction: str
    source: str
    tags: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the policy with the clauses under it, in reading order. `parent` is None for a part."""

    id: str
    title: Localized
    parent: str | None
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True)  # No slots: what is asked for with every question is worked out once.
class PolicyVersion:
    """A published version: never changed, a correction is a new version. `checksum` is SHA-256 over its data files."""

    company: str
    date: date
    name: Localized
    title: Localized
    authoritative_language: str
    sections: Mapping[str, Section]
    clauses: Mapping[str, Clause]
    law: Mapping[str, LawArticle]
    checksum: str
    folder: Path
    contact: Localized = field(default_factory=dict)
    law_folders: tuple[Path, ...] = ()

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages that every clause is worded in, English first."""
        return tuple(
            sorted(language for language in ("en", "zh") if all(language in c.plain for c in self.clauses.values()))
        )
