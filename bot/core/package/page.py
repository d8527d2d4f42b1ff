"""The page of a package that a person reads: one file, no script, nothing that is fetched from anywhere."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from intents.traditional import traditional
from knowledge.library import read_toml
from knowledge.normal import visible
from knowledge.rights import Right, rights

FOLDER = Path(__file__).parents[2] / "templates" / "package"
HTML_CODES = {"en": "en", "zh": "zh-Hans", "zh-Hant": "zh-Hant"}


def page(
    language: str, company: Mapping[str, str], facts: Mapping[str, Any], talk: Iterator[dict[str, Any]]
) -> Iterator[bytes]:
    """The page, in pieces; `talk` is read as it is written."""
    shown = language if language in HTML_CODES else "en"
    filled = (
        _environment()
        .get_template("index.html")
        .generate(
            html_code=HTML_CODES[shown],
            w=words(shown),
            company=_said(company, shown),
            right=lambda name: _said(rights()[Right(name)].name, shown),
            facts=facts,
            talk=talk,
        )
    )
    for piece in filled:
        yield piece.encode("utf-8", "replace")


@cache
def words(language: str) -> Mapping[str, str]:
    """Every text of the page in a language."""
    texts: dict[str, str] = read_toml(FOLDER / ("zh.toml" if language.startswith("zh") else "en.toml"))
    return {key: traditional(text) for key, text in texts.items()} if language == "zh-Hant" else texts


def _said(texts: Mapping[str, str], language: str) -> str:
    text = texts.get("zh" if language.startswith("zh") else language) or next(iter(texts.values()))
    return traditional(text) if language == "zh-Hant" else text


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": visible, "address": quote, "time": _time}
    return made


def _time(stamp: str) -> str:
    """ "2026-03-02T09:30:00Z" as people read it."""
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else ""
