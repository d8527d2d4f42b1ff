"""Gives the paragraphs of an outlined text their clause ids.

What a number says is taken from the number (part.section.item.sub-item, Arabic whatever is printed). What carries no
number is compared with the known clauses that could stand in its place, and only there; under LIKELY it is listed, not
placed. Nothing is placed silently: every node says how ("numbering", "wording", "heading") and how alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from knowledge.clause import Clause, PolicyVersion
from knowledge.importing.likeness import gist, likeness
from knowledge.importing.outline import Node
from knowledge.importing.parts import named_parts

LIKELY = 60.0
"""Likeness from which an unnumbered paragraph is the clause. On the first policy the right clause reaches 70-100 and
the next best in the same place at most 64 (2026-11)."""
UNLIKE = 45.0
FARTHER = 25.0
"""A numbered paragraph is doubtful when its own clause is below UNLIKE and another one better by FARTHER: the text was
probably renumbered. On the first policy the lowest own likeness is 60."""
WORDS_MIN = 3
"""Fewer words that carry meaning are no evidence."""


@dataclass(slots=True)
class Placement:
    """The tree with its ids, and what the ids stand for. `texts` holds the official wording by clause id, in order."""

    root: Node
    texts: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    leads: set[str] = field(default_factory=set)
    unplaced: list[Node] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)

    def count(self, placed: str) -> int:
        return sum(node.placed == placed for node in self.nodes.values())


def place(root: Node, known: PolicyVersion | None, language: str, *, trust_numbers: bool = False) -> Placement:
    """Ids for the tree below `root`, which is written to. `known`: the version to compare with, None for a first text.

    With `trust_numbers` a numbered paragraph keeps its number's id even where another clause says the same far better.
    """
    placement = Placement(root)
    clauses = known.clauses if known else {}
    wording = {key: _said(clause, language) for key, clause in clauses.items()}
    parts = named_parts(root, known, language)
    front = next((key.partition(".")[0] for key in clauses), "")
    blocks: list[tuple[str, list[Node]]] = []
    for part, name in parts:
        for node in part.walk() if part is not root else _before_parts(root):
            _number(node, name, clauses, placement)
            blocks += [(name or front, block) for block in _blocks(node) if not block[0].placed]
    if known and not trust_numbers:
        _doubt(placement, wording)
    _match(blocks, clauses, wording, placement)
    _contents(root)
    placement.unplaced += [n for n in root.walk() if n.kind in ("text", "contents") and not n.placed]
    placement.unplaced.sort(key=lambda n: n.line)
    order = [n.id for n in root.walk() if n.id]
    placement.nodes = {key: placement.nodes[key] for key in dict.fromkeys(order)}
    placement.texts = {key: placement.texts[key] for key in placement.nodes}
    placement.new = [key for key in placement.nodes if key not in clauses]
    placement.missing = [key for key in clauses if key not in placement.nodes]
    return placement


def _said(clause: Clause, language: str) -> tuple[str, ...]:
    """What is known of a clause's wording in the language: its plain words, and its official ones where imported."""
    plain = f"{clause.heading.get(language, '')}. {clause.plain.get(language, '')}"
    return tuple(text for text in (plain, clause.official.get(language, "")) if gist(text))


def _like(text: str, said: tuple[str, ...]) -> float:
    return max((likeness(text, other) for other in said), default=0.0) if len(gist(text).split()) >= WORDS_MIN else 0.0


def _before_parts(root: Node) -> Iterator[Node]:
    """The root and what stands before the first part; all of a text without parts."""
    yield root
    for child in root.children:
        if child.kind != "part":
            yield from child.walk()


def _number(node: Node, part: str, clauses: Mapping[str, Clause], placement: Placement) -> None:
    """The id of a numbered node, or of the lead sentence below a heading."""
    if node.kind != "number":
        return
    key = ".".join((part or "privacy", *map(str, node.path)))
    own = [child for child in node.texts if child.continues]
    if not node.title:
        _give(
            placement, key, node, "\n".join([node.text, *(c.text for c in own)]), "numbering", lead=bool(node.numbered)
        )
        for child in own:
            child.placed = "continues"
        return
    before = _before_items(node)
    if not node.numbered and not node.texts:
        if node.text:
            _give(placement, key, node, node.text, "numbering")
        return
    node.placed = "heading"
    if not before:
        return
    if node.numbered:
        # Two sentences that announce lists ("You give us:", "We collect:") are sub-heads, one is the item's lead.
        heads = [child for child in node.texts if child.title or child.text[-1:] in ":："]
        if key not in clauses and (before[-1].title or (before[-1] in heads and len(heads) > 1)):
            return
        _give(placement, key, before[0], "\n".join(child.text for child in before), "numbering", lead=True)
        for child in before[1:]:
            child.placed = "continues"
    elif key not in clauses:
        # A section of text alone: its number says which, though its paragraphs have none.
        _give(placement, key, before[0], "\n".join(child.text for child in before), "numbering")
        for child in before[1:]:
            child.placed = "continues"


