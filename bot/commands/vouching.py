"""`clausebot accounts vouch`: a contact that is too young to prove anything counts, because somebody checked its owner."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.commands.acting import Desk
from bot.core.accounts import Account, AccountDirectory, DirectoryDown
from bot.core.contacts import Contact, Kind
from bot.core.contacts import account_id as one_form
from bot.core.roles import BadEntry, NotPermitted, Task, permitted
from bot.core.vouching import Vouching
from bot.request_desk import directory_of
from knowledge.normal import visible

WHY_MOST = 300


@contextmanager
def directory_at(desk: Desk) -> Iterator[AccountDirectory]:
    """Where the company's accounts are looked up, as the settings say. Raises Misconfigured."""
    directory = directory_of(desk.settings, desk.database, desk.clock)
    try:
        yield directory
    finally:
        if close := getattr(directory, "close", None):
            close()


def run_vouch(desk: Desk, directory: AccountDirectory, typed: str, kind: str, why: str, ending: str = "") -> None:
    """Vouches for the one contact that is meant. Raises BadEntry, NotPermitted, also where the directory is down."""
    words = visible(why).strip()
    if not 0 < len(words) <= WHY_MOST:
        raise BadEntry(f'say how you checked the person, in {WHY_MOST} characters at most: --why "..."')
    member = desk.acting(Task.CHECK)
    account = _account(directory, _account_id(typed))
    contact = _contact(account, Kind(kind), ending)
    with desk.database.read() as work:
        Vouching(work, desk.clock()).hold_back(account, contact, member)  # Before a code is asked for and used up.
    age = max((desk.clock() - contact.since).days, 0)
    desk.console.print(
        f"{account.display_hint} {account.state}: {contact.kind} {contact.masked}, "
        f"on file since {contact.since:%Y-%m-%d %H:%M} UTC ({age} days).",
        markup=False,
    )
    if others := [one.masked for one in account.contacts if one.kind in _PROVING and one.is_settled(desk.clock())]:
        desk.console.print(
            f"On file for longer: {', '.join(others)}. Codes go there rather than to a contact that is vouched for. "
            "If it isn't the owner's any more, the company takes it off file first.",
            markup=False,
        )
    member = desk.proven(Task.CHECK)
    with desk.database.work() as work:
        member = permitted(work, member.name, Task.CHECK)
        until = Vouching(work, desk.clock()).vouch(account, contact, member, words)
    desk.console.print(
        f"You vouch for {contact.masked} until {until:%Y-%m-%d %H:%M} UTC, when it counts by itself. What is asked for "
        "with a code sent there, two others sign. Now the person asks for a code in the chat.",
        markup=False,
    )


def run_take_back(desk: Desk, typed: str, kind: str) -> None:
    """Nobody vouches for the account's contacts of this kind any more. The directory isn't needed for it. Raises BadEntry,
    NotPermitted, also where nobody did."""
    account_id = _account_id(typed)
    member = desk.proven(Task.CHECK)
    with desk.database.work() as work:
        member = permitted(work, member.name, Task.CHECK)
        taken = Vouching(work, desk.clock()).take_back(account_id, Kind(kind), member)
    hint = Account(account_id).display_hint
    if not taken:
        raise NotPermitted(f"{hint}: nobody vouches for a contact of this kind; nothing was changed")
    desk.console.print(f"{hint}: taken back. Codes sent there since then count no more.", markup=False)


_PROVING = (Kind.PHONE, Kind.EMAIL)


def _account_id(typed: str) -> str:
    account_id = one_form(typed)
    if account_id is None:
        raise BadEntry("that can't be an account's id: 1 to 64 letters, digits and . _ @ : -")
    return account_id


def _account(directory: AccountDirectory, account_id: str) -> Account:
    try:
        account = directory.get(account_id)
    except DirectoryDown as down:
        seconds = int(down.after.total_seconds())
        raise NotPermitted(
            f"the account directory can't be asked now ({down.reason}). Nothing was changed; try again in {seconds} seconds"
        ) from down
    if account is None:
        raise NotPermitted("there is no account of that id; it is written exactly as the company writes it")
    return account


def _contact(account: Account, kind: Kind, ending: str) -> Contact:
    """The one contact that is meant."""
    found = [contact for contact in account.of_kind(kind) if contact.masked.endswith(ending.strip())]
    if not found:
        raise NotPermitted(
            f"{account.display_hint}: there is no such contact of the kind {kind} on file. The company has to put it there first"
        )
    if len(found) > 1:
        raise BadEntry(f"{', '.join(one.masked for one in found)}: say which by --ending, the way it ends")
    return found[0]
