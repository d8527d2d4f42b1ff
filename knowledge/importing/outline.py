"""Paragraphs of an official text -> the tree that their numbers draw.

Numbers alone are ambiguous: sections and items may look the same ("1. Scope", below it "1. This policy ..."), a level
may change its style half-way (3., then IV.), items may restart or run on. So every reading is followed at once, each
with a cost for what is unusual, and the cheapest reading of the whole text wins (a beam search).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rapidfuzz import fuzz

from knowledge.importing.numbering import Reading, marked
from knowledge.importing.paragraph import Paragraph
from knowledge.normal import normalise

BEAM = 16
"""Readings followed at once. On 300 random policies four find what sixty-four find, one finds less (2026-11)."""
UNUSUAL = 2.0
"""Cost of a level opened in another style than its depth had before (sub-items were 1), now a)). Of 300 random policies
257 come out whole at 0, 276 at 0.5, 279 at 1, 281 at 2 (2026-11)."""
SAME_TITLE = 85
"""Likeness (0-100) from which a line of the table of contents and a heading are the same title."""
REPEATED = 2.9
"""Cost of a number that stands there already: a slip of the author, likelier than that it is no number (4)."""
DEPTH_MAX = 6
"""Levels below a part; part.section.item.sub-item has three."""
CONTENTS_MAX = 150
"""Lines of the longest table of contents looked for."""

Kind = Literal["document", "part", "number", "text", "contents"]


@dataclass(slots=True)
class Node:
    """One paragraph in its place. `path` holds the numbers from its part down (IV. 1. 2) -> 4, 1, 2); for a text
    without a number, those of the last numbered paragraph before it. `title` is true where it names what follows."""

    kind: Kind
    text: str = ""
    mark: str = ""
    line: int = 0
    path: tuple[int, ...] = ()
    title: bool = False
    continues: bool = False
    children: list["Node"] = field(default_factory=list)
    id: str | None = None
    placed: str = ""
    likeness: float | None = None
    note: str = ""

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def numbered(self) -> list["Node"]:
        return [child for child in self.children if child.kind == "number"]

    @property
    def texts(self) -> list["Node"]:
        return [child for child in self.children if child.kind in ("text", "contents")]


@dataclass(frozen=True, slots=True)
class _Level:
    style: str
    value: int
    weight: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What one reading made of one paragraph, and of the one before."""

    kind: Kind
    path: tuple[int, ...]
    before: "_Step | None"


@dataclass(frozen=True, slots=True)
class _State:
    cost: float
    levels: tuple[_Level, ...]
    articles: int
    last: _Step | None
    usual: tuple[str, ...] = ()
    """The style that each depth had first."""


def outline(paragraphs: Sequence[Paragraph]) -> Node:
    """The tree of a text. Its root holds the parts, and whatever stands before the first of them."""
    contents, titles = _table_of_contents(paragraphs)
    states = [_State(0.0, (), 0, None)]
    for index, paragraph in enumerate(paragraphs):
        if index in contents or paragraph.continues:
            kind: Kind = "contents" if index in contents else "text"
            states = [replace(s, last=_Step(kind, _numbers(s.levels), s.last)) for s in states]
            continue
        readings = marked(paragraph.text)[2]
        weight = 2 if _said(paragraph) in titles else int(is_title(paragraph))
        restarts = _next_number_is_one(paragraphs, index, contents)
        cheapest: dict[tuple[tuple[_Level, ...], int, tuple[str, ...]], _State] = {}
        for state in states:
            for after in _readings(state, paragraph.depth, readings, weight, restarts):
                key = (after.levels, after.articles, after.usual)
                if key not in cheapest or after.cost < cheapest[key].cost:
                    cheapest[key] = after
        states = sorted(cheapest.values(), key=lambda s: s.cost)[:BEAM]
    return _tree(paragraphs, _steps(states[0]))


