"""Checks what is said: wording in both languages, phrasings, and the official wording beside them."""

import re
from collections.abc import Iterator
from pathlib import Path

from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.findings import Files, Finding, folder_of_article
from knowledge.library import LANGUAGES, phrasings
from knowledge.normal import normalise

HEADING_WORDS = 9
HEADING_CHARACTERS = 18
"""Longer headings don't fit a button: Telegram shows some 20 characters of one in a row of two."""
_HAN = re.compile("[\u3400-\u9fff]")


def check_words(policy: PolicyVersion, files: Files) -> Iterator[Finding]:
    """Clauses and articles without heading or plain words in a language, and headings that fit no button."""
    for key, clause in policy.clauses.items():
        for language in LANGUAGES:
            folder = policy.folder / language
            path = files.holding(sorted(folder.glob("*.toml")), key, folder)
            yield from _worded(key, clause, language, path, files.line(path, f'["{key}"]', f"[{key}]", f"['{key}']"))
    for key, article in policy.law.items():
        folder = folder_of_article(policy, key, files)
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


def check_phrasings(policy: PolicyVersion, files: Files) -> Iterator[Finding]:
    """Phrasings that are empty, stand twice or lead to two clauses, and clauses that nobody asks for."""
    for language in LANGUAGES:
        try:
            asked = phrasings(policy, language)
        except BrokenFile as broken:
            yield Finding.of(broken)
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


def check_official(policy: PolicyVersion, extra: Path | None, files: Files) -> Iterator[Finding]:
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


def _phrasing_file(policy: PolicyVersion, language: str, key: str, files: Files) -> Path:
    folder = policy.folder / "phrasings" / language
    if key.startswith("_"):
        return folder / "_not_covered.toml"
    return files.holding(
        [*sorted(folder.glob("*.toml")), *(f / "phrasings" / f"{language}.toml" for f in policy.law_folders)],
        key,
        folder,
    )
