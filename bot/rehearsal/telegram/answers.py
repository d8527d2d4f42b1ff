"""Answers to what waits for one: a pressed button, an inline query."""

from dataclasses import dataclass
from typing import Any

from bot.rehearsal.control import Control
from bot.rehearsal.journal import Call
from bot.rehearsal.telegram import entities
from bot.rehearsal.telegram.chats import Data
from bot.rehearsal.telegram.keyboards import inline_keyboard
from bot.rehearsal.telegram.parameters import Parameters
from bot.rehearsal.telegram.refusal import bad

TEXT_UNITS = 4096
QUERY_LIVES = 15 * 60
"""Seconds in which a callback query may be answered; an inline query is answered sooner. Not published: measured by bots."""


@dataclass(slots=True)
class Query:
    """A pressed button or an inline query that waits for its answer."""

    person: int
    at: float
    answer: Data | None = None


class Answers:
    """`waiting` are the queries by id, answered or not."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.waiting: dict[str, Query] = {}

    async def answer_callback(self, given: Parameters, call: Call) -> bool:
        query = self._query(given.text("callback_query_id"))
        if entities.units(given.text("text")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        query.answer = {"text": given.text("text"), "show_alert": given.yes("show_alert"), "url": given.text("url")}
        call.effect = True
        return True

    async def answer_inline(self, given: Parameters, call: Call) -> bool:
        query = self._query(given.text("inline_query_id"))
        results = given.data("results", "inline query results")
        if not isinstance(results, list):
            raise bad("can't parse inline query results: Expected an Array of InlineQueryResult")
        if len(results) > 50:
            raise bad("RESULTS_TOO_MUCH")
        names = [_inline_result(result) for result in results]
        if len(set(names)) < len(names):
            raise bad("RESULT_ID_DUPLICATE")
        query.answer = {"results": results, "next_offset": given.text("next_offset")}
        call.effect = True
        return True

    def _query(self, name: str) -> Query:
        query = self.waiting.get(name)
        now = self._control.clock().timestamp()
        if query is None or query.answer is not None or query.at < now - QUERY_LIVES:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        return query


def _inline_result(result: Any) -> str:
    """The id of one inline result. Raises Refusal when a field is missing."""
    if not isinstance(result, dict) or not isinstance(result.get("type"), str):
        raise bad("can't parse inline query result: Can't find field \"type\"")
    name = str(result.get("id", ""))
    if not 1 <= len(name.encode("utf-8", "replace")) <= 64:
        raise bad("RESULT_ID_INVALID")
    if result["type"] == "article":
        if not result.get("title"):
            raise bad('can\'t parse inline query result: Field "title" is empty')
        content = result.get("input_message_content")
        if not isinstance(content, dict):
            raise bad("can't parse inline query result: Can't find field \"input_message_content\"")
        if "message_text" in content:
            text, _ = entities.parse(str(content["message_text"]), str(content.get("parse_mode", "")))
            if not 1 <= entities.units(text) <= TEXT_UNITS:
                raise bad("MESSAGE_TOO_LONG" if text else "message text is empty")
        inline_keyboard(result.get("reply_markup"))
    return name
