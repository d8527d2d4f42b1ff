"""Three pages behind links: a result to fetch, an order to stop, a certificate to check.

    GET  /result/{token}   only shows, for mail scanners open links; POST asks for a code, takes it, hands the package over
    GET  /stop/{token}     shows what it would stop; POST stops
    GET  /certificate      takes a certificate; POST says whether it is one of ours

A link that leads nowhere gives one and the same page, whatever the reason. Nothing here is indexed or kept by caches.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bot.core.certificates import CERTIFICATE_MOST, Certificates, Stated
from bot.core.clock import Clock
from bot.core.errors import NothingFound
from bot.core.order.card import AT, at_clock
from bot.core.order.moves import NotAllowed, State
from bot.core.requests import Requests
from bot.core.results import TOKEN, Opened, Results
from bot.look import Look
from knowledge.clause import Localized
from knowledge.rights import Right, rights
from storage.engine import Database
from storage.errors import Conflict
from storage.stores.orders import Order
from storage.stores.results import Made

HIDDEN = {"X-Robots-Tag": "noindex, nofollow, noarchive"}
IDS_MOST = 9
"""Digits of the name of a code: more than a column holds is none."""
TRIES_AT_STOP = 3
"""A link that meets a move of somebody else's looks again; it may stop to the last second."""

Shown = tuple[str, int, dict[str, Any]]
"""Template, status, and what fills it."""


def routes(database: Database, requests: Requests, clock: Clock, company: Localized, *, public: bool) -> list[Route]:
    """The pages, to be mounted beside the others."""
    pages = ResultsPages(database, requests, clock, Look(company, public=public))
    return [
        Route("/result/{token}", pages.show_result, methods=["GET"]),
        Route("/result/{token}", pages.act_on_result, methods=["POST"]),
        Route("/stop/{token}", pages.show_stop, methods=["GET"]),
        Route("/stop/{token}", pages.stop, methods=["POST"]),
        Route("/certificate", pages.show_certificate, methods=["GET"]),
        Route("/certificate", pages.check_certificate, methods=["POST"]),
    ]


