"""The audit pack of one order: everything that was decided about it, and the lines of the trail that show it.

    index.html      the story for people, in one language
    order.json      the same for programs: state, dates with their sources, moves, checklist, remarks, files and their hashes
    audit.jsonl     the order's lines of the audit trail, each with the hash before it and its own
    chain.jsonl     on wish: every line from the order's first one to the end of the chain, so that nothing else is needed
    files/          on wish: what was attached, without papers that show who somebody is
    manifest.json   the SHA-256 of each, signed (Ed25519)

The same state gives the same bytes. bot/core/audit_pack_check.py checks one without a database and without our keys.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.core.audit_pack_facts import Facts, facts_of
from bot.core.audit_pack_page import page
from bot.core.orders import Orders
from bot.core.package.files import Archive, Parts, safe_name
from bot.core.package.held import stamp
from storage.chain import Entry, Head, entries, entries_of, head
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import Unreadable
from storage.work import Work

FORMAT = "clausebot-audit-pack-1"
PAGE_NAME, DATA_NAME, TRAIL_NAME, CHAIN_NAME, MANIFEST_NAME = (
    "index.html", "order.json", "audit.jsonl", "chain.jsonl", "manifest.json",
)  # fmt: skip

Put = Callable[[int, bytes], None]
"""Keeps the piece of that number."""
OrdersOf = Callable[[Work, datetime], Orders]
"""The orders as a transaction sees them, at that time."""


class Unchained(Exception):
    """The newest lines of the order have no place in the chain yet; a second later they have."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a pack is to hold beyond the decisions. `words`: what people wrote, masked; `files` need them."""

    language: str
    words: bool = True
    files: bool = False
    chain: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A finished pack: bytes, SHA-256 in hex, lines of the trail in it, the end of the chain that it names."""

    size: int
    sha256: str
    entries: int
    head: Head


class PackSeal:
    """Signs the packs of one installation; the key is derived from its signing key."""

    def __init__(self, keyring: Keyring) -> None:
        seed = hmac.new(keyring.signing, b"derived:audit packs", hashlib.sha256).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> str:
        """In hex; the same for every pack of this installation."""
        return self._key.public_key().public_bytes_raw().hex()

    def signed(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        """What is stated, with the public key and the signature over both."""
        whole = {**stated, "public_key": self.public_key}
        return whole | {"signature": self._key.sign(signed_text(whole)).hex()}


def signed_text(stated: Mapping[str, Any]) -> bytes:
    """What is signed of a manifest: all but the signature, as compact JSON with sorted keys in UTF-8."""
    rest = {name: value for name, value in stated.items() if name != "signature"}
    return json.dumps(rest, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def build(
    database: Database, orders_of: OrdersOf, order_id: int, company: Mapping[str, str], wish: Wish, put: Put
) -> Made:
    """Writes the pack of an order, in pieces to `put`. Everything but files and chain is read in one transaction.

    Raises Unchained; PackageTooBig; Unreadable when there is no such order; LookupError for a trail with holes.
    """
    with database.read() as work:
        order = work.orders.of_id(order_id)
        if order is None:
            raise Unreadable(f"there is no order {order_id} any more")
        rows, end = entries_of(work, order.thing), head(work)
        if len(rows) != len(work.trail.of_thing(order.thing)):
            raise Unchained(order.number)
        facts = facts_of(orders_of(work, _as_of(rows)), order, [entry for entry, _ in rows], words=wish.words)
    names = {file.id: safe_name(number, file.name) for number, file in enumerate(facts.files, 1)}
    packed = [file for file in facts.files if wish.files and not file.paper]
    seal = PackSeal(database.keyring)
    told = {
        "format": FORMAT,
        "company": dict(company),
        "language": wish.language,
        "as_of": stamp(_as_of(rows)),
        **facts.told,
        "files": [
            {"file": names[file.id].removeprefix("files/") if wish.words else None, **row,
             "sha256": _hash_of(database, order_id, file.id), "in_pack": names[file.id] if file in packed else None}
            for file, row in zip(facts.files, facts.file_rows, strict=True)
        ],
        "trail": {
            "thing": order.thing,
            "entries": len(rows),
            "first": rows[0][0].seq if rows else None,
            "last": rows[-1][0].seq if rows else None,
            "head": {"number": end.seq, "hash": end.hash.hex()},
            "whole_chain": wish.chain,
        },
        "public_key": seal.public_key,
    }  # fmt: skip
    out = Parts(put)
    archive = Archive(out, _as_of(rows))
    archive.add(PAGE_NAME, "text/html", "assistant", page(wish.language, told))
    archive.add(DATA_NAME, "application/json", "assistant", [_json(told)])
    archive.add(TRAIL_NAME, "application/x-ndjson", "assistant", _lines(rows))
    if wish.chain and rows:
        archive.add(CHAIN_NAME, "application/x-ndjson", "assistant", _chain(database, rows[0][0].seq, end.seq))
    for file in packed:
        archive.add(
            names[file.id], file.media_type, file.actor.partition(":")[0], _content(database, order_id, file.id)
        )
    archive.end(order.number, told["as_of"], seal.signed)
    return Made(out.size, out.end(), len(rows), end)


def line_of(entry: Entry, before: bytes | None = None) -> str:
    """A line of the trail as JSON, as `clausebot audit export` writes it; with `before` also the hash before it."""
    row = {**entry._asdict(), "hash": entry.hash.hex()}
    if before is not None:
        row["before"] = before.hex()
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def _as_of(rows: list[tuple[Entry, bytes]]) -> datetime:
    """When the order was last touched: its state hasn't changed since."""
    if not rows:
        return datetime(1980, 1, 1, tzinfo=UTC)  # The first day that a ZIP can name.
    return datetime.strptime(rows[-1][0].at, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _lines(rows: Iterable[tuple[Entry, bytes]]) -> Iterator[bytes]:
    for entry, before in rows:
        yield line_of(entry, before).encode()


def _chain(database: Database, first: int, last: int) -> Iterator[bytes]:
    for entry in entries(database.read, after=first - 1):
        if entry.seq > last:
            return
        yield line_of(entry).encode()


def _content(database: Database, order_id: int, file_id: int) -> Iterator[bytes]:
    with database.read() as work:
        body = work.orders.papers.content(order_id, file_id)
    yield body


def _hash_of(database: Database, order_id: int, file_id: int) -> str:
    return hashlib.sha256(b"".join(_content(database, order_id, file_id))).hexdigest()


__all__ = ["FORMAT", "Facts", "Made", "PackSeal", "Unchained", "Wish", "build", "line_of", "signed_text"]
