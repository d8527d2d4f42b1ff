"""Signatures between us and the company's system: HMAC-SHA-256 over everything that counts (docs/portal-api.md).

Request and answer begin with different words, so neither can be passed off as the other; the answer takes in the
request's nonce, so an answer of before, or to another question, doesn't fit.
"""

import hashlib
import hmac
from collections.abc import Sequence

REQUEST, ANSWER = "clausebot-request-v1", "clausebot-answer-v1"
NONCE, TIMESTAMP, SIGNATURE = "X-Clausebot-Nonce", "X-Clausebot-Timestamp", "X-Clausebot-Signature"


def sign_request(secret: str, method: str, path: str, timestamp: int, nonce: str, body: bytes) -> str:
    """The signature of a request, in hex. `path` as it goes over the wire; `timestamp` in Unix seconds."""
    return _sign(secret, REQUEST, method, path, str(timestamp), nonce, body)


def sign_answer(secret: str, status: int, timestamp: int, nonce: str, body: bytes) -> str:
    """The signature of the answer to the request with this nonce, in hex."""
    return _sign(secret, ANSWER, str(status), str(timestamp), nonce, body)


def is_signed_by_one_of(
    secrets: Sequence[str], signature: str, status: int, timestamp: int, nonce: str, body: bytes
) -> bool:
    """Whether the answer's signature is right; takes as long for a wrong one."""
    right = [
        hmac.compare_digest(
            sign_answer(s, status, timestamp, nonce, body).encode(), signature.encode(errors="surrogatepass")
        )
        for s in secrets
    ]
    return any(right)


def _sign(secret: str, *parts: str | bytes) -> str:
    *lines, body = parts
    assert isinstance(body, bytes)
    text = "\n".join([*map(str, lines), hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