def is_title(paragraph: Paragraph) -> bool:
    """Whether the paragraph, its number aside, reads as a heading: marked up as one, or short and no sentence."""
    _, text, _ = marked(paragraph.text)
    if not text:
        return False
    if paragraph.heading and text[-1] not in ".;。；":
        return True
    if text[-1] in ".;:,!?。；：，！？" or re.search(r"[:：;；。]|[.!?] ", text):
        return False
    return len(text) <= 24 if re.search("[\u3400-\u9fff]", text) else len(text.split()) <= 12


def _said(paragraph: Paragraph) -> str:
    """A title's words in their matching form: no number, no page number, no dots that lead to it."""
    return normalise(re.sub(r"[.…·\s]{2,}\d+$", "", marked(paragraph.text)[1]))


def _numbers(levels: tuple[_Level, ...]) -> tuple[int, ...]:
    return tuple(level.value for level in levels)


def _table_of_contents(paragraphs: Sequence[Paragraph]) -> tuple[set[int], set[str]]:
    """(indexes of the lines of a table of contents, the titles it and the body share).

    A table of contents is a run of three or more titles without a text between, up to the place where its first title
    is said again; most of its titles come again later.
    """
    said = [_said(p) if is_title(p) else "" for p in paragraphs]
    later: dict[str, list[int]] = {}
    for index, title in enumerate(said):
        later.setdefault(title, []).append(index)
    tried = 0
    for start, title in enumerate(said):
        again = next((i for i in later[title] if i > start), None) if title else None
        if again is None or not 3 <= again - start <= CONTENTS_MAX or not all(said[start:again]):
            continue
        tried += 1
        body = {t for t in said[again:] if t}
        matches = [{t for t in body if fuzz.token_set_ratio(entry, t) >= SAME_TITLE} for entry in said[start:again]]
        if sum(map(bool, matches)) >= 0.6 * (again - start):
            return set(range(start, again)), set().union(*matches)
        if tried == 5:  # a text of titles that all repeat is no policy; don't compare them all with each other
            break
    return set(), set()


def _next_number_is_one(paragraphs: Sequence[Paragraph], index: int, contents: set[int]) -> bool:
    for after in range(index + 1, len(paragraphs)):
        readings = marked(paragraphs[after].text)[2] if after not in contents else ()
        if readings:
            return any(reading.path[-1] == 1 for reading in readings)
    return False


def _readings(state: _State, depth: int, readings: Sequence[Reading], weight: int, restarts: bool) -> Iterator[_State]:
    levels, path = state.levels, _numbers(state.levels)
    # A number that is none: "3. " at the start of a broken sentence. Possible, dear.
    cost = 4.0 if readings else 1.0 if weight else 0.0
    yield replace(state, cost=state.cost + cost, last=_Step("text", path, state.last))
    if weight and not readings:
        cost = (0.2 if not levels else 0.5) if restarts else 3.0
        yield _State(state.cost + cost, (), 0, _Step("part", (), state.last), state.usual)
    for reading in readings:
        style = f"{reading.style}@{depth}" if depth else reading.style
        options = (
            _chain(levels, reading, style, weight)
            if len(reading.path) > 1
            else _single(state, reading.value, style, weight)
        )
        for cost, after in options:
            articles = reading.value if "条" in style else state.articles
            usual = (*state.usual, *(level.style for level in after[len(state.usual) :]))
            yield _State(state.cost + cost, after, articles, _Step("number", _numbers(after), state.last), usual)


