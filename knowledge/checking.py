"""Checks a version as its author wants to know it: everything that is wrong, each with file, line and what to do.

Reading a policy stops at the first broken file (knowledge.library); a check goes on and lists all.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from knowledge.checking_words import check_official, check_phrasings, check_words
from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.findings import Files, Finding, folder_of_article
from knowledge.library import LANGUAGES, load_folder
from knowledge.publishing import since_publishing

ID = re.compile(r"[a-z][a-z0-9-]*(?:\.(?:[1-9]\d{0,2}|[a-z][a-z0-9-]*))*")
"""part.section.item[.sub-item]: Arabic numbers, or a name where the text prints no number (privacy.5.verify)."""


def check(folder: Path, *, extra: Path | None = None, as_draft: bool = False) -> list[Finding]:
    """All findings for the version in `folder`, errors first; whatever is in its files, it doesn't raise.

    A published version is also compared with what was published, unless it is looked at `as_draft`.
    """
    try:
        policy = load_folder(folder, extra=extra)
    except Exception as bad:
        return [_stopped(folder / "policy.toml", bad)]
    files = Files()
    looks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _ids(policy, files),
        lambda: _sections(policy, files),
        lambda: check_words(policy, files),
        lambda: _references(policy, files),
        lambda: check_phrasings(policy, files),
        lambda: check_official(policy, extra, files),
    ]
    if not as_draft and folder.name == str(policy.date):
        looks.append(lambda: since_publishing(folder))
    found: list[Finding] = []
    for look in looks:
        try:
            found += look()
        except Exception as bad:
            found.append(_stopped(folder, bad))
    return sorted(found, key=lambda f: (not f.is_error, str(f.path), f.line))


def _stopped(path: Path, bad: Exception) -> Finding:
    """What kept the check from going on; a mistake nobody foresaw is told by its own name."""
    if isinstance(bad, BrokenFile):
        return Finding.of(bad)
    if isinstance(bad, OSError):
        remedy = "Check that the file's owner lets the program read it"
        return Finding(Path(bad.filename or path), 0, f"can't be read: {bad.strerror}", remedy)
    what = " ".join(f"{type(bad).__name__} {bad}".split())
    return Finding(path, 0, f"can't be checked: {what}", "Compare the version's files with the bundled policy's")


def _ids(policy: PolicyVersion, files: Files) -> Iterator[Finding]:
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


def _sections(policy: PolicyVersion, files: Files) -> Iterator[Finding]:
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


def _references(policy: PolicyVersion, files: Files) -> Iterator[Finding]:
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
                file = folder_of_article(policy, key, files) / "law.toml"
                yield Finding(
                    file,
                    files.line(file, f'"{key}"'),
                    f"{key!r} stands beside {other!r}, which is no clause of {policy.company} {policy.date}",
                    "Correct beside = [...]",
                    is_error=False,
                )
