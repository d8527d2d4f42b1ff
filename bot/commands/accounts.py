"""`clausebot accounts`: the company's accounts in our own table. What a command needs is imported when it runs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bot.commands.acting import As

if TYPE_CHECKING:
    from rich.console import Console

    from bot.core.accounts import Account
    from bot.directory.importing import Check, Outcome, Step
    from bot.directory.listing import Encoding, Listing
    from bot.settings import Settings
    from storage.engine import Database

BAD_SHOWN = 20
"""Bad rows that are listed unless --all-bad."""

accounts = typer.Typer(
    help="The company's accounts: import a list, look one up (masked), count them, let codes count again, vouch for a contact.",
    no_args_is_help=True,
)
EncodingName = Annotated[
    Literal["auto", "utf-8", "gb18030"], typer.Option(help="How the file is written; auto finds out.")
]


@accounts.command("import")
def accounts_import(
    file: Annotated[Path, typer.Argument(help="A CSV file; its columns are described in docs/accounts.md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and count; write nothing.")] = False,
    encoding: EncodingName = "auto",
    keep_good: Annotated[
        bool, typer.Option("--keep-good", help="Write the good rows even where more than 5 % are bad.")
    ] = False,
    remove_missing: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="MOST",
            help="The file lists every account: take away those it doesn't, unless they are more than MOST.",
        ),
    ] = None,
    all_bad: Annotated[bool, typer.Option("--all-bad", help="List every bad row, not the first 20.")] = False,
) -> None:
    """Import a list of accounts. Bad rows are reported by line and column, never by value, and are left out.

    Exit code 0: all went in; 1: some rows are bad (or too many: then nothing was written); 2: the file can't be used.
    Broken off? Run it again: what is there already is passed over.

    Example: clausebot accounts import customers.csv --dry-run
    """
    from bot.core.clock import system_clock
    from bot.settings import read

    settings = read()
    listing = _listing(file, encoding)
    with _database(settings) as database:
        done = run_import(
            database,
            listing,
            system_clock(),
            dry_run=dry_run,
            keep_good=keep_good,
            remove_missing=remove_missing,
            all_bad=all_bad,
        )
    if not done:
        raise typer.Exit(1)


@accounts.command("show")
def accounts_show(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account's id, as the company writes it.")],
) -> None:
    """Show what is on file for an account, masked, with the age of each contact. Exit code 1 when there is none."""
    from bot.core.clock import system_clock
    from bot.settings import read

    with _database(read()) as database:
        found = run_show(database, account_id, system_clock())
    if not found:
        raise typer.Exit(1)


@accounts.command("unlock")
def accounts_unlock(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account's id, as the company writes it.")],
    me: As = "",
    totp_stdin: Annotated[
        bool, typer.Option("--totp-stdin", help="Read the one-time password from standard input. For scripts.")
    ] = False,
) -> None:
    """Let codes for an account count again, after a hundred wrong ones in a row.

    Whoever does has looked who tried, and who the owner is. Takes an officer, asks for your one-time password, and is
    in the trail under your name. Example: clausebot accounts unlock K-100001 --as ada
    """
    from bot.commands.account_unlocking import run_unlock
    from bot.commands.acting import at_desk

    with at_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_unlock(desk, account_id)


@accounts.command("vouch")
def accounts_vouch(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="The account's id, as the company writes it.")],
    contact: Annotated[Literal["phone", "email"], typer.Option(help="Which of its contacts.")],
    why: Annotated[
        str, typer.Option(help="How you checked the person. Staff see it; it is kept as long as it holds.")
    ] = "",
    ending: Annotated[str, typer.Option(help="How the contact ends, where the account has several of the kind.")] = "",
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Nobody vouches for contacts of this kind any more.")
    ] = False,
    me: As = "",
    totp_stdin: Annotated[
        bool, typer.Option("--totp-stdin", help="Read the one-time password from standard input. For scripts.")
    ] = False,
) -> None:
    """Vouch that a contact on file is the owner's, although it is too young to prove anything.

    Where an account has no contact older than 30 days: check the person first. Then codes go to this contact until it is
    30 days old or changes. You count as the one who checked who asks, so two others have to sign. Takes an officer, asks
    for your one-time password, and is in the trail under your name.
    Example: clausebot accounts vouch K-100001 --contact phone --why "ID card, at the counter" --as ada
    """
    from bot.commands.acting import at_desk
    from bot.commands.vouching import directory_at, run_take_back, run_vouch

    with at_desk(me, secrets_from_stdin=totp_stdin) as desk:
        if take_back:
            run_take_back(desk, account_id, contact)
            return
        with directory_at(desk) as directory:
            run_vouch(desk, directory, account_id, contact, why, ending)


@accounts.command("stats")
def accounts_stats() -> None:
    """Count accounts and contacts: how many are on file long enough to verify somebody, and how many are shared."""
    from bot.core.clock import system_clock
    from bot.settings import read

    with _database(read()) as database:
        run_stats(database, system_clock())


def run_import(
    database: "Database",
    listing: "Listing",
    now: datetime,
    *,
    dry_run: bool = False,
    keep_good: bool = False,
    remove_missing: int | None = None,
    all_bad: bool = False,
    console: "Console | None" = None,
) -> bool:
    """Checks, reports and writes; whether every row was good and everything asked for was done. Raises Misconfigured."""
    from rich.console import Console

    from bot.core.errors import Misconfigured
    from bot.directory.importing import BAD_MOST, TooManyMissing, check, preview, write
    from bot.directory.importing import remove_missing as remove
    from storage.errors import StorageError

    out = console or Console(highlight=False)
    with _progress(out, "Checking", listing.lines) as step:
        checked = check(listing, now, step)
    out.print(
        f"Read as {listing.encoding}: {checked.rows:,} rows, {checked.good:,} good, {len(checked.bad_lines):,} bad."
    )
    _report(out, checked, all_bad)
    if checked.rows == 0:
        out.print("There are no rows below the header; nothing was written.")
        return False
    if checked.is_doubtful and not (keep_good and checked.good):
        out.print(
            f"[red]Nothing was written[/red]: more than {BAD_MOST:.0%} of the rows are bad. Mend the file; "
            "or write the good ones with --keep-good."
        )
        return False
    done = not checked.bad
    try:
        if dry_run:
            with _progress(out, "Comparing", checked.good) as step:
                outcome = preview(database, listing, checked, now, step)
            _tell(out, outcome, "would be")
            out.print("Nothing was written: this was a dry run.")
            return done
        with _progress(out, "Writing", checked.good) as step:
            outcome = write(database, listing, checked, now, step)
        _tell(out, outcome, "are")
        if remove_missing is None or not outcome.missing:
            return done
        if checked.bad:
            out.print("None was removed: an account with a bad row would look as if it were missing.")
            return False
        with _progress(out, "Removing", outcome.missing) as step:
            removed = remove(database, now, remove_missing, step)
        out.print(f"{removed:,} that the file doesn't list were removed.")
        return done
    except TooManyMissing as many:
        out.print(
            f"[red]None was removed[/red]: {many.missing:,} would be, and --remove-missing allows {remove_missing:,}."
        )
        return False
    except StorageError as bad:
        raise Misconfigured(
            [f"{bad}. The import broke off; run it again: what is there already is passed over"]
        ) from bad


def run_show(database: "Database", account_id: str, now: datetime, console: "Console | None" = None) -> bool:
    """Prints one account, masked; whether there is one."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from bot.core.accounts import StoredDirectory
    from bot.core.vouching import Vouching

    out = console or Console(highlight=False)
    account = StoredDirectory(database).get(account_id)
    _tell_lock(database, account_id, now, out)
    if account is None:
        out.print("There is no account of that id in our table. An id is written exactly as the company writes it.")
        return False
    with database.read() as work:
        vouched = Vouching(work, now).told(account)
    table = Table("kind", "contact", "on file since", "proves something", box=None, padding=(0, 2, 0, 0))
    for contact in account.contacts:
        settled = "yes" if contact.is_settled(now) else escape(vouched.get(contact, "not yet: 30 days at least"))
        table.add_row(contact.kind, contact.masked, f"{contact.since:%Y-%m-%d %H:%M} UTC", settled)
    out.print(f"{account.display_hint}  {account.state}")
    out.print(table if account.contacts else "No contact is on file: nobody can be verified for it by a code.")
    out.print(_last_changed(account, now))
    return True


