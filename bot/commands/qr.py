"""A QR code in the terminal: two modules a character, light on dark whatever the terminal's colours are."""

import segno
from rich.console import Console
from rich.text import Text

QUIET = 4
"""Light modules around the code (ISO/IEC 18004 asks for four)."""
HALVES = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
"""(upper module is light, lower one is light) -> character. What is drawn is what is light."""
COLOURS = "bright_white on black"


def qr_lines(words: str) -> list[str]:
    """The code as lines of half blocks, quiet zone included, for light letters on a dark ground."""
    matrix = segno.make_qr(words, error="l", boost_error=False).matrix_iter(border=QUIET)
    rows = [[not module for module in row] for row in matrix]
    if len(rows) % 2:
        rows.append([True] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(HALVES[halves] for halves in zip(upper, lower, strict=True)) for upper, lower in pairs]


def draw_qr(console: Console, words: str) -> bool:
    """Draws the code; False, and nothing is drawn, where the terminal is too narrow for it."""
    lines = qr_lines(words)
    if len(lines[0]) > console.width:
        return False
    console.print(Text("\n".join(lines), style=COLOURS, no_wrap=True, end="\n"), soft_wrap=True)
    return True
