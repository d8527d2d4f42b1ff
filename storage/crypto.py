"""Field encryption: AES-256-GCM, one data key a person, wrapped by a key-encryption key from the key file.

A sealed value reads `1 | nonce (12) | ciphertext and tag`; its associated data names the place it belongs to
("turn.text:17"), so a value moved to another row doesn't open. A wrapped data key carries the id of the key that
wrapped it, so two keys can be in use while one replaces the other. Erasing a person deletes rows and data key.
Shape and figures: NIST SP 800-38D (GCM, 96-bit nonces); one data key seals far fewer than 2^32 values.
"""

import base64
import hashlib
import hmac
import os
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.errors import CannotOpen, KeyMissing, Unreadable

FORMAT = b"\x01"
NONCE_BYTES = 12


def seal(key: bytes, plain: bytes, place: str) -> bytes:
    """`plain` encrypted for `place` alone."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    """What was sealed for `place`. Raises Unreadable."""
    if sealed[:1] != FORMAT:
        raise Unreadable(f"{place} has an unknown format")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, place.encode())
    except (InvalidTag, ValueError) as bad:
        raise Unreadable(f"{place} doesn't open with its key") from bad


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one installation. `wrapping` holds every key-encryption key by id; `current` wraps new data keys."""

    current: str
    wrapping: dict[str, bytes] = field(repr=False)
    index: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "Keyring":
        return cls("k1", {"k1": secrets.token_bytes(32)}, secrets.token_bytes(32), secrets.token_bytes(32))

    @classmethod
    def read(cls, path: Path) -> "Keyring":
        """The keys in the file. Raises CannotOpen when the file is missing or broken."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            wrapping = {name: base64.b64decode(text, validate=True) for name, text in data["wrapping"].items()}
            ring = cls(
                str(data["current"]), wrapping, base64.b64decode(data["index"]), base64.b64decode(data["signing"])
            )
        except FileNotFoundError as missing:
            raise CannotOpen(
                f"{path}: there is no key file. Restore it from its backup: nothing sealed opens without it"
            ) from missing
        except OSError as bad:
            raise CannotOpen(f"{path}: the key file can't be read: {bad.strerror}") from bad
        except (ValueError, KeyError, TypeError, AttributeError) as bad:
            raise CannotOpen(f"{path}: the key file is damaged. Restore it from its backup") from bad
        lengths = {len(key) for key in (*ring.wrapping.values(), ring.index, ring.signing)}
        if ring.current not in ring.wrapping or lengths != {32}:
            raise CannotOpen(
                f"{path}: the key file is damaged: a key is missing or too short. Restore it from its backup"
            )
        return ring

    def write(self, path: Path) -> None:
        """Writes a new key file that only its owner can read. Never overwrites one: raises CannotOpen."""
        encode = {name: base64.b64encode(key).decode() for name, key in self.wrapping.items()}
        text = tomli_w.dumps(
            {
                "current": self.current,
                "index": base64.b64encode(self.index).decode(),
                "signing": base64.b64encode(self.signing).decode(),
                "wrapping": encode,
            }
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write("# The keys of this installation. Keep a copy apart from the database and its backups.\n")
                file.write(text)
        except OSError as bad:
            raise CannotOpen(
                f"{path}: the key file can't be written: {bad.strerror}. Let the program write there, or set CLAUSEBOT_KEY_FILE"
            ) from bad

    def new_data_key(self) -> tuple[bytes, str, bytes]:
        """A fresh data key: (key, id of the wrapping key, wrapped key)."""
        key = AESGCM.generate_key(256)
        return key, self.current, seal(self.wrapping[self.current], key, f"data-key:{self.current}")

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The data key. Raises KeyMissing, Unreadable."""
        if key_id not in self.wrapping:
            raise KeyMissing(f"the key file has no key {key_id!r}; add it back from a backup of the key file")
        return unseal(self.wrapping[key_id], wrapped, f"data-key:{key_id}")

    def derived(self, purpose: str, key_id: str) -> bytes:
        """A key for what belongs to no person, from the wrapping key `key_id`. Raises KeyMissing."""
        if key_id not in self.wrapping:
            raise KeyMissing(f"the key file has no key {key_id!r}; add it back from a backup of the key file")
        return hmac.new(self.wrapping[key_id], f"derived:{purpose}".encode(), hashlib.sha256).digest()

    def blind(self, *parts: str) -> str:
        """A blind index (HMAC-SHA-256, hex) by which a row is found without its value being kept."""
        return hmac.new(self.index, "\0".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
