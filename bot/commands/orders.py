"""`clausebot orders`: work orders in the terminal. What a command needs is imported when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.commands.acting import As

orders = typer.Typer(
    help="Work orders: find, read and decide them. Everything done is in the trail under your name.",
    no_args_is_help=True,
)
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The order's number, KP-....-....")]
FromStdin = Annotated[
    bool,
    typer.Option("--totp-stdin", help="Read the one-time password from standard input. For scripts."),
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", "-s", help="verifying, open, in_progress, ...; several times; live (default) or all."),
]
Right = Annotated[str, typer.Option("--right", help="access, deletion, closure, ...")]
DueBefore = Annotated[str, typer.Option("--due-before", metavar="DAY", help="2026-03-31, or 3d: three days from now.")]
Mine = Annotated[bool, typer.Option("--mine", help="Only those that you took.")]
Search = Annotated[
    str, typer.Option("--search", help="A number or its beginning; an account's id; an e-mail address or phone number.")
]
Words = Annotated[str, typer.Option("--words", help="What the person reads.")]


@orders.command("list")
def orders_list(
    state: States = None,
    right: Right = "",
    due_before: DueBefore = "",
    mine: Mine = False,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Only those that nobody took.")] = False,
    undelivered: Annotated[
        bool,
        typer.Option("--undelivered", help="Only those that have ended, and whose result or answer reached nobody."),
    ] = False,
    search: Search = "",
    sort: Annotated[Literal["due", "received", "right", "state", "who"], typer.Option(help="In which order.")] = "due",
    limit: Annotated[int, typer.Option(min=1, max=5000, help="How many at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    me: As = "",
) -> None:
    """List orders under way, the earliest due first. Green: in time; yellow: half of it has passed; red: 80 % and more.

    Examples: clausebot orders list --mine    clausebot orders list --right deletion --due-before 3d
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_finding import Filters
    from bot.commands.order_work import run_list

    filters = Filters(state or (), right, due_before, mine, unassigned, search, undelivered)
    with at_order_desk(me) as desk:
        run_list(desk, filters, sort=sort, limit=limit, as_json=as_json)


@orders.command("show")
def orders_show(
    number: Number,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show what people wrote and the account's name. The trail notes it.")
    ] = False,
    me: As = "",
) -> None:
    """Show one order: dates, proof, hold, checklist, files, timeline, what is still missing and who may do it."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_show

    with at_order_desk(me) as desk:
        run_show(desk, number, reveal=reveal)


@orders.command("take")
def orders_take(number: Number, me: As = "") -> None:
    """Take an order: from now on you have it, and the person is told that somebody does."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_take

    with at_order_desk(me) as desk:
        run_take(desk, number)


@orders.command("release")
def orders_release(number: Number, me: As = "") -> None:
    """Give an order back, for somebody else to take."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_release

    with at_order_desk(me) as desk:
        run_release(desk, number)


@orders.command("check")
def orders_check(number: Number, me: As = "", totp_stdin: FromStdin = False) -> None:
    """Record that you checked who asks: their papers, or, where no portal is connected, themselves.

    Whoever checks can neither propose nor approve. Papers are deleted by it. Asks for your one-time password.
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_check

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_check(desk, number)


@orders.command("tick")
def orders_tick(
    number: Number,
    item: Annotated[str, typer.Argument(help="The item's key, as `show` lists it.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take the tick back.")] = False,
    me: As = "",
) -> None:
    """Tick an item of the order's checklist off."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_tick

    with at_order_desk(me) as desk:
        run_tick(desk, number, item, done=not undo)


@orders.command("approve")
def orders_approve(number: Number, me: As = "", totp_stdin: FromStdin = False) -> None:
    """Put your name to an order: the first of two people proposes, the second one approves. Asks for a one-time password.

    Nobody can be both, nor whoever checked who asks. With the second name a deletion goes on hold, and every contact of
    the account is told. Example: clausebot orders approve KP-7M2D-Q4XK --as ada
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_approve

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_approve(desk, number)


@orders.command("send-back")
def orders_send_back(
    number: Number,
    words: Annotated[str, typer.Option("--words", help="Why, for the one who proposed.")] = "",
    me: As = "",
) -> None:
    """Don't approve: the proposal is off, and the order goes on."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_send_back

    with at_order_desk(me) as desk:
        run_send_back(desk, number, words)


@orders.command("refuse")
def orders_refuse(
    number: Number,
    reason: Annotated[
        str, typer.Option("--reason", metavar="CODE", help="suspected_fraud, no_match, not_covered, ...")
    ],
    words: Words = "",
    me: As = "",
    totp_stdin: FromStdin = False,
) -> None:
    """Refuse an order, with a reason code and words for the person, who may ask for a second look.

    Codes: suspected_fraud, insufficient_verification, no_match, not_covered, outside_jurisdiction, too_many_requests,
    other. Asks for your one-time password.
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_refuse

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_refuse(desk, number, reason, words)


@orders.command("answer")
def orders_answer(number: Number, words: Words = "", me: As = "", totp_stdin: FromStdin = False) -> None:
    """End an order as its right asks for: answered in words, the package released, or noted as carried out.

    Asks for your one-time password where the right discloses, deletes or changes something.
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_answer

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_answer(desk, number, words)


@orders.command("announce")
def orders_announce(number: Number, me: As = "", totp_stdin: FromStdin = False) -> None:
    """Send a new link to a result that was released, when the first reached nobody or was lost. The old one stops working.

    Asks for your one-time password.
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_sending import run_announce

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_announce(desk, number)


