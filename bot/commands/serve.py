"""`clausebot serve` and `clausebot demo`: the web server and its housekeeping in one process."""

import asyncio
import errno
import socket
import sys
from pathlib import Path

import uvicorn

from bot.app import App, build
from bot.core.errors import Misconfigured
from bot.logs import set_up
from bot.schedule import start
from bot.settings import Settings, read

DRAIN_SECONDS = 5
"""How long requests under way may still take after Ctrl-C or SIGTERM."""
SWEEP_EVERY = 15.0
"""Seconds between two looks for replies that a crash left unsent."""
DEMO = Path("var/demo")


def run_server() -> None:
    """Serves until SIGTERM or Ctrl-C."""
    settings = read()
    set_up(settings.log_format, settings.log_level)
    _serve(settings, "Serving")


def run_demo(port: int) -> None:
    """Serves the bundled policy from a SQLite file of its own; the environment's settings don't count."""
    set_up("text", "warning")
    settings = Settings(
        database_url=f"sqlite:///{DEMO}/clausebot.db", key_file=DEMO / "keys.toml", knowledge_dir=DEMO / "knowledge", web_port=port
    )
    _serve(settings, "The web chat is at")


def _serve(settings: Settings, greeting: str) -> None:
    listener = _listen(settings.web_host, settings.web_port)
    app = build(settings)
    address = f"http://{settings.web_host}:{listener.getsockname()[1]}/"
    print(f"\n  {greeting}  {address}\n  The policy     {address}policy\n\n  Ctrl-C ends it.\n", flush=True)
    jobs = start(app)
    try:
        asyncio.run(_run(app, listener))
    except KeyboardInterrupt:
        pass
    finally:
        jobs.shutdown(wait=False)
        app.close()
        print("Stopped.", flush=True)


async def _run(app: App, listener: socket.socket) -> None:
    config = uvicorn.Config(app.web, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_SECONDS, server_header=False)
    sweeper = asyncio.create_task(_sweep(app))
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        sweeper.cancel()


async def _sweep(app: App) -> None:
    while True:
        for sender in app.senders.values():
            await sender.sweep()
        await asyncio.sleep(SWEEP_EVERY)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything else so that a busy port is found first. Raises Misconfigured."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as bad:
        listener.close()
        busy = bad.errno == errno.EADDRINUSE
        why = "is in use by another program" if busy else f"can't be listened on: {bad.strerror}"
        how = "make demo uses `clausebot demo --port 0` for any free one" if "demo" in sys.argv else "set CLAUSEBOT_WEB_PORT to another, or 0 for any free one"
        raise Misconfigured([f"CLAUSEBOT_WEB_HOST/CLAUSEBOT_WEB_PORT: {host}:{port} {why}; {how}"]) from bad
    return listener
