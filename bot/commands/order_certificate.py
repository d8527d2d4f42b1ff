"""`clausebot orders certificate`: the certificate of a deletion, printed or written to a file."""

import sys
from pathlib import Path

from bot.commands.order_desk import OrderDesk, explain, get
from bot.commands.order_exporting import write_new
from bot.core.certificates import Certificates
from bot.core.orders import NotAllowed
from bot.core.roles import BadEntry, NotPermitted, Task
from knowledge.errors import BrokenFile
from knowledge.library import load_policy


def run_certificate(desk: OrderDesk, number: str, to: Path | None) -> None:
    """Makes the certificate of an order that was carried out; the trail notes that it was given out."""
    member, settings = desk.desk.acting(Task.EXPORT), desk.desk.settings
    try:
        company = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir).name
    except BrokenFile as bad:
        raise NotPermitted(str(bad)) from bad
    with desk.desk.database.work() as work:
        orders = desk.orders(work)
        order = get(orders, number)
        try:
            text = Certificates(work.keyring, company).make(work, order)
        except NotAllowed as refused:
            raise NotPermitted(explain(orders, order, refused.why)) from refused
        work.trail.add(desk.now, f"staff:{member.id}", "certificate made", order.thing)
    if to is None:
        sys.stdout.write(text)
        return
    try:
        write_new(to, text.encode())
    except FileExistsError as there:
        raise BadEntry(f"{to} is there already; nothing is overwritten") from there
    except OSError as bad:
        raise BadEntry(f"{to}: can't be written: {bad.strerror}") from bad
    desk.desk.console.print(f"The certificate of {order.number} is in {to}.", markup=False)
