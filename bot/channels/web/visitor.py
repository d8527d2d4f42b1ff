"""Who a visitor is: 128 random bits in a signed cookie, set when they first write, and nothing else."""

import re
import secrets
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

VISITOR_ID = re.compile(r"[0-9a-f]{32}")


class Visitors:
    """Reads and writes the visitor's cookie. `public`: on https, where the cookie is Secure and named __Host-."""

    def __init__(self, signing_key: bytes, *, public: bool, remembered: timedelta) -> None:
        self.name = "__Host-visitor" if public else "visitor"
        self._public, self._remembered = public, remembered
        self._signed = URLSafeTimedSerializer(signing_key, salt="web chat visitor")

    def known(self, request: Request) -> str | None:
        """The visitor's id; None when there is no cookie, or it is forged or too old."""
        try:
            cookie = request.cookies.get(self.name, "")[:512]
            read = self._signed.loads(cookie, max_age=int(self._remembered.total_seconds()))
        except BadSignature:
            return None
        return read if isinstance(read, str) and VISITOR_ID.fullmatch(read) else None

    def remember(self, response: Response, visitor: str) -> None:
        """Gives the browser the cookie of `visitor`, counted anew from now."""
        response.set_cookie(
            self.name,
            self._signed.dumps(visitor),
            max_age=int(self._remembered.total_seconds()),
            path="/",
            secure=self._public,
            httponly=True,
            samesite="lax",
        )


def new_visitor() -> str:
    """A fresh visitor's id."""
    return secrets.token_hex(16)
