"""The archive of a package: written piece by piece, with names that are safe everywhere and a manifest of hashes.

Never more than one attached file and one piece is in memory. Names depend on what is in the archive alone, so the same
content gives the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from bot.core.masking import mask
from knowledge.normal import visible

PART_BYTES = 1024 * 1024
"""A piece as it is sealed and kept."""
PACKAGE_MOST = 200 * 1024 * 1024
"""Bytes of a package; ten files of the largest size. More must be delivered by the company itself."""
NAME_MOST = 80
"""Characters of a file's name in the archive, its number in front not counted."""
PACKED = frozenset({"application/pdf", "image/png", "image/jpeg", "application/zip"})
"""Kinds that packing makes no smaller."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\[\]]+')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
"""Names that Windows takes for devices, whatever their ending."""


class PackageTooBig(Exception):
    """The package has more bytes than PACKAGE_MOST."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive. `source`: "assistant", what the bot holds itself, or "staff", what was attached."""

    name: str
    media_type: str
    source: str
    bytes: int
    sha256: str


class Parts:
    """Takes bytes and hands them on in pieces of one size. Only written to, as a pipe is."""

    def __init__(self, put: Callable[[int, bytes], None]) -> None:
        """`put` keeps the piece of that number."""
        self._put, self._kept, self._hash = put, bytearray(), hashlib.sha256()
        self._is_broken = False
        self.count = self.size = 0

    def write(self, data: bytes) -> int:
        """Raises PackageTooBig, and what `put` raises. After that nothing more is taken: an archive that is given up
        still writes its end."""
        if self._is_broken:
            return len(data)
        self._is_broken = True
        self.size += len(data)
        if self.size > PACKAGE_MOST:
            raise PackageTooBig
        self._hash.update(data)
        rest = memoryview(data)
        while rest:
            taken = PART_BYTES - len(self._kept)
            self._kept += rest[:taken]
            rest = rest[taken:]
            if len(self._kept) == PART_BYTES:
                self._hand_on()
        self._is_broken = False
        return len(data)

    def flush(self) -> None:
        """Nothing: a piece is handed on when it is full, or at the end."""

    def end(self) -> str:
        """Hands the last piece on; the SHA-256 of everything, hex."""
        if self._kept:
            self._hand_on()
        return self._hash.hexdigest()

    def _hand_on(self) -> None:
        self._put(self.count, bytes(self._kept))
        self.count += 1
        self._kept.clear()


class Archive:
    """A ZIP that is being written. `at` is the time of all its files."""

    def __init__(self, out: Parts, at: datetime) -> None:
        self._zip = ZipFile(cast(Any, out), "w")
        self._time = at.astimezone(UTC).timetuple()[:6]
        self.entries: list[Entry] = []

    def add(self, name: str, media_type: str, source: str, pieces: Iterable[bytes]) -> Entry:
        """Writes one file. Raises PackageTooBig."""
        size, digest = 0, hashlib.sha256()
        with self._zip.open(self._info(name, media_type), "w") as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        entry = Entry(name, media_type, source, size, digest.hexdigest())
        self.entries.append(entry)
        return entry

    def end(self, number: str, made_at: str, signed: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> None:
        """Writes the manifest, as `signed` returns it, and the table of contents."""
        listed = {"format": "clausebot-manifest-1", "order": number, "made_at": made_at, "hash": "SHA-256"}
        manifest = signed(listed | {"files": [asdict(entry) for entry in self.entries]})
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        self._zip.writestr(self._info("manifest.json", "application/json"), text.encode())
        self._zip.close()

    def _info(self, name: str, media_type: str) -> ZipInfo:
        info = ZipInfo(name, self._time)
        info.compress_type = ZIP_STORED if media_type in PACKED or "openxmlformats" in media_type else ZIP_DEFLATED
        info.create_system, info.external_attr = 3, 0o600 << 16
        return info


def safe_name(ordinal: int, name: str) -> str:
    """Where an attached file goes in the archive: "files/01-invoice.pdf", whatever it was called.

    No folder, no device, nothing invisible, no number of a document or card; the number in front keeps two apart.
    """
    plain = mask(visible(name).replace("\n", " ")).replace("\\", "/")
    last = PurePosixPath(_UNSAFE.sub("_", plain.rpartition("/")[2])).name.strip(" ._-")
    stem, dot, ending = last.rpartition(".")
    if dot and 0 < len(ending) <= 8:
        last = f"{stem[: NAME_MOST - len(ending) - 1].rstrip(' .')}.{ending}"
    last = last[:NAME_MOST].strip(" .") or "file"
    if _DEVICES.match(last):
        last = f"file-{last}"
    return f"files/{ordinal:02}-{last}"
