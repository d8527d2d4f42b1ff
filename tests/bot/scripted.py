"""A scripted assistant behind the real web pages: it answers from the policy by keyword and keeps its conversations."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.types import ASGIApp

from bot.channels.web import Entry, WebChat
from bot.core.message import Address, Choice, Citation, InboundMessage, Reply
from bot.policy_pages import PolicyPages
from bot.web import make_app
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy

KEY = b"only for tests, thirty-two bytes"
DATES = {"en": "15 December 2023", "zh": "2023年12月15日"}


@dataclass
class Scripted:
    """`heard` is every message that came through the door; `pause` how long a turn takes; `fails`: turns break."""

    policy: PolicyVersion = field(default_factory=lambda: load_policy("kenpai"))
    heard: list[InboundMessage] = field(default_factory=list)
    kept: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, list[Reply]] = field(default_factory=dict)
    pause: float = 0.0
    fails: bool = False
    keeps: bool = True

    async def door(self, message: InboundMessage) -> Sequence[Reply]:
        """One turn. A repeated message has no second effect and gets its replies again."""
        self.heard.append(message)
        await asyncio.sleep(self.pause)
        if self.fails:
            raise RuntimeError("the scripted door was told to fail")
        if message.key in self.done:
            return self.done[message.key]
        language = "zh" if any("\u4e00" <= c <= "\u9fff" for c in message.text) else "en"
        reply = self.answer(message, language)
        self.done[message.key] = [reply]
        if self.keeps:
            if not (message.choice or "").startswith("rate:"):
                self.keep(message.sender, None, message.text.replace("hunter2", "[secret]") or f"({message.choice})")
            self.keep(message.sender, reply)
        return [reply]

    def keep(self, address: Address, reply: Reply | None, text: str = "") -> None:
        """Adds an entry to a visitor's conversation."""
        rows = self.kept[address.user]
        rows.append(
            Entry(
                len(rows) + 1,
                datetime(2026, 3, 2, 9, 30, tzinfo=UTC) + timedelta(minutes=len(rows)),
                reply is None,
                reply,
                text,
            )
        )

    def answer(self, message: InboundMessage, language: str) -> Reply:
        """What the script says."""
        choice = message.choice or ""
        if choice.startswith("rate:"):
            return Reply("Thank you.", language=language)
        if "copy" in message.text or choice == "law:pipl.45":
            article = self.policy.law["pipl.45"]
            silent = f"The policy doesn't say.\n\n{article.plain[language]}"
            return Reply(
                silent,
                (Choice("Browse", "menu"),),
                (Citation(article.id, article.citation[language], "law"),),
                language=language,
            )
        if "which" in message.text:
            offered = [
                Choice(self.policy.clauses[i].heading[language], f"ask:{i}") for i in ("privacy.7.4", "privacy.5.3")
            ]
            return Reply("Which of these do you mean?", tuple(offered), language=language)
        kind, _, named = choice.partition(":")
        clause = self.policy.clauses[named if kind in ("clause", "ask") else "privacy.7.4"]
        return Reply(
            clause.plain[language],
            (
                Choice("This helped", "rate:up:K7P29QXD"),
                Choice("This didn't help", "rate:down:K7P29QXD"),
                Choice("Reports to the authorities", "clause:privacy.7.5"),
            ),
            (Citation(clause.id, clause.citation[language], "policy", DATES[language]),),
            "K7P29QXD",
            language,
        )

    def history(self, address: Address, after: int) -> list[Entry]:
        """What is kept of one visitor."""
        return [entry for entry in self.kept[address.user] if entry.id > after]

    def chat(self, *, public: bool = False, older: Sequence[PolicyVersion] = (), looks_every: float = 20.0) -> WebChat:
        """The web chat before this script."""
        return WebChat(
            self.policy,
            signing_key=KEY,
            history=self.history,
            public=public,
            older=older,
            looks_every=timedelta(seconds=looks_every),
        )

    def web(self, *, public: bool = False, versions: Sequence[PolicyVersion] = ()) -> ASGIApp:
        """The whole application before this script."""
        pages = PolicyPages(tuple(versions) or (self.policy,), public=public)
        return make_app([self.chat(public=public, older=versions[:-1])], self.door, pages, public=public)
