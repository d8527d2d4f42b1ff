"""What a policy's and a law's files must look like, so that a slip of an author is told by name instead of failing later."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from knowledge.errors import BrokenFile

REQUIRED = ("company", "date", "authoritative_language", "name", "title", "node")
_LINE_OF_NODE = re.compile(r"^[ \t]*\[\[node\]\]", re.MULTILINE)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_localized(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(text, str) for text in value.values())


Kind = tuple[Callable[[Any], bool], str]
TEXT: Kind = (_is_text, "a text")
TEXTS: Kind = (_are_texts, "a list of texts")
LOCALIZED: Kind = (_is_localized, 'a text for each language: { en = "...", zh = "..." }')
TRUE: Kind = (lambda value: isinstance(value, bool), "true or false")
TABLES: Kind = (
    lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "a list of tables",
)
POLICY: Mapping[str, Kind] = {
    "company": TEXT,
    "date": (lambda value: type(value) is date, "a date like 2026-03-01, without quotes"),
    "authoritative_language": TEXT,
    "laws": TEXTS,
    "node": (TABLES[0], "a list of [[node]] tables"),
    "name": LOCALIZED,
    "title": LOCALIZED,
    "contact": LOCALIZED,
}
NODE: Mapping[str, Kind] = {
    "section": TEXT,
    "title": LOCALIZED,
    "parent": TEXT,
    "clause": TEXT,
    "lead": TRUE,
    "citation": LOCALIZED,
    "tags": TEXTS,
    "related": TEXTS,
    "law": TEXTS,
    "new": TRUE,
}
SECTION_KEYS = {"section", "title", "parent"}
LAW: Mapping[str, Kind] = {"short": LOCALIZED, "jurisdiction": TEXT, "source": TEXT, "article": TABLES}
ARTICLE: Mapping[str, Kind] = {"id": TEXT, "tags": TEXTS, "beside": TEXTS}


def check_policy(path: Path, data: Mapping[str, Any], languages: Sequence[str]) -> None:
    """Raises BrokenFile for what policy.toml lacks, for a key nobody reads, and for a value of the wrong kind."""
    remedy = "Compare it with the bundled policy's policy.toml"
    for problem in (*_missing(data, REQUIRED), *_unread(data, POLICY), *_wrong(data, POLICY)):
        raise BrokenFile(path, problem, remedy)
    if data["company"] != path.parent.parent.name:
        what = f"says company {data['company']!r} in the folder {path.parent.parent.name!r}"
        raise BrokenFile(path, what, "Make them the same")
    if data["authoritative_language"] not in languages:
        raise BrokenFile(path, f"authoritative_language must be one of {', '.join(languages)}", "Correct it")
    for index, node in enumerate(data["node"]):
        for problem in (*_unread(node, NODE), *_wrong(node, NODE), *_homeless(node)):
            raise BrokenFile(path, f"the [[node]]{_line_of(path, index)} {problem}", "Correct it")


def check_law(path: Path, data: Mapping[str, Any]) -> None:
    """Raises BrokenFile for what law.toml lacks and for a value of the wrong kind."""
    remedy = "Compare it with the bundled law's law.toml"
    for problem in (*_missing(data, LAW), *_wrong(data, LAW)):
        raise BrokenFile(path, problem, remedy)
    for article in data["article"]:
        for problem in (*_missing(article, ("id", "number")), *_wrong(article, ARTICLE)):
            raise BrokenFile(path, f"the article {article.get('id', '')!r} {problem}", remedy)


def check_wording(path: Path, tables: Mapping[str, Any]) -> None:
    """Raises BrokenFile unless every table holds the texts heading and plain."""
    for key, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(table.get(k), str) for k in ("heading", "plain")):
            raise BrokenFile(path, f"[{key!r}] needs the texts heading and plain", "Write both as strings")


def _missing(data: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    return [f"lacks the key {key!r}" for key in keys if key not in data]


def _unread(data: Mapping[str, Any], kinds: Mapping[str, Kind]) -> list[str]:
    known = ", ".join(sorted(kinds))
    return [f"has the key {key!r}, which nobody reads (keys there are: {known})" for key in data if key not in kinds]


def _wrong(data: Mapping[str, Any], kinds: Mapping[str, Kind]) -> list[str]:
    return [
        f"{key} must be {kinds[key][1]}" for key, value in data.items() if key in kinds and not kinds[key][0](value)
    ]


def _homeless(node: Mapping[str, Any]) -> list[str]:
    if ("section" in node) == ("clause" in node):
        return ["must be either a section or a clause: give it section = or clause ="]
    own, what = (SECTION_KEYS, "a section") if "section" in node else (set(NODE) - SECTION_KEYS, "a clause")
    foreign = [f"has the key {key!r}, which {what} doesn't have" for key in node if key not in own]
    return foreign or (_missing(node, ("title",)) if "section" in node else [])


def _line_of(path: Path, index: int) -> str:
    """ " in line 40": where the node of that index begins; "" where the nodes aren't written as [[node]]."""
    text = path.read_text(encoding="utf-8")
    starts = [found.start() for found in _LINE_OF_NODE.finditer(text)]
    return f" in line {text.count(chr(10), 0, starts[index]) + 1}" if index < len(starts) else ""