@orders.command("extend")
def orders_extend(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why; the person reads it together with the new date.")],
    me: As = "",
    totp_stdin: FromStdin = False,
) -> None:
    """Move the date, where the rule that decides allows it. Asks for your one-time password."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_extend

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_extend(desk, number, reason)


@orders.command("pause")
def orders_pause(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="What we wait for from the person, who reads it.")],
    me: As = "",
    totp_stdin: FromStdin = False,
) -> None:
    """Stop the clock of our own promise while only the person can help on. Asks for your one-time password."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_pause

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_pause(desk, number, reason)


@orders.command("resume")
def orders_resume(number: Number, me: As = "") -> None:
    """Let the clock go on."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_resume

    with at_order_desk(me) as desk:
        run_resume(desk, number)


@orders.command("remark")
def orders_remark(
    number: Number,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What is to be noted.")],
    for_person: Annotated[bool, typer.Option("--for-person", help="Say it to the person, not among staff.")] = False,
    me: As = "",
) -> None:
    """Note something on an order."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_work import run_remark

    with at_order_desk(me) as desk:
        run_remark(desk, number, words, for_person=for_person)


@orders.command("attach")
def orders_attach(
    number: Number,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="At most 20 MB. Its kind is found out from its content.")
    ],
    for_person: Annotated[
        bool | None, typer.Option("--for-person/--internal", help="For the person's package, or for staff alone.")
    ] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="It shows who asks, and came by post or mail. Deleted after the check.")
    ] = False,
    masked: Annotated[
        bool,
        typer.Option("--masked", help="Mask numbers of documents and cards, passwords and keys in text, CSV, JSON."),
    ] = False,
    me: As = "",
    totp_stdin: FromStdin = False,
) -> None:
    """Put a file on an order, as one of --for-person, --internal, --paper. The first and the last ask for your
    one-time password.

    Text, CSV and JSON for the person are refused while they show numbers of documents or cards, passwords or keys;
    --masked attaches a masked copy instead. What is in PDF, ZIP, Word, Excel and pictures isn't looked at.
    """
    if (for_person is None) != paper:
        what = "Missing option: one of" if for_person is None else "Only one is possible of"
        raise typer.BadParameter(f"{what} --for-person, --internal, --paper")
    if masked and not for_person:
        raise typer.BadParameter("--masked goes with --for-person")
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_files import run_attach

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_attach(desk, number, file, for_person=bool(for_person), paper=paper, masked=masked)


@orders.command("file")
def orders_file(
    number: Number,
    id: Annotated[int, typer.Argument(metavar="ID", help="The file's number, as `show` lists it.")],
    to: Annotated[Path, typer.Option("--to", metavar="PATH", help="Where to; nothing is overwritten.")],
    me: As = "",
) -> None:
    """Save a file of an order here. The trail notes that you opened it."""
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_files import run_file

    with at_order_desk(me) as desk:
        run_file(desk, number, id, to)


@orders.command("certificate")
def orders_certificate(
    number: Number,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="PATH", help="A new file; otherwise it is printed.")
    ] = None,
    me: As = "",
) -> None:
    """Make the signed certificate of a deletion that was carried out. It names nobody; /certificate checks it."""
    from bot.commands.order_certificate import run_certificate
    from bot.commands.order_desk import at_order_desk

    with at_order_desk(me) as desk:
        run_certificate(desk, number, to)


@orders.command("pack")
def orders_pack(
    number: Number,
    to: Annotated[Path, typer.Option("--to", "-o", metavar="FILE.zip", help="A new file; nothing is overwritten.")],
    language: Annotated[
        str, typer.Option("--language", help="Of the page: en, zh or zh-Hant; otherwise the order's own.")
    ] = "",
    with_files: Annotated[
        bool, typer.Option("--with-files", help="Enclose attached files, but none that shows who somebody is.")
    ] = False,
    with_chain: Annotated[
        bool,
        typer.Option(
            "--with-chain", help="Enclose the chain from the order's first line to its end, others' included."
        ),
    ] = False,
    without_words: Annotated[
        bool, typer.Option("--without-words", help="Leave out what people wrote. So an auditor may make one, too.")
    ] = False,
    me: As = "",
    totp_stdin: FromStdin = False,
) -> None:
    """Make the audit pack of one order: one ZIP for an authority, with a page to read, the data, the trail and its hashes.

    Numbers of documents and cards, passwords and keys are masked; the account is a hint. Asks for your one-time password,
    and the trail notes your name. Checked with: clausebot audit verify-pack FILE.zip

    Example: clausebot orders pack KP-7M2D-Q4XK -o KP-7M2D-Q4XK.zip --as ada
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_pack import run_pack

    with at_order_desk(me, secrets_from_stdin=totp_stdin) as desk:
        run_pack(desk, number, to, language=language, words=not without_words, files=with_files, chain=with_chain)


@orders.command("export")
def orders_export(
    state: States = None,
    right: Right = "",
    due_before: DueBefore = "",
    mine: Mine = False,
    search: Search = "",
    form: Annotated[Literal["csv", "json"], typer.Option("--format", help="csv or json.")] = "csv",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="PATH", help="A new file; otherwise it is printed.")
    ] = None,
    me: As = "",
) -> None:
    """Write orders as CSV or JSON: dates, states, proof and decisions; nothing that people wrote, no account.

    Example: clausebot orders export --state all --to orders.csv
    """
    from bot.commands.order_desk import at_order_desk
    from bot.commands.order_files import run_export
    from bot.commands.order_finding import Filters

    filters = Filters(state or (), right, due_before, mine, False, search)
    with at_order_desk(me) as desk:
        run_export(desk, filters, form=form, to=to)
