"""A .docx is a zip: what must be true of it before anything unpacks it."""

import io
import zipfile
from pathlib import Path

from knowledge.errors import BrokenFile

DOCX_MAX_UNPACKED = 60 * 1024 * 1024
DOCX_MAX_RATIO = 200
"""Unpacked to packed size of one part above 1 MB. Word's own text reaches 20; a zip bomb 1,000."""


def opened_archive(path: Path, content: bytes) -> None:
    """Checks a .docx before anything unpacks it: a zip with Word's parts and no bomb. Raises BrokenFile."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise BrokenFile(
            path,
            "is an old .doc, or protected by a password, under the name .docx",
            "Open it in Word and save it as .docx without a password",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            bomb = next(
                (p for p in parts if p.file_size > 1048576 and p.file_size > DOCX_MAX_RATIO * max(p.compress_size, 1)),
                None,
            )
            if bomb or sum(part.file_size for part in parts) > DOCX_MAX_UNPACKED:
                raise BrokenFile(
                    path,
                    "unpacks to far more than a policy's text",
                    "Save it again from Word; if it came from outside, don't open it",
                )
            if "word/document.xml" not in names:
                raise BrokenFile(
                    path, "is no Word document (it lacks word/document.xml)", "Save it again from Word as .docx"
                )
            # A header can lie about sizes: read with a limit before the parser does without one.
            for part in parts:
                with archive.open(part) as stream:
                    if len(stream.read(part.file_size + 1)) > part.file_size:
                        raise BrokenFile(
                            path, f"holds a part larger than it says ({part.filename})", "Save it again from Word"
                        )
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        OSError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ) as bad:
        raise BrokenFile(path, "is no Word document, or a damaged one", "Save it again from Word as .docx") from bad
