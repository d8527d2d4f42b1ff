"""The web: routes of the channels, the policy's pages, health, and pages for what goes wrong, all behind the guards."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.core.channel import Channel, Door
from bot.guards import BodyCap, OwnPagesOnly, SecureHeaders, is_foreign, secure
from bot.look import ASSET_ROUTE, asset_address, is_fragment, text
from bot.papers_pages import PREFIX as PAPERS_PREFIX
from bot.policy_pages import PolicyPages
from bot.result_api import PREFIX as RESULTS_PREFIX

Check = Callable[[], Awaitable[None]]
"""One thing that must work; raises when it doesn't."""
WORDED = (400, 403, 404, 405, 413, 500, 503)
"""Statuses with a text of their own in the pages' languages."""

log = logging.getLogger(__name__)


class Webhooks:
    """What a platform posts goes straight to its route, which caps and checks it itself; all else goes to `app`.

    No browser reads those answers, so only the guard against other sites' posts stands here as well: those of pages cost
    a seventh of a turn's processor time.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._posts = {route.path: route.endpoint for route in routes if "POST" in (route.methods or ())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (post := self._posts.get(scope["path"])):
            request = Request(scope, receive)
            response: Response = Response(status_code=403) if is_foreign(request.headers) else await post(request)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def make_app(
    channels: Sequence[Channel],
    door: Door,
    pages: PolicyPages,
    *,
    public: bool = False,
    checks: Mapping[str, Check] | None = None,
    more: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The application. `public`: on https; `checks`: what /healthz asks, by name; `more`: further routes."""
    capped = frozenset(path for channel in channels for path in getattr(channel, "capped", ()))
    routes: list[BaseRoute] = [route for channel in channels for route in channel.routes(door)]

    async def failed(request: Request, error: Exception) -> Response:
        return _error(request, error, pages)

    async def broken(request: Request, error: Exception) -> Response:
        # Starlette answers this one outside of all middleware.
        response = _error(request, HTTPException(500), pages)
        secure(response.headers, public=public)
        return response

    app = Starlette(
        routes=[*routes, *pages.routes, _health(checks or {}), ASSET_ROUTE, Route("/favicon.ico", _icon), *more],
        middleware=[
            Middleware(SecureHeaders, public=public),
            # The guards refuse with an HTTPException, which this turns into a page.
            Middleware(ExceptionMiddleware, handlers={HTTPException: failed}),
            Middleware(OwnPagesOnly),
            Middleware(BodyCap, own=capped, own_below=(RESULTS_PREFIX, PAPERS_PREFIX)),
        ],
        exception_handlers={HTTPException: failed, 500: broken},
    )
    return Webhooks(app, [route for route in routes if isinstance(route, Route) and route.path in capped])


def _error(request: Request, error: Exception, pages: PolicyPages) -> Response:
    """A friendly page in the visitor's language; a single sentence for a script or a program."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    worded = text(f"error.{status if status in WORDED else 400 if status < 500 else 500}", pages.look.language(request))
    said = error.detail if isinstance(error, HTTPException) and _is_ours(error) else worded
    if is_fragment(request) or "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(said, status, headers)
    response = pages.look.page(request, "error.html", status, code=status, said=said)
    response.headers.update(headers)
    return response


def _is_ours(error: HTTPException) -> bool:
    """Whether a page of ours worded the error: too long, or empty."""
    return error.status_code in (413, 422) and error.detail != HTTPException(error.status_code).detail


def _health(checks: Mapping[str, Check]) -> Route:
    async def healthz(request: Request) -> Response:
        """{"status": "ok"}, or 503 with the names of what failed; never why, for that is nobody's business outside."""
        failing = []
        for name, check in checks.items():
            try:
                await check()
            except Exception:
                log.exception("health check %s failed", name)
                failing.append(name)
        if failing:
            return JSONResponse({"status": "failing", "failing": failing}, 503)
        return JSONResponse({"status": "ok"})

    return Route("/healthz", healthz)


def _icon(request: Request) -> Response:
    return RedirectResponse(asset_address("mark.svg"), 308)
