"""The endpoints under /_/ that both stand-ins have: what happened, the clock, and the faults to come."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.guards import is_foreign
from bot.rehearsal.faults import BadScript, Rule, Script
from bot.rehearsal.journal import Clock, Journal
from bot.rehearsal.serving import LOOPBACK

Handler = Callable[[Request], Awaitable[Any]]
T = TypeVar("T")


class Wrong(ValueError):
    """What was asked under /_/ can't be done; the message says why."""


def told(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler whose return value is the JSON answer; Wrong becomes a 400 with its sentence."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except (Wrong, BadScript) as bad:
            return JSONResponse({"error": str(bad)}, 400)

    return answer


async def asked(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object. Raises Wrong."""
    body = await request.body()
    try:
        data = json.loads(body or b"{}")
    except ValueError as bad:
        raise Wrong(f"the body is no JSON: {bad}") from bad
    if not isinstance(data, dict):
        raise Wrong("the body is no JSON object")
    return data


def needed(data: dict[str, Any], name: str, kind: type[T]) -> T:
    """data[name], which must be there and of that kind. Raises Wrong."""
    value = data.get(name)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise Wrong(f'"{name}" is missing or no {kind.__name__}')
    return value


class Control:
    """Journal, clock and faults of one stand-in."""

    def __init__(self, script: Script | None = None, *, keep: int = 100_000) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock, keep)
        self.script = script or Script()
        self._change = asyncio.Event()
        self.journal.on_change(self._wake)

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    async def change(self, within: float) -> None:
        """Returns at the next change, or after `within` seconds."""
        try:
            await asyncio.wait_for(self._change.wait(), within)
        except TimeoutError:
            return

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/_/calls", told(self._calls), methods=["GET"]),
            Route("/_/calls", told(self._clear), methods=["DELETE"]),
            Route("/_/effects", told(self._effects), methods=["GET"]),
            Route("/_/clock", told(self._clock), methods=["GET", "POST"]),
            Route("/_/faults", told(self._faults), methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/_/health", _healthy, methods=["GET"]),
        ]

    async def _calls(self, request: Request) -> Any:
        query = request.query_params
        try:
            after, last = int(query.get("after", "0")), int(query.get("last", "0"))
        except ValueError as bad:
            raise Wrong("after and last are numbers") from bad
        calls = self.journal.calls(name=query.get("call", ""), person=query.get("person", ""), after=after, last=last)
        return {
            "total": self.journal.total,
            "counts": self.journal.counts,
            "faults": self.journal.faults,
            "calls": calls,
        }

    async def _clear(self, request: Request) -> Any:
        self.journal.clear()
        return {"total": 0}

    async def _effects(self, request: Request) -> Any:
        return self.journal.effects()

    async def _clock(self, request: Request) -> Any:
        if request.method == "POST":
            forward = (await asked(request)).get("forward")
            if isinstance(forward, bool) or not isinstance(forward, int | float):
                raise Wrong('"forward" is missing or no number of seconds')
            self.clock.forward(timedelta(seconds=forward))
            self.journal.changed()
        return {"now": self.clock().isoformat(), "ahead_seconds": self.clock.ahead.total_seconds()}

    async def _faults(self, request: Request) -> Any:
        """POST adds {"rule": "..."}; PUT replaces all by {"seed", "rules"}; DELETE ends all."""
        if request.method == "POST":
            self.script.rules.append(Rule.parse(needed(await asked(request), "rule", str)))
        elif request.method == "PUT":
            self.script = Script.from_data(await asked(request))
        elif request.method == "DELETE":
            self.script = Script()
        return self.script.as_data()


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok")


class OwnMachineOnly:
    """Refuses what a browser asks for a page of somebody else's, and any other host's name (403)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "").rsplit(":", 1)[0].strip("[]")
            if host not in (*LOOPBACK, "testserver") or is_foreign(headers):
                await PlainTextResponse("only for programs of this machine", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
