"""Broken TOML: the line that is named is the one to mend."""

from pathlib import Path

import pytest

from knowledge.errors import BrokenFile
from knowledge.findings import Finding
from knowledge.tables import read_toml, unfinished_line

BROKEN = [
    ('a = 1\nb = [\n  "x",\n  "y # ["\n', 2),
    ('a = [\n  "x",\n\n["b.c"]\nd = 1\n', 1),
    ('a = 1\nb = [\n  "it\'s y"\n\nc = [\n  "z",\n]\n', 2),
    ('# don\'t [\na = """\nfoo\nbar\n', 2),
    ("a = 1\nb = '''\n]]\n\n\n", 2),
    ('a = 1\nb = { c = 1, d = "}"', 2),
    ('a = [\n["b"],\n["c"', 3),
    ("a = 1\n\nb", 3),
    ("a = 1\nb =\n\n\n", 2),
    ('a = 1\n\n["b', 3),
    ("a = 1\nb = ?\nc = 2\n", 2),
    ("a = 1\n\nb = { c = 1\nd = 2 }\n", 3),
]


@pytest.mark.parametrize(("text", "line"), BROKEN)
def test_the_line_to_mend_is_named(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BrokenFile, match="is not valid TOML") as broken:
        read_toml(path)
    assert Finding.of(broken.value).line == line, str(broken.value)
    assert "end of document" not in str(broken.value)


def test_what_is_whole_ends_with_its_last_line() -> None:
    assert unfinished_line('a = "[" # {\nb = [1, [2]]\n\n') == 2


def test_the_line_of_a_byte_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b'a = 1\nb = "\xff"\n')
    with pytest.raises(BrokenFile) as broken:
        read_toml(path)
    assert Finding.of(broken.value).line == 2


def test_a_thousand_brackets_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = " + "[" * 100_000, encoding="utf-8")
    with pytest.raises(BrokenFile, match="is not valid TOML"):
        read_toml(path)
