"""The menu: what we ship leads somewhere, and what WeChat would refuse is refused first."""

import pytest

from bot.channels.wechat.menu import buttons, make, menu_languages, published
from bot.core.errors import Misconfigured
from intents.catalogue import flows
from knowledge.library import load_policy

ONE = {"name": "a", "press": "menu"}


@pytest.mark.parametrize("language", menu_languages())
def test_every_item_leads_somewhere(language: str) -> None:
    sections = load_policy("kenpai").sections
    items = [item for button in buttons(language) for item in button.get("sub_button", [button])]
    assert len(items) > 5
    for item in items:
        kind, _, rest = item["key"].partition(":")
        assert (kind == "menu" and (not rest or rest in sections)) or (kind == "start" and rest in flows())


def test_the_chinese_menu_comes_first_and_both_are_alike() -> None:
    assert menu_languages() == ["zh", "en"]
    keys = [[[item["key"] for item in button["sub_button"]] for button in buttons(name)] for name in menu_languages()]
    assert keys[0] == keys[1]


def test_a_menu_takes_the_form_that_wechat_wants() -> None:
    made = make([ONE, {"name": "b", "items": [{"name": "c", "open": "https://example.com"}]}])
    assert made == [
        {"type": "click", "name": "a", "key": "menu"},
        {"name": "b", "sub_button": [{"type": "view", "name": "c", "url": "https://example.com"}]},
    ]


def test_a_menu_read_back_is_the_menu_that_was_put() -> None:
    put = buttons("zh")
    given = [
        {**button, "sub_button": {"list": [{**item, "sub_button": []} for item in button["sub_button"]]}}
        for button in put
    ]
    assert published(given) == put
    flat = [{"type": "click", "name": "a", "key": "menu", "sub_button": []}]
    assert published(flat) == make([ONE])


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([], "0 buttons"),
        ([ONE] * 4, "4 buttons"),
        ([{"name": "b", "items": [ONE] * 6}], "6 items"),
        ([{"name": "b", "items": []}], "0 items"),
        ([{"name": "六个汉字的名", "press": "menu"}], "16 bytes"),
        ([{"name": "b", "items": [{"name": "x" * 61, "press": "menu"}]}], "60 bytes"),
        ([{"name": "a"}], "one of"),
        ([{"name": "a", "press": "menu", "open": "https://example.com"}], "one of"),
        ([{"name": "a", "press": "x" * 129}], "128 bytes"),
        ([{"name": "a", "open": "javascript:alert(1)"}], "web address"),
        ([{"name": "b", "items": [{"name": "c", "items": [ONE]}]}], "items of its own"),
    ],
)
def test_what_wechat_would_refuse_is_named(entries: list[dict], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        make(entries)


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(Misconfigured, match="zh, en"):
        buttons("fr")
