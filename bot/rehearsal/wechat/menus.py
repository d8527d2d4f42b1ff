"""The menu bar below a chat, checked as WeChat checks it: three entries, five below each, short names."""

from typing import Any

from bot.rehearsal.wechat.errcodes import Errcode

_NAME_BYTES = {True: 60, False: 16}
"""Of an entry below another, and of one in the bar."""
_KEYED = (
    "click", "scancode_push", "scancode_waitmsg", "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select",
)  # fmt: skip
_OTHERS = ("view", "miniprogram", "media_id", "article_id", "article_view_limited")


def check_menu(body: dict[str, Any]) -> None:
    """Raises Errcode for a menu that WeChat wouldn't take."""
    buttons = body.get("button")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise Errcode(40016)
    for button in buttons:
        _check(button, below=False)


def _check(button: Any, *, below: bool) -> None:
    if not isinstance(button, dict):
        raise Errcode(47001)
    name = button.get("name")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= _NAME_BYTES[below]:
        raise Errcode(40025 if below else 40018)
    inner = button.get("sub_button")
    if inner:
        if below or not isinstance(inner, list) or len(inner) > 5:
            raise Errcode(40023)
        for each in inner:
            _check(each, below=True)
        return
    kind = button.get("type")
    if kind not in (*_KEYED, *_OTHERS):
        raise Errcode(40024 if below else 40017)
    if kind in _KEYED and not 1 <= len(str(button.get("key", "")).encode()) <= 128:
        raise Errcode(40026 if below else 40019)
    if kind == "view" and not (
        str(button.get("url", "")).startswith(("http://", "https://")) and len(button["url"].encode()) <= 1024
    ):
        raise Errcode(40027 if below else 40020)
