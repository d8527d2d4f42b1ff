"""`clausebot doctor`: what is well, what isn't, and what to do."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.commands.doctor_audit import audit_findings
from bot.commands.doctor_lines import code_findings, line_findings
from bot.commands.doctor_rights import account_findings, staff_mail_findings
from bot.core.errors import Misconfigured
from bot.core.finding import Finding
from bot.platforms import telegram_settings, wechat_settings
from bot.settings import Settings, read
from knowledge.errors import BrokenFile
from storage.engine import Database
from storage.errors import StorageError

LEAST_FREE = 500 * 1024 * 1024
"""Bytes of free disk below which the doctor warns."""
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock before this program was written is wrong."""
LIVE_SECONDS = 15.0
"""How long a platform may take to answer before that is a finding of its own."""

State = Literal["ok", "warning", "wrong"]


def run_doctor(*, offline: bool = False) -> None:
    """Prints a table of findings and a last line that sums up; exit code 2 when something is wrong."""
    found = list(examine(offline=offline))
    table = Table(show_header=False, box=None, padding=(0, 1))
    for _ in range(3):
        table.add_column(overflow="fold")  # A path must be whole to be copied.
    colours = {"ok": "green", "warning": "yellow", "wrong": "red"}
    for finding in found:
        # As text, so that [brackets] of a file or a platform are no markup.
        table.add_row(Text(finding.state, style=colours[finding.state]), Text(finding.what), Text(finding.says))
    wrong, warnings = (sum(finding.state == state for finding in found) for state in ("wrong", "warning"))
    counts = [_count(n, what) for n, what in ((wrong, "mistake"), (warnings, "warning")) if n]
    console = Console()
    console.print(table)
    console.print(f"\n {', '.join(counts) or 'All is well'}.")
    if wrong:
        sys.exit(2)


