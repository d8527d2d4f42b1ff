"""Reads a company's official text into paragraphs: .txt, .md, .html and .docx.

Whatever the format, a paragraph comes out as it looks on paper, its number printed before it ("1) With consent ..."),
also where a list or Word computes the number. Nothing here knows what a clause is.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from knowledge.errors import BrokenFile
from knowledge.importing.numbering import marked
from knowledge.importing.paragraph import Paragraph
from knowledge.normal import visible

TEXT_MAX_BYTES = 2 * 1024 * 1024
"""Of .txt, .md and .html: some 500 printed pages; the longest policies we know have 60."""
DOCX_MAX_BYTES = 20 * 1024 * 1024
"""Of a .docx as it lies on the disk (pictures count)."""
PARAGRAPHS_MAX = 5_000
"""A long policy has some 600; the outline of 5,000 takes about 5 s at worst."""
SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".docx")


def read(path: Path) -> list[Paragraph]:
    """The paragraphs of the document at `path`, in order, none of them blank. Raises BrokenFile."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BrokenFile(
            path,
            f"is no kind of text that can be imported ({suffix or 'no ending'})",
            f"Save it as one of: {', '.join(SUFFIXES)}",
        )
    try:
        size = path.stat().st_size
        content = path.read_bytes() if path.is_file() and size <= DOCX_MAX_BYTES else b""
    except FileNotFoundError as missing:
        raise BrokenFile(path, "does not exist", "Correct the path") from missing
    except OSError as bad:
        raise BrokenFile(path, f"can't be read: {bad.strerror}", "Check that you may read it") from bad
    if not path.is_file():
        raise BrokenFile(path, "is a folder", "Name the file that holds the text")
    limit = DOCX_MAX_BYTES if suffix == ".docx" else TEXT_MAX_BYTES
    if size > limit:
        raise BrokenFile(
            path,
            f"is too large ({size / 1048576:.1f} MB; at most {limit // 1048576} MB)",
            "Is it the policy alone? Take out pictures and appendices",
        )
    if not content.strip():
        raise BrokenFile(path, "is empty", "Save the policy's text in it")
    paragraphs = [
        Paragraph(p.line, clean, p.heading, p.depth, p.continues)
        for p in _parsed(path, suffix, content)
        if (clean := tidy(p.text))
    ]
    if not paragraphs:
        raise BrokenFile(path, "holds no text", "Is the text a picture? Save it as text")
    if len(paragraphs) > PARAGRAPHS_MAX:
        raise BrokenFile(
            path, f"has {len(paragraphs)} paragraphs (at most {PARAGRAPHS_MAX})", "Is it the policy alone?"
        )
    return paragraphs


def tidy(text: str) -> str:
    """`text` on one line: no invisible characters, one space between words."""
    return re.sub(r"\s+", " ", visible(text).replace("\u00a0", " ")).strip()


def decoded(path: Path, content: bytes) -> str:
    """The text of `content`, its encoding told by its byte order mark, else by trial. Raises BrokenFile.

    UTF-8 is taken where it fits. GB18030 fits almost any bytes, so it is taken only where what comes out is mostly
    everyday Chinese (GB 2312's characters).
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decode(path, content, encoding)
    sample = content[:4000]
    if b"\0" in sample:
        for encoding in ("utf-16-le", "utf-16-be"):
            if _everyday(sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")) >= 0.9:
                return _decode(path, content, encoding)
        raise BrokenFile(path, "is no text file (it holds zero bytes)", "Save it from your editor as UTF-8 text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as bad:
        line = content.count(b"\n", 0, bad.start) + 1
    try:
        text = content.decode("gb18030")
    except UnicodeDecodeError:
        text = ""
    if text and _everyday("".join(c for c in text if ord(c) > 127)) >= 0.9:
        return text
    raise BrokenFile(path, f"line {line} is neither UTF-8 nor GB18030 (nor marked as UTF-16)", "Save it as UTF-8")


def _decode(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as bad:
        raise BrokenFile(
            path, f"is not the {encoding} text it seems to be (byte {bad.start})", "Save it as UTF-8"
        ) from bad


def _everyday(text: str) -> float:
    """Share of characters that an English or Chinese text is made of."""
    known = sum(" " <= c <= "~" or c in "\n\r\t，。；：？！、“”‘’（）《》【】—…·" or _in_gb2312(c) for c in text)
    return known / max(len(text), 1)


def _in_gb2312(character: str) -> bool:
    try:
        return "\u4e00" <= character <= "\u9fff" and bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _parsed(path: Path, suffix: str, content: bytes) -> Iterable[Paragraph]:
    if suffix == ".docx":
        from knowledge.importing.word import word_paragraphs  # python-docx costs 0.2 s, only Word files need it

        return word_paragraphs(path, content)
    text = decoded(path, content)
    if content.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")) or _unprintable(text) > 0.02:
        raise BrokenFile(
            path,
            f"is no {suffix} text (its content is that of another kind of file)",
            "Open it in its own program and save it as text or .docx",
        )
    if suffix == ".txt":
        return plain_paragraphs(text)
    from knowledge.importing.markup import html_paragraphs, markdown_paragraphs

    return markdown_paragraphs(text) if suffix in (".md", ".markdown") else html_paragraphs(path, text)


def _unprintable(text: str) -> float:
    """Share of control characters among the first 10,000 characters."""
    sample = text[:10_000]
    return sum(c < " " and c not in "\t\n\r\f" for c in sample) / max(len(sample), 1)


def plain_paragraphs(text: str) -> Iterator[Paragraph]:
    """A line, a paragraph; but where lines were broken at a fixed width they are put together again."""
    lines = text.splitlines()
    width = max((len(line) for line in lines), default=0)
    wrapped = 40 <= width <= 120
    start, held = 0, ""
    for number, line in enumerate([*lines, ""], 1):
        bare = line.strip()
        goes_on = (
            held
            and bare
            and wrapped
            and not marked(bare)[2]
            and (bare[0].islower() or len(lines[number - 2].strip()) > width * 0.8)
            and held[-1] not in ".:;。：；"
        )
        if goes_on:
            held += bare if "\u3400" <= held[-1] <= "\u9fff" else f" {bare}"
            continue
        if held:
            yield Paragraph(start, held)
        start, held = number, bare
