"""The demo's pages of a company's portal and of its customers' mail and phone: where a chat is connected, and codes are read.

Plain forms, no script. The portal is the company's and not the bot's: it speaks to the bot over the signed calls alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import time
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.core.accounts import Account
from bot.guards import SECURITY_HEADERS, is_foreign
from bot.look import HTML_CODES, LANGUAGES, accepted
from bot.rehearsal.mailbox import Mailbox
from bot.rehearsal.portal.calls import PortalCalls
from bot.rehearsal.portal.customers import CUSTOMERS
from bot.rehearsal.sms import SmsStandIn
from intents.traditional import traditional
from knowledge.library import read_toml

HERE = Path(__file__).parents[1] / "templates" / "desk"
LOOK_AGAIN = 3
"""Seconds after which the page looks again while it waits for the chat."""


@dataclass(slots=True)
class _Login:
    """Who is logged in at the portal, and the link that is open."""

    account: Account
    at: float
    link: dict[str, Any] | None = None
    digits: str = ""
    """What the portal shows, once the chat's number was right."""
    said: str = ""
    """What is told above the page: a key of its words."""


def routes(calls: PortalCalls, mailbox: Mailbox, sms: SmsStandIn, path: str = "/portal") -> list[BaseRoute]:
    """The portal at `path`, and mail and phone at /mailbox. Made for one person who tries things out."""
    pages = _Pages(calls, mailbox, sms, path)
    return [
        Route(path, pages.portal, methods=["GET"]),
        Route(path, pages.act, methods=["POST"]),
        Route("/mailbox", pages.mailbox, methods=["GET"]),
        Route(f"{path}/desk.css", pages.style, methods=["GET"]),
    ]


class _Pages:
    def __init__(self, calls: PortalCalls, mailbox: Mailbox, sms: SmsStandIn, path: str) -> None:
        self._calls, self._mailbox, self._sms, self._path = calls, mailbox, sms, path
        self._login: _Login | None = None

    async def portal(self, request: Request) -> Response:
        """The customer's own page, or the choice of a customer."""
        login, state, chats = self._login, "", list[dict[str, Any]]()
        if login:
            chats = await self._calls.chats(login.account.id)
            state = await self._calls.state(login.link["id"]) if login.link else ""
        waits = state in ("offered", "matched")
        said, shown = (login.said if login else ""), login
        if login:
            login.said = ""
            if state in ("done", "void"):
                login.link, login.digits, said = None, "", said or f"link_{state}"
        return self._page(
            request,
            "portal.html",
            customers=CUSTOMERS,
            login=shown,
            state=state,
            chats=chats,
            said=said,
            look_again=LOOK_AGAIN if waits else 0,
        )

    async def act(self, request: Request) -> Response:
        """What a press of a button does."""
        if is_foreign(request.headers):
            return Response(status_code=403)
        form = {name: str(value) for name, value in (await request.form()).items()}
        login = self._login
        match form.get("act"):
            case "login":
                found = next((one for one in CUSTOMERS if one.id == form.get("customer")), None)
                self._login = _Login(found, time()) if found else None
            case "logout":
                self._login = None
            case "connect" if login:
                status, told = await self._calls.link(login.account.id, login.at)
                login.link, login.digits = (told if status == 200 else None), ""
                login.said = "" if status == 200 else "login_again"
            case "confirm" if login and login.link:
                status, told = await self._calls.confirm(login.link["id"], form.get("digits", ""))
                login.digits = told["digits"] if status == 200 else ""
                login.said = "" if status == 200 else "link_void"
                login.link = login.link if status == 200 else None
            case "disconnect" if login:
                ended = await self._calls.unbind(login.account.id, form.get("chat", ""))
                login.said = "disconnected" if ended else ""
            case _:
                return Response(status_code=400)
        return RedirectResponse(f"{self._path}?lang={_language(request)}", 303)

    async def mailbox(self, request: Request) -> Response:
        """Every mail and message that went out, newest first."""
        mails = [(mail.at, "mail", mail.to, f"{mail.subject}\n{mail.text}") for mail in self._mailbox.mails]
        texts = [(text.at, "sms", text.to, text.text) for text in self._sms.texts]
        lines = [
            (datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC"), kind, to, said)
            for at, kind, to, said in sorted(mails + texts, reverse=True)
        ]
        return self._page(request, "mailbox.html", lines=lines, look_again=LOOK_AGAIN)

    async def style(self, request: Request) -> Response:
        return _secure(Response((HERE / "desk.css").read_bytes(), media_type="text/css"))

    def _page(self, request: Request, template: str, **values: Any) -> Response:
        language = _language(request)
        body = (
            _environment()
            .get_template(template)
            .render(
                t=words(language),
                language=language,
                languages=LANGUAGES,
                html_code=HTML_CODES[language],
                path=self._path,
                here=request.url.path,
                **values,
            )
        )
        return _secure(HTMLResponse(body, headers={"Vary": "Accept-Language"}))


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else accepted(request.headers.get("accept-language", ""))


def _secure(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


@cache
def words(language: str) -> dict[str, str]:
    """The pages' words by their key."""
    found: dict[str, str] = dict(read_toml(HERE / f"{'zh' if language == 'zh-Hant' else language}.toml"))
    return {key: traditional(value) for key, value in found.items()} if language == "zh-Hant" else found


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


__all__: Sequence[str] = ("routes", "words")
