"""A conversation as it went: what was said and what was answered, oldest first."""

import json
from datetime import datetime
from typing import NamedTuple

from bot.core.message import Address, Reply
from storage.engine import Database

TURNS_AT_MOST = 50


class Line(NamedTuple):
    """One message: the person's own (`reply` None, `text` masked as it is kept) or a reply. `id` is the delivery's, growing."""

    id: int
    at: datetime
    mine: bool
    reply: Reply | None
    text: str


def history_of(database: Database, address: Address, after: int = 0) -> list[Line]:
    """The last turns of this person, or with `after` only the replies younger than that delivery."""
    with database.read() as work:
        known = work.people.at(address.channel, address.user)
        if known is None:
            return []
        turns = work.conversations.turns(known, limit=TURNS_AT_MOST)
        sent = (
            work.deliveries.recent(known, TURNS_AT_MOST * 4)
            if after == 0
            else work.deliveries.history(known, after_id=after)
        )
    lines: list[Line] = []
    spoken = {f"turn:{turn.id}": turn for turn in turns} if after == 0 else {}
    for one in sent:
        if (turn := spoken.pop(one.cause, None)) and turn.text:
            lines.append(Line(one.id, turn.at, True, None, turn.text))
        lines.append(Line(one.id, one.created_at, False, Reply.from_data(json.loads(one.body)), ""))
    return lines
