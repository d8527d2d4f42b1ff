"""The composition root: everything is put together here and nowhere else."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from bot.channels.web import Entry, WebChat
from bot.core.assistant import Assistant
from bot.core.channel import Channel, Door
from bot.core.clock import Clock, system_clock
from bot.core.delivery import Sender
from bot.core.errors import Misconfigured
from bot.core.history import history_of
from bot.core.message import Address
from bot.inbox import Inbox
from bot.look import texts
from bot.platforms import platforms
from bot.policy_pages import PolicyPages
from bot.request_desk import RequestDesk, request_desk
from bot.settings import Settings
from bot.web import make_app
from intents.catalogue import gaps
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.library import LANGUAGES, load_policy, versions
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import CannotOpen, StorageError

PROBLEMS_AT_MOST = 5
"""Gaps in the wording that are told at start; `python -m intents check` lists all."""


@dataclass(frozen=True, slots=True)
class App:
    """One running assistant. `web` is its ASGI application."""

    settings: Settings
    policy: PolicyVersion
    wording: Wording
    recogniser: Recogniser
    database: Database
    assistant: Assistant
    inbox: Inbox
    channels: tuple[Channel, ...]
    senders: dict[str, Sender]
    web: ASGIApp
    desk: RequestDesk
    clock: Clock

    @property
    def polls(self) -> list[Callable[[Door], Coroutine[None, None, None]]]:
        """What fetches messages, of the channels that have to ask for them."""
        if self.settings.telegram_mode != "polling":
            return []
        return [poll for channel in self.channels if (poll := getattr(channel, "poll", None))]

    def close(self) -> None:
        """Lets the turns under way end, then closes the database."""
        self.inbox.close()
        self.desk.close()
        self.database.close()


def build(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    channels: tuple[Channel, ...] = (),
    pages: Sequence[BaseRoute] = (),
) -> App:
    """The assistant that `settings` describe, with further `channels` and `pages`. Raises Misconfigured."""
    try:
        policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
        wording = Wording.load()
        recogniser = Recogniser.load(policy)
        if problems := gaps(wording):
            raise Misconfigured(problems[:PROBLEMS_AT_MOST])
        unworded = [c.id for c in policy.clauses.values() if set(c.plain) < set(LANGUAGES) or not all(c.plain.values())]
        if unworded:
            what = f"{len(unworded)} clauses lack their wording in a language, first {unworded[0]}"
            raise BrokenFile(policy.folder, what, "`python -m knowledge check` lists them")
        for language in wording.languages:
            texts(language)  # So that a broken file is found now, not at the first page.
        database = open_database(settings)
    except (BrokenFile, StorageError) as bad:
        raise Misconfigured([str(bad)]) from bad
    with ExitStack() as opened:  # Where something of the rest is wrong, nothing stays open.
        opened.callback(database.close)
        desk = request_desk(settings, database, policy, wording, clock)
        opened.callback(desk.close)
        unpaced = frozenset(channel.name for channel in channels)
        assistant = Assistant(database, policy, recogniser, wording, clock, unpaced=unpaced, requests=desk.requests)

        def history(address: Address, after: int) -> list[Entry]:
            return [Entry(*line) for line in history_of(database, address, after)]

        public = settings.public_url.startswith("https")
        dates = versions(policy.company, extra=settings.knowledge_dir)
        every_version = [load_policy(policy.company, day, extra=settings.knowledge_dir) for day in dates]
        chat = WebChat(
            policy,
            signing_key=database.keyring.signing,
            history=history,
            public=public,
            older=every_version[:-1],
            now=clock,
        )
        senders: dict[str, Sender] = {}
        inbox = Inbox(assistant, senders, in_place=frozenset({chat.name}))
        opened.callback(inbox.close)
        every = (
            chat,
            *channels,
            *desk.channels,
            *platforms(settings, database, policy, wording, recogniser, clock, inbox),
        )
        senders.update({channel.name: Sender(database, channel, clock) for channel in every})
        policy_pages = PolicyPages(every_version, public=public)

        async def database_answers() -> None:
            await asyncio.to_thread(_ask, database)

        checks = {"database": database_answers}
        web = make_app(every, inbox.put, policy_pages, public=public, checks=checks, more=(*desk.routes, *pages))
        app = App(settings, policy, wording, recogniser, database, assistant, inbox, every, senders, web, desk, clock)
        opened.pop_all()
    return app


def _ask(database: Database) -> None:
    with database.read() as work:
        work.quarantine.count()


def open_database(settings: Settings) -> Database:
    """The database with the installation's keys, which are made at the first start.

    Raises StorageError, also when the key file is not the one that this database was written with.
    """
    is_new = not settings.key_file.exists()
    keyring = Keyring.new() if is_new else Keyring.read(settings.key_file)
    database = Database.open(settings.database_url, keyring)
    with database.read() as work:
        fits = work.people.opens()
    if not fits:
        database.close()
        what = "is missing" if is_new else "belongs to another installation"
        raise CannotOpen(
            f"{settings.key_file}: the key file {what}; nothing in this database opens without its own. Restore it from its backup"
        )
    if is_new:
        keyring.write(settings.key_file)
    return database
