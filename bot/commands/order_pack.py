"""`clausebot orders pack`: the audit pack of one order, written to a new file."""

import os
from contextlib import suppress
from pathlib import Path
from time import sleep

from bot.commands.order_desk import OrderDesk
from bot.commands.order_work import note_reading
from bot.core.audit import chain_new
from bot.core.audit_pack import Made, PackSeal, Put, Unchained, Wish, build
from bot.core.audit_pack_page import HTML_CODES
from bot.core.orders import Orders
from bot.core.package.files import PACKAGE_MOST, PackageTooBig
from bot.core.roles import BadEntry, NotPermitted, Task
from knowledge.errors import BrokenFile
from knowledge.library import load_policy
from storage.errors import StorageError

NOTED = "audit pack made"
TRIES, PAUSE = 20, 0.25
"""How often, and how many seconds apart, is looked whether the newest lines are chained: another process may be at it."""


def run_pack(
    desk: OrderDesk,
    number: str,
    to: Path,
    *,
    language: str = "",
    words: bool = True,
    files: bool = False,
    chain: bool = False,
) -> Made:
    """Makes the pack. That somebody does is in the trail before anything is read, and so in the pack itself."""
    if files and not words:
        raise BadEntry("--with-files: files are what people wrote; leave --without-words out")
    if language and language not in HTML_CODES:
        raise BadEntry(f"--language {language}: one of {', '.join(HTML_CODES)}")
    if to.exists():
        raise BadEntry(f"{to} is there already; nothing is overwritten")
    desk.desk.acting(Task.EXPORT)
    if words:
        desk.desk.acting(Task.READ)
    order = desk.look(number)
    company = _company(desk)
    member = desk.desk.proven(Task.EXPORT)
    with_what = " ".join(part for part, wanted in (("words", words), ("files", files), ("chain", chain)) if wanted)
    note_reading(desk, order, member, NOTED, with_what, counts=words)
    wish = Wish(language or order.language, words, files, chain)
    made = _written(desk, order.id, company, wish, to)
    say = desk.desk.console.print
    say(f"{order.number}: {made.entries} entries of the trail, up to number {made.head.seq}, in {to} ({made.size:,} bytes).",
        markup=False, soft_wrap=True)  # fmt: skip
    say(f"SHA-256 of the file: {made.sha256}", soft_wrap=True)
    say(f"Public key: {PackSeal(desk.desk.database.keyring).public_key}", soft_wrap=True)
    say(f"Whoever gets it checks it with: clausebot audit verify-pack {to}", markup=False, soft_wrap=True)
    return made


def _company(desk: OrderDesk) -> dict[str, str]:
    settings = desk.desk.settings
    try:
        policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
    except BrokenFile as bad:
        raise NotPermitted(str(bad)) from bad
    return dict(policy.name)


def _written(desk: OrderDesk, order_id: int, company: dict[str, str], wish: Wish, to: Path) -> Made:
    """Writes the file, readable by its owner alone; nothing is left of one that came to no end."""
    try:
        out = os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as bad:
        raise BadEntry(f"{to}: can't be written: {bad.strerror}") from bad
    try:
        with out:

            def put(_: int, piece: bytes) -> None:
                out.write(piece)

            return _built(desk, order_id, company, wish, put)
    except BaseException as broken:
        with suppress(OSError):
            to.unlink()
        if isinstance(broken, PackageTooBig):
            raise NotPermitted(
                f"the pack would have more than {PACKAGE_MOST:,} bytes; leave --with-files out"
            ) from broken
        if isinstance(broken, LookupError):
            raise NotPermitted(f"{broken.args[0]}: clausebot audit verify says more") from broken
        if isinstance(broken, OSError) and not isinstance(broken, StorageError):
            raise BadEntry(f"{to}: can't be written: {broken.strerror}") from broken
        raise


def _built(desk: OrderDesk, order_id: int, company: dict[str, str], wish: Wish, put: Put) -> Made:
    database = desk.desk.database
    for _ in range(TRIES):
        chain_new(database, desk.desk.clock)
        try:
            return build(
                database,
                lambda work, now: Orders(work, now, desk.deadlines, desk.ports(work, now)),
                order_id,
                company,
                wish,
                put,
            )
        except Unchained:
            sleep(PAUSE)
    raise NotPermitted("the newest lines of the trail are not chained yet; try again in a moment")
