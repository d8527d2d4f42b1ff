"""`clausebot chat`: the assistant in this terminal, or one message a line from a pipe."""

import asyncio
import io
import sys
from datetime import UTC, datetime
from uuid import uuid4

from bot.app import build
from bot.channels.console import NAME, Console
from bot.core.errors import Misconfigured
from bot.core.message import Address, Event, InboundMessage
from bot.inbox import Inbox
from bot.logs import set_up
from bot.settings import read

QUIT = ("/quit", "/exit", "/q")


def run_chat(language: str) -> None:
    """Talks until the end of input or /quit. Every run is a new person; nothing of the last one is shown."""
    settings = read()
    if language not in ("", "en", "zh", "zh-Hant"):
        raise Misconfigured([f"--language {language}: pick one of en, zh, zh-Hant"])
    set_up(settings.log_format, "error")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # Chinese on a terminal set to something older.
    app = build(settings, channels=(Console(sys.stdout),))
    someone = Address(NAME, uuid4().hex)
    try:
        asyncio.run(_talk(app.inbox, someone, language) if sys.stdin.isatty() else _read(app.inbox, someone, language))
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        app.close()


def _message(sender: Address, text: str, language: str, event: Event | None = None) -> InboundMessage:
    return InboundMessage(sender, text, uuid4().hex, datetime.now(UTC), event=event, language_hint=language or None)


async def _read(inbox: Inbox, someone: Address, language: str) -> None:
    """A line in, the replies out, a blank line between."""
    if language:
        await inbox.put(_message(someone, f"/language {language}", language))
    for raw in sys.stdin.buffer:
        text = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        if text in QUIT:
            return
        await inbox.put(_message(someone, text, language))
        print(flush=True)


async def _talk(inbox: Inbox, someone: Address, language: str) -> None:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.patch_stdout import patch_stdout

    session: PromptSession[str] = PromptSession("> ")
    with patch_stdout():
        await inbox.put(_message(someone, "", language, Event.JOINED))
        print("\n(/quit ends, /help shows what it can do)\n")
        while True:
            text = await session.prompt_async()
            if text.strip() in QUIT:
                return
            if text.strip():
                await inbox.put(_message(someone, text, language))
                print()
