"""Publishing a version: from then on its structure and wording never change, and a change is noticed.

Beside policy.toml lies published.sha256: a line for each file, as `sha256sum -c` reads them, below a line for each time
it was published (day, checksum of the whole as receipts name it, and why it was published again).
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from knowledge.errors import BrokenFile
from knowledge.findings import Finding
from knowledge.library import checksum, policy_files

LOCK = "published.sha256"
_HEAD = "# What was published, and when. These files never change; a correction is a new version.\n"


def lock(folder: Path, day: date, reason: str = "") -> Path:
    """Notes down what the version says now. `reason`: why it is published again; the times before stay listed."""
    path = folder / LOCK
    before = [line for line in _lines(path) if line.startswith("# ")][1:] if path.exists() else []
    again = f"  again: {' '.join(reason.split())}" if reason else ""
    history = [*before, f"# {day} {checksum(folder)}{again}"]
    files = [f"{digest}  {name}" for name, digest in _digests(folder).items()]
    path.write_text(_HEAD + "\n".join([*history, *files]) + "\n", encoding="utf-8")
    return path


def changed_files(folder: Path) -> dict[Path, str]:
    """The files that differ from what was published, each with how. Raises BrokenFile where published.sha256 is broken."""
    path = folder / LOCK
    published: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        digest, blank, name = line.partition("  ")
        if line.startswith("#"):
            continue
        if not blank or len(digest) != 64:
            raise BrokenFile(path, f"is broken in line {number}", "Restore it from the version control or a backup")
        published[name] = digest
    if "policy.toml" not in published:
        raise BrokenFile(path, "names no policy.toml", "Restore it from the version control or a backup")
    now = _digests(folder)
    found = {folder / name: "was added" for name in now if name not in published}
    for name, digest in published.items():
        if name not in now:
            found[folder / name] = "was removed"
        elif now[name] != digest:
            found[folder / name] = "was changed"
    return found


def since_publishing(folder: Path) -> Iterator[Finding]:
    """What became of a published version: an error for each file that changed, a warning where none can be noticed."""
    name = f"{folder.parent.name}/{folder.name}"
    if not (folder / LOCK).exists():
        remedy = f"Run: python -m knowledge publish {name}"
        yield Finding(folder / LOCK, 0, "is missing, so that a change would go unnoticed", remedy, is_error=False)
        return
    for path, how in changed_files(folder).items():
        remedy = f"Put it back, or see: python -m knowledge publish {name}"
        yield Finding(path, 0, f"{how} after the version was published, which never changes", remedy)


def _digests(folder: Path) -> dict[str, str]:
    """File below `folder` -> SHA-256 of its bytes, the line ends of every machine counted alike."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        for path in policy_files(folder)
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as bad:
        raise BrokenFile(path, "is not UTF-8 text", "Restore it from the version control or a backup") from bad
