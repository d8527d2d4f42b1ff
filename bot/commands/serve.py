"""`clausebot serve`: the web server, the pumps and the housekeeping in one process."""

import asyncio
import ctypes
import errno
import gc
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from bot.app import App, build
from bot.core.errors import Misconfigured
from bot.logs import set_up
from bot.schedule import start
from bot.settings import read
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import SchemaTooOld, StorageError
from storage.migrate import bring_up_apart

HEAD_MAX = 64 * 1024
"""Bytes of a request's head, beyond what one read brings (256 KiB)."""
PIPELINED_MAX = 16
"""Requests of one connection that wait for the answer to another, beyond what one read brings."""
DRAIN_SECONDS = 5
"""How long requests under way may still take after Ctrl-C or SIGTERM."""
M_ARENA_MAX, HEAPS = -8, 2
"""mallopt(3). Of itself the GNU C library gives almost every thread a heap, and what each of them keeps free adds up to
6 MB under load. Python's threads take turns, so two are enough."""


def run_server() -> None:
    """Serves until SIGTERM or Ctrl-C."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # Other C libraries have none.
        mallopt(M_ARENA_MAX, HEAPS)
    settings = read()
    set_up(settings.log_format, settings.log_level)
    listener = listen(settings.web_host, settings.web_port, "CLAUSEBOT_WEB_PORT=0")
    bring_up(settings.database_url)
    app = build(settings)
    address = f"http://{settings.web_host}:{listener.getsockname()[1]}/"
    print(f"\n  Serving     {address}\n  The policy  {address}policy\n\n  Ctrl-C ends it.\n", flush=True)
    jobs = start(app)
    # What is loaded now stays as long as the program: looking through it again and again stopped everything for 0.1 s.
    gc.collect()
    gc.freeze()
    try:
        run_quickly(run(app, listener))
    except KeyboardInterrupt:
        pass
    finally:
        jobs.shutdown(wait=False)
        app.close()
        print("Stopped.", flush=True)


def bring_up(url: str) -> None:
    """Has the tables made or changed, where that is due, before the server opens the database. Raises Misconfigured."""
    try:
        Database.open(url, Keyring.new(), migrate=False).close()
    except SchemaTooOld:
        bring_up_apart(url)
    except StorageError as bad:
        raise Misconfigured([str(bad)]) from bad


class Bounded(HttpToolsProtocol):
    """uvicorn's protocol with bounds of its own: it keeps whatever comes, a head without end or requests without pause."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head, self._head = True, 0
        self._answering: RequestResponseCycle | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            # uvicorn tells the last request alone, and the one before would be answered to nobody, which is an error.
            self._answering.disconnected = True
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head += len(data) if self._in_head else 0
        if self._head > HEAD_MAX or len(self.pipeline) > PIPELINED_MAX:
            self.transport.close()


class Server(uvicorn.Server):
    """Ends on Ctrl-C and SIGTERM alike and doesn't hand the signal on, so that what follows can end in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def run_quickly(what: Coroutine[None, None, None]) -> None:
    """As asyncio.run, on uvloop where it is installed."""
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        runner.run(what)


async def run(app: App, listener: socket.socket) -> None:
    """Serves `app` until it is told to end; then nothing new is claimed, and what is under way may finish."""
    config = uvicorn.Config(
        app.web,
        http=Bounded,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
        proxy_headers=False,  # Nothing here asks for the caller's address, and looking it up costs every request.
    )
    for channel in app.channels:
        await channel.open()
    work = [asyncio.create_task(sender.run()) for sender in app.senders.values()]
    work += [asyncio.create_task(poll(app.inbox.put)) for poll in app.polls]
    try:
        await Server(config).serve(sockets=[listener])
    finally:
        for task in work[len(app.senders) :]:
            task.cancel()
        await asyncio.gather(*(sender.stop() for sender in app.senders.values()))
        await asyncio.gather(*work, return_exceptions=True)
        for channel in app.channels:
            await channel.close()


def listen(host: str, port: int, port_setting: str) -> socket.socket:
    """A listening socket, taken before anything else so that a busy port is found first. Raises Misconfigured."""
    # The protocol is named, else asyncio leaves Nagle's algorithm on, which costs small answers 40 ms each.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as bad:
        listener.close()
        busy = bad.errno == errno.EADDRINUSE
        why = "is in use by another program" if busy else f"can't be listened on: {bad.strerror}"
        how = f"name another port, or 0 for any free one: {port_setting}" if busy else "correct CLAUSEBOT_WEB_HOST"
        raise Misconfigured([f"{host}:{port} {why}; {how}"]) from bad
    return listener
