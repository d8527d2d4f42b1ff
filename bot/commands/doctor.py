"""`clausebot doctor`: what is well, what isn't, and what to do."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bot.core.errors import Misconfigured
from bot.platforms import telegram_settings, wechat_settings
from bot.settings import Settings, read
from knowledge.errors import BrokenFile
from storage.errors import StorageError

LEAST_FREE = 500 * 1024 * 1024
"""Bytes of free disk below which the doctor warns."""
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock before this program was written is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    state: Literal["ok", "warning", "wrong"]
    says: str


def run_doctor() -> None:
    """Prints a table of findings; exit code 2 when something is wrong."""
    found = list(examine())
    table = Table(show_header=False, box=None, padding=(0, 1))
    signs = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]", "wrong": "[red]wrong[/red]"}
    for finding in found:
        table.add_row(signs[finding.state], finding.what, finding.says)
    Console().print(table)
    if any(finding.state == "wrong" for finding in found):
        sys.exit(2)


def examine() -> Iterator[Finding]:
    """Settings first; without them nothing else can be looked at."""
    try:
        settings = read()
    except Misconfigured as bad:
        yield from (Finding("settings", "wrong", problem) for problem in bad.problems)
        return
    yield Finding(
        "settings",
        "ok",
        "all known and in range"
        + ("" if Path(".env").exists() else "; no .env here, so defaults and the environment count"),
    )
    for look in (_knowledge, _matcher, _keys_and_database, _disk, _clock, _address, _platforms):
        yield from _safely(look, settings)


def _safely(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except (BrokenFile, StorageError, OSError) as bad:
        yield Finding(look.__name__.strip("_").replace("_", " "), "wrong", str(bad))


def _knowledge(settings: Settings) -> Iterator[Finding]:
    from knowledge.checking import check
    from knowledge.library import load_policy

    policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
    problems = check(policy.folder, extra=settings.knowledge_dir)
    if problems:
        yield Finding(
            "knowledge",
            "warning",
            f"{len(problems)} findings, first: {problems[0]}. `python -m knowledge check` lists all",
        )
    imported = sum(bool(clause.official) for clause in policy.clauses.values())
    yield Finding(
        "knowledge",
        "ok",
        f"{policy.company} {policy.date}: {len(policy.clauses)} clauses, {len(policy.law)} law articles, official wording for {imported}",
    )


def _matcher(settings: Settings) -> Iterator[Finding]:
    from intents.training import is_stale
    from knowledge.library import load_policy

    policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
    stale = [language for language in policy.languages if is_stale(policy, language)]
    if stale:
        yield Finding(
            "matcher",
            "warning",
            f"{', '.join(stale)}: trained on other wording than there is now. Train again: python -m intents train",
        )
    else:
        yield Finding("matcher", "ok", "trained on the present wording")


def _keys_and_database(settings: Settings) -> Iterator[Finding]:
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
            yield Finding(
                "quarantine", "warning", f"{held} messages could not be handled; look at the log from that time"
            )
    finally:
        database.close()


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.key_file.parent if settings.key_file.parent.exists() else Path(".")
    free = shutil.disk_usage(place).free
    state: Literal["ok", "warning"] = "ok" if free >= LEAST_FREE else "warning"
    yield Finding(
        "disk", state, f"{free / 1e9:.1f} GB free" + ("" if state == "ok" else "; make room before the database stops")
    )


def _clock(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    if now < EARLIEST:
        yield Finding("clock", "wrong", f"says {now:%Y-%m-%d}, which is before this program was written; set it (NTP)")
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")


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


def _address(settings: Settings) -> Iterator[Finding]:
    if not settings.public_url:
        yield Finding(
            "web", "warning", "CLAUSEBOT_PUBLIC_URL is empty: fine for trying out, needed before people use it"
        )
    elif not settings.public_url.startswith("https://"):
        yield Finding("web", "warning", "CLAUSEBOT_PUBLIC_URL is not https: chats would travel in the clear")
    else:
        yield Finding("web", "ok", settings.public_url)
