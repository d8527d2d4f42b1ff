"""Links by which papers come in: for a guardian or a relative, whom no code can prove.

    token = token_of(keyring, order)         the same one for as long as the order waits, so a chat can say it again
    order = waiting_for(work, token, now)    the order it leads to; None for every link that leads nowhere

A token is worked out from the order and a key of the installation, and kept nowhere: who reads the database can hand
nothing in. It opens nothing either: whoever holds it can add papers and see none.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta

from bot.core.numbers import PREFIX, tidy
from bot.core.order.moves import State
from knowledge.rights import Right, rights
from storage.crypto import Keyring
from storage.stores.orders import Order
from storage.work import Work

LINK_FOR = timedelta(days=30)
"""From the receipt of the request, or of the appeal; a request is answered by then at the latest (rule set cn)."""
TOKEN = re.compile(r"(?P<number>[0-9A-Z]{8})(?P<mac>[A-Za-z0-9_-]{22})")
"""The number, which the person knows, then 128 bits that nobody can guess."""


def waits_for_papers(order: Order) -> bool:
    """Whether papers on this order now are what staff check before it is open."""
    return order.state == State.VERIFYING and rights()[Right(order.right)].papers


def token_of(keyring: Keyring, order: Order) -> str:
    """What the order's link ends with. An appeal makes a new one."""
    key = hmac.new(keyring.signing, b"derived:paper links", hashlib.sha256).digest()
    stated = f"{order.id}:{order.number}:{order.received_at.timestamp():.6f}"
    mac = hmac.new(key, stated.encode(), hashlib.sha256).digest()[:16]
    number = order.number.removeprefix(PREFIX).replace("-", "")
    return number + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def waiting_for(work: Work, token: str, now: datetime) -> Order | None:
    """The order that a link leads to. None for a wrong link, a strange one and one that is over, whatever the reason."""
    found = TOKEN.fullmatch(token)
    number = tidy(found["number"]) if found else None
    order = work.orders.get(number) if number else None
    if order is None or not hmac.compare_digest(token_of(work.keyring, order).encode(), token.encode()):
        return None
    is_over = now >= ends_at(order) or order.person_id is None
    return None if is_over or not waits_for_papers(order) else order


def ends_at(order: Order) -> datetime:
    """Until when the link works if nobody checks the papers before: without any, until the request lapses."""
    end = order.received_at + LINK_FOR
    return end if order.expires_at is None else min(end, order.expires_at)
