"""Orders as a file: CSV that no spreadsheet takes for formulas, or JSON."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula, full width too. Source: OWASP, CSV Injection."""


def formula_safe(value: str) -> str:
    """The text with an apostrophe before it where a spreadsheet could take it for a formula."""
    # A spreadsheet passes over blanks and marks that nobody sees, and then reads on.
    seen = "".join(one for one in value if one.isprintable() and not one.isspace())
    return f"'{value}" if value.startswith(FORMULA) or seen.startswith(FORMULA) else value


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """The rows as CSV (RFC 4180), every cell in quotes and safe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(formula_safe(_cell(row.get(name))) for name in columns)
    return out.getvalue()


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


def write_new(path: Path, body: bytes) -> None:
    """A new file that only its owner can read. Raises OSError, FileExistsError where there is one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(body)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
