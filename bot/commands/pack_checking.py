"""`clausebot audit verify-pack`: what a check of an audit pack found, in words."""

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from bot.core.audit_pack_check import Checked, check


def run_verify_pack(file: Path, trail: Path | None, *, head: str, key: str, as_json: bool) -> bool:
    """Prints what was found; whether all fits."""
    with ExitStack() as open_files:
        try:
            pack = open_files.enter_context(file.open("rb"))
            lines: Iterable[str] | None = None
            if trail is not None:
                lines = open_files.enter_context(trail.open(encoding="utf-8", errors="replace"))
        except OSError as cant:
            print(f"clausebot: {cant.filename}: can't be read: {cant.strerror}", file=sys.stderr)
            return False
        found = check(pack, trail=lines, head=head.strip(), key=key.strip())
    print(_as_json(found) if as_json else "\n".join(map(_shown, _told(found, head, key))))
    return not found.problems


def _as_json(found: Checked) -> str:
    return json.dumps({"fits": not found.problems, **asdict(found)})


def _told(found: Checked, head: str, key: str) -> Iterable[str]:
    yield from (f"WRONG: {problem}." for problem in found.problems)
    if found.problems:
        return
    yield f"{found.number}: {found.files} files are as their signed list says."
    yield f"{found.entries} entries of the trail have the hashes they must have, and order.json tells the same."
    if found.chained_to:
        number, last = found.chained_to
        yield f"They stand in the chain, which fits up to number {number}: {last}"
    else:
        end = f"number {found.head[0]}, {found.head[1]}"
        yield f"Whether they stand in the chain the pack alone doesn't show (its end was {end}): --trail, or a pack made --with-chain."
    if head:
        yield "The hash that you gave is among them."
    elif found.chained_to:
        yield "Nobody vouches for that end yet: compare it with an anchor or a mail, --head HASH."
    if not key:
        yield f"Signed with the key {found.public_key}: compare it with the company's, --key HEX."


def _shown(words: str) -> str:
    """Without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)
