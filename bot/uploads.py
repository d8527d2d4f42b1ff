"""Files of a form, read with a limit while they come in: held in memory alone, for an unsealed paper must not touch a disk."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

MEGABYTE = 1024 * 1024
SENDING_MOST = 20 * MEGABYTE
"""Bytes of the files of one form."""
AROUND = 64 * 1024
"""Bytes that a form may have around its files: borders, names, headers."""
PASSED_OVER_MOST = 100 * MEGABYTE
"""Bytes that are read and thrown away, so that the browser shows our answer and not a broken connection."""
TOGETHER_MOST = 160 * MEGABYTE
"""Bytes held for all forms that are coming in at the same time."""
WITHIN = timedelta(minutes=5)
"""20 MB take so long on a bad mobile connection (0.6 Mbit/s)."""
PARTS_MOST, FIELD_MOST = 40, 1024
"""Files or fields of a form, and bytes of a field."""


class Upload(NamedTuple):
    """A file as it was sent: the name is the sender's."""

    name: str
    body: bytes


class Refused(Exception):
    """The form wasn't read. `why`: "too_much", "slow", "busy", "odd"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _InMemory(MultiPartParser):
    """Starlette's parser puts whatever is larger than this into a file."""

    spool_max_size = SENDING_MOST + AROUND + 1


class Uploads:
    """All forms with files of one installation."""

    def __init__(self, *, within: timedelta = WITHIN, together: int = TOGETHER_MOST) -> None:
        self._within, self._together, self._held = within, together, 0

    async def files(self, request: Request, field: str) -> list[Upload]:
        """The files of a field; a field left empty has none. Raises Refused."""
        if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            await self.pass_over(request)
            raise Refused("odd")
        counted = _Counted()
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                return await self._parsed(request, field, counted)
        except TimeoutError:
            raise Refused("slow") from None
        except (MultiPartException, ClientDisconnect) as bad:
            raise Refused("odd") from bad
        finally:
            self._held -= counted.held

    async def pass_over(self, request: Request) -> None:
        """Reads a body and keeps nothing of it."""
        counted = _Counted()
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                async for _ in self._capped(request, counted, most=0):
                    pass
        except (TimeoutError, ClientDisconnect, Refused):
            return

    async def _parsed(self, request: Request, field: str, counted: "_Counted") -> list[Upload]:
        chunks = self._capped(request, counted, most=SENDING_MOST + AROUND)
        parser = _InMemory(
            request.headers, chunks, max_files=PARTS_MOST, max_fields=PARTS_MOST, max_part_size=FIELD_MOST
        )
        form = await parser.parse()
        try:
            sent = [one for one in form.getlist(field) if isinstance(one, UploadFile)]
            found = [Upload(one.filename or "", await one.read()) for one in sent]
        finally:
            await form.close()
        return [one for one in found if one.name or one.body]

    async def _capped(self, request: Request, counted: "_Counted", *, most: int) -> AsyncGenerator[bytes, None]:
        """The body up to `most` bytes. What is more is read on, kept nowhere, and refused at its end."""
        declared, read, why = request.headers.get("content-length", "0"), 0, ""
        if not declared.isdecimal() or int(declared[:12]) > PASSED_OVER_MOST:
            raise Refused("too_much")
        async for chunk in request.stream():
            read += len(chunk)
            if read > PASSED_OVER_MOST:
                raise Refused("too_much")
            why = why or ("too_much" if read > most else "busy" if self._held + len(chunk) > self._together else "")
            if not why:
                counted.held += len(chunk)
                self._held += len(chunk)
                yield chunk
        if why:
            raise Refused(why)


class _Counted:
    """Bytes that one form holds."""

    held = 0
