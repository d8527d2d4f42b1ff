"""What stands between the network and every page: response headers, the cap on bodies, and the origin of a post."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 64 * 1024
"""Bytes of a request's body. A question has at most 4,000 characters; webhooks are smaller than this too."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Tells other sites nothing. Not "no-referrer": that makes a browser post our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HTTPS_ONLY = "max-age=31536000; includeSubDomains"
_SAFE = ("GET", "HEAD", "OPTIONS")


def secure(headers: MutableHeaders, *, public: bool) -> None:
    """Adds the security headers; what a page holds is not kept by caches unless it says otherwise."""
    for name, value in SECURITY_HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if public:
        headers["Strict-Transport-Security"] = HTTPS_ONLY


class SecureHeaders:
    """Adds the security headers to every response. `public`: served over https."""

    def __init__(self, app: ASGIApp, *, public: bool) -> None:
        self._app, self._public = app, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(scope=message), public=self._public)
            await send(message)

        await self._app(scope, receive, send_secured if scope["type"] == "http" else send)


class OwnPagesOnly:
    """Refuses what a browser posts for another site (403). Programs send neither header: they are the routes' care."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _SAFE and is_foreign(Headers(scope=scope)):
            raise HTTPException(403)
        await self._app(scope, receive, send)


def is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site made this request: by Sec-Fetch-Site, or in older ones by Origin."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


class BodyCap:
    """Stops reading a body beyond `most` bytes, declared or counted (413). Paths in `own` count for themselves: to a
    platform a 413 means "again later", and one large message would hold up all behind it."""

    def __init__(
        self, app: ASGIApp, *, most: int = BODY_MAX, own: frozenset[str] = frozenset(), own_below: tuple[str, ...] = ()
    ) -> None:
        """`own`: those paths; `own_below`: every path that begins so."""
        self._app, self._most, self._own, self._own_below = app, most, own, own_below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._own or scope["path"].startswith(self._own_below):
            return await self._app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared[:12]) > self._most:
            raise HTTPException(413)
        read = 0

        async def receive_capped() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_capped, send)
