"""Mail to a mailbox of the company's own: anchors of the audit trail, and alarms to staff.

It goes the way of every other mail: queued in the transaction of what it tells, sent by the pump of a running program,
tried again for a day. What became of it can be looked up.
"""

import json
from datetime import datetime

from bot.core.message import Reply
from storage.stores.claims import Lane
from storage.stores.deliveries import Fared
from storage.work import Work

CHANNEL = "email"
"""The channel of bot/channels/email.py."""


def queue_mail(work: Work, mailbox: str, cause: str, text: str, now: datetime, lane: Lane = "order") -> None:
    """Queues one mail; the first line of `text` is its subject. `cause` is its own: the same cause never comes twice."""
    there = work.people.meet(CHANNEL, mailbox, now, "en")
    work.people.touch(there.id, now)  # Or the mailbox would be forgotten as somebody who hasn't been heard of.
    if work.deliveries.fared(there, cause):
        return
    body = json.dumps(Reply(text, reference=cause).as_data(), ensure_ascii=False).encode("utf-8", "surrogatepass")
    work.deliveries.add(there, cause, [body], now, lane=lane)


def last_mail(work: Work, mailbox: str, beginning: str) -> Fared | None:
    """What became of the last mail whose cause begins so; None where there was none, or it is long forgotten."""
    there = work.people.at(CHANNEL, mailbox)
    found = work.deliveries.fared(there, beginning) if there else []
    return found[0] if found else None
