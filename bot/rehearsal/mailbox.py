"""A mail server on this machine that delivers to nobody: what it is given can be read on a page.

It speaks as much SMTP (RFC 5321) as a sender needs, on 127.0.0.1 alone, without encryption.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from time import time

LINE_MOST, MAIL_MOST, MAILS_MOST = 2_000, 1_000_000, 200
"""Bytes of a line, bytes of a mail, and mails that are kept."""
IDLE = 60.0
"""Seconds after which a silent sender is hung up on."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that somebody would have got; `text` is its plain part."""

    to: str
    sender: str
    subject: str
    text: str
    message_id: str
    at: float


class Mailbox:
    """The server, once started; `mails` are what came, newest last."""

    def __init__(self, clock: Callable[[], float] = time) -> None:
        self.mails = deque[Mail](maxlen=MAILS_MOST)
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._open = set[asyncio.StreamWriter]()

    async def start(self, port: int = 0) -> int:
        """Listens on 127.0.0.1; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=LINE_MOST)
        at: int = self._server.sockets[0].getsockname()[1]
        return at

    async def close(self) -> None:
        """Ends the server and every connection."""
        if self._server:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._talk(reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            pass  # A sender that breaks off, or sends what is no SMTP, is a sender less.
        finally:
            self._open.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        sender, to = "", list[str]()
        await say("220 mailbox of the rehearsal")
        while line := await _line(reader):
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    await say("250 mailbox")
                case "MAIL":
                    sender, to = _address(rest), []
                    await say("250 OK")
                case "RCPT":
                    to.append(_address(rest))
                    await say("250 OK")
                case "DATA" if to:
                    await say("354 go on, end with a dot")
                    raw = await _body(reader)
                    self.mails += [self._mail(raw, sender, one) for one in to]
                    await say("250 OK")
                case "DATA":
                    await say("503 to whom?")
                case "RSET" | "NOOP":
                    await say("250 OK")
                case "QUIT":
                    await say("221 bye")
                    return
                case _:
                    await say("502 not here")

    def _mail(self, raw: bytes, sender: str, to: str) -> Mail:
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        plain = mail.get_body(("plain",))
        text = plain.get_content() if plain else ""
        return Mail(to, sender, str(mail["Subject"] or ""), text, str(mail["Message-ID"] or ""), self._clock())


async def _line(reader: asyncio.StreamReader) -> bytes:
    """One line; empty at the end. Raises ValueError when it is too long, TimeoutError when none comes."""
    async with asyncio.timeout(IDLE):
        return await reader.readline()


async def _body(reader: asyncio.StreamReader) -> bytes:
    """The lines of a mail up to the dot, dots doubled at a line's beginning made single again."""
    raw = bytearray()
    while (line := await _line(reader)) != b".\r\n":
        raw += line[1:] if line.startswith(b"..") else line
        if not line or len(raw) > MAIL_MOST:
            raise ValueError("no end of the mail")
    return bytes(raw)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
