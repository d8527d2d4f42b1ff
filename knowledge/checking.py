"""Checks a version as its author wants to know it: everything that is wrong, each with file, line and what to do.

Reading a policy stops at the first broken file (knowledge.library); a check goes on and lists all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.library import LANGUAGES, load_folder, phrasings, read_toml
from knowledge.normal import normalise

ID = re.compile(r"[a-z][a-z0-9-]*(?:\.(?:[1-9]\d{0,2}|[a-z][a-z0-9-]*))*")
"""part.section.item[.sub-item]: Arabic numbers, or a name where the text prints no number (privacy.5.verify)."""
HEADING_WORDS = 9
HEADING_CHARACTERS = 18
"""Longer headings don't fit a button: Telegram shows some 20 characters of one in a row of two."""
_HAN = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. An error keeps a version from being published, a warning doesn't."""

    path: Path
    line: int
    problem: str
    remedy: str
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'error' if self.is_error else 'warning'}: {self.problem}. {self.remedy}"


def check(folder: Path, *, extra: Path | None = None) -> list[Finding]:
    """All findings for the version in `folder`, errors first."""
    try:
        policy = load_folder(folder, extra=extra)
    except BrokenFile as broken:
        path = Path(broken.path)
        return [Finding(path, _stated_line(broken.problem), broken.problem, broken.remedy)]
    files = _Files()
    found = [
        *_ids(policy, files),
        *_sections(policy, files),
        *_wording(policy, files),
        *_references(policy, files),
        *_phrasings(policy, files),
        *_overlay(policy, extra, files),
    ]
    return sorted(found, key=lambda f: (not f.is_error, str(f.path), f.line))


