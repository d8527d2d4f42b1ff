"""Which part of the policy each part of an outlined text is: the first component of its clauses' ids."""

import re

from knowledge.clause import PolicyVersion
from knowledge.importing.likeness import likeness
from knowledge.importing.outline import SAME_TITLE, Node

_PARTS = (
    ("pre", r"preliminar|preamble|preface|foreword|introduction|前言|引言|序言|导言|首部|特别提示"),
    ("def", r"definition|interpretation|glossary|定义|释义|术语"),
    ("privacy", r"privacy|personal information|data protection|隐私|个人信息"),
    ("legal", r"legal|法律声明"),
    ("terms", r"terms|agreement|条款|协议"),
)


def named_parts(root: Node, known: PolicyVersion | None, language: str) -> list[tuple[Node, str]]:
    """Every part with the first component of its ids, "" for the front page. A known title decides, then its words."""
    titles = [(s.id, s.title.get(language, "")) for s in known.sections.values() if s.parent is None] if known else []
    parts = [child for child in root.children if child.kind == "part"]
    found: list[tuple[Node, str]] = [(root, "")]
    taken: set[str] = set()
    for index, part in enumerate(parts):
        is_title_page = index == 0 and not part.numbered and any(other.numbered for other in parts[1:])
        name = max(((likeness(title, part.text), key) for key, title in titles if key not in taken), default=(0.0, ""))
        worded = next((key for key, words in _PARTS if re.search(words, part.text.lower())), "")
        key = name[1] if name[0] >= SAME_TITLE else worded or _slug(part.text) or f"part-{index + 1}"
        if index == 0 and not part.numbered and (is_title_page or len(parts) == 1):
            key = ""
        elif key in ("pre", "def") and part.numbered and name[0] < SAME_TITLE:
            # "Introduction", then 1., 2., 3. to the end: the numbers are the document's, whose name stands above.
            key = next(
                (k for k, words in _PARTS[2:] if parts[0] is not part and re.search(words, parts[0].text.lower())), key
            )
        while key in taken:
            key += "-2"
        taken |= {key} - {""}
        part.placed = "heading"
        found.append((part, key))
    if root.numbered:
        only = titles[-1][0] if len(titles) == 1 else "privacy"
        found[0] = (root, only)
    return found


def _slug(text: str) -> str:
    """An id's first component from a heading: "Cookies & Tracking" -> "cookies-tracking"; "" for a Chinese one."""
    return "-".join(re.findall("[a-z0-9]+", text.lower())[:4])
