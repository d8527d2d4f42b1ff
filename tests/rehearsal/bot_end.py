"""The bot's end of the line in these tests: it takes pushes, notes them, and answers as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Answerer = Callable[["Heard"], Awaitable[Response] | Response]


@dataclass(frozen=True, slots=True)
class Heard:
    """One push as it arrived; `at` in seconds of the event loop."""

    at: float
    method: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class BotEnd:
    """An ASGI application; `answer` decides what each push gets."""

    answer: Answerer = lambda heard: Response(b"")
    heard: list[Heard] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        now = asyncio.get_running_loop().time()
        heard = Heard(now, request.method, dict(request.query_params), dict(request.headers), await request.body())
        self.heard.append(heard)
        said = self.answer(heard)
        response = said if isinstance(said, Response) else await said
        await response(scope, receive, send)

    async def until(self, count: int, within: float = 5.0) -> None:
        """Returns when so many pushes have arrived. Raises TimeoutError."""
        await eventually(lambda: len(self.heard) >= count, within)


async def eventually(holds: Callable[[], object], within: float = 5.0) -> None:
    """Returns when it holds. Raises TimeoutError."""
    for _ in range(round(within / 0.005)):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError
