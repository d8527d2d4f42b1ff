"""The page of an audit pack: one file that prints well, no script, nothing that is fetched from anywhere."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.core.order.moves import Reason
from intents.traditional import traditional
from intents.wording import Wording
from knowledge.library import read_toml
from knowledge.normal import visible

FOLDER = Path(__file__).parents[1] / "templates" / "audit_pack"
HTML_CODES = {"en": "en", "zh": "zh-Hans", "zh-Hant": "zh-Hant"}


def page(language: str, told: Mapping[str, Any]) -> Iterator[bytes]:
    """The page of what order.json tells, in pieces; English for a language that it isn't written in."""
    shown = language if language in HTML_CODES else "en"
    texts = words(shown)

    def said(localized: Mapping[str, str]) -> str:
        text = localized.get("zh" if shown.startswith("zh") else shown) or next(iter(localized.values()))
        return traditional(text) if shown == "zh-Hant" else text

    def name(prefix: str, key: str | None) -> str:
        """The words for a code; the code itself where there are none: what staff and systems note has no fixed list."""
        return texts.get(f"{prefix}_{key}", (key or "").replace("_", " "))

    def by(row: Mapping[str, Any]) -> str:
        """Who: a member of staff by name, everybody else by what they are."""
        actor = str(row["by"])
        return f"{row['name']} ({actor})" if row["name"] else name("by", actor.partition(":")[0])

    template = _environment().get_template("index.html")
    filled = template.generate(html_code=HTML_CODES[shown], w=texts, said=said, name=name, by=by, told=told)
    for piece in filled:
        yield piece.encode("utf-8", "replace")


@cache
def words(language: str) -> Mapping[str, str]:
    """Every text of the page in a language. Why an order was refused is said in the words that the person read."""
    texts: dict[str, str] = read_toml(FOLDER / ("zh.toml" if language.startswith("zh") else "en.toml"))
    if language == "zh-Hant":
        texts = {key: traditional(text) for key, text in texts.items()}
    wording = Wording.load()
    return texts | {f"reason_{reason}": wording.shared(f"order_reason_{reason}", language) for reason in Reason}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": visible, "time": _time}
    return made


def _time(stamp: str | None) -> str:
    """ "2026-03-02T09:30:00Z" as people read it."""
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else ""
