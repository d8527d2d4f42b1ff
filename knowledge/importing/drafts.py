"""Drafts of a policy version: from an imported text, or an empty one for a new company.

A draft is a folder like a published version's, under a name that is no date, so nothing answers from it. Renaming it to
its date publishes it; `python -m knowledge check` says what is still to be written.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import tomli_w

from knowledge.checking import stands_in
from knowledge.clause import PolicyVersion
from knowledge.importing.outline import Node
from knowledge.importing.placing import Placement
from knowledge.library import LANGUAGES, phrasings


def draft_files(
    placement: Placement, base: PolicyVersion | None, company: str, day: date, language: str
) -> tuple[dict[str, str], list[str]]:
    """(path inside the draft -> content, what is left to do). Unchanged clauses keep their words."""
    nodes = list(_nodes(placement, base, language))
    name = base.name if base else dict.fromkeys(LANGUAGES, company.capitalize())
    first = next((child.text for child in placement.root.children if child.kind == "part"), "Policy")
    head: dict[str, Any] = {
        "company": company,
        "date": day,
        "authoritative_language": base.authoritative_language if base else language,
        "laws": [folder.name for folder in base.law_folders] if base else [],
        "name": dict(name),
        "title": dict(base.title) if base else dict.fromkeys(LANGUAGES, first),
        **({"contact": dict(base.contact)} if base and base.contact else {}),
    }
    files = {"policy.toml": tomli_w.dumps(head) + "".join(_block(node) for node in nodes)}
    unchanged = {key for key in placement.nodes if _unchanged(key, placement, base, language)}
    files |= _wording(placement, base, unchanged)
    if base:
        files |= _phrasings(base, unchanged)
    return files, list(_todo(placement, base, unchanged, language))


def empty_files(company: str, day: date) -> dict[str, str]:
    """A first version with one section and one clause to write over."""
    head = {
        "company": company,
        "date": day,
        "authoritative_language": "en",
        "laws": [],
        "name": dict.fromkeys(LANGUAGES, company.capitalize()),
        "title": {"en": "Privacy Policy", "zh": "隐私政策"},
        "contact": {"en": "", "zh": ""},
    }
    nodes: list[dict[str, Any]] = [
        {"section": "privacy", "title": {"en": "Privacy Policy", "zh": "隐私政策"}},
        {"section": "privacy.1", "title": {"en": "Scope", "zh": "适用范围"}, "parent": "privacy"},
        {"clause": "privacy.1.1", "tags": ["scope"], "related": []},
    ]
    files = {"policy.toml": tomli_w.dumps(head) + "".join(_block(node) for node in nodes)}
    for language in LANGUAGES:
        files[f"{language}/privacy-1.toml"] = tomli_w.dumps({"privacy.1.1": {"heading": "", "plain": ""}})
        files[f"phrasings/{language}/privacy-1.toml"] = tomli_w.dumps({"privacy.1.1": []})
        files[f"phrasings/{language}/_not_covered.toml"] = tomli_w.dumps({"near": [], "far": []})
    return files


def group(key: str) -> str:
    """The wording file of a clause: pre (with the definitions), privacy-1 ... privacy-10, else the part's name."""
    part, _, rest = key.partition(".")
    first = rest.partition(".")[0]
    if part in ("pre", "def"):
        return "pre"
    return f"privacy-{first if first.isdigit() else 1}" if part == "privacy" else part