class _Files:
    """The version's files, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, list[str]] = {}
        self._tables: dict[Path, Mapping[str, Any]] = {}

    def tables(self, path: Path) -> Mapping[str, Any]:
        if path not in self._tables:
            self._tables[path] = read_toml(path)
        return self._tables[path]

    def holding(self, paths: Iterable[Path], key: str, otherwise: Path) -> Path:
        """The file among `paths` that has the key."""
        return next((path for path in paths if path.exists() and key in self.tables(path)), otherwise)

    def line(self, path: Path, *texts: str, nth: int = 1) -> int:
        """The line where one of the texts stands in the file; 1 where none does."""
        if path not in self._read:
            self._read[path] = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        hits = [number for number, line in enumerate(self._read[path], 1) if any(text in line for text in texts)]
        return hits[min(nth, len(hits)) - 1] if hits else 1


def _stated_line(problem: str) -> int:
    match = re.search(r"line (\d+)", problem)
    return int(match[1]) if match else 1


def _ids(policy: PolicyVersion, files: _Files) -> Iterator[Finding]:
    path = policy.folder / "policy.toml"
    for key, clause in policy.clauses.items():
        line = files.line(path, f'clause = "{key}"')
        if not ID.fullmatch(key):
            yield Finding(
                path,
                line,
                f"{key!r} is no clause id",
                "Write part.section.item[.sub-item]: small letters, Arabic numerals, hyphens",
            )
        elif not stands_in(key, clause.section):
            yield Finding(
                path,
                line,
                f"{key!r} stands below the section {clause.section!r}, which is not its own",
                "Move it, or correct the id",
            )
        if clause.is_lead and not any(other.parent == key for other in policy.clauses.values()):
            yield Finding(
                path,
                line,
                f"{key!r} is a lead without cases",
                "Add the clauses it introduces, or take lead = true away",
                is_error=False,
            )
    if policy.folder.name not in (str(policy.date), f"draft-{policy.date}"):
        yield Finding(
            path,
            files.line(path, "date ="),
            f"date is {policy.date}, the folder is called {policy.folder.name}",
            "Rename one of them",
        )
    elif not policy.folder.name.startswith("draft-") and any("new" in node for node in files.tables(path)["node"]):
        yield Finding(
            path,
            files.line(path, "new = true"),
            "a published version still marks clauses as new",
            "Take new = true away",
            is_error=False,
        )


def stands_in(key: str, section: str) -> bool:
    """Whether a clause may stand below the heading: its own, or, for a paragraph without a number (privacy.5.verify), a
    heading inside the section it closes (privacy.5.3)."""
    above, _, last = key.rpartition(".")
    return f"{key}.".startswith(f"{section}.") or (not last.isdigit() and section.startswith(f"{above}."))


def _sections(policy: PolicyVersion, files: _Files) -> Iterator[Finding]:
    path = policy.folder / "policy.toml"
    parents = {section.parent for section in policy.sections.values()}
    for key, section in policy.sections.items():
        line = files.line(path, f'section = "{key}"')
        if section.parent is not None and section.parent not in policy.sections:
            yield Finding(
                path,
                line,
                f"section {key!r} names the parent {section.parent!r}, which does not exist",
                "Correct the parent",
            )
        for language in LANGUAGES:
            if not section.title.get(language, "").strip():
                yield Finding(
                    path, line, f"section {key!r} has no title in {language!r}", "Write it in title = { ... }"
                )
        if not section.clauses and key not in parents:
            yield Finding(
                path, line, f"section {key!r} holds nothing", "Put clauses below it or take it out", is_error=False
            )


def _wording(policy: PolicyVersion, files: _Files) -> Iterator[Finding]:
    for key, clause in policy.clauses.items():
        for language in LANGUAGES:
            folder = policy.folder / language
            path = files.holding(sorted(folder.glob("*.toml")), key, folder)
            yield from _worded(key, clause, language, path, files.line(path, f'["{key}"]', f"[{key}]", f"['{key}']"))
    for key, article in policy.law.items():
        folder = _law_folder(policy, key, files)
        for language in LANGUAGES:
            path = folder / f"{language}.toml"
            yield from _worded(key, article, language, path, files.line(path, f'["{key}"]'))


def _worded(key: str, clause: Clause | LawArticle, language: str, path: Path, line: int) -> Iterator[Finding]:
    if language not in clause.plain:
        yield Finding(path, 1, f"{key!r} is not worded in {language!r}", f'Add ["{key}"] with heading and plain')
        return
    heading, plain = clause.heading[language].strip(), clause.plain[language]
    if not plain:
        yield Finding(path, line, f"{key!r} has no plain words in {language!r}", "Write plain = ...")
    if not heading:
        yield Finding(path, line, f"{key!r} has no heading in {language!r}", "Write heading = ...")
        return
    if heading[-1] in ".。":
        yield Finding(path, line, f"the heading of {key!r} ends with a full stop", "Take it away", is_error=False)
    if (len(heading) > HEADING_CHARACTERS) if language == "zh" else (len(heading.split()) > HEADING_WORDS):
        yield Finding(
            path,
            line,
            f"the heading of {key!r} is too long for a button",
            f"At most {HEADING_WORDS} words, or {HEADING_CHARACTERS} characters in Chinese",
            is_error=False,
        )
    if plain and (language == "zh") != bool(_HAN.search(plain)):
        yield Finding(
            path,
            line,
            f"the plain words of {key!r} don't look like {'Chinese' if language == 'zh' else 'English'}",
            "Were two files mixed up?",
        )


def _references(policy: PolicyVersion, files: _Files) -> Iterator[Finding]:
    path = policy.folder / "policy.toml"
    for key, clause in policy.clauses.items():
        line = files.line(path, f'clause = "{key}"')
        for other in clause.related:
            if other not in policy.clauses:
                yield Finding(
                    path, line, f"{key!r} is related to {other!r}, which is no clause", "Correct related = [...]"
                )
            elif other == key:
                yield Finding(
                    path, line, f"{key!r} is related to itself", "Take it out of related = [...]", is_error=False
                )
        for other in clause.law:
            if other not in policy.law:
                yield Finding(
                    path,
                    line,
                    f"{key!r} names the article {other!r}, which no enabled law has",
                    "Correct law = [...], or add the law to laws = [...]",
                )
    for key, article in policy.law.items():
        for other in article.beside:
            if other not in policy.clauses:
                file = _law_folder(policy, key, files) / "law.toml"
                yield Finding(
                    file,
                    files.line(file, f'"{key}"'),
                    f"{key!r} stands beside {other!r}, which is no clause of {policy.company} {policy.date}",
                    "Correct beside = [...]",
                    is_error=False,
                )


def _phrasings(policy: PolicyVersion, files: _Files) -> Iterator[Finding]:
    for language in LANGUAGES:
        try:
            asked = phrasings(policy, language)
        except BrokenFile as broken:
            yield Finding(Path(broken.path), _stated_line(broken.problem), broken.problem, broken.remedy)
            continue
        first: dict[str, tuple[str, str]] = {}
        for key, texts in asked.items():
            path = _phrasing_file(policy, language, key, files)
            for text in texts:
                form = normalise(text).strip(" ?？!！.。")
                if not form:
                    yield Finding(path, files.line(path, f'"{key}"'), f"{key!r} holds an empty phrasing", "Take it out")
                elif form not in first:
                    first[form] = (key, text)
                elif first[form][0] == key:
                    yield Finding(
                        path,
                        files.line(path, _quoted(text), nth=2),
                        f"{text!r} stands twice below {key!r}",
                        "Keep one",
                        is_error=False,
                    )
                else:
                    other = first[form][0]
                    yield Finding(
                        path,
                        files.line(path, _quoted(text)),
                        f"{text!r} stands below {key!r} and below {other!r}",
                        "One phrasing leads to one clause: keep the better place",
                    )
        for key in policy.clauses:
            if not asked.get(key):
                path = _phrasing_file(policy, language, key, files)
                yield Finding(
                    path,
                    files.line(path, f'"{key}"'),
                    f"nobody asks for {key!r} in {language!r}",
                    "Write some phrasings, or it will hardly be found",
                    is_error=False,
                )


def _overlay(policy: PolicyVersion, extra: Path | None, files: _Files) -> Iterator[Finding]:
    """Official wording of clauses that the version doesn't have."""
    if extra is None:
        return
    for path in sorted((extra / policy.company / policy.folder.name / "official").glob("*.toml")):
        for key in files.tables(path).get("official", {}):
            if key not in policy.clauses:
                yield Finding(
                    path,
                    files.line(path, f'"{key}"', f"{key} ="),
                    f"holds official wording of {key!r}, which is no clause of this version",
                    "Import the text again",
                )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _law_folder(policy: PolicyVersion, article: str, files: _Files) -> Path:
    return next(
        f for f in policy.law_folders if any(a.get("id") == article for a in files.tables(f / "law.toml")["article"])
    )


def _phrasing_file(policy: PolicyVersion, language: str, key: str, files: _Files) -> Path:
    folder = policy.folder / "phrasings" / language
    if key.startswith("_"):
        return folder / "_not_covered.toml"
    return files.holding(
        [*sorted(folder.glob("*.toml")), *(f / "phrasings" / f"{language}.toml" for f in policy.law_folders)],
        key,
        folder,
    )
