"""How replies look in WeChat, and that what is drawn can be sent."""

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.wechat.drawing import (
    PARTS_MOST,
    TEXT_MAX_BYTES,
    draw,
    how_many_fit,
    parts,
    passive_xml,
    split,
)
from bot.core.message import Choice, Citation, Reply
from tests.bot.channels.wechat_edge import sizes

ANSWER = Reply(
    "我们会保存六个月。",
    (Choice("👍 有帮助", "rate:up:X"), Choice("浏览政策", "menu")),
    (
        Citation("privacy.7.2", "隐私政策 7.2", "policy", "2023年12月15日"),
        Citation("pipl.19", "个人信息保护法第十九条", "law"),
    ),
    "7QK2-M9FX",
    "zh",
    "https://privacy.example.com/policy",
)


def test_an_answer_is_words_then_sources_then_numbers() -> None:
    assert draw([ANSWER]) == (
        "我们会保存六个月。\n\n"
        "依据：隐私政策 7.2（2023年12月15日版）；个人信息保护法第十九条\n回执：7QK2-M9FX\nhttps://privacy.example.com/policy\n\n"
        "回复数字选择：\n1. 👍 有帮助\n2. 浏览政策"
    )


@pytest.mark.parametrize(
    ("language", "asks"),
    [("en", "Reply with a number:"), ("zh-Hant", "回覆數字選擇："), ("fr", "Reply with a number:")],
)
def test_each_language_asks_in_its_own_words(language: str, asks: str) -> None:
    assert draw([Reply("x", (Choice("A", "a"),), language=language)]) == f"x\n\n{asks}\n1. A"


def test_only_the_choices_shown_last_have_numbers() -> None:
    first, second = Reply("one", (Choice("A", "a"),)), Reply("two", (Choice("B", "b"),))
    assert draw([first, second, Reply("three")]) == "one\n\ntwo\n\nReply with a number:\n1. B\n\nthree"


def test_as_many_replies_go_together_as_fit() -> None:
    short, long = Reply("a" * 600), Reply("b" * 3000)
    assert how_many_fit([short, short, short, short]) == 3
    assert how_many_fit([long, short]) == 1
    assert how_many_fit([short, long]) == 1


def test_nobody_can_write_a_link_that_looks_like_ours() -> None:
    assert draw([Reply('You asked: <a href="https://evil.example">here</a> < A >')]) == (
        'You asked: ＜a href="https://evil.example">here＜/a> ＜ A >'
    )


def test_what_xml_cannot_hold_is_left_out() -> None:
    assert draw([Reply("a\0b\x08c\ud800d\uffffe\nf")]) == "abcde\nf"


@pytest.mark.parametrize(
    "text",
    ["]]>", "x]]></Content><MsgType><![CDATA[image]]></MsgType><Content><![CDATA[", "]]]]>>", "]]]>", "&lt;&amp;<b>"],
)
def test_no_text_gets_out_of_its_element(text: str) -> None:
    fields = xmltodict.parse(passive_xml(text, user="u", account="a", at=1), strip_whitespace=False)["xml"]
    assert fields["Content"] == text
    assert fields["MsgType"] == "text"
    assert (fields["ToUserName"], fields["FromUserName"], fields["CreateTime"]) == ("u", "a", "1")


@settings(deadline=None)
@given(st.text(max_size=6000))
def test_pieces_fit_and_nothing_is_lost(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    pieces = split(text, 200)
    assert max(sizes(pieces)) <= 200
    assert "".join("".join(pieces).split()) == "".join(text.split())


@settings(deadline=None)
@given(st.text(alphabet="字é😀👩‍👩‍👧🏽e\u0301 \n。", min_size=600, max_size=3000))
def test_every_part_fits_and_can_be_told_apart(text: str) -> None:
    drawn = parts([Reply(text)])
    assert 1 <= len(drawn) <= PARTS_MOST
    assert max(sizes(drawn)) <= TEXT_MAX_BYTES


def test_han_characters_are_never_cut_in_two() -> None:
    assert sizes(split("字" * 1000)) == [1998, 1002]


def test_an_accent_stays_with_its_letter_and_an_emoji_whole() -> None:
    family = "👩‍👩‍👧"
    assert split("a" * 1999 + "e\u0301")[0] == "a" * 1999
    assert split("a" * 1990 + family)[1] == family


def test_a_cut_falls_on_a_line_end_where_one_is_near() -> None:
    text = "\n".join(["一二三四五六七八九十" * 6] * 20)
    assert all(len(piece.split("\n")[-1]) == 60 for piece in split(text))


def test_what_is_too_long_even_in_parts_ends_with_a_word_about_it() -> None:
    drawn = parts([Reply("字" * 5000, language="zh")])
    assert len(drawn) == PARTS_MOST
    assert drawn[-1].endswith("以上是前面的部分）")
