"""Checking an audit pack: needs the file alone, neither a database nor our keys. Whoever is given one can run it.

What is looked at, in this order: that the archive holds what its signed manifest lists, byte for byte; that each line of
the trail has the hash it must have; that the moves in order.json are those lines; and, from a chain that lies in the pack
or is given beside it, that the lines stand in the chain up to its end.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bot.core.audit_pack import CHAIN_NAME, DATA_NAME, MANIFEST_NAME, PAGE_NAME, TRAIL_NAME, signed_text
from bot.core.audit_pack_facts import move_of
from bot.core.package.files import PACKAGE_MOST
from storage.chain import Entry, canonical

FILES_MOST = 1_000
TEXT_MOST = 64 * 1024 * 1024
"""Bytes of a part that is read whole; more is no order of ours."""
LINE_MOST = 64 * 1024
_FIELDS = ("seq", "id", "at", "actor", "action", "thing", "detail")

Row = Mapping[str, Any]


@dataclass(slots=True)
class Checked:
    """What a check found. `problems` empty: what was looked at fits.

    `chained_to` is the (number, hash) up to which a chain was followed without a gap, None where there was none to follow;
    `head_seen` whether the hash that was asked for came up on the way.
    """

    number: str = ""
    public_key: str = ""
    files: int = 0
    entries: int = 0
    head: tuple[int, str] = (0, "")
    chained_to: tuple[int, str] | None = None
    head_seen: bool = False
    problems: list[str] = field(default_factory=list)


class _Bad(Exception):
    """Why it can't be looked at any further."""


def check(file: IO[bytes], *, trail: Iterable[str] | None = None, head: str = "", key: str = "") -> Checked:
    """Reads a pack. `trail`: lines of an export of the whole trail; `head`: a hash (hex) that must be in the chain, from an
    anchor or a mail; `key`: the public key that must have signed. Never raises for what is in the file."""
    found = Checked()
    try:
        with ZipFile(file) as pack:
            _look(pack, found, trail, head.lower(), key.lower())
    except _Bad as bad:
        found.problems.append(str(bad))
    except (BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as broken:
        found.problems.append(f"the file is no archive that can be read to its end ({type(broken).__name__})")
    return found


def _look(pack: ZipFile, found: Checked, trail: Iterable[str] | None, head: str, key: str) -> None:
    manifest = _manifest(pack, found, key)
    _files(pack, manifest, found)
    told = _object(_whole(pack, DATA_NAME), DATA_NAME)
    rows = list(_rows(_whole(pack, TRAIL_NAME).decode("utf-8", "replace").splitlines(), TRAIL_NAME))
    found.entries = len(rows)
    found.problems += _links(rows)
    found.problems += _story(told, rows)
    try:
        found.head = (int(told["trail"]["head"]["number"]), str(told["trail"]["head"]["hash"]))
    except (KeyError, TypeError, ValueError):
        raise _Bad(f"{DATA_NAME} names no end of the chain") from None
    if trail is not None:
        _chain(_rows(trail, "the export"), bytes(32), 0, rows, found, head, "the export")
    elif CHAIN_NAME in pack.namelist() and rows:
        with pack.open(CHAIN_NAME) as lines:
            texts = (line.decode("utf-8", "replace") for line in _short(lines))
            before = bytes.fromhex(str(rows[0]["before"]))
            _chain(_rows(texts, CHAIN_NAME), before, rows[0]["seq"] - 1, rows, found, head, CHAIN_NAME)
    elif head:
        found.head_seen = head in {row["hash"] for row in rows}
    if head and not found.head_seen:
        raise _Bad(
            f"the hash that was given, {head[:16]}..., isn't among those looked at"
            + ("" if found.chained_to else ": the pack has no chain in it; give an export beside it")
        )


# ---- the archive


def _manifest(pack: ZipFile, found: Checked, key: str) -> Row:
    manifest = _object(_whole(pack, MANIFEST_NAME), MANIFEST_NAME)
    found.number, found.public_key = str(manifest.get("order", "")), str(manifest.get("public_key", ""))
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.public_key))
        public.verify(bytes.fromhex(str(manifest.get("signature", ""))), signed_text(manifest))
    except (InvalidSignature, ValueError):
        found.problems.append(f"{MANIFEST_NAME} doesn't bear the signature of its key: it was changed")
    if key and key != found.public_key:
        found.problems.append(f"it was signed with the key {found.public_key[:16]}..., not with the one that was given")
    return manifest


def _files(pack: ZipFile, manifest: Row, found: Checked) -> None:
    """Whether the archive holds what is listed, and nothing else."""
    there = [info.filename for info in pack.infolist()]
    if len(there) > FILES_MOST or sum(info.file_size for info in pack.infolist()) > 4 * PACKAGE_MOST:
        raise _Bad("the archive is larger than any of ours")
    if len(set(there)) != len(there):
        raise _Bad("the archive holds a name twice")
    listed = manifest.get("files")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _Bad(f"{MANIFEST_NAME} lists no files")
    names = [str(one.get("name")) for one in listed]
    found.problems += [f"{name} is in the archive and not in its list" for name in set(there) - {*names, MANIFEST_NAME}]
    for name, one in zip(names, listed, strict=True):
        if name not in there:
            found.problems.append(f"{name} is missing")
            continue
        digest, size = hashlib.sha256(), 0
        with pack.open(name) as part:
            while piece := part.read(1024 * 1024):
                digest.update(piece)
                size += len(piece)
        if digest.hexdigest() != one.get("sha256") or size != one.get("bytes"):
            found.problems.append(f"{name} is not what the list says: it was changed")
        found.files += 1
    if missing := {PAGE_NAME, DATA_NAME, TRAIL_NAME} - set(names):
        raise _Bad(f"it is no audit pack: {', '.join(sorted(missing))} isn't in it")


