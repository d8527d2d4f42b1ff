"""What people do in Telegram: they write, press, edit, block, ask inline. Each becomes an update as the real server words it."""

from typing import Any

from bot.rehearsal.control import Control, Wrong
from bot.rehearsal.people import Person, person
from bot.rehearsal.telegram import entities
from bot.rehearsal.telegram.answers import Query
from bot.rehearsal.telegram.chats import BOT, Chat, Chats, Data, user
from bot.rehearsal.telegram.delivery import Webhook
from bot.rehearsal.telegram.methods import Methods
from bot.rehearsal.telegram.pending import Update

MEDIA: dict[str, Data] = {
    "voice": {"voice": {"duration": 3, "mime_type": "audio/ogg"}},
    "photo": {"photo": [{"width": 90, "height": 67}, {"width": 800, "height": 600}]},
    "document": {"document": {"file_name": "example.pdf", "mime_type": "application/pdf"}},
    "sticker": {
        "sticker": {
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": False,
            "is_video": False,
            "emoji": "🙂",
        }
    },
    "video": {"video": {"width": 640, "height": 480, "duration": 4, "mime_type": "video/mp4"}},
    "location": {"location": {"latitude": 48.0, "longitude": 8.0}},
}
"""What people send instead of text, without the file's own names."""
_MEMBER_RIGHTS = {"member": {}, "kicked": {"until_date": 0}, "left": {}, "administrator": {}}