def _block(node: Mapping[str, Any]) -> str:
    """One [[node]] as TOML, lists and titles on one line."""

    def inline(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{ " + ", ".join(f"{key} = {inline(v)}" for key, v in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(map(inline, value)) + "]"
        return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()

    return "\n[[node]]\n" + "".join(f"{key} = {inline(value)}\n" for key, value in node.items())


def _nodes(placement: Placement, base: PolicyVersion | None, language: str) -> Iterator[dict[str, Any]]:
    """[[node]] tables in reading order: a section before its first clause, new clauses marked so."""
    known = base.clauses if base else {}
    opened: set[str] = set()
    current = ""
    titles = _titles(placement)
    for key in placement.nodes:
        part, *rest = key.split(".")
        above = [".".join([part, *rest[:n]]) for n in range(len(rest) + 1)]
        for section in above:
            in_base = base.sections.get(section) if base else None
            # After the sub-items of 2.2 the lead 2.3 needs a heading of its own, though the text prints none.
            needed = section == part or (section == key and not stands_in(key, current))
            if section in opened or not (needed or in_base or section in titles):
                continue
            opened.add(section)
            current = section
            title = _title(section, base, titles)
            parent = next((s for s in reversed(above[: above.index(section)]) if s in opened), None)
            yield {"section": section, "title": title, **({"parent": parent} if parent else {})}
        clause = known.get(key)
        node: dict[str, Any] = {"clause": key}
        if clause is None:
            node["new"] = True
        elif any(not component.isdigit() for component in rest) or not rest:
            node["citation"] = dict(clause.citation)
        if key in placement.leads:
            node["lead"] = True
        node["tags"] = list(clause.tags) if clause else []
        node["related"] = [other for other in clause.related if other in placement.nodes] if clause else []
        if clause and clause.law:
            node["law"] = list(clause.law)
        yield node


def _title(section: str, base: PolicyVersion | None, titles: Mapping[str, str]) -> dict[str, str]:
    """A section's title: the base's, else the text's heading, else the clause's heading, else its number."""
    if base and section in base.sections:
        return dict(base.sections[section].title)
    if section not in titles and base and section in base.clauses:
        return dict(base.clauses[section].heading)
    part, _, number = section.partition(".")
    return dict.fromkeys(LANGUAGES, titles.get(section, number or part.capitalize()))


def _titles(placement: Placement) -> dict[str, str]:
    """Section id -> its heading in the text, for headings that have clauses below them."""
    found: dict[str, str] = {}

    def visit(node: Node) -> None:
        first = next((n.id for n in node.walk() if n.id), None)
        if first and node.placed == "heading" and node.kind in ("part", "number") and node.text:
            found.setdefault(".".join([first.split(".")[0], *map(str, node.path)]), node.text)
        for child in node.children:
            visit(child)

    visit(placement.root)
    return found


def _unchanged(key: str, placement: Placement, base: PolicyVersion | None, language: str) -> bool:
    clause = base.clauses.get(key) if base else None
    return clause is not None and clause.official.get(language, "").split() == placement.texts[key].split()


def _wording(placement: Placement, base: PolicyVersion | None, unchanged: set[str]) -> dict[str, str]:
    tables: dict[str, dict[str, dict[str, str]]] = {}
    for key in placement.nodes:
        clause = base.clauses.get(key) if base else None
        for language in LANGUAGES:
            tables.setdefault(f"{language}/{group(key)}.toml", {})[key] = {
                "heading": clause.heading.get(language, "") if clause else "",
                "plain": clause.plain.get(language, "") if clause and key in unchanged else "",
            }
    return {path: tomli_w.dumps(table, multiline_strings=True) for path, table in tables.items()}


def _phrasings(base: PolicyVersion, kept: set[str]) -> dict[str, str]:
    """How people ask about the clauses that stayed, and about what no clause covers."""
    tables: dict[str, dict[str, list[str]]] = {}
    for language in LANGUAGES:
        for key, texts in phrasings(base, language).items():
            if key in ("_near", "_far"):
                tables.setdefault(f"phrasings/{language}/_not_covered.toml", {})[key[1:]] = list(texts)
            elif key in kept:
                tables.setdefault(f"phrasings/{language}/{group(key)}.toml", {})[key] = list(texts)
    return {path: tomli_w.dumps(table) for path, table in tables.items()}


def _todo(placement: Placement, base: PolicyVersion | None, unchanged: set[str], language: str) -> Iterator[str]:
    known: Mapping[str, object] = base.clauses if base else {}
    if base and not any(clause.official.get(language) for clause in base.clauses.values()):
        yield f"All clauses: {base.date} has no official wording; import its text first to keep unchanged words"
    for key, node in placement.nodes.items():
        if key not in known:
            yield f"{key} (line {node.line}): new; write heading, plain words, tags and phrasings in both languages"
        elif key not in unchanged:
            yield f"{key} (line {node.line}): write the plain words again from the new text, in both languages"
    for key in placement.missing:
        yield f"{key}: stands in {base.date if base else ''}, not in this text; gone, renumbered or not recognised?"
    for left in placement.unplaced:
        yield f"line {left.line}: not placed; add a [[node]] and its wording by hand if it is a clause"
    yield "Section titles: translate them in policy.toml"


def scaffold(folder: Path, company: str, day: date) -> list[Path]:
    """Writes an empty first version into `folder`; the files written. The folder must not exist."""
    written = []
    for name, text in empty_files(company, day).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written
