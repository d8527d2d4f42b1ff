"""Signatures of what is exchanged with the company's systems about orders: HMAC-SHA-256 (docs/webhooks.md).

News and results begin with different words, so neither can be passed off as the other, nor as a question to the account
directory. What is signed holds the digest of the body, not the body: so it is known who sent something before it is read.

While the secret is changed two are valid: news bear a signature by each, results are taken with either.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence

from bot.directory.signing import NONCE, SIGNATURE, TIMESTAMP, sign_answer

__all__ = ["DIGEST", "KEY", "NAME", "NONCE", "SIGNATURE", "SIGNATURE_OLD", "TIMESTAMP", "secret_of", "sign_answer",
           "sign_event", "sign_result"]  # fmt: skip

EVENT, RESULT = "clausebot-event-v1", "clausebot-result-v1"
KEY, DIGEST, NAME = "Idempotency-Key", "X-Clausebot-Digest", "X-Clausebot-Name"
SIGNATURE_OLD = "X-Clausebot-Signature-Old"
"""Of news, while the secret is changed: the signature by the secret before."""


def sign_event(secret: str, path: str, timestamp: int, nonce: str, key: str, body: bytes) -> str:
    """The signature of a piece of news, in hex. `path` as it goes over the wire; `timestamp` in Unix seconds."""
    return _sign(secret, EVENT, "POST", path, str(timestamp), nonce, key, hashlib.sha256(body).hexdigest())


def sign_result(secret: str, path: str, timestamp: int, nonce: str, key: str, name: str, digest: str) -> str:
    """The signature of a file that is sent in. `name` as in its header, `digest`: SHA-256 of the file in hex."""
    return _sign(secret, RESULT, "POST", path, str(timestamp), nonce, key, name, digest)


def secret_of(secrets: Sequence[str], signed: Callable[[str], str], signature: str) -> str | None:
    """The secret that `signature` was made with, by `signed`; None: none of them. Takes as long whichever it is."""
    given = signature.encode(errors="surrogatepass")
    fitting = [secret for secret in secrets if hmac.compare_digest(signed(secret).encode(), given)]
    return fitting[0] if fitting else None


def _sign(secret: str, *lines: str) -> str:
    return hmac.new(secret.encode(), "\n".join(lines).encode("utf-8", "replace"), hashlib.sha256).hexdigest()
