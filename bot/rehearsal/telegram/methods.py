"""The methods of the Bot API that the stand-in knows. Each takes the call's parameters and gives its result.

Not there: legacy Markdown, media, payments, business, stickers; they answer "method not found".
"""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.rehearsal.control import Control
from bot.rehearsal.journal import Call
from bot.rehearsal.telegram import entities
from bot.rehearsal.telegram.answers import TEXT_UNITS, Answers
from bot.rehearsal.telegram.chats import ABILITIES, BOT, Chat, Chats, Data, Keys
from bot.rehearsal.telegram.delivery import Webhook
from bot.rehearsal.telegram.keyboards import inline_keyboard, reply_keyboard
from bot.rehearsal.telegram.parameters import Parameters
from bot.rehearsal.telegram.profile import Profile
from bot.rehearsal.telegram.rates import Rates
from bot.rehearsal.telegram.refusal import Refusal, bad

DELETE_WITHIN = 48 * 3600
TYPING_LASTS = 5.0
_ACTIONS = (
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
)  # fmt: skip
Method = Callable[[Parameters, Call], Awaitable[Any]]


class Methods:
    """The methods by their name in lower case: `methods.find("sendmessage")`."""

    def __init__(self, control: Control, chats: Chats, webhook: Webhook) -> None:
        self._control, self._chats, self._webhook = control, chats, webhook
        self.rates: Rates | None = None
        self._answers, self.profile = Answers(control), Profile()
        self.queries = self._answers.waiting
        self.inline_messages: dict[str, Data] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self._by_name: dict[str, Method] = {
            "getme": self._get_me,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_text,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answers.answer_callback,
            "answerinlinequery": self._answers.answer_inline,
            "sendchataction": self._chat_action,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
            "setmycommands": self.profile.set_commands,
            "getmycommands": self.profile.get_commands,
            "deletemycommands": self.profile.delete_commands,
            "setmydescription": self.profile.set_text,
            "getmydescription": self.profile.get_text,
            "setmyshortdescription": self.profile.set_text,
            "getmyshortdescription": self.profile.get_text,
            "getfile": self._get_file,
        }

    def find(self, name: str) -> Method:
        """Raises Refusal for a method that there is not."""
        method = self._by_name.get(name.lower())
        if method is None:
            raise Refusal(404, "method not found")
        return method

    async def _get_me(self, given: Parameters, call: Call) -> Data:
        return BOT | ABILITIES

    async def _send_message(self, given: Parameters, call: Call) -> Data:
        chat = self._reach(given)
        text, marks = self._words(given)
        markup = given.data("reply_markup", "reply keyboard markup")
        keyboard, keys = inline_keyboard(markup), reply_keyboard(markup, is_private=chat.is_private)
        answered = self._answered(given, chat)
        self._pace(chat)
        more: Data = {}
        if given.yes("protect_content"):
            more["has_protected_content"] = True
        if preview := given.data("link_preview_options", "link preview options"):
            more["link_preview_options"] = preview
        if keyboard:
            more["reply_markup"] = {"inline_keyboard": keyboard}
        if "message_effect_id" in given:
            more["effect_id"] = given.text("message_effect_id")
        if "message_thread_id" in given and not chat.is_private:
            more |= {"message_thread_id": given.integer("message_thread_id"), "is_topic_message": True}
        if answered:
            more["reply_to_message"] = {key: value for key, value in answered.items() if key != "reply_to_message"}
        chat.typing_until = 0.0
        message = self._chats.message(chat, BOT, text, marks, **more)
        if keys is not None:
            one_time = bool(markup.get("one_time_keyboard"))
            chat.keys = Keys(message["message_id"], keys, one_time) if keys else None
        self._control.journal.effect(str(chat.id), text, call)
        return message

    async def _edit_text(self, given: Parameters, call: Call) -> Data | bool:
        text, marks = self._words(given)
        keyboard = inline_keyboard(given.data("reply_markup", "reply keyboard markup"))
        if "inline_message_id" in given:
            return self._edit_inline(given.text("inline_message_id"), text)
        chat, message = self._own_message(given, "edit")
        found = entities.with_found(text, marks)
        shown = {"inline_keyboard": keyboard} if keyboard else None
        before = (message.get("text"), message.get("entities", []), message.get("reply_markup"))
        if before == (text, found, shown):
            raise _not_modified()
        self._pace(chat)
        message |= {"edit_date": self._control.clock.unix(), "text": text}
        _put(message, "entities", found)
        _put(message, "reply_markup", shown)
        call.effect = True
        return message

    async def _edit_markup(self, given: Parameters, call: Call) -> Data:
        keyboard = inline_keyboard(given.data("reply_markup", "reply keyboard markup"))
        chat, message = self._own_message(given, "edit")
        shown = {"inline_keyboard": keyboard} if keyboard else None
        if message.get("reply_markup") == shown:
            raise _not_modified()
        self._pace(chat)
        message["edit_date"] = self._control.clock.unix()
        _put(message, "reply_markup", shown)
        call.effect = True
        return message

    def _edit_inline(self, name: str, text: str) -> bool:
        if name not in self.inline_messages:
            raise bad("MESSAGE_ID_INVALID")
        self.inline_messages[name]["text"] = text
        return True

    async def _delete_message(self, given: Parameters, call: Call) -> bool:
        chat = self._chat(given)
        number = given.integer("message_id")
        message = chat.messages.get(number)
        if message is None:
            raise bad("message to delete not found")
        if message["date"] < self._control.clock.unix() - DELETE_WITHIN:
            raise bad("message can't be deleted for everyone")
        del chat.messages[number]
        call.effect = True
        return True

    async def _chat_action(self, given: Parameters, call: Call) -> bool:
        chat = self._reach(given)
        action = given.text("action")
        if action not in _ACTIONS:
            raise bad("wrong parameter action in request")
        chat.typing = action
        chat.typing_until = self._control.clock().timestamp() + TYPING_LASTS
        return True

    async def _get_updates(self, given: Parameters, call: Call) -> list[Data]:
        allowed = given.data("allowed_updates", "allowed updates")
        if isinstance(allowed, list):
            self._webhook.pending.allow(allowed)
        return await self._webhook.pending.poll(
            given.integer("offset"), given.integer("limit", 100, 1, 100), given.integer("timeout", 0, 0, 50)
        )

    async def _set_webhook(self, given: Parameters, call: Call) -> Any:
        if not given.text("url").strip():
            return await self._delete_webhook(given, call)
        allowed = given.data("allowed_updates", "allowed updates")
        if isinstance(allowed, list):
            self._webhook.pending.allow(allowed)
        return self._webhook.set(
            given.text("url").strip(),
            given.text("secret_token"),
            given.integer("max_connections", 40, 1, 100),
            drop=given.yes("drop_pending_updates"),
        )

    async def _delete_webhook(self, given: Parameters, call: Call) -> Any:
        return self._webhook.delete(drop=given.yes("drop_pending_updates"))

    async def _webhook_info(self, given: Parameters, call: Call) -> Data:
        return self._webhook.info()

    async def _get_file(self, given: Parameters, call: Call) -> Data:
        name = given.text("file_id")
        if not name:
            raise bad("file_id not specified")
        if name not in self.files:
            raise bad("wrong file_id or the file is temporarily unavailable")
        path, body = self.files[name]
        return {"file_id": name, "file_unique_id": f"u{name[-12:]}", "file_size": len(body), "file_path": path}

    def _chat(self, given: Parameters) -> Chat:
        if "chat_id" not in given:
            raise bad("chat_id is empty")
        if given.text("chat_id").startswith("@"):
            raise bad("chat not found")
        return self._chats.find(given.integer("chat_id"))

    def _reach(self, given: Parameters) -> Chat:
        """The chat that is written to. Raises Refusal when the bot may not."""
        chat = self._chat(given)
        if chat.deactivated:
            raise Refusal(403, "user is deactivated")
        if chat.blocked:
            if chat.is_private:
                raise Refusal(403, "bot was blocked by the user")
            raise Refusal(403, "bot was kicked from the supergroup chat")
        return chat

    def _words(self, given: Parameters) -> tuple[str, list[Data]]:
        text, marks = entities.parse(given.text("text"), given.text("parse_mode"))
        sent = given.data("entities", "message entities")
        if isinstance(sent, list) and not given.text("parse_mode"):
            text, marks = entities.trimmed(given.text("text"), [dict(entity) for entity in sent])
        if not text:
            raise bad("message text is empty")
        if entities.units(text) > TEXT_UNITS:
            raise bad("message is too long")
        return text, marks

    def _answered(self, given: Parameters, chat: Chat) -> Data | None:
        """The message that is replied to. Raises Refusal when there is none, unless that is allowed."""
        wish = given.data("reply_parameters", "reply parameters") or {}
        number = wish.get("message_id") if isinstance(wish, dict) else None
        if number is None and "reply_to_message_id" in given:
            number = given.integer("reply_to_message_id")
        if number is None:
            return None
        message = chat.messages.get(int(number))
        lenient = given.yes("allow_sending_without_reply") or wish.get("allow_sending_without_reply")
        if message is None and not lenient:
            raise bad("message to be replied not found")
        return message

    def _own_message(self, given: Parameters, what: str) -> tuple[Chat, Data]:
        chat = self._reach(given)
        message = chat.messages.get(given.integer("message_id"))
        if message is None:
            raise bad(f"message to {what} not found")
        if message["from"]["id"] != BOT["id"]:
            raise bad(f"message can't be {what}ed")
        return chat, message

    def _pace(self, chat: Chat) -> None:
        wait = self.rates.take(chat.id) if self.rates else 0
        if wait:
            raise Refusal(429, retry_after=wait)


def _not_modified() -> Refusal:
    return bad(
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message"
    )


def _put(message: Data, name: str, value: Any) -> None:
    """Sets a field, or takes it away: the Bot API has no empty ones."""
    if value:
        message[name] = value
    else:
        message.pop(name, None)
