"""Orders that came to their end without reaching anybody: no chat, no address, or none that takes what is sent."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from storage.stores.claims import DELIVERY
from storage.stores.orders import IS_OVER, ORDER
from storage.stores.results import RESULT
from storage.stores.trail import TRAIL

MOST = 5_000
"""Orders that are found at most, the newest: a list of more is worked off by nobody."""
LOST = ("unreachable", "failed")


class Unreached:
    """Worked out when somebody asks, from what the outbox and the trail keep: the outbox for 90 days."""

    def __init__(self, connection: Connection, endings: Collection[str], nobody_told: str) -> None:
        """`endings`: how the news begin that tell a chat of the end of an order and aren't followed by a link;
        `nobody_told`: what the trail calls it that there was no chat for news."""
        self._connection, self._endings, self._nobody_told = connection, tuple(endings), nobody_told

    def orders(self, since: datetime) -> list[int]:
        """Ids of orders that have ended, and whose result or answer since then has reached nobody; newest first."""
        found = self._without_package(since) | self._without_link(since) | self._without_news(since)
        newest = sorted(found, reverse=True)[:MOST]
        wanted = select(ORDER.c.id).where(ORDER.c.id.in_(newest), IS_OVER).order_by(ORDER.c.id.desc())
        return list(self._connection.execute(wanted).scalars())

    def _without_package(self, since: datetime) -> set[int]:
        """Whose package can't be made, or has no address that its link may go to."""
        newest = select(func.max(RESULT.c.id)).group_by(RESULT.c.order_id)
        failed = (RESULT.c.state == "failed", RESULT.c.created_at > since, RESULT.c.id.in_(newest))
        return set(self._connection.execute(select(RESULT.c.order_id).where(*failed)).scalars())

    def _without_link(self, since: datetime) -> set[int]:
        """Of whose newest package no link arrived, nor is on its way."""
        lost = self._lost("result:", since)
        arrived = select(DELIVERY.c.cause).where(DELIVERY.c.cause.in_(lost), DELIVERY.c.state.not_in(LOST))
        lost -= set(self._connection.execute(arrived).scalars())
        newest = select(func.max(RESULT.c.id)).group_by(RESULT.c.order_id)
        results = [int(cause.partition(":")[2]) for cause in lost]
        wanted = select(RESULT.c.order_id).where(RESULT.c.id.in_(results), RESULT.c.id.in_(newest))
        return set(self._connection.execute(wanted).scalars())

    def _without_news(self, since: datetime) -> set[int]:
        """Whose chat couldn't be told of the end, or was there no more."""
        parts = [cause.split(":") for cause in self._lost("order:", since)]
        lost = {int(part[1]) for part in parts if part[-1].startswith(self._endings)}
        about = or_(*(TRAIL.c.detail.startswith(ending, autoescape=True) for ending in self._endings))
        wanted = select(TRAIL.c.thing).where(TRAIL.c.action == self._nobody_told, TRAIL.c.at > since, about)
        return lost | {int(thing.partition(":")[2]) for thing in self._connection.execute(wanted).scalars()}

    def _lost(self, beginning: str, since: datetime) -> set[str]:
        """Causes that begin so, of messages that were given up; at most MOST, the newest."""
        given_up = (DELIVERY.c.state.in_(LOST), DELIVERY.c.created_at > since, DELIVERY.c.cause.startswith(beginning))
        wanted = select(DELIVERY.c.cause).where(*given_up).order_by(DELIVERY.c.id.desc()).limit(MOST)
        return set(self._connection.execute(wanted).scalars())
