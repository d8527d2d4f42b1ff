"""A paragraph of a company's text, whatever kind of file it came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph. `line` counts from 1: the line of a text file, the paragraph of a Word file.

    `heading` is the level a heading was marked up with (1-6), 0 for none; `depth` how deep in lists it stands;
    `continues` is true for a further paragraph inside the list item above it.
    """

    line: int
    text: str
    heading: int = 0
    depth: int = 0
    continues: bool = False
