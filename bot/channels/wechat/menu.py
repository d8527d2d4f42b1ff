"""The menu below the chat: data in menu.toml, checked before WeChat sees it.

Limits: https://developers.weixin.qq.com/doc/service/guide/product/custom_menu.html
"""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from bot.core.errors import Misconfigured

BUTTONS_MOST, ITEMS_MOST = 3, 5
NAME_BYTES, ITEM_BYTES, PRESS_BYTES, ADDRESS_BYTES = 16, 60, 128, 1024


def menu_languages() -> list[str]:
    """The languages that there is a menu in; the first is the one that is published unless told otherwise."""
    return list(_read())


def buttons(language: str) -> list[dict[str, Any]]:
    """The menu in one language, as menu/create takes it. Raises Misconfigured with everything that is wrong."""
    menus = _read()
    if language not in menus:
        raise Misconfigured([f"--language {language}: there is a menu in {', '.join(menus)}"])
    return make(menus[language])


def make(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Buttons out of the entries of menu.toml. Raises Misconfigured."""
    if problems := list(_problems(entries)):
        raise Misconfigured([f"menu.toml: {problem}" for problem in problems])
    return [_with_items(entry) if "items" in entry else _button(entry) for entry in entries]


def published(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Buttons as WeChat gives them back, in the form in which they were put: it adds empty lists."""
    kept = []
    for button in buttons:
        below = button.get("sub_button", [])
        items = below.get("list", []) if isinstance(below, dict) else below
        same = {name: value for name, value in button.items() if name in ("type", "name", "key", "url")}
        kept.append(same | ({"sub_button": published(items)} if items else {}))
    return kept


def _with_items(entry: dict[str, Any]) -> dict[str, Any]:
    return {"name": entry["name"], "sub_button": [_button(item) for item in entry["items"]]}


def _button(entry: dict[str, Any]) -> dict[str, Any]:
    if "open" in entry:
        return {"type": "view", "name": entry["name"], "url": entry["open"]}
    return {"type": "click", "name": entry["name"], "key": entry["press"]}


def _problems(entries: list[dict[str, Any]]) -> Iterator[str]:
    if not 1 <= len(entries) <= BUTTONS_MOST:
        yield f"{len(entries)} buttons; WeChat shows 1 to {BUTTONS_MOST}"
    for entry in entries:
        yield from _problems_of(entry, NAME_BYTES)
        items = entry.get("items", [])
        if "items" in entry and not 1 <= len(items) <= ITEMS_MOST:
            yield f"{entry.get('name')}: {len(items)} items; WeChat shows 1 to {ITEMS_MOST}"
        for item in items:
            yield from _problems_of(item, ITEM_BYTES)
            if "items" in item:
                yield f"{item.get('name')}: an item has no items of its own"


def _problems_of(entry: dict[str, Any], name_bytes: int) -> Iterator[str]:
    name = str(entry.get("name", ""))
    if not 1 <= len(name.encode()) <= name_bytes:
        yield f"{name!r}: a name has 1 to {name_bytes} bytes"
    if sum(what in entry for what in ("press", "open", "items")) != 1:
        yield f"{name!r}: give one of press, open, items"
    if len(str(entry.get("press", "-")).encode()) not in range(1, PRESS_BYTES + 1):
        yield f"{name!r}: press has 1 to {PRESS_BYTES} bytes"
    address = str(entry.get("open", "https://"))
    if not address.startswith(("https://", "http://")) or len(address.encode()) > ADDRESS_BYTES:
        yield f"{name!r}: open must be a web address of at most {ADDRESS_BYTES} bytes"


def _read() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(files(__package__).joinpath("menu.toml").read_text(encoding="utf-8"))
