"""Reads a TOML file so that whoever broke it is told where: file, line, what to do."""

import re
import tomllib
from pathlib import Path
from typing import Any

from knowledge.errors import BrokenFile

_NOTICED = re.compile(r"\(at line (\d+), column (\d+)\)$")
_SKIPPED = re.compile(r'#[^\n]*|"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
"""What holds no brackets that count: remarks and whole strings."""
_OPENER = re.compile(r'"""|\'\'\'|["\']|[\[\]{}]')


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises BrokenFile with the line where TOML or UTF-8 breaks."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
        return tomllib.loads(text)
    except FileNotFoundError as missing:
        raise BrokenFile(path, "is missing", "Restore the file, or correct the setting that names it") from missing
    except UnicodeDecodeError as bad:
        line = raw.count(b"\n", 0, bad.start) + 1
        raise BrokenFile(path, f"is not UTF-8 text (line {line}, byte {bad.start})", "Save it as UTF-8") from bad
    except tomllib.TOMLDecodeError as bad:
        raise BrokenFile(path, f"is not valid TOML: {_said(bad, text)}", "Correct that line") from bad
    except RecursionError as bad:
        raise BrokenFile(path, "is not valid TOML: nested too deeply", "Take brackets away") from bad
    except OSError as bad:
        raise BrokenFile(
            path, f"can't be read: {bad.strerror}", "Check that the file's owner lets the program read it"
        ) from bad


def _said(bad: tomllib.TOMLDecodeError, text: str) -> str:
    """What is wrong, with the line to mend first: TOML itself says where it gave up, which may be far below."""
    what = str(bad)
    if what.endswith("(at end of document)"):
        return f"{what.removesuffix('(at end of document)')}(begun in line {unfinished_line(text)}, not ended)"
    if what.startswith("Unclosed") and (noticed := _NOTICED.search(what)):
        lines = text.split("\n")[: int(noticed[1])]
        lines[-1] = lines[-1][: int(noticed[2]) - 1]
        return f"{what[: noticed.start()]}(begun in line {unfinished_line(chr(10).join(lines))}, noticed in line {noticed[1]})"
    return what


def unfinished_line(text: str) -> int:
    """Line where that begins which a TOML text ends in the middle of: an open string or bracket, else the last line."""
    blanked = _SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    opened: list[int] = []
    for found in _OPENER.finditer(blanked):
        line = text.count("\n", 0, found.start()) + 1
        if found[0] in "[{":
            opened.append(line)
        elif found[0] in "]}":
            del opened[-1:]
        else:
            return line  # A string that is still here has no end.
    return opened[-1] if opened else text.rstrip().count("\n") + 1
