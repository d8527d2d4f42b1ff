"""Finds what a person at the command line means: a version by path, date or draft's name; a clause by id or words."""

from datetime import date
from pathlib import Path

from knowledge.checking import ID
from knowledge.clause import Clause, LawArticle, PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.library import BUNDLED, LANGUAGES
from knowledge.search import ClauseIndex


def find_folder(where: str, *, company: str | None, extra: Path | None) -> Path:
    """The version's folder that a person means: a path, a date, or a draft's name. Raises BrokenFile."""
    path = Path(where)
    if (path / "policy.toml").exists():
        return path
    named = [
        root / name / where
        for root in (extra, BUNDLED)
        if root
        for name in ([company] if company else _companies(root))
    ]
    folders = [folder for folder in named if (folder / "policy.toml").exists()]
    if folders:
        return folders[0]
    names = ", ".join(_companies(extra) + _companies(BUNDLED))
    remedy = f"Give a folder with policy.toml, a date or a draft's name; companies: {names}"
    raise BrokenFile(where, "is no version of a policy", remedy)


def _companies(root: Path | None) -> list[str]:
    return sorted({f.parent.parent.name for f in root.glob("*/*/policy.toml")}) if root else []


def is_published(folder: Path) -> bool:
    """Whether the folder is named after a day, as published versions are."""
    try:
        date.fromisoformat(folder.name)
    except ValueError:
        return False
    return True


def find_clauses(policy: PolicyVersion, question: str) -> list[Clause | LawArticle]:
    """The clause of that id, or of the ids below it; else the three that share the weightiest words."""
    everything: dict[str, Clause | LawArticle] = {**policy.clauses, **policy.law}
    if question in everything:
        return [everything[question]]
    below = [clause for key, clause in everything.items() if key.startswith(f"{question}.")]
    if below or (ID.fullmatch(question) and "." in question):
        return below  # an id that isn't there must not turn into a search for its letters
    best: dict[str, float] = {}
    for language in LANGUAGES:
        texts = {key: f"{c.heading.get(language, '')}\n{c.plain.get(language, '')}" for key, c in everything.items()}
        for hit in ClauseIndex(texts, language).search(question, limit=3):
            best[hit.id] = max(best.get(hit.id, 0.0), hit.score)
    return [everything[key] for key in sorted(best, key=lambda k: -best[k])[:3]]