def _last_changed(account: "Account", now: datetime) -> str:
    """When contacts last changed, and what follows from it."""
    from bot.core.order.dates import HOLD, hold_for

    changed = account.contacts_changed_at
    when = "not known" if changed is None else f"{changed:%Y-%m-%d %H:%M} UTC"
    is_short = hold_for(account.contacts, changed, now) == HOLD
    return f"Contacts last changed: {when}. A deletion approved now waits {'72 hours' if is_short else '7 days'}."


def _tell_lock(database: "Database", account_id: str, now: datetime, out: "Console") -> None:
    """Says where no code counts any more; also of an account that only the company's own system lists."""
    from bot.core.codes import Codes
    from bot.core.verification import LOCK_AT, Verification

    with database.read() as work:
        is_locked = Verification(work, Codes.of(database.keyring), now).is_locked(account_id)
    if is_locked:
        says = f"{LOCK_AT} wrong codes in a row came from chats that aren't connected, so no code of theirs counts."
        out.print(f"[red]Locked[/red]: {says} clausebot accounts unlock ID", highlight=False)


def run_stats(database: "Database", now: datetime, console: "Console | None" = None) -> None:
    """Prints what the table holds, in figures."""
    from rich.console import Console
    from rich.table import Table

    from bot.core.contacts import SETTLED_AFTER

    out = console or Console(highlight=False)
    with database.read() as work:
        counts = work.accounts.counts(now - SETTLED_AFTER)
    out.print(f"{counts.open:,} open accounts, {counts.closed:,} closed.")
    if counts.listed_at is None:
        out.print("Import them: clausebot accounts import FILE.csv (docs/accounts.md)")
        return
    table = Table("contacts", "on file", "for more than 30 days", box=None, padding=(0, 2, 0, 0))
    for kind, number in counts.contacts.items():
        table.add_row(kind, f"{number:,}", f"{counts.settled.get(kind, 0):,}")
    out.print(table)
    out.print(
        f"{counts.shared:,} contacts belong to more than one account: they name none that is open beside another."
    )
    out.print(f"Last import: {counts.listed_at:%Y-%m-%d %H:%M} UTC")


