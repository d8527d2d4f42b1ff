"""A conversation as it went: what was said and what was answered, oldest first."""

import json
from datetime import datetime
from typing import NamedTuple

from bot.core.message import Address, Reply
from storage.engine import Database

TURNS_AT_MOST = 50
REPLIES_AT_MOST = 4
"""Replies that a turn has at the most, or nearly so."""


class Line(NamedTuple):
    """One message: the person's own (`reply` None, `text` masked as it is kept) or a reply. `id` is the delivery's, growing."""

    id: int
    at: datetime
    mine: bool
    reply: Reply | None
    text: str


def history_of(database: Database, address: Address, after: int = 0) -> list[Line]:
    """The last turns of this person, or with `after` only what came after that delivery."""
    with database.read() as work:
        known = work.people.at(address.channel, address.user)
        if known is None:
            return []
        turns = work.conversations.turns(known, limit=TURNS_AT_MOST)
        kept = work.deliveries
        sent = kept.history(known, after_id=after) if after else kept.recent(known, TURNS_AT_MOST * REPLIES_AT_MOST)
        begun = {one.cause for one in kept.history(known, after_id=after - 1, limit=1)} if after else set()
    spoken = {f"turn:{turn.id}": turn for turn in turns}
    lines: list[Line] = []
    for one in sent:
        # The first reply of a turn brings the words it answers, unless an earlier reply of it was shown before.
        turn = spoken.pop(one.cause, None)
        if turn and turn.text and one.cause not in begun:
            lines.append(Line(one.id, turn.at, True, None, turn.text))
        lines.append(Line(one.id, one.created_at, False, Reply.from_data(json.loads(one.body)), ""))
    return lines
