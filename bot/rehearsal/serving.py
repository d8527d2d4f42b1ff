"""A stand-in on a port of this machine, and the ways in which a connection can go wrong under it."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TRANSPORT = "rehearsal.transport"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform says over HTTP."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One request's connection, with the means to break it."""

    scope: Scope
    receive: Receive
    send: Send

    async def answer(self, answer: Answer, *, dripping: float = 0.0, cut: bool = False) -> None:
        """Sends `answer`; its body in 20 pieces over `dripping` seconds, or only its first half when `cut`."""
        headers = [("content-type", answer.kind), ("content-length", str(len(answer.body))), *answer.headers]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if cut:
            half = answer.body[: max(1, len(answer.body) // 2)]
            await self.send({"type": "http.response.body", "body": half, "more_body": True})
            await self.drop(at_once=False)
            return
        if dripping:
            size = max(1, -(-len(answer.body) // 20))
            for start in range(0, len(answer.body), size):
                await asyncio.sleep(dripping * size / len(answer.body))
                piece = answer.body[start : start + size]
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
            await self.send({"type": "http.response.body", "body": b""})
            return
        await self.send({"type": "http.response.body", "body": answer.body})

    async def drop(self, *, at_once: bool = True) -> None:
        """Ends the connection: a reset `at_once`, else after what was written has gone out."""
        transport = self.scope.get(_TRANSPORT)
        if transport is None:
            raise ConnectionResetError("the stand-in reset the connection")
        if at_once:
            with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as twin:
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends RST
            transport.abort()
        else:
            transport.close()
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _Breakable(HttpToolsProtocol):
    """uvicorn's protocol, whose application may break the connection that it answers on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner = self.app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[_TRANSPORT] = self.transport
            await inner(scope, receive, send)

        self.app = app


class _Server(uvicorn.Server):
    """A server beside others in one process: it leaves the signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    # No access log: the token is part of every address of the Bot API.
    return uvicorn.Config(
        app,
        http=_Breakable,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def listen(port: int = 0) -> socket.socket:
    """A listening socket on 127.0.0.1 and nowhere else. Raises OSError."""
    # The protocol is named, else asyncio leaves Nagle's algorithm on and every answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def run(app: ASGIApp, listener: socket.socket, *, at_end: Callable[[], Awaitable[None]]) -> None:
    """Serves `app` until Ctrl-C or SIGTERM, then awaits `at_end`. On uvloop where it is installed."""
    config = _config(app)

    async def serve() -> None:
        try:
            await uvicorn.Server(config).serve(sockets=[listener])
        finally:
            await at_end()

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


@asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serves `app` beside everything else in this event loop; gives its address ("http://127.0.0.1:40123")."""
    listener = listen(port)
    server = _Server(_config(app))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():
            await asyncio.wait({task}, timeout=0.005)
        if task.done():
            task.result()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def on_loopback(url: str) -> bool:
    """Whether `url` is an http(s) address of this machine: nothing here ever goes elsewhere."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK


@dataclass(slots=True)
class Waiting:
    """Tasks that run beside the requests, ended together."""

    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def start(self, what: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    async def end(self) -> None:
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
