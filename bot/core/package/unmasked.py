"""What a file for the person shows that must be masked: numbers of identity documents, cards and accounts, passwords, keys.

Text of any kind is read, JSON and CSV too, with the eyes that look over what people paste (bot/core/masking.py), and the
columns of a table that are named so. Phones and addresses of mail are left: they are what the person asks for. What is
packed or drawn (PDF, ZIP, Word, Excel, pictures) isn't looked into.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import NamedTuple

from bot.core.file_kinds import JSON, TEXT, FileKind
from bot.core.masking import found_in, masked_in
from bot.core.pasted import Pasted

KINDS = frozenset({"identity", "passport", "card", "account", "secret", "token", "private key"})
_SECRET_COLUMN = re.compile(
    r"(?:.*[ _.-])?(?:password|passwd|pwd|passphrase|pin|secret|token|api[ _-]?key|private[ _-]?key|credentials?)(?:[ _-]hash)?"
    r"|.*(?:密[码碼钥鑰]|口令|令牌)",
    re.IGNORECASE,
)
_MASKED = re.compile(r"[*•xX.\s-]*|\[[^\]]*\][*0-9]*|.{0,4}\*{3,}.{0,4}")
"""A cell in which nothing is left to mask."""
_DELIMITERS = ",;\t|"


class Shown(NamedTuple):
    """Something that must be masked: its line, from 1, and what it is."""

    line: int
    kind: str


class NotMaskable(Exception):
    """Masked by the program, the file would be no JSON any more."""


def shown_in(body: bytes, kind: FileKind) -> list[Shown]:
    """What must be masked in a file, in its order; nothing for a kind that isn't text."""
    if kind not in (TEXT, JSON):
        return []
    text, _ = _decoded(body)
    found = {Shown(text.count("\n", 0, one.start) + 1, one.kind) for one in _secrets(text)}

    def note(line: int, cell: str) -> str:
        found.add(Shown(line, "secret"))
        return cell

    _columns(text, note)
    return sorted(found)


def masked_copy(body: bytes, kind: FileKind) -> bytes:
    """The file with words in brackets in the place of what must be masked. Raises NotMaskable."""
    text, coding = _decoded(body)
    text = _columns(text, lambda line, cell: "[***]")
    text = masked_in(text, _secrets(text))
    if kind == JSON:
        try:
            json.loads(text)
        except (ValueError, RecursionError) as broken:
            raise NotMaskable from broken
    return text.encode(coding)


def _secrets(text: str) -> list[Pasted]:
    # A first line alone: what a table's head names isn't what stands below its first cell.
    end = text.find("\n") + 1
    below = [one._replace(start=one.start + end, end=one.end + end) for one in found_in(text[end:])]
    return [one for one in (*found_in(text[:end]), *below) if one.kind in KINDS]


def _decoded(body: bytes) -> tuple[str, str]:
    """The text, and how it was written; as bot/core/file_kinds.py reads it."""
    try:
        return body.decode("utf-8-sig"), "utf-8-sig" if body.startswith(b"\xef\xbb\xbf") else "utf-8"
    except UnicodeDecodeError:
        return body.decode("gb18030"), "gb18030"


def _columns(text: str, change: Callable[[int, str], str]) -> str:
    """The table with every secret cell as `change(line, cell)` gives it; the text as it is where there is no such column."""
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    if delimiter not in head:
        return text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    out, places = io.StringIO(newline=""), list[int]()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n")
    try:
        for number, row in enumerate(reader):
            if number == 0:
                places = [place for place, cell in enumerate(row) if _SECRET_COLUMN.fullmatch(cell.strip())]
                if not places:
                    return text
            for place in places if number else ():
                if place < len(row) and not _MASKED.fullmatch(row[place]):
                    row[place] = change(reader.line_num, row[place])
            writer.writerow(row)
    except csv.Error:
        return text
    return out.getvalue()
