"""What a check finds, and where: the files of a version, each read once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.tables import read_toml


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. An error keeps a version from being published, a warning doesn't. Line 0: the file as a whole."""

    path: Path
    line: int
    problem: str
    remedy: str
    is_error: bool = True

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{where}: {'error' if self.is_error else 'warning'}: {self.problem}. {self.remedy}"

    @classmethod
    def of(cls, broken: BrokenFile) -> "Finding":
        """The mistake that kept a file from being read, with its line where that is said or can be found."""
        path = Path(broken.path)
        stated = re.search(r"\bline (\d+)", broken.problem)
        named = re.findall(r"'([^']+)'", broken.problem)
        line = int(stated[1]) if stated else Files().line(path, *(f'"{name}"' for name in named)) if named else 0
        return cls(path, line, broken.problem, broken.remedy)


class Files:
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
        """The line where one of the texts stands in the file; 0 where none does."""
        if path not in self._read:
            self._read[path] = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        hits = [number for number, line in enumerate(self._read[path], 1) if any(text in line for text in texts)]
        return hits[min(nth, len(hits)) - 1] if hits else 0


def folder_of_article(policy: PolicyVersion, article: str, files: Files) -> Path:
    """The folder of the law that has the article."""
    return next(
        f for f in policy.law_folders if any(a.get("id") == article for a in files.tables(f / "law.toml")["article"])
    )