# ---- the trail


def _links(rows: list[Row]) -> Iterator[str]:
    """Whether each line has the hash it must have, and those that follow one another fit."""
    last: Row | None = None
    for row in rows:
        try:
            right = _hash_of(row, bytes.fromhex(str(row["before"]))).hex()
        except (KeyError, ValueError):
            raise _Bad(f"{TRAIL_NAME}: number {row['seq']} has no hash before it") from None
        if right != row["hash"]:
            yield f"number {row['seq']}, entry {row['id']}, is not what was chained: it was changed"
        if last and row["seq"] <= last["seq"]:
            yield f"number {row['seq']} stands after number {last['seq']}"
        if last and row["seq"] == last["seq"] + 1 and row["before"] != last["hash"]:
            yield f"number {row['seq']} doesn't follow from number {last['seq']}"
        last = row


def _story(told: Row, rows: list[Row]) -> Iterator[str]:
    """Whether the moves that are told are the lines of the trail, and end in the state that is told."""
    moves, order, about = told.get("moves"), told.get("order"), told.get("trail")
    if not isinstance(moves, list) or not isinstance(order, dict) or not isinstance(about, dict):
        raise _Bad(f"{DATA_NAME} tells no story")
    noted = [move_of(_entry(row), {}) for row in rows]
    said = [{**one, "name": None} if isinstance(one, dict) else one for one in moves]
    state = next((one["to"] for one in reversed(noted) if one["to"]), order.get("state"))
    if said != noted:
        yield f"the moves in {DATA_NAME} are not those of {TRAIL_NAME}"
    if state != order.get("state"):
        yield f"{DATA_NAME} says {order.get('state')}, and the trail ends with {state}"
    if about.get("thing") != order.get("thing") or any(row["thing"] != order.get("thing") for row in rows):
        yield f"{TRAIL_NAME} holds lines about something else"


def _chain(
    chain: Iterable[Row], before: bytes, number: int, rows: list[Row], found: Checked, head: str, what: str
) -> None:
    """Follows a chain from the hash `before`; every line of the order must stand in it at its number, and no other."""
    wanted = {row["seq"]: row["hash"] for row in rows}
    thing = rows[0]["thing"] if rows else ""
    seen = 0
    for row in chain:
        number += 1
        before = _hash_of(row, before)
        if row["seq"] != number or row["hash"] != before.hex():
            raise _Bad(f"{what}: what should be number {number} is not what was chained")
        if number in wanted:
            seen += 1
            if wanted[number] != row["hash"]:
                raise _Bad(f"number {number} in the pack is another than in {what}")
        elif row["thing"] == thing and rows and rows[0]["seq"] < number <= found.head[0]:
            found.problems.append(f"number {number} of {what} is about this order and not in the pack")
        found.head_seen = found.head_seen or row["hash"] == head
        if number == found.head[0] and row["hash"] != found.head[1]:
            raise _Bad(f"number {number} in {what} is another than the end of the chain that the pack names")
    if seen != len(wanted) or number < found.head[0]:
        raise _Bad(f"{what} ends at number {number}; the pack names {found.head[0]} as the end")
    found.chained_to = (number, before.hex())


def _entry(row: Row) -> Entry:
    return Entry(**{name: row[name] for name in _FIELDS}, hash=b"")


def _hash_of(row: Row, before: bytes) -> bytes:
    return hashlib.sha256(before + canonical(*_entry(row)[:-1])).digest()


# ---- reading


def _rows(lines: Iterable[str], what: str) -> Iterator[Row]:
    """Lines of a trail; each has the fields of an entry with the right kind of value."""
    for number, line in enumerate(lines, 1):
        row = _object(line.encode("utf-8", "replace"), f"{what} line {number}")
        kinds = {name: int if name in ("seq", "id") else str for name in (*_FIELDS, "hash")}
        if not all(type(row.get(name)) is kind for name, kind in kinds.items()):
            raise _Bad(f"{what} line {number} is no entry")
        yield row


def _object(text: bytes, what: str) -> Row:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        raise _Bad(f"{what} can't be read") from None
    if not isinstance(read, dict):
        raise _Bad(f"{what} can't be read")
    return read


def _whole(pack: ZipFile, name: str) -> bytes:
    if name not in pack.namelist():
        raise _Bad(f"it is no audit pack: {name} isn't in it")
    with pack.open(name) as part:
        text = part.read(TEXT_MOST + 1)
    if len(text) > TEXT_MOST:
        raise _Bad(f"{name} is larger than any of ours")
    return text


def _short(lines: IO[bytes]) -> Iterator[bytes]:
    while line := lines.readline(LINE_MOST):
        yield line