class Hands:
    """The hands of all invented people at once. Every method gives the update, or None when the bot wants none of it."""

    def __init__(self, control: Control, chats: Chats, methods: Methods, webhook: Webhook) -> None:
        self._control, self._chats, self._methods, self._webhook = control, chats, methods, webhook
        self.numbers = dict[int, str]()
        """Phone numbers of people by their own number, where they matter; all others have an invented one."""
        self._files = 0
        self._queries = 0

    def say(self, who: Person, text: str, *, group: int = 0, **more: Any) -> Update | None:
        """`who` writes `text`; in `group`, a negative number, when one is given. Raises Wrong for a text nobody can send."""
        text, _ = entities.trimmed(text, [])
        if not text and not more:
            raise Wrong("the text is empty")
        if entities.units(text) > 4096:
            raise Wrong("Telegram's apps send at most 4096 units of text")
        chat = self._chats.group(group, "Example group", user(who)) if group else self._open(who)
        message = self._chats.message(chat, user(who), text, **more)
        return self._push("message", chat, message, who)

    def start(self, who: Person, payload: str = "") -> Update | None:
        """Presses Start, or follows a deep link with `payload`."""
        return self.say(who, f"/start {payload}".strip())

    def send(self, who: Person, kind: str, caption: str = "", own: bool = True) -> Update | None:
        """Sends a kind of MEDIA, or "contact": with the person's `own` number, else somebody else's. Raises Wrong."""
        if kind == "contact":
            contact = self._contact(who)
            if not own:
                del contact["user_id"]
            return self.say(who, "", contact=contact)
        if kind not in MEDIA:
            raise Wrong(f"no such kind; there are contact, {', '.join(MEDIA)}")
        media = {key: self._with_file(value, kind) for key, value in MEDIA[kind].items()}
        if caption and kind in ("voice", "photo", "document", "video"):
            media["caption"] = caption
        return self.say(who, "", **media)

    def press_key(self, who: Person, label: str) -> Update | None:
        """Presses a button of the keyboard below the chat: it writes what stands on it, or shares one's own contact in
        answer to the message that it came with, as the apps do. Raises Wrong when there is none."""
        chat = self._open(who)
        keys = chat.keys
        pressed = next((key for row in (keys.rows if keys else []) for key in row if key["text"] == label), None)
        if keys is None or pressed is None:
            raise Wrong("no such button below the chat")
        if keys.one_time:
            chat.keys = None
        if not pressed["request_contact"]:
            return self.say(who, label)
        asked = {key: value for key, value in chat.messages[keys.message_id].items() if key != "reply_to_message"}
        return self.say(who, "", reply_to_message=asked, contact=self._contact(who))

    def edit(self, who: Person, message_id: int, text: str) -> Update | None:
        """Edits a message of one's own. Raises Wrong when there is none."""
        chat = self._open(who)
        message = chat.messages.get(message_id)
        if message is None or message["from"]["id"] != who.telegram or "text" not in message:
            raise Wrong("no text of that person's by that number")
        message |= {"edit_date": self._control.clock.unix(), "text": text}
        return self._push("edited_message", chat, message, who)

    def press(self, who: Person, message_id: int, data: str, *, chat: Chat | None = None) -> tuple[str, Update | None]:
        """Presses a button; the name of the query, whose answer comes later. The data isn't checked: neither are others'."""
        chat = chat or self._open(who)
        message = chat.messages.get(message_id)
        name = self._query(who)
        query = {"id": name, "from": user(who), "chat_instance": str(7_000_000_000 + chat.id % 10**9), "data": data}
        if message is None:
            query["message"] = {"chat": chat.data, "message_id": message_id, "date": 0}
        else:
            query["message"] = message
        return name, self._webhook.push("callback_query", f"callback:{who.telegram}", query, str(who.telegram))

    def ask_inline(
        self, who: Person, words: str, offset: str = "", chat_type: str = "sender"
    ) -> tuple[str, Update | None]:
        """Types @bot words in some chat."""
        name = self._query(who)
        query = {"id": name, "from": user(who), "chat_type": chat_type, "query": words, "offset": offset}
        return name, self._webhook.push("inline_query", f"inline:{who.telegram}", query, str(who.telegram))

    def choose_inline(self, who: Person, result_id: str, words: str) -> Update | None:
        name = f"inline{self._queries}"
        self._methods.inline_messages[name] = {"text": ""}
        chosen = {"from": user(who), "inline_message_id": name, "query": words, "result_id": result_id}
        return self._webhook.push("chosen_inline_result", f"chosen:{who.telegram}", chosen, str(who.telegram))

    def block(self, who: Person, blocked: bool = True) -> Update | None:
        """Stops the bot, or lets it in again."""
        chat = self._open(who)
        if chat.blocked == blocked:
            return None
        chat.blocked = blocked
        before, after = ("member", "kicked") if blocked else ("kicked", "member")
        return self._member(chat, who, before, after)

    def delete_account(self, who: Person) -> None:
        """The person is gone for ever; Telegram tells nobody."""
        self._open(who).deactivated = True

    def add_to_group(
        self, who: Person, number: int, title: str = "Example group", removed: bool = False
    ) -> Update | None:
        """Adds the bot to a group, or removes it."""
        chat = self._chats.group(number, title, user(who))
        chat.blocked = removed
        before, after = ("member", "left") if removed else ("left", "member")
        return self._member(chat, who, before, after)

    def raw(self, update: Data) -> Update | None:
        """Any update as it stands, also a hostile one; its number is given when it has none. Raises Wrong."""
        kinds = [key for key in update if key != "update_id"]
        if len(kinds) != 1:
            raise Wrong("an update has one field beside update_id")
        number = update.get("update_id")
        payload = update[kinds[0]]
        sender = str((payload.get("from") or {}).get("id", "")) if isinstance(payload, dict) else ""
        return self._webhook.push(kinds[0], f"raw:{sender}", payload, sender, number)

    def _contact(self, who: Person) -> Data:
        """One's own: the server fills in whose it is."""
        number = self.numbers.get(who.number, f"+9990{who.number:08d}")
        return {"phone_number": number, "first_name": "Example", "user_id": who.telegram}

    def _open(self, who: Person) -> Chat:
        chat = self._chats.with_person(who)
        return chat

    def _push(self, kind: str, chat: Chat, message: Data, who: Person) -> Update | None:
        self._control.journal.changed()
        # A later edit must not change what is on its way.
        return self._webhook.push(kind, f"chat:{chat.id}", dict(message), str(who.telegram))

    def _query(self, who: Person) -> str:
        self._queries += 1
        name = str(4_000_000_000_000_000_000 + self._queries)
        self._methods.queries[name] = Query(who.telegram, self._control.clock().timestamp())
        if len(self._methods.queries) > 10_000:
            self._methods.queries.pop(next(iter(self._methods.queries)))
        return name

    def _member(self, chat: Chat, who: Person, before: str, after: str) -> Update | None:
        def as_member(status: str) -> Data:
            return {"user": BOT, "status": status, **_MEMBER_RIGHTS[status]}

        change = {
            "chat": chat.data,
            "from": user(who),
            "date": self._control.clock.unix(),
            "old_chat_member": as_member(before),
            "new_chat_member": as_member(after),
        }
        return self._webhook.push("my_chat_member", f"member:{chat.id}", change, str(who.telegram))

    def _with_file(self, value: Any, kind: str) -> Any:
        if isinstance(value, list):
            return [self._with_file(each, kind) for each in value]
        if "latitude" in value:
            return value
        self._files += 1
        name = f"REHEARSAL-{kind}-{self._files:012d}"
        body = b"an invented file of a rehearsal\n"
        self._methods.files[name] = (f"{kind}/file_{self._files}", body)
        return {**value, "file_id": name, "file_unique_id": f"u{name[-12:]}", "file_size": len(body)}


def somebody(name: Any) -> Person:
    """The invented person by number (1, 2, ...) or by Telegram's number. Raises Wrong."""
    if isinstance(name, bool) or not isinstance(name, int) or name < 1:
        raise Wrong('"person" is the number of an invented person: 1, 2, 3 ...')
    first = person(0).telegram
    return person(name - first if name > first else name)
