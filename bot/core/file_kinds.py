"""What kind of file something is, by its content: a name proves nothing."""

import json
import re
from io import BytesIO
from pathlib import PurePath
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from knowledge.normal import visible

NAME_MOST = 120
"""Characters of a file's name."""
ENTRIES_MOST = 10_000
"""Files in an archive; one of more is taken for an attack and for no archive."""


class FileKind(NamedTuple):
    """A media type, the endings that go with it, and whether a person may be given such a file."""

    media_type: str
    endings: tuple[str, ...]
    for_person: bool = True


PDF = FileKind("application/pdf", (".pdf",))
PNG, JPEG = FileKind("image/png", (".png",)), FileKind("image/jpeg", (".jpg", ".jpeg"))
ZIP = FileKind("application/zip", (".zip",))
DOCX = FileKind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", (".docx",))
XLSX = FileKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", (".xlsx",))
MACROS = FileKind("application/vnd.ms-office", (".docm", ".xlsm"), for_person=False)
JSON, TEXT = FileKind("application/json", (".json",)), FileKind("text/plain", (".txt", ".csv", ".md", ".log"))
MARKUP = FileKind("text/html", (".html", ".htm", ".svg", ".xml"), for_person=False)
"""A browser would run what is in it."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MARKUP = re.compile(r"\s*<(?:!doctype|html|svg|\?xml|script|head|body)", re.IGNORECASE)


def kind_of(body: bytes) -> FileKind | None:
    """The kind of a file; None for one that isn't taken: programs, damaged archives, anything unknown."""
    if body.startswith(b"%PDF-"):
        return PDF
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if body.startswith(b"\xff\xd8\xff"):
        return JPEG
    if body.startswith(b"PK\x03\x04"):
        return _archive(body)
    return _text(body)


def tidy_file_name(name: str, kind: FileKind) -> str:
    """A name without a path or anything invisible, with an ending that goes with the kind."""
    plain = PurePath(visible(name).replace("\\", "/").replace("\n", " ")).name.strip(" .") or "file"
    stem, dot, ending = plain.rpartition(".")
    if dot and f".{ending.lower()}" in kind.endings:
        return f"{stem[: NAME_MOST - len(ending) - 1]}.{ending}"
    return plain[: NAME_MOST - len(kind.endings[0])] + kind.endings[0]


def _archive(body: bytes) -> FileKind | None:
    try:
        with ZipFile(BytesIO(body)) as archive:
            names = archive.namelist()  # Reads the table of contents; nothing is unpacked.
    except (BadZipFile, ValueError, NotImplementedError):
        return None
    if len(names) > ENTRIES_MOST:
        return None
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return MACROS
    if "[Content_Types].xml" in names:
        if any(name.startswith("word/") for name in names):
            return DOCX
        return XLSX if any(name.startswith("xl/") for name in names) else ZIP
    return ZIP


def _text(body: bytes) -> FileKind | None:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = body.decode("gb18030")
        except UnicodeDecodeError:
            return None
    if _CONTROL.search(text):
        return None
    if _MARKUP.match(text):
        return MARKUP
    if text.lstrip().startswith(("{", "[")):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return TEXT
        return JSON
    return TEXT
