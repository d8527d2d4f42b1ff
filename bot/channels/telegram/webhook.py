"""The webhook: POST /telegram. Whoever doesn't know the secret is refused before anything else is read.

Whoever knows it is Telegram, which repeats what isn't acknowledged and holds back the rest of that chat meanwhile: so
an update is answered 200 once it is kept, in a turn or in quarantine, and 503 only while nothing can be kept.
"""

import asyncio
import hmac

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.telegram.incoming import Incoming
from bot.channels.telegram.settings import PATH
from bot.core.channel import Door
from storage.errors import StorageError

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  a header's name
BODY_MAX = 1024 * 1024
"""Bytes of an update. A longest text that answers a longest text takes some 100 KiB."""
BODY_WITHIN = 10.0
"""Seconds in which a body must have come."""
AGAIN_IN = "5"
"""Seconds after which Telegram is asked to try again when the database is down."""

log = structlog.get_logger(__name__)


def webhook(incoming: Incoming, door: Door, secret: str, old_secret: str = "") -> Route:
    """The route that Telegram posts to."""
    secrets = [known.encode() for known in (secret, old_secret) if known]

    async def take(request: Request) -> Response:
        given = request.headers.getlist(SECRET_HEADER)
        if not _is_known(given, secrets):
            log.info("telegram webhook refused", secret="wrong" if given else "missing")
            return Response(status_code=403)
        try:
            async with asyncio.timeout(BODY_WITHIN):
                body, is_whole = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        try:
            if is_whole:
                await incoming.take(body, door)
            else:
                await incoming.hold(body, "Garbled: too long")
        except StorageError as busy:
            log.error("telegram update not kept", error=type(busy).__name__)
            return Response(status_code=503, headers={"Retry-After": AGAIN_IN})
        return Response()

    return Route(PATH, take, methods=["POST"])


def _is_known(given: list[str], secrets: list[bytes]) -> bool:
    """In constant time, whichever secret it is; a header that stands there twice is nobody's."""
    said = given[0].encode("latin-1") if len(given) == 1 else b""
    matches = [hmac.compare_digest(said, secret) for secret in secrets]
    return any(matches)


async def _body(request: Request) -> tuple[bytes, bool]:
    """The body, and whether that is all of it: reading ends beyond BODY_MAX."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > BODY_MAX:
            return bytes(read[:BODY_MAX]), False
    return bytes(read), True
