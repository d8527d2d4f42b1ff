"""Takes in a company's official text: reads it, places it, and writes what follows from that.

An overlay  <into>/<company>/<version>/official/<language>.toml  official wording by clause id, with its own checksum;
            the published version's folder is never written to
A draft     <into>/<company>/draft-<date>/                      where the text has clauses the version doesn't know

`prepare` decides and writes nothing; `write` writes what was decided, whole files only.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import tomli_w

from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.importing.documents import read
from knowledge.importing.drafts import draft_files
from knowledge.importing.outline import Node, outline
from knowledge.importing.placing import Placement, place
from knowledge.library import BUNDLED, load_folder, official_checksum, read_toml, versions

COMPANY = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
"""A company's folder name."""


@dataclass(frozen=True, slots=True)
class Import:
    """What an import found and would write. `files` holds path -> content; `todo` what is left to people."""

    source: Path
    company: str
    version: str
    language: str
    placement: Placement
    overlay: Path | None
    draft: Path | None
    files: Mapping[Path, str]
    todo: tuple[str, ...]

    def tree(self) -> dict[str, Any]:
        """The tree for --json: every node with its "id" (null for headings and what wasn't placed)."""
        placement = self.placement
        return {
            **_plain(placement.root),
            "company": self.company,
            "version": self.version,
            "language": self.language,
            "source": self.source.name,
            "summary": {
                "placed_by_numbering": placement.count("numbering"),
                "placed_by_wording": placement.count("wording"),
                "headings": sum(node.placed == "heading" for node in placement.root.walk()),
                "new": placement.new,
                "missing": placement.missing,
                "unplaced": [{"line": n.line, "text": n.text, "note": n.note} for n in placement.unplaced],
            },
            "overlay": str(self.overlay) if self.overlay else None,
            "draft": str(self.draft) if self.draft else None,
            "todo": list(self.todo),
        }


def prepare(
    source: Path,
    *,
    company: str,
    version: str | None,
    language: str | None,
    into: Path,
    now: datetime,
    trust_numbers: bool = False,
    replace: bool = False,
) -> Import:
    """Reads `source` and decides what to write. `version`: a date, a draft's name, None: newest. Raises BrokenFile."""
    if not COMPANY.fullmatch(company):
        raise BrokenFile(into / company, "is no company's folder name", "Use small letters, digits and hyphens")
    paragraphs = read(source)
    root = outline(paragraphs)
    if not any(node.kind == "number" for node in root.walk()):
        raise BrokenFile(
            source,
            "has no numbered paragraph, so no clause can be told from its number",
            "Import the text with its numbers (1.  1)  IV.  第三条  三、  （一）)",
        )
    spoken = language or language_of(" ".join(paragraph.text for paragraph in paragraphs))
    name, base, exists = _target(company, version, into)
    placement = place(root, base, spoken, trust_numbers=trust_numbers)
    if not placement.texts:
        raise BrokenFile(source, "has no paragraph that could be placed", "Check --company, --version and --language")
    files: dict[Path, str] = {}
    overlay = into / company / name / "official" / f"{spoken}.toml" if exists else None
    draft = None
    todo: list[str] = []
    if overlay and base:
        known = {key: text for key, text in placement.texts.items() if key in base.clauses}
        if known:
            files[overlay] = _overlay(source, spoken, known, now)
            _refuse_other_wording(overlay, known, replace)
        else:
            overlay = None
    if not exists or (placement.new and not name.startswith("draft-")):
        day = date.fromisoformat(name) if not exists else now.date()
        draft = into / company / f"draft-{day}"
        if draft.exists():
            raise BrokenFile(
                draft, "is there already", f"Publish, rename or remove it first; to add to it: --version {draft.name}"
            )
        more, todo = draft_files(placement, base, company, day, spoken)
        files |= {draft / path: text for path, text in more.items()}
        files[draft / "official" / f"{spoken}.toml"] = _overlay(source, spoken, placement.texts, now)
    elif placement.new:
        todo = [
            f"{key} (line {placement.nodes[key].line}): not in {name}; add a [[node]] for it, then import again"
            for key in placement.new
        ]
    return Import(source, company, name, spoken, placement, overlay, draft, files, tuple(todo))


def write(result: Import) -> None:
    """Writes the files: each appears whole or not at all, a draft's folder all at once. Raises BrokenFile."""
    target = result.draft or result.overlay
    try:
        if result.draft:
            result.draft.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=".import-", dir=result.draft.parent))
            try:
                folder.chmod(0o755)
                for path, text in result.files.items():
                    if path.is_relative_to(result.draft):
                        _write(folder / path.relative_to(result.draft), text)
                folder.rename(result.draft)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        if result.overlay:
            _write(result.overlay, result.files[result.overlay])
    except OSError as bad:
        raise BrokenFile(
            target or result.source, f"can't be written: {bad.strerror}", "Check the folder given with --into"
        ) from bad


def language_of(text: str) -> str:
    """ "zh" where a tenth of the letters are Chinese characters, else "en"."""
    letters = [c for c in text if c.isalpha()]
    return "zh" if sum("\u3400" <= c <= "\u9fff" for c in letters) >= 0.1 * len(letters) else "en"


def _target(company: str, version: str | None, into: Path) -> tuple[str, PolicyVersion | None, bool]:
    """(the version's name, the version to compare with, whether it is that version itself)."""
    published = versions(company, extra=into)
    name = version or (str(published[-1]) if published else "")
    if not name:
        raise BrokenFile(
            into / company,
            "holds no version of this company's policy",
            "For its first text say --version YYYY-MM-DD, the text's own date",
        )
    for wanted in (name, f"draft-{name}"):
        folder = next(
            (root / company / wanted for root in (into, BUNDLED) if (root / company / wanted / "policy.toml").exists()),
            None,
        )
        if folder:
            return wanted, load_folder(folder, extra=into), True
    try:
        date.fromisoformat(name)
    except ValueError as bad:
        known = ", ".join(map(str, published)) or "none"
        raise BrokenFile(
            into / company / name,
            "is neither a date nor a draft that exists",
            f"Say --version YYYY-MM-DD; versions there are: {known}",
        ) from bad
    base = published[-1] if published else None
    folder = next(
        (
            root / company / str(base)
            for root in (into, BUNDLED)
            if (root / company / str(base) / "policy.toml").exists()
        ),
        None,
    )
    return name, load_folder(folder, extra=into) if folder else None, False


def _refuse_other_wording(overlay: Path, texts: Mapping[str, str], replace: bool) -> None:
    if overlay.exists() and not replace and read_toml(overlay).get("checksum") != official_checksum(texts):
        raise BrokenFile(
            overlay,
            "holds other official wording of this version already",
            "Give --replace if the new text is the right one, or --version for another version",
        )


def _overlay(source: Path, language: str, texts: Mapping[str, str], now: datetime) -> str:
    data = {
        "checksum": official_checksum(texts),
        "source_name": source.name,
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "imported_at": now.isoformat(timespec="seconds"),
        "language": language,
        "official": dict(texts),
    }
    return tomli_w.dumps(data, multiline_strings=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".import-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _plain(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": node.kind,
        "placed": node.placed or None,
        "likeness": None if node.likeness is None else round(node.likeness),
        "line": node.line,
        "mark": node.mark,
        "path": list(node.path),
        "text": node.text,
        "note": node.note,
        "children": [_plain(child) for child in node.children],
    }
