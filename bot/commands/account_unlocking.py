"""`clausebot accounts unlock`: codes for an account count again, once a member of staff has looked."""

from bot.commands.acting import Desk
from bot.core.accounts import Account
from bot.core.codes import Codes
from bot.core.contacts import account_id as one_form
from bot.core.roles import BadEntry, NotPermitted, Task, permitted
from bot.core.verification import Verification


def run_unlock(desk: Desk, typed: str) -> None:
    """Begins the row of wrong codes anew. Raises BadEntry, NotPermitted, also where nothing was counted."""
    account = one_form(typed)
    if account is None:
        raise BadEntry("that can't be an account's id: 1 to 64 letters, digits and . _ @ : -")
    member = desk.proven(Task.CHECK)
    with desk.database.work() as work:
        permitted(work, member.name, Task.CHECK)
        codes = Codes.of(desk.database.keyring)
        unlocked = Verification(work, codes, desk.clock()).unlock(account, f"staff:{member.id}")
    hint = Account(account).display_hint
    if not unlocked:
        raise NotPermitted(f"{hint}: no wrong codes are counted for it; nothing was changed")
    desk.console.print(f"{hint}: codes count again.", markup=False)
