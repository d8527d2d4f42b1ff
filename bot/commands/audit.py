"""`clausebot audit`: whether the trail is what was written, a copy that others can check, and the story of one thing."""

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage.chain_check import Verdict
    from storage.engine import Database

audit = typer.Typer(help="Verify, export and read the audit trail.", no_args_is_help=True)


@audit.command("verify")
def audit_verify(
    anchor: Annotated[
        Path | None,
        typer.Option(
            help="File of anchors, otherwise that of CLAUSEBOT_AUDIT_ANCHOR; a copy from elsewhere proves more."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as one JSON object.")] = False,
) -> None:
    """Read the whole trail and say whether it is what was written. Exit code 1 with the first place that doesn't fit.

    Without anchors, an end that was cut off, or a chain that was made anew up to its end, can't be seen.
    """
    from bot.settings import read

    settings = read()
    if anchor is None and settings.audit_anchor:
        anchor = Path(settings.audit_anchor)
    if not run_verify(settings, anchor, as_json=as_json):
        raise typer.Exit(1)


@audit.command("export")
def audit_export(file: Annotated[Path, typer.Argument(help="A new file; one JSON object a line.")]) -> None:
    """Write the trail with its hashes into a file that anybody can check (docs/audit.md shows how)."""
    from bot.settings import read

    if not run_export(read(), file):
        raise typer.Exit(1)


@audit.command("verify-pack")
def audit_verify_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="As `clausebot orders pack` made it.")],
    trail: Annotated[
        Path | None, typer.Option(help="A file of `clausebot audit export`: do the order's entries stand in it?")
    ] = None,
    head: Annotated[
        str, typer.Option(metavar="HASH", help="A hash from an anchor or a mail, which the chain must come to.")
    ] = "",
    key: Annotated[
        str, typer.Option(metavar="HEX", help="The public key that must have signed, as the company told it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
) -> None:
    """Check the audit pack of an order. Needs the file alone: neither a database nor keys. Exit code 1 when it doesn't fit.

    Example: clausebot audit verify-pack KP-7M2D-Q4XK.zip --trail trail.jsonl --head 8c1f...e2
    """
    from bot.commands.pack_checking import run_verify_pack

    if not run_verify_pack(file, trail, head=head, key=key, as_json=as_json):
        raise typer.Exit(1)


@audit.command("show")
def audit_show(thing: Annotated[str, typer.Argument(help='Kind and id, as in "order:17" or "person:4".')]) -> None:
    """Show what happened to one thing, oldest first. Exit code 1 when nothing is noted about it."""
    from bot.settings import read

    if not run_show(read(), thing):
        raise typer.Exit(1)


def run_verify(settings: "Settings", anchors: Path | None, *, as_json: bool) -> bool:
    """Prints the verdict; whether all fits. Raises Misconfigured."""
    from bot.core.audit import AnchorFile
    from storage.chain_check import Anchor, verify
    from storage.errors import Busy

    with closing(_opened(settings)) as database:
        noted, problems = list[Anchor](), list[str]()
        if anchors is not None:
            try:
                noted, problems = AnchorFile(anchors, database.keyring).read()
            except OSError as cant:
                problems = [f"{anchors} can't be read: {cant.strerror}"]
        try:
            verdict = verify(database.read, noted, progress=_progress())
        except (sqlite3.Error, Busy) as cant:
            print(f"The trail can't be read to its end: {cant}", file=sys.stderr)
            return False
    if sys.stderr.isatty():
        print(end="\r\033[K", file=sys.stderr)
    print(_as_json(verdict, problems) if as_json else _told(verdict, problems, anchors))
    return verdict.broken is None and not problems


def run_export(settings: "Settings", file: Path) -> bool:
    """Writes the file, readable by its owner alone; whether the trail was whole. Raises Misconfigured."""
    from bot.core.errors import Misconfigured
    from storage.chain import entries

    with closing(_opened(settings)) as database:
        try:
            out = os.fdopen(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="\n"
            )
        except OSError as cant:
            raise Misconfigured([f"{file}: can't be written: {cant.strerror}. Name a new file"]) from cant
        count, last = 0, bytes(32)
        with out:
            try:
                for entry in entries(database.read):
                    last, count = entry.hash, entry.seq
                    line = {**entry._asdict(), "hash": entry.hash.hex()}
                    out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            except LookupError as gone:
                print(f"Stopped: {gone.args[0]}. `clausebot audit verify` says more.", file=sys.stderr)
                return False
    print(f"{count:,} entries in {file}; the last hash is {last.hex()}")
    return True


def run_show(settings: "Settings", thing: str) -> bool:
    """Prints the entries about `thing`; whether there are any. Raises Misconfigured."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    with closing(_opened(settings)) as database, database.read() as work:
        found, places = work.trail.of_thing(thing), work.trail.places(thing)
    if not found:
        print(f"Nothing is noted about {thing}. A thing is written as kind and id: order:17, person:4", file=sys.stderr)
        return False
    table = Table("number", "time (UTC)", "who", "what", "detail", "hash", box=None, padding=(0, 1))
    for entry in found:
        place = places.get(entry.id)
        cells = (
            str(place.seq) if place else "waits",
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.actor,
            entry.action,
            entry.detail,
            place.hash.hex()[:12] if place else "",
        )
        table.add_row(*(Text(_shown(cell)) for cell in cells))
    Console(soft_wrap=True).print(table)
    return True


def _opened(settings: "Settings") -> "Database":
    """The database. Raises Misconfigured where it can't be opened."""
    from bot.app import open_database
    from bot.core.errors import Misconfigured
    from storage.errors import StorageError

    try:
        return open_database(settings)
    except StorageError as bad:
        raise Misconfigured([str(bad)]) from bad


def _shown(words: str) -> str:
    """Without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in words)


def _progress() -> Callable[[int], None]:
    """Tells how many entries were read, where somebody watches."""
    if not sys.stderr.isatty():
        return lambda seen: None
    return lambda seen: print(f"\r{seen:,} entries", end="", file=sys.stderr, flush=True)


def _as_json(verdict: "Verdict", problems: list[str]) -> str:
    return json.dumps(
        {
            "fits": verdict.broken is None and not problems,
            "entries": verdict.seen,
            "head": verdict.head.hash.hex(),
            "waiting": verdict.waiting,
            "anchored": verdict.anchored,
            "broken": asdict(verdict.broken) if verdict.broken else None,
            "anchor_problems": problems,
        },
        ensure_ascii=False,
    )


def _told(verdict: "Verdict", problems: list[str], anchors: Path | None) -> str:
    lines = []
    if verdict.broken:
        lines.append(f"BROKEN ({verdict.broken.how}): {verdict.broken.says}.")
        lines.append(f"{verdict.seen:,} entries before it fit.")
    else:
        lines.append(f"{verdict.seen:,} entries fit; the last hash is {verdict.head.hash.hex()}")
    if verdict.anchored:
        lines.append(f"Anchors vouch for the first {verdict.anchored:,}.")
    elif anchors is None:
        lines.append("No anchors were given: an end cut off, or a chain made anew up to its end, can't be seen.")
    if verdict.waiting:
        lines.append(f"{verdict.waiting:,} entries wait to be chained; the running program does it within a second.")
    return "\n".join([*lines, *(f"ANCHOR: {problem}." for problem in problems)])
