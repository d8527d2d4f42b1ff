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