def _listing(file: Path, encoding: "Encoding") -> "Listing":
    from bot.core.errors import Misconfigured
    from bot.directory.listing import open_listing

    if file.exists() and not file.is_file():  # A pipe would be waited for, for ever.
        raise Misconfigured([f"{file}: isn't a file; write the list to one first, and import that"])
    try:
        raw = file.read_bytes()
    except OSError as bad:
        raise Misconfigured([f"{file}: can't be read: {bad.strerror}"]) from bad
    try:
        return open_listing(raw, encoding)
    except Misconfigured as bad:
        raise Misconfigured([f"{file}: {problem}" for problem in bad.problems]) from bad


@contextmanager
def _database(settings: "Settings") -> Iterator["Database"]:
    from bot.app import open_database
    from bot.core.errors import Misconfigured
    from storage.errors import StorageError

    try:
        database = open_database(settings)
    except StorageError as bad:
        raise Misconfigured([str(bad)]) from bad
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _progress(console: "Console", what: str, total: int) -> Iterator["Step"]:
    """A bar with rows done, rate and time left; a plain line at the end where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda rows: progress.advance(task, rows)
        progress.update(task, total=progress.tasks[0].completed)  # Blank lines are none of the rows.


def _report(console: "Console", checked: "Check", all_bad: bool) -> None:
    """Lists the bad rows by line, column and reason; no value of the file is repeated."""
    from rich.table import Table

    if not checked.bad:
        return
    shown = checked.bad if all_bad else checked.bad[:BAD_SHOWN]
    table = Table("line", "column", "why", box=None, padding=(0, 2, 0, 0))
    for bad in shown:
        table.add_row(str(bad.line), bad.column or "(the row)", bad.why)
    console.print(table)
    if len(shown) < len(checked.bad):
        console.print(f"and {len(checked.bad) - len(shown):,} more; --all-bad lists them. By column:")
        for column, number in Counter(bad.column or "(the row)" for bad in checked.bad).most_common():
            console.print(f"  {column}: {number:,}")


def _tell(console: "Console", outcome: "Outcome", are: str) -> None:
    console.print(f"{outcome.new:,} {are} new, {outcome.changed:,} {are} changed, {outcome.same:,} stay as they were.")
    if outcome.missing:
        console.print(f"{outcome.missing:,} in our table are not in the file; they stay unless --remove-missing.")
    if outcome.shared:
        console.print(f"{outcome.shared:,} contacts belong to more than one account now, and name none of them.")
