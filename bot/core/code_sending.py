"""A code on its way: put into its message at the moment it is sent, and sent once.

The outbox holds the message with "{code}" in it. The channel asks here just before it speaks to its server: the clock of
the code starts, in a transaction of its own, and never again. So a crash, or an answer that never came, costs the
code: whoever waits for it asks for another one. Only where the server said that it took nothing may the same be sent later.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.core.clock import Clock
from bot.core.codes import VALID_FOR, Codes
from bot.core.errors import Refused, TryLater
from bot.core.message import Reply
from bot.core.verification import SENT_WITHIN
from storage.engine import Database

PLACE = "{code}"
"""Where the code goes in the text."""
_REFERENCE = re.compile(r"code:([1-9][0-9]{0,17})")


def reference_of(verification_id: int) -> str:
    """The reference of the message that carries a code."""
    return f"code:{verification_id}"


class CodeSending:
    """Fills codes in, for the channels that carry them. Nothing else of a message is touched."""

    def __init__(self, database: Database, codes: Codes, clock: Clock) -> None:
        self._database, self._codes, self._clock = database, codes, clock

    @asynccontextmanager
    async def filled(self, reply: Reply) -> AsyncIterator[Reply]:
        """The message as it goes out. Raises Refused when its code was sent before, is void or too late."""
        match = _REFERENCE.fullmatch(reply.reference)
        if match is None:
            yield reply
            return
        verification_id = int(match[1])
        code = await asyncio.to_thread(self._begin, verification_id)
        try:
            yield replace(reply, text=reply.text.replace(PLACE, f"{code[:4]} {code[4:]}"))
        except TryLater as later:
            if not later.unsure:
                await asyncio.to_thread(self._was_not_sent, verification_id)
            raise

    def _begin(self, verification_id: int) -> str:
        now = self._clock()
        with self._database.work() as work:
            salt = work.verification.begin_sending(
                verification_id, now, not_before=now - SENT_WITHIN, valid_for=VALID_FOR
            )
        if salt is None:
            raise Refused("code_not_repeated")
        return self._codes.code(verification_id, salt)

    def _was_not_sent(self, verification_id: int) -> None:
        with self._database.work() as work:
            work.verification.was_not_sent(verification_id)
