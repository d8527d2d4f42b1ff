"""Reads policies and laws from their folders into PolicyVersion.

policies/<company>/<date>/  policy.toml, <language>/*.toml, phrasings/<language>/*.toml, trained/
policies/law/<law>/         law.toml, <language>.toml, phrasings/<language>.toml

A company's own folder of policies (`extra`) is looked at before the bundled one. Official wording that a company
imported lies there too, as an overlay with its own checksum: a published version's folder is never written to.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from knowledge.clause import Clause, Localized, PolicyVersion, Section, localized
from knowledge.errors import BrokenFile
from knowledge.shapes import check_policy, check_wording
from knowledge.statutes import articles, law_folder
from knowledge.tables import read_toml as read_toml  # Whoever reads a policy reads tables.

BUNDLED = Path(__file__).parent / "policies"
LANGUAGES = ("en", "zh")


def versions(company: str, *, extra: Path | None = None) -> list[date]:
    """Published versions of a company's policy, oldest first. A draft (a folder without a date's name) doesn't count."""
    found = set()
    for root in _roots(extra):
        for folder in (root / company).glob("*/policy.toml"):
            try:
                found.add(date.fromisoformat(folder.parent.name))
            except ValueError:
                continue
    return sorted(found)


def companies(*, extra: Path | None = None) -> list[str]:
    """Names of the companies that have a policy folder."""
    return sorted({f.parent.parent.name for root in _roots(extra) for f in root.glob("*/*/policy.toml")})


def load_policy(company: str, version: str | date | None = None, *, extra: Path | None = None) -> PolicyVersion:
    """The policy of `company`, in its newest version when none is named. Raises BrokenFile."""
    if version is None:
        known = versions(company, extra=extra)
        if not known:
            raise BrokenFile(
                BUNDLED / company,
                "holds no published policy",
                f"Companies with one: {', '.join(companies(extra=extra))}",
            )
        version = known[-1]
    for root in _roots(extra):
        folder = root / company / str(version)
        if (folder / "policy.toml").exists():
            return load_folder(folder, extra=extra)
    dates = ", ".join(map(str, versions(company, extra=extra))) or "none"
    raise BrokenFile(BUNDLED / company / str(version), "is no version of this policy", f"Versions there are: {dates}")


def load_folder(folder: Path, *, extra: Path | None = None) -> PolicyVersion:
    """The policy in `folder`, with the laws it enables and the official wording imported for it. Raises BrokenFile."""
    path = folder / "policy.toml"
    data = read_toml(path)
    check_policy(path, data, LANGUAGES)
    wording = {language: _wording(folder / language) for language in LANGUAGES}
    official = _official(data["company"], str(data["date"]), extra)
    sections, clauses = _outline(path, data["node"], wording, official)
    law_folders = tuple(law_folder(path, name, list(_roots(extra))) for name in data.get("laws", ()))
    law = {article.id: article for folder_of_law in law_folders for article in articles(folder_of_law, LANGUAGES)}
    return PolicyVersion(
        company=data["company"],
        date=data["date"],
        name=data["name"],
        title=data["title"],
        authoritative_language=data["authoritative_language"],
        sections=sections,
        clauses=clauses,
        law=law,
        checksum=checksum(folder),
        folder=folder,
        contact=data.get("contact", {}),
        law_folders=law_folders,
    )


def phrasings(policy: PolicyVersion, language: str) -> dict[str, tuple[str, ...]]:
    """How people ask, by clause or law id; what the policy is silent on under "_near", what is off topic under "_far"."""
    found: dict[str, tuple[str, ...]] = {}
    files = sorted((policy.folder / "phrasings" / language).glob("*.toml"))
    files += [folder / "phrasings" / f"{language}.toml" for folder in policy.law_folders]
    for path in files:
        if not path.exists():
            continue
        silent = path.stem == "_not_covered"
        for key, texts in read_toml(path).items():
            name = f"_{key}" if silent else key
            if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
                raise BrokenFile(path, f"{key!r} must be a list of texts", "Write one phrasing a line inside [ ]")
            if not silent and name not in policy.clauses and name not in policy.law:
                raise BrokenFile(
                    path,
                    f"{key!r} is no clause of this policy",
                    "Correct the id; `python -m knowledge check` lists all",
                )
            found[name] = found.get(name, ()) + tuple(texts)
    return found