class ResultsPages:
    """The pages of one installation."""

    def __init__(self, database: Database, requests: Requests, clock: Clock, look: Look) -> None:
        self._database, self._requests, self._clock, self._look = database, requests, clock, look
        self._certificates = Certificates(database.keyring, look.company)

    # ---- a result

    async def show_result(self, request: Request) -> Response:
        return await self._shown(request, self._look_at_result)

    async def act_on_result(self, request: Request) -> Response:
        form = await _form(request)
        if form["act"] == "download":
            return await self._download(request, form)
        return await self._shown(request, lambda token: self._prove(token, form))

    def _look_at_result(self, token: str) -> Shown:
        with self._database.read() as work:
            opened = Results(work, self._requests.codes, self._clock()).opened(token)
        return self._result(opened, "start") if opened else _nowhere()

    def _prove(self, token: str, form: dict[str, str]) -> Shown:
        """Sends a code, or looks at one."""
        with self._database.work() as work:
            results = Results(work, self._requests.codes, self._clock())
            opened = results.opened(token)
            if opened is None:
                return _nowhere()
            if form["act"] == "send":
                if results.is_elsewhere(opened):
                    return self._result(opened, "elsewhere")
                started = results.send_code(opened)
                if started.verification_id is None:
                    return self._result(opened, "too_many", again=self._clocked(started.again_at, "%H:%M"))
                return self._result(opened, "code", verification=started.verification_id)
            if form["act"] != "code":
                return self._result(opened, "start")
            typed = form["verification"]
            number = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= IDS_MOST else 0
            checked, ticket = results.check(opened, number, form["code"])
            if ticket:
                return self._result(opened, "ready", ticket=ticket)
            said = "locked" if checked.locked else "wrong" if checked.tries_left else "over"
            said = said if checked.is_code else "no_code"
            return self._result(opened, "code", 422, verification=number, said=said, left=checked.tries_left)

    async def _download(self, request: Request, form: dict[str, str]) -> Response:
        token = request.path_params["token"]
        try:
            made, order = await asyncio.to_thread(self._fetch, token, form["ticket"])
        except NotAllowed:
            return await self._shown(request, self._look_at_result)
        except NothingFound:
            return await self._shown(request, lambda _: _nowhere())
        headers = HIDDEN | {
            "Content-Disposition": f"attachment; filename={quote(order.number)}.zip",
            "Content-Length": str(made.size),
        }
        return StreamingResponse(self._pieces(made), 200, headers, "application/zip")

    def _fetch(self, token: str, ticket: str) -> tuple[Made, Order]:
        with self._database.work() as work:
            return Results(work, self._requests.codes, self._clock()).fetch(token, ticket)

    def _pieces(self, made: Made) -> Iterator[bytes]:
        """The package, one sealed piece in memory at a time."""
        for ordinal in range(made.parts):
            with self._database.read() as work:
                piece = work.results.part(made, ordinal)
            yield piece

    def _result(self, opened: Opened, step: str, status: int = 200, **more: Any) -> Shown:
        said = {"said": "", "left": 0, "verification": 0, "ticket": "", "again": ""} | more
        until = self._clocked(opened.made.expires_at)
        return "result.html", status, {"step": step, "made": opened.made, "order": opened.order, "until": until, **said}

    # ---- a stop link

    async def show_stop(self, request: Request) -> Response:
        return await self._shown(request, self._look_at_stop)

    async def stop(self, request: Request) -> Response:
        await _form(request)
        return await self._shown(request, self._stop)

    def _look_at_stop(self, token: str) -> Shown:
        if not TOKEN.fullmatch(token):
            return _nowhere()
        try:
            with self._database.read() as work:
                return self._order(self._requests.orders(work, self._clock()).stoppable(token))
        except NothingFound:
            return _nowhere()

    def _stop(self, token: str) -> Shown:
        if not TOKEN.fullmatch(token):
            return _nowhere()
        for _ in range(TRIES_AT_STOP):
            try:
                with self._database.work() as work:
                    return self._order(self._requests.orders(work, self._clock()).stop(token))
            except Conflict:
                continue
            except (NothingFound, NotAllowed):
                break
        return self._look_at_stop(token)

    def _order(self, order: Order) -> Shown:
        if order.stopped_at is not None:
            step = "stopped"
        else:
            step = "can" if order.state in (State.OPEN, State.IN_PROGRESS) else "over"
        until = self._clocked(order.hold_until)
        filled = {"step": step, "order": order, "right": rights()[Right(order.right)].name, "until": until}
        return "stop.html", 200, filled

    # ---- a certificate

    async def show_certificate(self, request: Request) -> Response:
        return await self._shown(request, lambda _: ("certificate.html", 200, _judged(None, "")))

    async def check_certificate(self, request: Request) -> Response:
        whole = (await _form(request, "certificate"))["certificate"]
        stated, typed = self._certificates.read(whole), whole[:CERTIFICATE_MOST]
        status = 200 if stated else 422
        return await self._shown(request, lambda _: ("certificate.html", status, _judged(stated, typed)))

    # ---- within

    def _clocked(self, moment: datetime | None, form: str = AT) -> Localized:
        """A moment by the clock of the legal zone, as chats and mails tell it; "" for None."""
        zone = self._requests.deadlines.rule_sets[0].zone
        return {name: at_clock(moment, zone, name, form) if moment else "" for name in ("en", "zh")}

    async def _shown(self, request: Request, what: Callable[[str], Shown]) -> Response:
        token = str(request.path_params.get("token", ""))
        template, status, filled = await asyncio.to_thread(what, token)
        response = self._look.page(request, template, status, **filled)
        response.headers.update(HIDDEN)
        return response


def _nowhere() -> Shown:
    return "nowhere.html", 404, {}


def _judged(stated: Stated | None, typed: str) -> dict[str, Any]:
    return {"stated": stated, "typed": typed}


async def _form(request: Request, *names: str) -> dict[str, str]:
    """What was typed and pressed; "" for what wasn't. Raises HTTPException 400."""
    sent: FormData = await request.form(max_files=0, max_fields=10)
    fields = names or ("act", "verification", "code", "ticket")
    return {name: value if isinstance(value := sent.get(name), str) else "" for name in fields}
