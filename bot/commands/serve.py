"""`clausebot serve` and `clausebot demo`: the web server and its housekeeping in one process."""

import asyncio
import errno
import signal
import socket
from pathlib import Path
from types import FrameType

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
    _serve(settings, "Serving", "CLAUSEBOT_WEB_PORT=0")


def run_demo(port: int) -> None:
    """Serves the bundled policy from a SQLite file of its own; the environment's settings don't count."""
    set_up("text", "warning")
    settings = Settings(
        database_url=f"sqlite:///{DEMO}/clausebot.db",
        key_file=DEMO / "keys.toml",
        knowledge_dir=DEMO / "knowledge",
        web_port=port,
    )
    _serve(settings, "The web chat is at", ".venv/bin/clausebot demo --port 0")


def _serve(settings: Settings, greeting: str, port_setting: str) -> None:
    listener = _listen(settings.web_host, settings.web_port, port_setting)
    app = build(settings)
    address = f"http://{settings.web_host}:{listener.getsockname()[1]}/"
    print(f"\n  {greeting}  {address}\n  The policy     {address}policy\n\n  Ctrl-C ends it.\n", flush=True)
    jobs = start(app)
    signal.signal(signal.SIGTERM, _end)
    try:
        asyncio.run(_run(app, listener))
    except KeyboardInterrupt:
        pass
    finally:
        jobs.shutdown(wait=False)
        app.close()
        print("Stopped.", flush=True)


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends the same way as Ctrl-C; the web server hands it on once its requests are done."""
    raise KeyboardInterrupt


async def _run(app: App, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app.web, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_SECONDS, server_header=False
    )
    sweeper = asyncio.create_task(_sweep(app))
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        sweeper.cancel()
        for channel in app.channels:
            await channel.close()


async def _sweep(app: App) -> None:
    while True:
        for sender in app.senders.values():
            await sender.sweep()
        await asyncio.sleep(SWEEP_EVERY)


def _listen(host: str, port: int, port_setting: str) -> socket.socket:
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
        how = f"name another port, or 0 for any free one: {port_setting}" if busy else "correct CLAUSEBOT_WEB_HOST"
        raise Misconfigured([f"{host}:{port} {why}; {how}"]) from bad
    return listener
