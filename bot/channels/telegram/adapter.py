"""The Telegram channel: what is sent, and where updates come in."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from bot.channels.telegram.buttons import Buttons
from bot.channels.telegram.drawing import TEXT_MAX, messages
from bot.channels.telegram.failures import meaning
from bot.channels.telegram.incoming import Incoming
from bot.channels.telegram.inline import Offers
from bot.channels.telegram.polling import Poll
from bot.channels.telegram.settings import PATH, TelegramSettings
from bot.channels.telegram.transport import Transport, make_bot
from bot.channels.telegram.updates import NAME, Quarantine
from bot.channels.telegram.webhook import webhook
from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.clock import Clock
from bot.core.errors import Misconfigured, TryLater
from bot.core.message import Address, Reply
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion

REST = 5.0
"""Seconds that calls beside the door may still take when the channel closes."""
BEGUN_MAX = 1_000
"""Replies of several parts that are remembered while a part of them still waits."""
_NO_PREVIEW = {"link_preview_options": '{"is_disabled": true}'}


class Telegram:
    """One bot. Belongs to one event loop once it is open; `recogniser` serves inline mode.

    In webhook mode mount `routes`; in polling mode run `poll` as a task.
    """

    name = NAME
    capped = (PATH,)
    """Addresses that count the bytes of a body themselves."""

    def __init__(
        self,
        settings: TelegramSettings,
        signing_key: bytes,
        policy: PolicyVersion,
        wording: Wording,
        clock: Clock,
        *,
        recogniser: Recogniser,
        quarantine: Quarantine,
    ) -> None:
        """Raises Misconfigured."""
        if problems := settings.problems():
            raise Misconfigured(problems)
        self.limits = Limits(
            text_max=TEXT_MAX,
            per_second=settings.live_per_second,
            per_address=1.0,
            lanes={"broadcast": settings.broadcast_per_second},
            per_group_minute=20.0,
            is_group=_is_group,
        )
        self._settings, self._clock = settings, clock
        self._transport = Transport(settings.api_url)
        self.bot = make_bot(settings, self._transport)
        self._buttons = Buttons(signing_key)
        offers = Offers(policy, wording, recogniser)
        self._incoming = Incoming(self.bot, settings.bot_id, self._buttons, offers, policy, clock, quarantine)
        self._begun = OrderedDict[tuple[str, Reply], int]()

    def routes(self, door: Door) -> Sequence[Any]:
        """The webhook; nothing in polling mode."""
        if self._settings.mode == "polling":
            return ()
        secrets = self._settings.webhook_secret, self._settings.webhook_secret_old
        return (webhook(self._incoming, door, *secrets),)

    async def poll(self, door: Door) -> None:
        """Takes updates by polling until it is cancelled; removes a webhook first."""
        await Poll(self.bot, self._transport, self._incoming).run(door)

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        """Sends a reply, its buttons under the last of its parts. Raises TryLater, Unreachable, Refused."""
        drawn = messages(reply, lambda value: self._button(value, address))
        key = (address.user, reply)
        begin = self._begun.pop(key, 0)
        sent = None
        for number, (text, markup) in enumerate(drawn[begin:], begin + 1):
            try:
                sent = await self.bot.send_message(
                    int(address.user),
                    text,
                    api_kwargs=_NO_PREVIEW | ({"reply_markup": markup} if markup else {}),
                )
            except Exception as failure:
                what = meaning(failure)
                if number > 1 and isinstance(what, TryLater):
                    self._remember(key, number - 1)  # Of a later part; another process would begin with the first.
                raise what from None  # Its words may repeat the text.
        return Receipt(str(sent.message_id) if sent else "")

    async def open(self) -> None:
        """Makes the pool of connections; asks nothing, so that the rest starts without Telegram too."""
        await self._transport.initialize()

    async def close(self) -> None:
        """Lets calls under way end, then closes all connections."""
        await self._incoming.rest(REST)
        await self._transport.shutdown()

    def _button(self, value: str, address: Address) -> str:
        return self._buttons.data(value, address.user, self._clock())

    def _remember(self, key: tuple[str, Reply], sent: int) -> None:
        """That the first parts of a reply have arrived, so that its next try goes on with the others."""
        self._begun[key] = sent
        while len(self._begun) > BEGUN_MAX:
            self._begun.popitem(last=False)


def _is_group(address: Address) -> bool:
    return address.user.startswith("-")