def policy_files(folder: Path) -> list[Path]:
    """The files that are the policy: structure and wording. Phrasings and what was trained are not."""
    return [folder / "policy.toml", *sorted(p for language in LANGUAGES for p in (folder / language).glob("*.toml"))]


def checksum(folder: Path) -> str:
    """SHA-256 over the structure and the wording of a version (not its phrasings), the same on every machine."""
    digest = hashlib.sha256()
    for path in policy_files(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def _roots(extra: Path | None) -> Iterator[Path]:
    if extra is not None:
        yield extra
    yield BUNDLED


def _wording(folder: Path) -> dict[str, tuple[Path, Mapping[str, str]]]:
    """Clause id -> (its file, {heading, plain}) of one language's folder."""
    found: dict[str, tuple[Path, Mapping[str, str]]] = {}
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path)
        check_wording(path, tables)
        for key, table in tables.items():
            if key in found:
                raise BrokenFile(path, f"[{key!r}] is worded twice, first in {found[key][0].name}", "Keep one of them")
            found[key] = (path, table)
    return found


def _official(company: str, version: str, extra: Path | None) -> dict[str, dict[str, str]]:
    """Language -> clause id -> official wording, from the overlays that the importer wrote."""
    if extra is None:
        return {}
    found: dict[str, dict[str, str]] = {}
    for path in sorted((extra / company / version / "official").glob("*.toml")):
        data = read_toml(path)
        texts: dict[str, str] = data.get("official", {})
        is_whole = isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())
        if not is_whole or data.get("checksum") != official_checksum(texts):
            raise BrokenFile(
                path, "was changed after the import (its checksum differs)", "Import the company's text again"
            )
        found[path.stem] = texts
    return found


def official_checksum(texts: Mapping[str, str]) -> str:
    """SHA-256 over an overlay's ids and texts in order of id."""
    return hashlib.sha256("\0".join(f"{key}\0{texts[key]}" for key in sorted(texts)).encode()).hexdigest()


def _outline(
    path: Path,
    nodes: list[dict[str, Any]],
    wording: Mapping[str, Mapping[str, tuple[Path, Mapping[str, str]]]],
    official: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, Section], dict[str, Clause]]:
    """Sections and clauses in reading order from policy.toml's [[node]] list."""
    sections: dict[str, Section] = {}
    members: dict[str, list[str]] = {}
    clauses: dict[str, Clause] = {}
    leads = {node["clause"] for node in nodes if node.get("lead")}
    current = ""
    for node in nodes:
        if "section" in node:
            current = node["section"]
            if current in sections:
                raise BrokenFile(path, f"section {current!r} stands twice", "Ids are unique")
            sections[current] = Section(current, node["title"], node.get("parent"))
            members[current] = []
            continue
        key = node["clause"]
        if not current or key.partition(".")[0] not in sections:
            part = key.partition(".")[0]
            raise BrokenFile(path, f"clause {key!r} has no part {part!r} above it", "Write its section first")
        if key in clauses:
            raise BrokenFile(path, f"clause {key!r} stands twice", "Ids are unique")
        words = {language: texts[key][1] for language, texts in wording.items() if key in texts}
        members[current].append(key)
        clauses[key] = Clause(
            id=key,
            section=current,
            citation=node.get("citation") or _citation(key, sections),
            heading={language: table["heading"] for language, table in words.items()},
            plain={language: table["plain"].strip() for language, table in words.items()},
            official={language: texts[key] for language, texts in official.items() if key in texts},
            tags=tuple(node.get("tags", ())),
            related=tuple(node.get("related", ())),
            law=tuple(node.get("law", ())),
            is_lead=bool(node.get("lead")),
            parent=max((lead for lead in leads if key.startswith(lead + ".")), key=len, default=None),
        )
    for language, texts in wording.items():
        for key, (file, _) in texts.items():
            if key not in clauses:
                raise BrokenFile(
                    file,
                    f"words the clause {key!r}, which policy.toml ({language}) does not list",
                    "Correct the id or add the clause",
                )
    return {key: Section(s.id, s.title, s.parent, tuple(members[key])) for key, s in sections.items()}, clauses


def _citation(key: str, sections: Mapping[str, Section]) -> Localized:
    """ "Privacy Policy 7.4" from "privacy.7.4" and the part's title."""
    part, _, number = key.partition(".")
    title = sections[part].title
    return {"en": f"{localized(title, 'en')} {number}", "zh": f"《{localized(title, 'zh')}》{number}"}
