"""How pasted secrets are looked for: a pattern, and a judge of what it matched."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Pasted(NamedTuple):
    """A secret at text[start:end]. `kind` names the word that replaces it, `last` the digits that may stay."""

    start: int
    end: int
    kind: str
    last: str = ""


class Look(NamedTuple):
    """One way to find secrets. `judge` returns None for what only looks like one."""

    pattern: re.Pattern[str]
    judge: Callable[[re.Match[str]], Pasted | None]


class Shelf(NamedTuple):
    """Looks that have a sign in common: in a text without it none of them finds anything."""

    sign: re.Pattern[str]
    looks: tuple[Look, ...]


def found_by(shelves: Sequence[Shelf], text: str) -> list[Pasted]:
    """What the looks find, one after the other, none of it overlapping; in the order of the text."""
    found: list[Pasted] = []
    for shelf in shelves:
        if not shelf.sign.search(text):
            continue
        for look in shelf.looks:
            new: list[Pasted] = []
            for match in look.pattern.finditer(text):
                if new and match.start() < new[-1].end:
                    continue  # A name inside a secret: "password: my-pin-1234".
                one = look.judge(match)
                if one and one.start < one.end:
                    new.append(one)
            if new:  # What one look has found is no longer there for the next.
                text = replaced(text, new, lambda one: "\0" * (one.end - one.start))
                found += new
    return sorted(found)


def replaced(text: str, found: Sequence[Pasted], word: Callable[[Pasted], str]) -> str:
    """`text` with a word in the place of each secret; `found` in the order of the text."""
    pieces, end = list[str](), 0
    for one in found:
        pieces += [text[end : one.start], word(one)]
        end = one.end
    return "".join(pieces) + text[end:]
