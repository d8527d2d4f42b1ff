"""What is done with an update: said or pressed in private goes through the door, everything else is answered here.

Nothing is acknowledged before the door has returned, which is after the commit. Whatever has no effect on a
conversation (an answered press, inline mode, the word in a group) is done beside it and may fail.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from telegram import (
    Bot,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultsButton,
    Message,
    Update,
)
from telegram.constants import ChatAction, ChatType
from telegram.error import TelegramError
from telegram.helpers import create_deep_linked_url

from bot.channels.telegram import words
from bot.channels.telegram.arrivals import Arrivals, OncePerWhile
from bot.channels.telegram.buttons import LONG, Buttons
from bot.channels.telegram.inline import Offers, start_parameter
from bot.channels.telegram.updates import (
    Garbled,
    Quarantine,
    address,
    event_of,
    label_of,
    message_of,
    parse,
    phone_of,
    plainly_said,
    press_of,
    sender_of,
    update_of,
)
from bot.core.channel import Door
from bot.core.clock import Clock
from bot.core.message import InboundMessage
from knowledge.clause import PolicyVersion, localized
from storage.errors import StorageError

TYPING_AFTER = 0.7
"""Seconds of a turn after which the person sees that something is being written."""
GROUP_EVERY = 60.0
"""Seconds between two pointers to the private chat in one group."""
BESIDE_MAX = 1_000
"""Calls under way beside the door; further ones are left out."""
INLINE_CACHE = 300
"""Seconds that Telegram may show an inline answer to everybody who types the same."""
HELD_MAX = 64 * 1024
"""Bytes of a body that are kept in quarantine."""

log = structlog.get_logger(__name__)


class Incoming:
    """Takes the updates of one bot."""

    def __init__(
        self,
        bot: Bot,
        bot_id: int,
        buttons: Buttons,
        offers: Offers,
        policy: PolicyVersion,
        clock: Clock,
        quarantine: Quarantine,
    ) -> None:
        self._bot, self._bot_id, self._buttons, self._offers = bot, bot_id, buttons, offers
        self._company, self._clock, self._quarantine = policy.name, clock, quarantine
        self._linked = {start_parameter(key): f"clause_{key}" for key in policy.clauses}
        self._arrivals, self._groups = Arrivals(), OncePerWhile(GROUP_EVERY)
        self._beside = set[asyncio.Task[None]]()
        self._username = ""

    async def take(self, body: bytes, door: Door) -> None:
        """One update, as JSON. On return it may be acknowledged. Raises StorageError: then it must come again."""
        try:
            data = parse(body)
            if said := plainly_said(data):
                await self._through(said, door)
            else:
                await self._act(update_of(data), door)
        except StorageError:
            raise
        except Garbled as bad:
            await self.hold(body, f"Garbled: {bad}")
        except Exception as failure:
            await self.hold(body, type(failure).__name__)

    async def hold(self, body: bytes, error: str) -> None:
        """Keeps an update that can't be handled for somebody to look at. Raises StorageError."""
        log.warning("telegram update in quarantine", error=error)
        key = f"telegram:garbled:{hashlib.sha256(body).hexdigest()[:32]}"
        await asyncio.to_thread(self._quarantine, key, body[:HELD_MAX], error, sender_of(body, self._bot_id))

    async def rest(self, within: float) -> None:
        """Lets what is done beside the door end, cuts off what takes longer than `within` seconds."""
        if self._beside:
            _, late = await asyncio.wait(self._beside, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _act(self, update: Update, door: Door) -> None:
        """An edited message, a post of a channel, anything else: nothing is done."""
        if update.message is not None:
            if update.message.chat.type == ChatType.PRIVATE:
                await self._hear(update, update.message, door)
            elif update.message.chat.type in (ChatType.GROUP, ChatType.SUPERGROUP):
                self._point(update.message)
        elif update.callback_query is not None:
            await self._press(update, update.callback_query, door)
        elif update.inline_query is not None:
            self._start(partial(self._offer, update.inline_query))
        elif event := event_of(update):
            await self._through(event, door)

    async def _hear(self, update: Update, message: Message, door: Door) -> None:
        if message.from_user is None or message.from_user.is_bot:
            return
        if message.via_bot is not None and message.via_bot.id == self._bot_id:
            return  # A clause that inline mode has just shown here: nobody asks anything.
        said = message_of(update, message)
        if said is None:
            return
        if message.contact is not None:
            said = replace(said, phone=phone_of(message, self._bot_id))
        command, _, payload = said.text.strip().partition(" ")
        if command == "/start" and payload in self._linked:
            said = replace(said, text=f"/start {self._linked[payload]}")
        await self._through(said, door)

    async def _press(self, update: Update, query: CallbackQuery, door: Door) -> None:
        """A button: what it carries counts only for the person it was drawn for, in their own chat with the bot."""
        now, person = self._clock(), query.from_user.id
        chat = query.message.chat if query.message is not None else None
        value = None
        if isinstance(query.data, str) and chat is not None and chat.id == person and chat.type == ChatType.PRIVATE:
            value = self._buttons.read(query.data, address(person).user, now)
        label = label_of(query) if value is not None and value.startswith(LONG) else ""
        if value is None or (value.startswith(LONG) and not label):
            sorry = words.say("no_longer_valid", words.language_of_code(query.from_user.language_code))
            self._start(lambda: self._bot.answer_callback_query(query.id, sorry))
            return
        self._start(lambda: self._bot.answer_callback_query(query.id))
        await self._through(press_of(update, query, "" if label else value, label, now), door)

    async def _through(self, message: InboundMessage, door: Door) -> None:
        """Through the door, once; a turn that takes long shows that something is being written."""
        if self._arrivals.is_greeted(message):
            return
        loop = asyncio.get_running_loop()
        chat = int(message.sender.user)
        typing = loop.call_later(TYPING_AFTER, self._start, lambda: self._bot.send_chat_action(chat, ChatAction.TYPING))
        try:
            await door(message)
        except BaseException:
            self._arrivals.forget(message)
            raise
        finally:
            typing.cancel()

    def _point(self, message: Message) -> None:
        """In a group: where the private chat is, once in a while, when the bot is spoken to. Nothing is kept of it."""
        text = message.text if isinstance(message.text, str) else ""
        answered = message.reply_to_message.from_user if message.reply_to_message else None
        is_reply = answered is not None and answered.id == self._bot_id
        if not is_reply and not text.startswith("/") and "@" not in text:
            return
        group, code = address(message.chat.id).user, message.from_user.language_code if message.from_user else None

        async def point() -> None:
            username = await self._name()
            if not username or not (is_reply or _names(text, username)) or not self._groups.may(group):
                return
            language = words.language_of_code(code)
            company = localized(self._company, "zh" if language.startswith("zh") else language)
            button = InlineKeyboardButton(
                words.say("group_button", language), url=create_deep_linked_url(username, "group")
            )
            await self._bot.send_message(
                message.chat.id,
                words.say("group", language, company=company),
                reply_markup=InlineKeyboardMarkup([[button]]),
                message_thread_id=message.message_thread_id if message.is_topic_message else None,
                disable_notification=True,
            )

        self._start(point)

    async def _offer(self, query: InlineQuery) -> None:
        asked = query.query.strip()
        username = await self._name()
        results = await asyncio.to_thread(self._offers.offers, asked, username) if asked else []
        language = words.language_of_text(asked) if asked else words.language_of_code(query.from_user.language_code)
        await self._bot.answer_inline_query(
            query.id,
            results,
            cache_time=INLINE_CACHE,
            is_personal=not asked,
            button=InlineQueryResultsButton(words.say("ask_privately", language), start_parameter="inline"),
        )

    async def _name(self) -> str:
        """The bot's user name; "" while Telegram can't be asked."""
        if not self._username:
            try:
                self._username = (await self._bot.get_me()).username or ""
            except TelegramError as failure:
                log.info("telegram getMe failed", error=type(failure).__name__)
        return self._username

    def _start(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Does `work` beside the door. It may fail: a query that is too old needs no answer any more."""
        if len(self._beside) >= BESIDE_MAX:
            return
        task = asyncio.create_task(_quietly(work))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


async def _quietly(work: Callable[[], Awaitable[Any]]) -> None:
    try:
        await work()
    except Exception as failure:
        log.info("telegram call beside the door failed", error=type(failure).__name__)


def _names(text: str, username: str) -> bool:
    """Whether a message in a group is for the bot: a command that names no other bot, or its name anywhere."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if first.startswith("/"):
        return "@" not in first or first.lower().endswith(f"@{username.lower()}")
    return f"@{username.lower()}" in text.lower()