def _give(placement: Placement, key: str, node: Node, text: str, how: str, *, lead: bool = False) -> None:
    if key in placement.nodes:
        node.note = f"the number {key} stands already in line {placement.nodes[key].line}"
        placement.unplaced.append(node)
        return
    node.id, node.placed = key, how
    placement.nodes[key], placement.texts[key] = node, text
    if lead:
        placement.leads.add(key)


def _before_items(node: Node) -> list[Node]:
    found = []
    for child in node.children:
        if child.kind == "number":
            break
        found.append(child)
    return found


def _blocks(node: Node) -> Iterator[list[Node]]:
    """Runs of texts without a number below `node`; sub-heads between items are marked as headings and left out."""
    block: list[Node] = []
    last = max((i for i, child in enumerate(node.children) if child.kind == "number"), default=-1)
    for index, child in enumerate(node.children):
        if (
            child.kind == "text"
            and index < last
            and node.kind == "number"
            and not child.placed
            and (child.title or child.text[-1:] in ":：")
        ):
            child.placed = "heading"
        if child.kind in ("text", "contents") and not child.placed:
            block.append(child)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _doubt(placement: Placement, wording: Mapping[str, tuple[str, ...]]) -> None:
    """Takes the id back from numbered paragraphs that say far rather what another clause says."""
    for key, node in list(placement.nodes.items()):
        if not wording.get(key):
            continue
        own = _like(placement.texts[key], wording[key])
        if own >= UNLIKE:
            continue
        best, other = max((_like(placement.texts[key], said), k) for k, said in wording.items())
        if best >= own + FARTHER and best >= LIKELY:
            node.id, node.placed, node.likeness = None, "", own
            node.note = f"its number says {key} (likeness {own:.0f}), its words rather {other} ({best:.0f})"
            del placement.nodes[key], placement.texts[key]
            placement.unplaced.append(node)


def _match(
    blocks: list[tuple[str, list[Node]]],
    clauses: Mapping[str, Clause],
    wording: Mapping[str, tuple[str, ...]],
    placement: Placement,
) -> None:
    """Places texts without a number by wording: the most alike pair first, each clause once."""
    pairs = []
    for at, (part, block) in enumerate(blocks):
        for first, node in enumerate(block):
            for key in clauses:
                if key not in placement.nodes and node.kind == "text" and _fits(key, part, node.path):
                    pairs.append((_like(_with_contents(block, first), wording[key]), -node.line, at, first, key))
    for alike, _, at, first, key in sorted(pairs, reverse=True):
        block = blocks[at][1]
        if alike < LIKELY:
            break
        if block[first].placed or key in placement.nodes:
            continue
        span = [node for node in block if node is block[first] or _joins(node, block, first, key, at, pairs)]
        for node in span[1:]:
            node.placed = "continues"
        span[0].likeness = alike
        _give(placement, key, span[0], "\n".join(f"{n.mark} {n.text}".strip() for n in span), "wording")


def _with_contents(block: list[Node], first: int) -> str:
    """A sentence and the table of contents it announces, compared as one."""
    texts = [block[first].text]
    for node in block[first + 1 :]:
        if node.kind != "contents":
            break
        texts.append(node.text)
    return " ".join(texts)


def _joins(
    node: Node, block: list[Node], first: int, key: str, at: int, pairs: list[tuple[float, int, int, int, str]]
) -> bool:
    """Whether a neighbour in the block belongs to the same clause: likely itself, liker to no other clause there."""
    if node.placed:
        return False
    index = block.index(node)
    if node.kind == "contents" or (index > first and _announces_contents(block, index)):
        return True
    rated = {k: alike for alike, _, a, f, k in pairs if a == at and f == index}
    step = 1 if index > first else -1
    between = range(first + step, index, step)
    return (
        max(rated, key=lambda k: rated[k], default="") == key
        and rated[key] >= LIKELY
        and all(not block[i].placed and _joins(block[i], block, first, key, at, pairs) for i in between)
    )


def _announces_contents(block: list[Node], index: int) -> bool:
    """ "It has these parts:" right before the table of contents: it goes where its paragraph goes."""
    return index + 1 < len(block) and block[index + 1].kind == "contents" and block[index].text[-1:] in ":："


def _fits(key: str, part: str, path: tuple[int, ...]) -> bool:
    """Whether the clause `key` can stand without a number below `path`: privacy.5.verify anywhere after 5, privacy.10
    right below 10, privacy.intro and pre before any number."""
    own, *rest = key.split(".")
    if own != part:
        return False
    numbers = tuple(int(component) for component in rest if component.isdigit())
    if rest and all(component.isdigit() for component in rest):
        return numbers == path
    return bool(numbers) == bool(path) and numbers == path[: len(numbers)]


def _contents(root: Node) -> None:
    """A table of contents that no clause took is navigation, not wording."""
    for node in root.walk():
        if node.kind == "contents" and not node.placed:
            node.placed = "contents"
