"""Keeping the audit trail provable: chaining it, noting its end outside, reading it all again.

The chain alone proves nothing against whoever owns the database: they can make it anew. So its end is noted by the hour
where they can't reach, in a file or by mail (bot/core/audit_mail.py), one line an anchor:

    2026-03-02T09:30:00Z 1843 <hash of number 1843, hex> <id of the key> <signature, hex>
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog

from bot.core.clock import Clock
from storage.chain import Head, chain, is_behind
from storage.chain_check import Anchor, Verdict, verify
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import Busy, KeyMissing

log = structlog.get_logger(__name__)

BITE, PAUSE = 1_000, 0.01
"""Entries and seconds: how the running program reads the trail again, in bites of some milliseconds."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


class Outside(Protocol):
    """A place outside where the end of the chain is noted."""

    def noted(self) -> int:
        """The last number that was noted there; 0 for none."""
        ...

    def note(self, at: datetime, end: Head) -> None:
        """Notes the end of the chain. Raises OSError."""
        ...


def anchor_line(keyring: Keyring, at: datetime, end: Head) -> str:
    """One anchor, signed with the present key."""
    stated = f"{at.astimezone(UTC).strftime(TIME)} {end.seq} {end.hash.hex()} {keyring.current}"
    return f"{stated} {_signature(keyring, stated, keyring.current)}"


class AnchorFile:
    """A file of anchors that is only ever added to. Signed with a key of the key file, so that nobody else can add."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.path, self.keyring = path, keyring

    def note(self, at: datetime, end: Head) -> None:
        """Adds the end of the chain, on disk when this returns. Raises OSError."""
        line = f"{anchor_line(self.keyring, at, end)}\n".encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_torn():
            line = b"\n" + line
        # Append-only all the way down, so that the file system may insist on it too (chattr +a).
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(file, line) != len(line):
                raise OSError(f"{self.path}: the disk is full; the last line is not whole")
            os.fsync(file)
        finally:
            os.close(file)

    def read(self) -> tuple[list[Anchor], list[str]]:
        """(all anchors, a sentence for each line that is none of ours). Raises OSError."""
        anchors, problems = list[Anchor](), list[str]()
        for number, line in enumerate(self.path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            where = f"{self.path} line {number}"
            if not line:
                continue
            try:
                stated, signature = line.rsplit(" ", 1)
                at, seq, digest, key_id = stated.split(" ")
                anchor = Anchor(datetime.strptime(at, TIME).replace(tzinfo=UTC), int(seq), bytes.fromhex(digest))
                good = hmac.compare_digest(_signature(self.keyring, stated, key_id).encode(), signature.encode())
            except ValueError:
                problems.append(f"{where} is no anchor: it was changed, or the disk was full when it was written")
                continue
            except KeyMissing as missing:
                problems.append(f"{where}: {missing}")
                continue
            if good:
                anchors.append(anchor)
            else:
                problems.append(
                    f"{where} doesn't bear our signature: it was changed, or belongs to another installation"
                )
        return anchors, problems

    def _is_torn(self) -> bool:
        """Whether the last line lacks its end, because the disk was full."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


def chain_new(database: Database, clock: Clock) -> int:
    """Chains what was noted since the last time; how many entries. When the database is busy, the next time does it."""
    chained = 0
    with suppress(Busy):
        while _is_behind(database, clock()):
            with database.work() as work:
                done = chain(work, clock())
            if not done:  # Another process is at it.
                break
            chained += done
    return chained


def check_and_note(database: Database, clock: Clock, file: AnchorFile | None, more: Iterable[Outside] = ()) -> Verdict:
    """Reads the whole trail against the anchors in `file`, and notes its end there and in each of `more`.

    Nothing is noted where something doesn't fit, or nothing is new; the first is told in the log. Raises Busy.
    """
    while _chain_thoroughly(database, clock()):
        pass
    anchors = _anchors(file)
    verdict = verify(database.read, anchors, page=BITE, pause=PAUSE)
    if verdict.broken:
        log.error("audit_broken", how=verdict.broken.how, seq=verdict.broken.seq, entry=verdict.broken.entry)
        return verdict
    places = [(max((anchor.seq for anchor in anchors), default=0), file.note)] if file else []
    # Each place by itself: one that failed is behind the others and tried again.
    for noted, note in (*places, *((place.noted(), place.note) for place in more)):
        if verdict.head.seq > noted:
            try:
                note(clock(), verdict.head)
            except OSError as cant:
                log.error("audit_not_anchored", error=type(cant).__name__, seq=verdict.head.seq)
    return verdict


def _signature(keyring: Keyring, stated: str, key_id: str) -> str:
    return hmac.new(keyring.derived("audit.anchor", key_id), stated.encode(), hashlib.sha256).hexdigest()


def _chain_thoroughly(database: Database, now: datetime) -> int:
    with database.work() as work:
        return chain(work, now, thorough=True)


def _is_behind(database: Database, now: datetime) -> bool:
    with database.read() as work:
        return is_behind(work, now)


def _anchors(file: AnchorFile | None) -> Sequence[Anchor]:
    if file is None:
        return ()
    try:
        anchors, problems = file.read()
    except FileNotFoundError:
        return ()
    except OSError as cant:
        log.error("audit_anchors_unreadable", error=type(cant).__name__)
        return ()
    if problems:
        log.error("audit_anchors_damaged", lines=len(problems))
    return anchors