def _first(problems: list[str], lists_all: str) -> str:
    """The first of several problems, and how to see the others."""
    return problems[0] + (f" ({len(problems) - 1} more: {lists_all})" if len(problems) > 1 else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def examine(*, offline: bool = False) -> Iterator[Finding]:
    """Everything the program needs, in order; what needs no settings also where the settings are wrong.

    With `offline` no platform is asked, and none of the company's systems.
    """
    try:
        settings = read()
    except Misconfigured as bad:
        yield from (Finding("settings", "wrong", problem) for problem in bad.problems)
        for look in (_wording, _clock):
            yield from _safely(look, Settings())
        yield Finding("the rest", "warning", "not looked at: correct the settings first")
        return
    where = "" if Path(".env").exists() else "; no .env here, so defaults and the environment count"
    yield Finding("settings", "ok", f"all known and in range{where}")
    for look in (_knowledge, _wording, _matcher, _topics, _database):
        yield from _safely(look, settings)
    yield from _safely(audit_findings, settings, "audit")
    yield from _safely(staff_mail_findings, settings, "staff mail")
    yield from _safely(account_findings, settings, "accounts")
    for look in (_disk, _clock, _address, _platforms):
        yield from _safely(look, settings)
    yield from _safely(lambda settings: line_findings(settings, offline), settings, "company's systems")
    yield from _safely(code_findings, settings, "codes")
    yield from _safely(lambda settings: _live(settings, offline), settings, "platforms")


def _safely(look: Callable[[Settings], Iterator[Finding]], settings: Settings, name: str = "") -> Iterator[Finding]:
    what = name or look.__name__.strip("_").replace("_", " ")
    try:
        yield from look(settings)
    except Misconfigured as bad:
        yield from (Finding(what, "wrong", problem) for problem in bad.problems)
    except (BrokenFile, StorageError) as bad:
        yield Finding(what, "wrong", str(bad))
    except OSError as bad:
        where = f"{bad.filename}: " if bad.filename else ""
        yield Finding(what, "wrong", f"{where}{bad.strerror or type(bad).__name__}. Check its place, owner and rights")
    except Exception as bad:
        # Only its kind: the words of a mistake that nobody foresaw may hold a token.
        yield Finding(what, "wrong", f"couldn't be looked at ({type(bad).__name__}). Please report this")


def _knowledge(settings: Settings) -> Iterator[Finding]:
    from knowledge.checking import check
    from knowledge.library import load_policy

    policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
    problems = check(policy.folder, extra=settings.knowledge_dir)
    errors = [str(problem).replace(": error: ", ": ", 1) for problem in problems if problem.is_error]
    doubts = [str(problem).replace(": warning: ", ": ", 1) for problem in problems if not problem.is_error]
    if errors:
        yield Finding("knowledge", "wrong", _first(errors, "python -m knowledge check"))
    if doubts:
        yield Finding("knowledge", "warning", _first(doubts, "python -m knowledge check"))
    if not errors:
        imported = sum(bool(clause.official) for clause in policy.clauses.values())
        counts = f"{len(policy.clauses)} clauses, {len(policy.law)} law articles, official wording for {imported}"
        yield Finding("knowledge", "ok", f"{policy.company} {policy.date}: {counts}")


def _wording(settings: Settings) -> Iterator[Finding]:
    """What the bot says and what its pages say."""
    from bot.look import texts
    from intents.catalogue import gaps
    from intents.wording import Wording

    wording = Wording.load()
    for language in wording.languages:
        texts(language)
    if missing := gaps(wording):
        yield Finding(
            "wording", "wrong", f"{_first(missing, 'python -m intents check')}. Restore it, or write the text"
        )
    else:
        yield Finding("wording", "ok", f"complete in {', '.join(wording.languages)}")


def _matcher(settings: Settings) -> Iterator[Finding]:
    from intents.recogniser import Recogniser, trained_file
    from intents.training import is_stale
    from knowledge.library import load_policy, phrasings

    policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
    Recogniser.load(policy)  # Raises BrokenFile for a damaged file.
    remedy = f"Train: python -m intents train --company {settings.company} (needs make setup-dev)"
    for language in policy.languages:
        if not trained_file(policy, language).exists():
            if phrasings(policy, language):
                yield Finding("matcher", "warning", f"{language}: not trained on its phrasings yet. {remedy}")
            else:
                yield Finding("matcher", "ok", f"{language}: no phrasings, so it goes by the clauses' own words")
        elif is_stale(policy, language):
            yield Finding("matcher", "warning", f"{language}: trained on other wording than there is now. {remedy}")
        else:
            yield Finding("matcher", "ok", f"{language}: trained on the present wording")


def _topics(settings: Settings) -> Iterator[Finding]:
    """The bundled topics, which help policies that have no phrasings; learned from the bundled policy."""
    from zipfile import BadZipFile

    from knowledge.library import LANGUAGES, load_policy
    from knowledge.topic_material import are_stale
    from knowledge.topics import topics

    remedy = "Train: python -m knowledge.topic_training (needs make setup-dev)"
    bundled = load_policy(str(Settings.model_fields["company"].default))
    found = []
    for language in LANGUAGES:
        try:
            if topics(language) is None:
                found.append(Finding("topics", "warning", f"{language}: the trained file is missing. {remedy}"))
            elif are_stale(bundled, language):
                why = "trained on other wording than there is now"
                found.append(Finding("topics", "warning", f"{language}: {why}. {remedy}"))
        except (OSError, ValueError, KeyError, BadZipFile):
            found.append(
                Finding("topics", "wrong", f"{language}: the trained file is damaged. Restore it, or: {remedy}")
            )
    yield from found or [Finding("topics", "ok", "trained on the present wording")]


def _database(settings: Settings) -> Iterator[Finding]:
    from bot.app import open_database

    database = open_database(settings)
    try:
        facts = database.facts
        yield Finding("keys", "ok", f"{settings.key_file} opens; keep a copy apart from the database")
        yield Finding(
            "database",
            "ok",
            f"{facts.kind} {facts.version}, journal {facts.journal_mode}, synchronous {facts.synchronous}. {facts.why}",
        )
        with database.read() as work:
            held = work.quarantine.count()
        if held:
            could = f"{_count(held, 'message')} could not be handled; look at the log from that time"
            yield Finding("quarantine", "warning", could)
    finally:
        database.close()


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.key_file.parent if settings.key_file.parent.exists() else Path(".")
    free = shutil.disk_usage(place).free
    state: State = "ok" if free >= LEAST_FREE else "warning"
    yield Finding(
        "disk", state, f"{free / 1e9:.1f} GB free" + ("" if state == "ok" else "; make room before the database stops")
    )


def _clock(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    if now < EARLIEST:
        yield Finding("clock", "wrong", f"says {now:%Y-%m-%d}, which is before this program was written; set it (NTP)")
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")


def _address(settings: Settings) -> Iterator[Finding]:
    if not settings.public_url:
        fine = "CLAUSEBOT_PUBLIC_URL is empty: fine for trying out, needed before people use it, and for every result and deletion"
        yield Finding("web", "warning", fine)
    elif not settings.public_url.startswith("https://"):
        yield Finding("web", "warning", "CLAUSEBOT_PUBLIC_URL is not https: chats would travel in the clear")
    else:
        yield Finding("web", "ok", settings.public_url)


def _platforms(settings: Settings) -> Iterator[Finding]:
    if settings.telegram_token.get_secret_value():
        problems = telegram_settings(settings).problems()
        yield from (Finding("telegram", "wrong", problem) for problem in problems)
        if not problems:
            yield Finding(
                "telegram", "ok", f"{settings.telegram_mode}; `clausebot telegram webhook-info` asks Telegram"
            )
    else:
        yield Finding("telegram", "ok", "off: TELEGRAM_TOKEN is empty")
    if not settings.wechat_app_id:
        yield Finding("wechat", "ok", "off: WECHAT_APP_ID is empty")
        return
    try:
        wechat_settings(settings)
    except Misconfigured as bad:
        yield from (Finding("wechat", "wrong", problem) for problem in bad.problems)
        return
    if settings.wechat_plain_mode:
        plain = "WECHAT_PLAIN_MODE takes unencrypted pushes: whoever sees one signed address can forge messages"
        yield Finding("wechat", "warning", f"{plain}. Switch WeChat's console to safe mode and this off")
    else:
        yield Finding("wechat", "ok", "safe mode; `clausebot wechat menu show` asks WeChat")


def _live(settings: Settings, offline: bool) -> Iterator[Finding]:
    """What the platforms themselves say, of those that are on and whose settings are sound."""
    from bot.app import open_database

    on: dict[str, Any] = {}
    if settings.telegram_token.get_secret_value() and not telegram_settings(settings).problems():
        on["telegram"] = telegram_settings(settings)
    if settings.wechat_app_id:
        with suppress(Misconfigured):  # Told by _platforms.
            on["wechat"] = wechat_settings(settings)
    for name, own in on.items():
        if find_spec(f"bot.channels.{name}.checks") is None:
            continue
        if offline:
            yield Finding(name, "ok", "not asked: --offline")
            continue
        with suppress(StorageError), closing(open_database(settings)) as database:  # Told by _database.
            yield from _ask(name, own, database)


def _ask(name: str, own: Any, database: Database) -> Iterator[Finding]:
    """What `async def check(settings, database) -> Iterable[Finding]` of bot/channels/<name>/checks.py finds out, given
    the channel's own settings and the open database."""

    async def ask() -> Iterable[Finding]:
        check = import_module(f"bot.channels.{name}.checks").check
        found: Iterable[Finding] = await asyncio.wait_for(check(own, database), LIVE_SECONDS)
        return found

    try:
        yield from asyncio.run(ask())
    except TimeoutError:
        says = f"gave no answer in {LIVE_SECONDS:.0f} seconds: check network and proxy, or leave it out: --offline"
        yield Finding(name, "wrong", says)
    except Exception as bad:  # Only its kind: a platform's address may hold a token.
        yield Finding(name, "wrong", f"couldn't be asked ({type(bad).__name__}): check network and proxy, or --offline")
