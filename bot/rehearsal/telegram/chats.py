"""Chats and what was said in them, in the very shape of the Bot API's objects."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from bot.rehearsal.journal import Clock
from bot.rehearsal.people import Person
from bot.rehearsal.telegram.entities import with_found
from bot.rehearsal.telegram.refusal import bad

Data = dict[str, Any]
KEPT_MESSAGES = 200
"""Messages kept of one chat."""
BOT: Data = {"id": 990_000_000, "is_bot": True, "first_name": "Rehearsal bot", "username": "rehearsal_bot"}
ABILITIES: Data = {
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
    "supports_guest_queries": False,
    "can_connect_to_business": False,
    "has_main_web_app": False,
    "has_topics_enabled": False,
    "allows_users_to_create_topics": False,
    "can_manage_bots": False,
}
"""What getMe says beyond a User, all required in its answer. Source: Bot API 10.0, User."""


def user(person: Person) -> Data:
    """A person as a User."""
    first, _, last = person.name.partition(" ")
    made: Data = {"id": person.telegram, "is_bot": False, "first_name": first}
    if last:
        made["last_name"] = last
    return made | {"language_code": person.language}


@dataclass(frozen=True, slots=True)
class Keys:
    """A keyboard below a chat. No message shows it: the server keeps it apart, as the apps do."""

    message_id: int
    """The message that it came with, which a shared contact answers."""
    rows: list[list[Data]]
    """Of {"text", "request_contact"}."""
    one_time: bool


@dataclass(slots=True)
class Chat:
    """One chat. `blocked`: the person stopped the bot; `started`: the bot may write first."""

    id: int
    data: Data
    member: Data
    blocked: bool = False
    deactivated: bool = False
    typing: str = ""
    typing_until: float = 0.0
    messages: OrderedDict[int, Data] = field(default_factory=OrderedDict)
    keys: Keys | None = None

    @property
    def is_private(self) -> bool:
        return self.id > 0

    def keep(self, message: Data) -> None:
        self.messages[message["message_id"]] = message
        if len(self.messages) > KEPT_MESSAGES:
            self.messages.popitem(last=False)


class Chats:
    """All chats of the stand-in. `anyone`: a chat springs into being when the bot writes to it."""

    def __init__(self, clock: Clock, *, anyone: bool) -> None:
        self._clock, self._anyone = clock, anyone
        self.all: dict[int, Chat] = {}
        self._last_message = 0

    def with_person(self, person: Person) -> Chat:
        """The private chat with `person`, new when it must be."""
        chat = self.all.get(person.telegram)
        if chat is None:
            member = user(person)
            data = {"id": person.telegram, "type": "private"}
            data |= {key: member[key] for key in ("first_name", "last_name") if key in member}
            chat = self.all[person.telegram] = Chat(person.telegram, data, member)
        return chat

    def group(self, number: int, title: str, member: Data) -> Chat:
        """A supergroup, whose number is negative."""
        chat = self.all.get(number)
        if chat is None:
            data = {"id": number, "type": "supergroup", "title": title}
            chat = self.all[number] = Chat(number, data, member)
        return chat

    def find(self, number: int) -> Chat:
        """Raises Refusal when the bot has never met that chat."""
        chat = self.all.get(number)
        if chat is None:
            if not self._anyone or number <= 0:
                raise bad("chat not found")
            chat = self.all[number] = Chat(
                number,
                {"id": number, "type": "private", "first_name": "Example"},
                {"id": number, "is_bot": False, "first_name": "Example"},
            )
        return chat

    def message(
        self, chat: Chat, sender: Data, text: str = "", entities: list[Data] | None = None, **more: Any
    ) -> Data:
        """A new message in `chat`, in the field order of the real server."""
        self._last_message += 1
        made: Data = {"message_id": self._last_message, "from": sender, "chat": chat.data, "date": self._clock.unix()}
        if "edit_date" in more:
            made["edit_date"] = more.pop("edit_date")
        if text:
            made["text"] = text
            found = with_found(text, entities or [])
            if found:
                made["entities"] = found
        made |= {key: value for key, value in more.items() if value is not None}
        chat.keep(made)
        return made
