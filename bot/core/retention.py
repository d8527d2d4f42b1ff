"""What is forgotten when. Each limit is the most we keep; the policy keeps data only as long as needed (privacy.7.2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.contacts import SETTLED_AFTER
from storage.engine import Database

TALK = timedelta(days=90)
"""Turns, replies, and everything on a person who has not written since."""
MESSAGE_KEYS = timedelta(hours=72)
RECEIPTS = timedelta(days=3 * 366)
"""Records of handling are kept three years (PIPL 56); a receipt names nobody once the turn is gone."""
QUARANTINED = timedelta(days=7)
NONCES = timedelta(minutes=10)
"""Of WeChat's pushes and of the portal's calls. WeChat's quota windows go after the 48 hours that they last."""
CODES = timedelta(hours=24)
"""Wishes to be verified, links that connect a chat, and what was counted meanwhile; the proof itself stands in the order."""
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went, by kind."""

    turns: int = 0
    deliveries: int = 0
    message_keys: int = 0
    receipts: int = 0
    quarantined: int = 0
    people: int = 0
    verified: int = 0
    """Wishes to be verified, their tallies, links and nonces; what staff said of contacts that are settled by now."""


def forget_old(database: Database, now: datetime, chunk: int = CHUNK) -> Forgotten:
    """Takes away everything past its time, in small transactions so that nobody waits. Safe to run twice."""
    turns = deliveries = keys = receipts = quarantined = people = verified = 0
    while True:
        with database.work() as work:
            gone = work.conversations.forget_before(now - TALK, now - MESSAGE_KEYS, now - RECEIPTS, limit=chunk)
            sent = work.deliveries.forget_before(now - TALK, limit=chunk)
            held = work.quarantine.forget_before(now - QUARANTINED, limit=chunk)
            silent = work.people.idle_since(now - TALK)
            for person in silent:
                work.people.forget(person)
                work.trail.add(now, "retention", "erased", f"person:{person}")
            work.pace.forget_before(now - timedelta(hours=1))
            work.wechat.forget(now, now - NONCES)
            codes = work.verification.forget_before(now - CODES, now, limit=chunk)
            vouched = work.vouches.forget_before(now - SETTLED_AFTER, limit=chunk)
            links = work.bindings.forget_before(now - CODES, now - NONCES, limit=chunk)
        turns, keys, receipts = turns + gone.turns, keys + gone.seen, receipts + gone.receipts
        deliveries, quarantined, people = deliveries + sent, quarantined + held, people + len(silent)
        verified += codes + links + vouched
        if not (gone.turns or gone.seen or gone.receipts or sent or held or silent or codes or links or vouched):
            return Forgotten(turns, deliveries, keys, receipts, quarantined, people, verified)
