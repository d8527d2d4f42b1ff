"""What changed between two versions of a policy: clauses added, removed, renumbered and changed, word by word.

Whether a change is significant follows privacy.9.4, which names six kinds. The program marks which kinds a change
touches and by which words or tags; whether it is significant a person decides.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.resources import files
from typing import Literal

from knowledge.clause import Clause, Localized, PolicyVersion
from knowledge.importing.likeness import likeness
from knowledge.normal import normalise

RENUMBERED = 90.0
"""Likeness from which a clause under a new id is the old one, its length nearly the same; a copied clause has 100."""

_TOKEN = re.compile(r"[^\W\u3400-\u9fff]+(?:['’-][^\W\u3400-\u9fff]+)*|[\u3400-\u9fff]|\s+|.", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the six kinds of significant change: its clause, its name, and what points to it."""

    clause: str
    name: Localized
    tags: frozenset[str]
    words: re.Pattern[str]


def _kinds() -> Iterator[Kind]:
    """The kinds in significance.toml, their words as one pattern."""
    data = tomllib.loads(files("knowledge").joinpath("significance.toml").read_text(encoding="utf-8"))
    for kind in data["kind"]:
        english = (re.escape(word.rstrip("|")) + (r"\b" if word.endswith("|") else r"[\w-]*") for word in kind["en"])
        pattern = rf"\b(?:{'|'.join(english)})|{'|'.join(map(re.escape, kind['zh']))}"
        yield Kind(kind["clause"], kind["name"], frozenset(kind["tags"]), re.compile(pattern))


KINDS = tuple(_kinds())


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words that stayed, went or came."""

    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True)
class Touched:
    """A kind of significant change that a change touches, and why: a tag of the clause, or words in what changed."""

    kind: Kind
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One clause that differs. `old` is None where it was added, `new` where removed; `basis`: what was compared."""

    id: str
    what: Literal["added", "removed", "changed", "renumbered"]
    old: Clause | None
    new: Clause | None
    pieces: tuple[Piece, ...]
    touches: tuple[Touched, ...]
    basis: Literal["official", "plain"]

    @property
    def is_editorial(self) -> bool:
        """Only case, punctuation, spaces or the number differ."""
        return self.what == "renumbered" or not any(_matters(p) for p in self.pieces)


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes from one version to another, in the reading order of the newer one, removed clauses last."""

    old: PolicyVersion
    new: PolicyVersion
    language: str
    changes: tuple[Change, ...]

    def of(self, what: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.what == what)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of privacy.9.4 that any change touches."""
        return tuple(kind for kind in KINDS if any(t.kind is kind for change in self.changes for t in change.touches))


def difference(old: PolicyVersion, new: PolicyVersion, language: str = "en") -> Difference:
    """What changed from `old` to `new`: in the official wording where both have it, else in plain words."""
    gone = [key for key in old.clauses if key not in new.clauses]
    changes = []
    for key, clause in new.clauses.items():
        before = old.clauses.get(key)
        if before is None:
            moved = max(gone, key=lambda k: _same(old.clauses[k], clause, language), default=None)
            if moved and _same(old.clauses[moved], clause, language) >= RENUMBERED:
                gone.remove(moved)
                changes.append(_change("renumbered", old.clauses[moved], clause, language))
            else:
                changes.append(_change("added", None, clause, language))
        elif _text(before, language, clause) != _text(clause, language, before):
            changes.append(_change("changed", before, clause, language))
    changes += [_change("removed", old.clauses[key], None, language) for key in gone]
    return Difference(old, new, language, tuple(changes))


def word_pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The words that went and came, Chinese character by character."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    pieces: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(before[a:b])))
            continue
        if b > a:
            pieces.append(Piece("removed", "".join(before[a:b])))
        if d > c:
            pieces.append(Piece("added", "".join(after[c:d])))
    return tuple(pieces)


def _text(clause: Clause, language: str, beside: Clause | None) -> str:
    return (
        " ".join(clause.official[language].split())
        if _basis(clause, beside, language) == "official"
        else " ".join(clause.plain.get(language, "").split())
    )


def _basis(clause: Clause, beside: Clause | None, language: str) -> Literal["official", "plain"]:
    both = clause.official.get(language) and (beside is None or beside.official.get(language))
    return "official" if both else "plain"


def _same(a: Clause, b: Clause, language: str) -> float:
    """Likeness both ways: one text that merely holds the other is not the same clause."""
    old, new = _text(a, language, b), _text(b, language, a)
    shorter, longer = sorted((len(old), len(new)))
    return likeness(old, new) if longer and shorter >= 0.8 * longer else 0.0


def _change(
    what: Literal["added", "removed", "changed", "renumbered"], old: Clause | None, new: Clause | None, language: str
) -> Change:
    one = new or old
    if one is None:
        raise ValueError("a change has an old or a new clause")
    basis = _basis(one, old if new else None, language)
    pieces = word_pieces(_text(old, language, new) if old else "", _text(new, language, old) if new else "")
    return Change(
        one.id,
        what,
        old,
        new,
        pieces,
        () if what == "renumbered" and not any(map(_matters, pieces)) else tuple(_touches(old, new, pieces)),
        basis,
    )


def _matters(piece: Piece) -> bool:
    return piece.kind != "same" and any(c.isalnum() for c in piece.text)


def _touches(old: Clause | None, new: Clause | None, pieces: Sequence[Piece]) -> Iterator[Touched]:
    """Kinds by the clause's tags and by the words that went or came, each with the words it hangs on."""
    if not _changes_words(pieces):
        return
    tags = {tag for clause in (old, new) if clause for tag in clause.tags}
    words = normalise("\n".join(piece.text for piece in pieces if piece.kind != "same"))
    for kind in KINDS:
        because = [f"tag {tag}" for tag in sorted(tags & kind.tags)]
        because += list(dict.fromkeys(f'"{match.group().strip()}"' for match in kind.words.finditer(words)))
        if because:
            yield Touched(kind, tuple(because[:4]))


def _changes_words(pieces: Sequence[Piece]) -> bool:
    """False where the same words remain once case and punctuation are put aside."""
    sides = ["".join(p.text for p in pieces if p.kind in ("same", side)) for side in ("removed", "added")]
    old, new = (re.findall(r"\w+", normalise(side)) for side in sides)
    return old != new
