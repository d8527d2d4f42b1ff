"""Inline mode: @ourbot and a few words, in any chat, offer the clauses they mean, each in plain words with its citation.

Needs no database and keeps nothing. The language is that of the words alone, for Telegram shows the answer to everyone
who types the same.
"""

from collections.abc import Sequence

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
)
from telegram.helpers import create_deep_linked_url

from bot.channels.telegram import words
from bot.channels.telegram.drawing import parts
from bot.core.message import Reply
from bot.core.voice import Voice
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import Clause, PolicyVersion

RESULTS_MAX = 5
TEASER = 120
"""Characters of a clause that its line in the list shows."""
READ_AT_MOST = 256
"""Characters of the words that are read. Source: Bot API, InlineQuery."""


class Offers:
    """Finds clauses for inline queries. Safe to call from several threads."""

    def __init__(self, policy: PolicyVersion, wording: Wording, recogniser: Recogniser) -> None:
        self._policy, self._recogniser = policy, recogniser
        self._voices = {language: Voice(wording, policy, language) for language in words.LANGUAGES}

    def offers(self, asked: str, username: str) -> list[InlineQueryResultArticle]:
        """At most five clauses for `asked`, best first; none for nothing or for what the policy doesn't cover."""
        asked = asked[:READ_AT_MOST].strip()
        language = words.language_of_text(asked)
        return [self._result(clause, language, username) for clause in self._found(asked, language)]

    def _found(self, asked: str, language: str) -> Sequence[Clause]:
        clauses = self._policy.clauses
        if clause := clauses.get(asked.lower()):
            return [clause]
        recognised = self._recogniser.recognise(asked, language=language)
        return [clauses[key] for key in recognised.clauses[:RESULTS_MAX] if key in clauses]

    def _result(self, clause: Clause, language: str, username: str) -> InlineQueryResultArticle:
        voice = self._voices[language]
        said = Reply(f"{voice.heading(clause)}\n\n{voice.plain(clause)}", (), (voice.citation(clause),), "", language)
        plain = voice.plain(clause)
        return InlineQueryResultArticle(
            id=clause.id,
            title=f"{voice.heading(clause)} · {voice.citation(clause).label}",
            description=plain if len(plain) <= TEASER else plain[: TEASER - 1] + "…",
            input_message_content=InputTextMessageContent(
                parts(said)[0], link_preview_options=LinkPreviewOptions(is_disabled=True)
            ),
            reply_markup=_back(clause, language, username),
        )


def start_parameter(clause_id: str) -> str:
    """What a deep link to a clause carries: "clause_privacy-7-4". Telegram allows no dots there, only A-Z a-z 0-9 _ -."""
    return "clause_" + clause_id.replace(".", "-")


def _back(clause: Clause, language: str, username: str) -> InlineKeyboardMarkup | None:
    if not username:
        return None
    address = create_deep_linked_url(username, start_parameter(clause.id))
    return InlineKeyboardMarkup([[InlineKeyboardButton(words.say("clause_button", language), url=address)]])
