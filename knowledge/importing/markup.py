"""Markdown and HTML into paragraphs, list numbers computed as a browser shows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree, html
from markdown_it import MarkdownIt

from knowledge.errors import BrokenFile
from knowledge.importing.numbering import marked, numeral
from knowledge.importing.paragraph import Paragraph

_TYPES = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_CSS_TYPES = {
    "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter",
    "upper-alpha": "upperLetter",
    "upper-latin": "upperLetter",
    "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman",
    "cjk-ideographic": "chineseCounting",
    "simp-chinese-informal": "chineseCounting",
    "none": "none",
    "decimal": "decimal",
}
_SILENT = frozenset({"script", "style", "noscript", "template", "nav", "head", "svg", "button", "form", "iframe"})
_FLOWING = frozenset(
    {"a", "abbr", "b", "bdi", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s"}
    | {"small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"}
)
"""Elements inside a paragraph; every other one starts and ends paragraphs."""


def markdown_paragraphs(text: str) -> Iterator[Paragraph]:
    """Paragraphs of CommonMark with tables. A line that starts with a number of its own is a paragraph of its own."""
    depth, heading = 0, 0
    counters: list[tuple[bool, str]] = []
    waiting, first = "", True
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type in ("ordered_list_open", "bullet_list_open"):
            depth += 1
            counters.append((token.type == "ordered_list_open", token.markup))
        elif token.type in ("ordered_list_close", "bullet_list_close"):
            depth -= 1
            counters.pop()
        elif token.type == "list_item_open":
            ordered = counters[-1][0]
            # markdown-it gives the number as typed; CommonMark shows the first number counted on.
            waiting, first = (f"{token.info}{token.markup} " if ordered else ""), True
        elif token.type == "heading_open":
            heading = int(token.tag[1])
        elif token.type == "heading_close":
            heading = 0
        elif token.type in ("inline", "fence", "code_block") and token.map:
            content = _words(token) if token.type == "inline" else token.content
            for offset, line in enumerate(_split(content)):
                continues = depth > 0 and not first and not marked(line)[2]
                yield Paragraph(token.map[0] + 1 + offset, waiting + line, heading, depth, continues)
                waiting, first = "", False


def _words(token: object) -> str:
    """The text of an inline token without its markup; a broken line stays broken."""
    words = []
    for child in getattr(token, "children", None) or ():
        if child.type in ("softbreak", "hardbreak"):
            words.append("\n")
        elif child.type in ("text", "code_inline"):
            words.append(child.content)
    return "".join(words)


def _split(content: str) -> list[str]:
    """Lines of one block, put together save where a line carries a number of its own."""
    found: list[str] = []
    for line in content.split("\n"):
        if found and not marked(line)[2]:
            found[-1] += f" {line}"
        else:
            found.append(line)
    return [line for line in found if line.strip()]


@dataclass
class _List:
    ordered: bool
    form: str
    next: int


@dataclass
class _Page:
    """What is open while a page is walked through."""

    lists: list[_List] = field(default_factory=list)
    items: list[bool] = field(default_factory=list)
    heading: int = 0
    words: list[str] = field(default_factory=list)
    mark: str = ""
    line: int = 1
    silent: int = 0

    def flush(self) -> Iterator[Paragraph]:
        text = "".join(self.words).strip()
        self.words = []
        if not text:
            return
        own = marked(text)[2]
        continues = bool(self.items) and self.items[-1] and not own
        yield Paragraph(self.line, text if own else self.mark + text, self.heading, len(self.lists), continues)
        self.mark = ""
        if self.items:
            self.items[-1] = True


def html_paragraphs(path: Path, text: str) -> Iterator[Paragraph]:
    """Paragraphs of a page; scripts, navigation and forms are left out. Raises BrokenFile."""
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    try:
        root = html.document_fromstring(
            text, parser=html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as bad:
        raise BrokenFile(path, f"is no HTML: {bad}", "Save the page again, or its text as .txt") from bad
    page = _Page()
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            page.silent += tag in _SILENT
            if not page.silent:
                yield from _enter(page, element, tag)
        else:
            if not page.silent and tag not in _FLOWING:
                yield from page.flush()
                _leave(page, tag)
            page.silent -= tag in _SILENT
            if not page.silent and element.tail:
                _add(page, element, element.tail)
    yield from page.flush()


def _add(page: _Page, element: etree._Element, text: str) -> None:
    if not page.words:
        page.line = element.sourceline if isinstance(element.sourceline, int) else page.line
    page.words.append(text)


def _enter(page: _Page, element: etree._Element, tag: str) -> Iterator[Paragraph]:
    if tag not in _FLOWING:
        yield from page.flush()
    if tag in ("ol", "ul"):
        style = re.search(r"list-style(?:-type)?\s*:\s*([a-z-]+)", str(element.get("style", "")))
        form = _CSS_TYPES.get(style[1], "decimal") if style else _TYPES.get(str(element.get("type", "1")), "decimal")
        page.lists.append(_List(tag == "ol", form, _number(element.get("start"), 1)))
    elif tag == "li":
        page.items.append(False)
        page.mark = ""
        if page.lists and page.lists[-1].ordered:
            counter = page.lists[-1]
            value = _number(element.get("value"), counter.next)
            counter.next = value + 1
            number = numeral(value, counter.form) if value > 0 else ""
            page.mark = f"{number}{'、' if counter.form.startswith('chinese') else '. '}" if number else ""
    elif re.fullmatch("h[1-6]", tag):
        page.heading = int(tag[1])
    if element.text:
        _add(page, element, element.text)


def _leave(page: _Page, tag: str) -> None:
    if tag in ("ol", "ul") and page.lists:
        page.lists.pop()
    elif tag == "li" and page.items:
        page.items.pop()
        page.mark = ""
    elif re.fullmatch("h[1-6]", tag):
        page.heading = 0


def _number(text: object, otherwise: int) -> int:
    return int(str(text)) if re.fullmatch(r"-?\d{1,4}", str(text or "")) else otherwise
