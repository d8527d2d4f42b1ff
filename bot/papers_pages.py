"""The page behind an upload link: a guardian or a relative hands in the papers that show who asks.

    GET  /papers/{token}   says what is needed, who sees it and how long it stays; only shows
    POST /papers/{token}   takes files

The page knows the request and nothing of any account. A link that is wrong and one that is over give one and the same
page. What came before is shown without its names: whoever holds the link may not be who sent it.
"""

import asyncio
from math import ceil
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.core.clock import Clock
from bot.core.file_kinds import JPEG, PDF, PNG
from bot.core.handing_in import KINDS, HandingIn, LeadsNowhere, NotTaken, Paper, paper_of, room_for
from bot.core.order.card import at_clock
from bot.core.order.papers import PAPER_MOST, PAPERS_MOST
from bot.core.paper_links import ends_at
from bot.core.requests import Requests
from bot.look import Look
from bot.results_pages import HIDDEN
from bot.uploads import MEGABYTE, SENDING_MOST, Refused, Uploads
from knowledge.clause import Localized
from knowledge.rights import Right, rights
from storage.engine import Database

PREFIX = "/papers/"
FIELD = "paper"
STATUS = {
    "none": 422, "empty": 422, "odd": 400, "slow": 408, "too_many": 409, "meanwhile": 409, "too_big": 413,
    "too_much": 413, "kind": 415, "often": 429, "busy": 503,
}  # fmt: skip
"""Of the page that says why nothing was taken, by the key of its words."""
OVER = 410
SHORT = {PDF.media_type: "PDF", JPEG.media_type: "JPEG", PNG.media_type: "PNG"}


def routes(
    database: Database,
    requests: Requests,
    clock: Clock,
    company: Localized,
    *,
    public: bool,
    uploads: Uploads | None = None,
) -> list[Route]:
    """The page, to be mounted beside the others; its paths count the bytes of a body themselves."""
    look = Look(company, public=public)
    pages = PapersPages(HandingIn(database, requests, clock), requests, look, uploads or Uploads())
    return [
        Route(f"{PREFIX}{{token}}", pages.show, methods=["GET"]),
        Route(f"{PREFIX}{{token}}", pages.hand_in, methods=["POST"]),
    ]


class PapersPages:
    """The pages of one installation."""

    def __init__(self, handing: HandingIn, requests: Requests, look: Look, uploads: Uploads) -> None:
        self._handing, self._requests, self._look, self._uploads = handing, requests, look, uploads

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def hand_in(self, request: Request) -> Response:
        token = _token(request)
        try:
            await asyncio.to_thread(self._handing.begin, token)
        except (LeadsNowhere, NotTaken) as bad:
            await self._uploads.pass_over(request)
            return await self._page(request, bad=bad if isinstance(bad, NotTaken) else None)
        try:
            papers = await self._papers(request)
            await asyncio.to_thread(self._handing.take, token, papers)
        except NotTaken as bad:
            return await self._page(request, bad=bad)
        except LeadsNowhere:
            return await self._page(request)
        return await self._page(request, sent=papers)

    async def _papers(self, request: Request) -> list[Paper]:
        """What was sent, each looked at; one that can't be taken, and none is."""
        try:
            uploads = await self._uploads.files(request, FIELD)
        except Refused as bad:
            raise NotTaken(bad.why) from bad
        if not uploads:
            raise NotTaken("none")
        if len(uploads) > PAPERS_MOST:
            raise NotTaken("too_many")
        return [paper_of(upload.name, upload.body) for upload in uploads]

    async def _page(
        self, request: Request, *, bad: NotTaken | None = None, sent: list[Paper] | None = None
    ) -> Response:
        """The page as the request stands now."""
        try:
            order, came = await asyncio.to_thread(self._handing.look, _token(request))
        except LeadsNowhere:
            response: Response = self._look.page(request, "papers_nowhere.html", OVER)
        else:
            zone, language = self._requests.deadlines.rule_sets[0].zone, self._look.language(request, order.language)
            said: dict[str, Any] = {
                "order": order,
                "right": rights()[Right(order.right)].name,
                "until": at_clock(ends_at(order), zone, language),
                "lapses": order.expires_at is not None,
                "came": [
                    (SHORT.get(file.media_type, ""), _kilobytes(file.size), at_clock(file.at, zone, language))
                    for file in came
                ],
                "room": room_for(came),
                "sent": [(paper.name, _kilobytes(len(paper.body))) for paper in sent or ()],
                "bad": bad,
                "accept": ",".join(kind.media_type for kind in KINDS),
                "most": {
                    "files": PAPERS_MOST, "size": PAPER_MOST // MEGABYTE, "together": SENDING_MOST // MEGABYTE
                },
            }  # fmt: skip
            status = STATUS[bad.why] if bad else 200
            response = self._look.page(request, "papers.html", status, otherwise=order.language, **said)
        response.headers.update(HIDDEN)
        return response


def _token(request: Request) -> str:
    return str(request.path_params["token"])


def _kilobytes(size: int) -> int:
    return ceil(size / 1024)
