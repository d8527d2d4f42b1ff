"""How every page of ours looks: its language, its texts, its templates and its static files.

The language of a page: `?lang=` (then remembered), else the cookie, else what the browser asks for. Chinese in
Traditional characters is the Chinese wording passed through OpenCC. No page needs a script to be read or used.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from intents.traditional import traditional
from knowledge.clause import Localized, localized
from knowledge.library import read_toml
from knowledge.normal import visible

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
LANGUAGES = {"zh": "简体中文", "zh-Hant": "繁體中文", "en": "English"}
"""Languages of the pages, each by its own name."""
HTML_CODES = {"zh": "zh-Hans", "zh-Hant": "zh-Hant", "en": "en"}
HINTS = {"zh": "zh-CN", "zh-Hant": "zh-TW", "en": "en"}
"""What a channel says about a person's language, by the language of their page."""
THEMES = ("system", "light", "dark")
REMEMBERED_S = 365 * 24 * 3600
"""Seconds for which the two settings of a page (language, appearance) stay in the browser."""
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file, held in memory."""

    body: bytes
    media_type: str


class Look:
    """The pages' look for one company. `public`: served over https, so the cookies are Secure."""

    def __init__(self, company: Localized, *, public: bool = False) -> None:
        self.company, self.public = company, public

    def language(self, request: Request, otherwise: str = "") -> str:
        """The language this page is shown in: a key of LANGUAGES. `otherwise`: the one of what it shows, where no other
        was chosen."""
        for wish in (request.query_params.get("lang"), request.cookies.get("lang")):
            if wish in LANGUAGES:
                return str(wish)
        if otherwise in LANGUAGES:
            return otherwise
        return accepted(request.headers.get("accept-language", ""))

    def theme(self, request: Request) -> str:
        """One of THEMES."""
        for wish in (request.query_params.get("theme"), request.cookies.get("theme")):
            if wish in THEMES:
                return str(wish)
        return "system"

    def page(
        self, request: Request, template: str, status: int = 200, *, otherwise: str = "", **values: Any
    ) -> HTMLResponse:
        """`template` in the language of the request. A language or appearance in the address is remembered."""
        language = self.language(request, otherwise)
        body = (
            environment()
            .get_template(template)
            .render(
                language=language,
                languages=LANGUAGES,
                html_code_of=lambda code: HTML_CODES.get(code, code),
                theme=self.theme(request),
                themes=THEMES,
                path=request.url.path,
                asset=asset_address,
                company=say(self.company, language),
                t=lambda key, **filled: text(key, language, company=say(self.company, language), **filled),
                t_in=lambda code, key, **filled: text(key, code if code in LANGUAGES else language, **filled),
                say=lambda texts: say(texts, language),
                day=lambda when: day_words(when, language),
                **values,
            )
        )
        response = HTMLResponse(body, status, headers={"Vary": "Accept-Language, Cookie, HX-Request"})
        for name, known in (("lang", tuple(LANGUAGES)), ("theme", THEMES)):
            if (wish := request.query_params.get(name)) in known:
                response.set_cookie(name, str(wish), REMEMBERED_S, path="/", secure=self.public, samesite="lax")
        return response


def is_fragment(request: Request) -> bool:
    """Whether a script of ours asks for a piece of a page rather than the page."""
    return request.headers.get("hx-request") == "true"


def accepted(header: str) -> str:
    """The best of our languages for an Accept-Language header; English when it names none of them."""
    wishes = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            wishes.append((-float(weight or 1), place, tag))
        except ValueError:
            continue
    for _, _, tag in sorted(wishes):
        if tag.startswith("zh"):
            return "zh-Hant" if any(mark in tag for mark in ("hant", "tw", "hk", "mo")) else "zh"
        if tag.startswith("en"):
            return "en"
    return "en"


def say(texts: Localized, language: str) -> str:
    """The text in `language`; Traditional characters are made from the Chinese one."""
    if language != "zh-Hant":
        return localized(texts, language)
    return traditional(localized(texts, "zh"))


def text(key: str, language: str, /, **values: str | int) -> str:
    """An interface text by its key ("chat.send"), with `values` filled in. Raises KeyError for an unknown key."""
    return texts(language)[key].format_map(values)


@cache
def texts(language: str) -> Mapping[str, str]:
    """Every interface text of a language by its key."""
    source = "zh" if language == "zh-Hant" else language
    tables = read_toml(TEMPLATES / "text" / f"{source}.toml")
    flat = {f"{table}.{key}": words for table, pairs in tables.items() for key, words in pairs.items()}
    return {key: traditional(words) for key, words in flat.items()} if language == "zh-Hant" else flat


def day_words(day: date, language: str) -> str:
    """ "15 December 2023" or "2023年12月15日"."""
    if language == "en":
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日"


Block = tuple[Literal["text", "list"], tuple[str, ...]]


def prose(plain: str) -> list[Block]:
    """Paragraphs and bullet lists of a text without markup: an empty line parts paragraphs, "- " begins a bullet."""
    blocks: list[Block] = []
    joined = False
    for line in (raw.strip() for raw in visible(plain).split("\n")):
        kind: Literal["text", "list"] = "list" if line.startswith(("- ", "• ")) else "text"
        if not line:
            joined = False
            continue
        words = line[2:].strip() if kind == "list" else line
        if joined and blocks and blocks[-1][0] == kind:
            blocks[-1] = (kind, (*blocks[-1][1], words))
        else:
            blocks.append((kind, (words,)))
        joined = True
    return blocks


def clock(when: datetime) -> str:
    """Hours and minutes in UTC, for browsers that run no script; others show the local time."""
    return f"{when:%H:%M} UTC"


@cache
def environment() -> Environment:
    """The templates. Everything that is filled in is escaped; a name that doesn't exist is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"prose": prose, "visible": visible, "clock": clock}
    return made


@cache
def assets() -> Mapping[str, Asset]:
    """The static files by name ("chat.css", "vendor/htmx.min.js")."""
    found = {}
    for file in sorted(STATIC.rglob("*")):
        if file.suffix in (".css", ".js", ".svg"):
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            found[file.relative_to(STATIC).as_posix()] = Asset(file.read_bytes(), kind)
    return found


@cache
def edition() -> str:
    """A digest over all static files: part of their address, so that a browser may keep them for ever."""
    whole = hashlib.sha256()
    for name, asset in assets().items():
        whole.update(name.encode() + b"\0" + asset.body)
    return whole.hexdigest()[:12]


def asset_address(name: str) -> str:
    """The address of a static file. Raises KeyError for one that doesn't exist."""
    return f"/static/{edition()}/{name}" if assets()[name] else ""


def serve_asset(request: Request) -> Response:
    """A static file; only names that were there at the start exist, so no path can lead elsewhere."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        return Response(status_code=404)
    kept = "public, max-age=31536000, immutable" if request.path_params["edition"] == edition() else "no-cache"
    return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": kept})


PACKED = [Middleware(GZipMiddleware, minimum_size=1_000)]
"""Compression, only where an answer holds nothing of a person's."""
ASSET_ROUTE = Route("/static/{edition}/{name:path}", serve_asset, middleware=PACKED)