def _single(state: _State, value: int, style: str, weight: int) -> Iterator[tuple[float, tuple[_Level, ...]]]:
    """What "3." can mean: the next at an open level (maybe in another style), a gap, a repeat, or a new level below."""
    levels = state.levels
    for depth, level in enumerate(levels):
        popped = 0.05 * (len(levels) - 1 - depth)
        unlike = _unlike(level.weight, weight)
        after = (*levels[:depth], _Level(style, value, level.weight))
        if level.style == style:
            step = value - level.value
            yield popped + unlike + (0.0 if step == 1 else 3.0 + min(step, 5) * 0.5 if step > 1 else REPEATED), after
        elif value == level.value + 1:
            yield popped + unlike + (4.0 if any(style == other.style for other in levels) else 1.5), after
    if len(levels) == DEPTH_MAX:
        return
    cost = 0.1
    if value != 1:
        cost = 0.3 if "条" in style and value == state.articles + 1 else 5.0
    if len(levels) < len(state.usual) and state.usual[len(levels)] != style:
        cost += UNUSUAL
    if levels:
        parent = levels[-1]
        if parent.style == style:
            cost += 0.5 if parent.weight else 3.0
        elif any(level.style == style for level in levels):
            cost += 1.5
        if weight > parent.weight:
            cost += 3.0 if weight == 2 else 0.3
    yield cost, (*levels, _Level(style, value, weight))


def _chain(
    levels: tuple[_Level, ...], reading: Reading, style: str, weight: int
) -> Iterator[tuple[float, tuple[_Level, ...]]]:
    """What "2.1.3" can mean: it says its own place, which fits what is open or doesn't."""
    *above, value = reading.path
    depth = len(above)
    if _numbers(levels[:depth]) == tuple(above):
        last = levels[depth].value if len(levels) > depth else 0
        step = value - last
        yield (
            0.0 if step == 1 else 3.0 + min(step, 5) * 0.5 if step > 1 else REPEATED,
            (*levels[:depth], _Level(style, value, weight)),
        )
    else:
        kept = [
            levels[i] if i < len(levels) and levels[i].value == n else _Level("decimal", n, 1)
            for i, n in enumerate(above)
        ]
        yield 4.5 if value > 1 else 2.0, (*kept, _Level(style, value, weight))


def _unlike(a: int, b: int) -> float:
    """Siblings are all headings or all texts: 2 for a title of the table of contents beside a text, and so on."""
    return {0: 0.0, 1: 0.7 if min(a, b) == 0 else 1.0, 2: 2.0}[abs(a - b)]


def _steps(state: _State) -> list[_Step]:
    steps = []
    step = state.last
    while step is not None:
        steps.append(step)
        step = step.before
    return steps[::-1]


def _tree(paragraphs: Sequence[Paragraph], steps: list[_Step]) -> Node:
    root = Node("document")
    part, open_nodes = root, list[Node]()
    for paragraph, step in zip(paragraphs, steps, strict=True):
        mark, text, _ = marked(paragraph.text) if step.kind in ("number", "contents") else ("", paragraph.text, ())
        node = Node(step.kind, text, mark, paragraph.line, step.path, is_title(paragraph), paragraph.continues)
        if step.kind == "part":
            part, open_nodes = node, []
            root.children.append(node)
        elif step.kind == "number":
            open_nodes = open_nodes[: len(step.path) - 1]
            while len(open_nodes) < len(step.path) - 1:
                open_nodes.append(_implied(open_nodes, part, step.path, paragraph.line))
            (open_nodes[-1] if open_nodes else part).children.append(node)
            open_nodes.append(node)
        else:
            _parent_of_text(node, part, open_nodes).children.append(node)
    return root


def _implied(open_nodes: list[Node], part: Node, path: tuple[int, ...], line: int) -> Node:
    """A level that only its items show (2.1.1 without a 2.1)."""
    node = Node("number", "", "", line, path[: len(open_nodes) + 1], title=True)
    (open_nodes[-1] if open_nodes else part).children.append(node)
    return node


def _parent_of_text(node: Node, part: Node, open_nodes: list[Node]) -> Node:
    """A text without a number belongs to the heading above it; after a list, to what holds the list."""
    if not open_nodes:
        return part
    last = open_nodes[-1]
    if node.continues or last.title or last.children:
        return last
    return open_nodes[-2] if len(open_nodes) > 1 else part
