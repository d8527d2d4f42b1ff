"""Reply markups, checked as the Bot API checks them."""

from typing import Any

from bot.rehearsal.telegram.refusal import bad

_ACTIONS = (
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
)  # fmt: skip
_OTHERS = ("keyboard", "remove_keyboard", "force_reply")
MOST_BUTTONS = 100
DATA_BYTES = 64


def inline_keyboard(markup: Any) -> list[list[dict[str, Any]]] | None:
    """The rows of an inline keyboard, which a message then shows; None for the other markups. Raises Refusal."""
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" not in markup:
        if markup and not any(name in markup for name in _OTHERS):
            raise bad("object expected as reply markup")
        return None
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    if sum(map(len, rows)) > MOST_BUTTONS:
        raise bad("reply markup is too long")
    return [[_button(button) for button in row] for row in rows if row]


def reply_keyboard(markup: Any, *, is_private: bool) -> list[list[dict[str, Any]]] | None:
    """The rows of a keyboard below the chat, [] for its removal; None for the other markups. Raises Refusal."""
    if not isinstance(markup, dict) or "inline_keyboard" in markup:
        return None
    if "keyboard" not in markup:
        return [] if markup.get("remove_keyboard") else None
    rows = markup["keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "keyboard" of the ReplyKeyboardMarkup must be an Array of Arrays')
    return [[_key(key, is_private) for key in row] for row in rows if row]


def _key(key: Any, is_private: bool) -> dict[str, Any]:
    if isinstance(key, str):
        key = {"text": key}
    if not isinstance(key, dict):
        raise bad("can't parse keyboard button: KeyboardButton must be a String or an Object")
    text, asks = key.get("text"), key.get("request_contact") or False
    if not isinstance(text, str):
        raise bad("can't parse keyboard button: Can't find field \"text\"")
    if not isinstance(asks, bool):
        raise bad('can\'t parse keyboard button: Field "request_contact" must be of type Boolean')
    if not text.strip():
        raise bad("keyboard button text must be non-empty")
    if asks and not is_private:
        raise bad("phone number can be requested in private chats only")
    return {"text": text.strip(), "request_contact": asks}


def _button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise bad("can't parse inline keyboard button: Can't find field \"text\"")
    if not text.strip():
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    actions = [name for name in _ACTIONS if button.get(name) is not None]
    if not actions:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    made = {"text": text.strip(), actions[0]: button[actions[0]]}
    data = made.get("callback_data")
    if data is not None and not (isinstance(data, str) and 1 <= len(data.encode("utf-8", "replace")) <= DATA_BYTES):
        raise bad("BUTTON_DATA_INVALID")
    url = made.get("url")
    if url is not None and not (isinstance(url, str) and url.partition("://")[0] in ("http", "https", "tg")):
        raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return made
