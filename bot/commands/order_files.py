"""Files of orders: attached, saved here, and the export. What a file is, its content says, not its name."""

import sys
from itertools import chain
from pathlib import Path
from typing import Literal

from bot.commands.order_desk import OrderDesk, explain
from bot.commands.order_exporting import as_csv, as_json, write_new
from bot.commands.order_finding import Filters, all_of, wanted_of
from bot.commands.order_views import names_of, row_of
from bot.commands.order_work import signed, tell
from bot.core.file_kinds import FileKind, kind_of, tidy_file_name
from bot.core.handing_in import KINDS
from bot.core.order.guards import was_signed
from bot.core.order.papers import FILE_MOST
from bot.core.orders import Order, Orders, staff
from bot.core.package.unmasked import NotMaskable, masked_copy, shown_in
from bot.core.roles import BadEntry, NotPermitted, Task

SHOWN_MOST = 10
"""Places in a file that are named; whoever has more than that masks the whole of it."""


def run_attach(
    desk: OrderDesk, number: str, file: Path, *, for_person: bool, paper: bool = False, masked: bool = False
) -> None:
    """Puts a file on an order, under the kind that its content shows. `paper`: it shows who asks, and came by post or
    mail; `masked`: what must not go out as it is gets masked."""
    task = Task.READ_PAPERS if paper else Task.ATTACH_RESULT if for_person else Task.ATTACH
    member = desk.desk.acting(task)
    order = desk.look(number)
    if for_person and order.is_live and was_signed(order):
        with desk.reading() as orders:
            raise NotPermitted(explain(orders, order, "signed"))
    if file.exists() and not file.is_file():  # A pipe would be waited for, for ever.
        raise BadEntry(f"{file}: isn't a file")
    try:
        size = file.stat().st_size
        if size > FILE_MOST:
            raise BadEntry(f"{file.name}: {size:,} bytes; at most {FILE_MOST:,} can be attached")
        body = file.read_bytes()
    except OSError as bad:
        raise BadEntry(f"{file}: can't be read: {bad.strerror}") from bad
    kind = kind_of(body) if body else None
    if paper and kind not in KINDS:
        raise BadEntry(f"{file.name} is no PDF, JPEG or PNG; papers are taken as one of these")
    if kind is None or (for_person and not kind.for_person):
        what = (
            "empty" if not body else f"{kind.media_type}, which people aren't given" if kind else "of a kind not taken"
        )
        raise BadEntry(f"{file.name} is {what}. Taken: PDF, PNG, JPEG, ZIP, Word, Excel (no macros), JSON, text, CSV")
    name = tidy_file_name(file.name, kind)
    if for_person:
        body = _fit_to_go_out(desk, order, name, body, kind, masked=masked)

    def attach(orders: Orders, order: Order) -> Order:
        return orders.attach(order, staff(member.id), name, kind.media_type, body, internal=not for_person, paper=paper)

    whom = "as a paper" if paper else "for the person" if for_person else "for staff"
    says = f"Attached {whom}: {name}, {kind.media_type}, {len(body):,} bytes."
    if for_person or paper:
        signed(desk, order, task, attach, says)
    else:
        tell(desk, says, desk.move(order, member, task, attach))


def _fit_to_go_out(desk: OrderDesk, order: Order, name: str, body: bytes, kind: FileKind, *, masked: bool) -> bytes:
    """The file as the person may get it. Raises BadEntry where it shows what must be masked and `masked` isn't asked for."""
    if not (shown := shown_in(body, kind)):
        return body
    places = "; ".join(f"line {one.line}: {one.kind}" for one in shown[:SHOWN_MOST])
    more = f"; and {len(shown) - SHOWN_MOST} more" if len(shown) > SHOWN_MOST else ""
    if not masked:
        raise BadEntry(
            f"{name} shows what must be masked, so nothing was attached. {places}{more}. Mask it in the file, or have it "
            f"masked: clausebot orders attach {order.number} FILE --for-person --masked"
        )
    try:
        body = masked_copy(body, kind)
    except NotMaskable as not_by_us:
        raise BadEntry(
            f"{name} can't be masked by itself: a number would become a word. Mask it in the file. {places}{more}"
        ) from not_by_us
    desk.desk.console.print(f"Masked in what the person gets: {places}{more}.", markup=False, soft_wrap=True)
    return body


def run_file(desk: OrderDesk, number: str, id: int, to: Path) -> None:
    """Saves a file of an order. Papers that show who somebody is take the right to check them."""
    member = desk.desk.acting(Task.READ)
    order = desk.look(number)
    with desk.reading() as orders:
        wanted = next((file for file in orders.files(order) if file.id == id), None)
    if wanted is None:
        raise NotPermitted(f"{order.number} has no file {id}")
    if wanted.paper:
        member = desk.desk.acting(Task.READ_PAPERS)
    bodies: list[bytes] = []

    def read(orders: Orders, order: Order) -> None:
        bodies.append(orders.content(order, id, staff(member.id)))

    if to.exists():
        raise BadEntry(f"{to} is there already; nothing is overwritten")
    desk.move(order, member, Task.READ, read)
    _write(to, bodies[0])
    desk.desk.console.print(f"Saved {to} ({wanted.media_type}, {wanted.size:,} bytes).", markup=False)


def run_export(desk: OrderDesk, filters: Filters, *, form: Literal["csv", "json"], to: Path | None) -> None:
    """Writes all orders that the filters leave, and notes in the trail who did and how many."""
    member = desk.desk.acting(Task.EXPORT)
    wanted = wanted_of(desk, filters, member.id)
    with desk.reading() as orders:
        names = names_of(orders)
        rows = [row_of(orders, order, names) for order in all_of(orders, wanted)]
    columns = list(dict.fromkeys(chain.from_iterable(rows[:1]))) or ["number"]
    text = as_csv(rows, columns) if form == "csv" else as_json(rows)
    with desk.desk.database.work() as work:
        work.trail.add(desk.now, f"staff:{member.id}", "orders_exported", f"staff:{member.id}", f"{len(rows)} {form}")
    if to is None:
        sys.stdout.write(text)
        return
    # With the mark at its beginning a spreadsheet reads Chinese as UTF-8.
    _write(to, text.encode("utf-8-sig" if form == "csv" else "utf-8"))
    desk.desk.console.print(f"{len(rows):,} orders in {to}.", markup=False)


def _write(to: Path, body: bytes) -> None:
    try:
        write_new(to, body)
    except FileExistsError as there:
        raise BadEntry(f"{to} is there already; nothing is overwritten") from there
    except OSError as bad:
        raise BadEntry(f"{to}: can't be written: {bad.strerror}") from bad
