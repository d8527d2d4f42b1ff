"""Word files into paragraphs, automatic numbers computed from numbering.xml as Word shows them.

Source: ECMA-376 part 1, 17.9 (numbering): abstractNum/lvl (start, numFmt, lvlText, lvlRestart, isLgl), num/lvlOverride
(startOverride), and numPr in a paragraph, else in its style or in the style that one is based on.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import docx
from docx.opc.exceptions import OpcError
from lxml import etree

from knowledge.errors import BrokenFile
from knowledge.importing.archive import opened_archive
from knowledge.importing.numbering import numeral
from knowledge.importing.paragraph import Paragraph

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BREAKS = {f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}tab": " ", f"{_W}noBreakHyphen": "-"}

_DAMAGED = (
    OpcError,
    etree.XMLSyntaxError,
    BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)  # what python-docx raises on the damaged files in tests/knowledge, and its relatives
_REMEDY = "Open it in Word and save it again as .docx"


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str
    shape: str
    restart: int | None
    legal: bool


@dataclass
class _Numbering:
    """Counts every list of the document while its paragraphs go by."""

    levels: dict[str, dict[int, _Level]]
    abstract_of: dict[str, str]
    counts: dict[str, dict[int, int]] = field(default_factory=dict)
    started: set[tuple[str, int]] = field(default_factory=set)
    overrides: dict[str, dict[int, int]] = field(default_factory=dict)

    def mark(self, number: str, depth: int) -> str:
        """The visible mark of the next paragraph of list `number` at level `depth`; "" for a bullet."""
        levels = self.levels.get(number, {})
        level = levels.get(depth)
        if level is None:
            return ""
        counts = self.counts.setdefault(self.abstract_of[number], {})
        override = self.overrides.get(number, {}).get(depth)
        if override is not None and (number, depth) not in self.started:
            counts[depth] = override
        else:
            counts[depth] = counts[depth] + 1 if depth in counts else level.start
        self.started.add((number, depth))
        for deeper in [d for d in counts if d > depth]:
            restart = levels[deeper].restart if deeper in levels else None
            # lvlRestart 0: never; n: only after level n (counted from 1) or a shallower one.
            if restart is None or (restart > 0 and depth < restart):
                del counts[deeper]

        def printed(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            shown = levels.get(at)
            value = counts.get(at, shown.start if shown else 1)
            return numeral(value, "decimal" if level.legal or shown is None else shown.form)

        return "" if level.form in ("bullet", "none") else re.sub(r"%(\d)", printed, level.shape).strip()


def word_paragraphs(path: Path, content: bytes) -> Iterator[Paragraph]:
    """Paragraphs of the body, tables included; deleted text of tracked changes is left out. Raises BrokenFile."""
    opened_archive(path, content)
    try:
        document = docx.Document(io.BytesIO(content))
        body = document.element.body
        styles = _styles(document.styles.element)
        numbering = _numbering(document)
    except _DAMAGED as bad:
        raise BrokenFile(path, "is no Word document, or a damaged one", _REMEDY) from bad
    line = 0
    for paragraph in body.iter(f"{_W}p"):
        line += 1
        text = "".join(_pieces(paragraph))
        number, depth, heading = _properties(paragraph, styles)
        if not text.strip():
            continue  # Word numbers an empty list paragraph; authors leave them by mistake, so it is not counted
        mark = numbering.mark(number, depth) if number else ""
        if re.fullmatch(r"[0-9A-Za-z一-十]{1,5}", mark):
            mark += "."  # "1 Scope": a number alone would read as a word of the text
        for offset, part in enumerate(text.split("\n")):
            yield Paragraph(line, f"{mark} {part}" if mark and not offset else part, heading)


def _pieces(paragraph: etree._Element) -> Iterator[str]:
    for element in paragraph.iter():
        if element.tag == f"{_W}t":
            if next(element.iterancestors(f"{_W}moveFrom", f"{_W}del"), None) is None:
                yield element.text or ""
        elif element.tag in _BREAKS:
            run = element.getparent()
            if run is not None and run.tag == f"{_W}r":  # a tab below pPr is a tab stop
                yield _BREAKS[str(element.tag)]


@dataclass(frozen=True, slots=True)
class _Style:
    number: str | None
    depth: int | None
    heading: int
    based_on: str | None


def _value(element: etree._Element | None, path: str) -> str | None:
    found = element.find("/".join(_W + step for step in path.split("/"))) if element is not None else None
    return None if found is None else found.get(f"{_W}val")


def _heading(outline: str | None) -> int:
    """Heading level 1-6 from an outline level 0-5; 0 for body text (9) and none."""
    return int(outline) + 1 if outline in ("0", "1", "2", "3", "4", "5") else 0


def _styles(root: etree._Element) -> dict[str, _Style]:
    found = {}
    for style in root.iter(f"{_W}style"):
        properties = style.find(f"{_W}pPr")
        level = _value(properties, "outlineLvl")
        name = (_value(style, "name") or "").lower()
        named = re.fullmatch(r"heading ([1-6])", name)
        heading = int(named[1]) if named else _heading(level) or int(name == "title")
        depth = _value(properties, "numPr/ilvl")
        found[str(style.get(f"{_W}styleId"))] = _Style(
            _value(properties, "numPr/numId"), int(depth) if depth else None, heading, _value(style, "basedOn")
        )
    return found


def _properties(paragraph: etree._Element, styles: dict[str, _Style]) -> tuple[str, int, int]:
    """(list number or "", level, heading level) of a paragraph, its own before its style's."""
    properties = paragraph.find(f"{_W}pPr")
    number, depth = _value(properties, "numPr/numId"), _value(properties, "numPr/ilvl")
    heading = _heading(_value(properties, "outlineLvl"))
    name, seen = _value(properties, "pStyle"), set[str]()
    while name and name in styles and name not in seen:
        seen.add(name)
        style = styles[name]
        number = number if number is not None else style.number
        depth = depth if depth is not None else None if style.depth is None else str(style.depth)
        heading = heading or style.heading
        name = style.based_on
    return ("" if number in (None, "0") else str(number)), int(depth or 0), heading


def _numbering(document: docx.document.Document) -> _Numbering:
    try:
        root = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return _Numbering({}, {})
    abstract = {
        str(a.get(f"{_W}abstractNumId")): {int(level.get(f"{_W}ilvl")): _level(level) for level in a.iter(f"{_W}lvl")}
        for a in root.iter(f"{_W}abstractNum")
    }
    found = _Numbering({}, {})
    for num in root.iter(f"{_W}num"):
        number, base = str(num.get(f"{_W}numId")), _value(num, "abstractNumId") or ""
        found.levels[number] = dict(abstract.get(base, {}))
        found.abstract_of[number] = base
        for override in num.iter(f"{_W}lvlOverride"):
            at = int(override.get(f"{_W}ilvl"))
            start, level = _value(override, "startOverride"), override.find(f"{_W}lvl")
            if level is not None:
                found.levels[number][at] = _level(level)
            if start is not None:
                found.overrides.setdefault(number, {})[at] = int(start)
    return found


def _level(level: etree._Element) -> _Level:
    restart = _value(level, "lvlRestart")
    return _Level(
        start=int(_value(level, "start") or 1),
        form=_value(level, "numFmt") or "decimal",
        shape=_value(level, "lvlText") or "",
        restart=int(restart) if restart is not None else None,
        legal=level.find(f"{_W}isLgl") is not None,
    )
