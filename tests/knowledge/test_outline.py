"""What numbers, and nothing but numbers, say about the shape of a text."""

import random

import pytest

from knowledge.importing.numbering import han_number, marked, numeral, roman_number
from knowledge.importing.outline import Node, outline
from knowledge.importing.paragraph import Paragraph


def numbers(text: str) -> dict[str, tuple[int, ...]]:
    """Text of each numbered paragraph -> the numbers it was given."""
    root = outline([Paragraph(i, line.strip()) for i, line in enumerate(text.strip().splitlines(), 1)])
    return {node.text: node.path for node in root.walk() if node.kind == "number"}


@pytest.mark.parametrize(
    ("text", "style", "path"),
    [
        ("1. A", "arabic.", (1,)),
        ("12) b", "arabic)", (12,)),
        ("（3）c", "arabic()", (3,)),
        ("IV. d", "roman upper.", (4,)),
        ("1.2.3 e", "decimal", (1, 2, 3)),
        ("第三条 本政策", "han第条", (3,)),
        ("第12条 本政策", "han第条", (12,)),
        ("三、收集", "han,", (3,)),
        ("（十一）目的", "han()", (11,)),
        ("② x", "circled", (2,)),
        ("Section 4: Rights", "worded section", (4,)),
    ],
)
def test_a_mark_is_read(text: str, style: str, path: tuple[int, ...]) -> None:
    readings = marked(text)[2]
    assert (readings[0].style, readings[0].path) == (style, path)


@pytest.mark.parametrize(
    "text", ["2023. was a year", "In case of doubt", "e-mail) sent", "Mix. of words", "第一 is no article", ""]
)
def test_a_text_without_a_mark_has_none(text: str) -> None:
    assert marked(text) == ("", text, ())


def test_a_letter_may_be_a_roman_number() -> None:
    assert {reading.path for reading in marked("c) third")[2]} == {(3,), (100,)}


@pytest.mark.parametrize("value", [1, 4, 9, 10, 14, 20, 21, 40, 99, 100, 101, 110, 199])
def test_numerals_are_read_as_they_are_written(value: int) -> None:
    assert roman_number(numeral(value, "lowerRoman")) == value
    assert han_number(numeral(value, "chineseCounting")) == value


def test_sections_and_items_may_look_the_same() -> None:
    found = numbers("1. Scope\n1. It applies here.\n2. It ends there.\n2. Uses\n1. We print it.\n3. Ends\n1. It stops.")
    assert found == {
        "Scope": (1,),
        "It applies here.": (1, 1),
        "It ends there.": (1, 2),
        "Uses": (2,),
        "We print it.": (2, 1),
        "Ends": (3,),
        "It stops.": (3, 1),
    }


def test_roman_goes_on_after_arabic() -> None:
    found = numbers(
        "1. Scope\n1) One rule here.\n2. Uses\n1) Two rules.\n2) Three rules.\n"
        "III. Ends\n1) It stops.\nIV. Talks\n1) Ring us."
    )
    assert found["Ends"] == (3,)
    assert found["Ring us."] == (4, 1)


def test_items_run_on_over_two_sub_heads() -> None:
    found = numbers(
        "1. Uses\n1. Servers\nWhat you give:\n1) A name.\n2) A town.\nWhat we note:\n"
        "3) The hour.\n2. Sales\nWho buys it is told."
    )
    assert found["The hour."] == (1, 1, 3)
    assert found["Sales"] == (1, 2)


def test_numbers_restart_in_every_part() -> None:
    root = outline(
        [
            Paragraph(i, t)
            for i, t in enumerate(
                ["Legal Statement", "1. Marks are ours.", "Privacy Policy", "1. Names are yours.", "2. Towns too."]
            )
        ]
    )
    assert [(part.text, [child.path for child in part.children]) for part in root.children] == [
        ("Legal Statement", [(1,)]),
        ("Privacy Policy", [(1,), (2,)]),
    ]


def test_a_table_of_contents_is_not_the_body() -> None:
    text = (
        "It has these parts:\n1. Scope\n2. Uses\n3. Ends of It\n"
        "1. Scope\n1. It applies.\nII. Uses\n1. We print.\nIII. Ends\n1. It stops."
    )
    found = numbers(text)
    assert list(found.values()) == [(1,), (1, 1), (2,), (2, 1), (3,), (3, 1)]


def test_chinese_levels_may_use_one_style_at_two_depths() -> None:
    found = numbers(
        "第一条 范围\n（一）适用于控制台。\n第二条 收集\n一、开户\n（一）填写姓名。\n（二）填写邮箱。\n"
        "二、运行\n（一）记录时间。\n第三条 提供\n（一）法院要求。"
    )
    assert found["填写邮箱。"] == (2, 1, 2)
    assert found["法院要求。"] == (3, 1)


def test_articles_may_run_on_over_chapters() -> None:
    found = numbers(
        "第一章 总则\n第一条 适用于控制台。\n第二条 不适用于网店。\n第二章 收集\n第三条 填写姓名。\n第四条 记录时间。"
    )
    assert list(found.values()) == [(1,), (1, 1), (1, 2), (2,), (2, 3), (2, 4)]


def test_a_closing_text_belongs_to_what_holds_the_list() -> None:
    root = outline(
        [
            Paragraph(i, t)
            for i, t in enumerate(
                ["1. Uses", "1) One rule.", "2) Two rules.", "All rules may end some day.", "2. Ends", "It stops here."]
            )
        ]
    )
    uses = root.children[0]
    assert [(child.kind, child.path) for child in uses.children] == [
        ("number", (1, 1)),
        ("number", (1, 2)),
        ("text", (1, 2)),
    ]


def test_numbers_that_say_their_own_place_are_taken_at_their_word() -> None:
    found = numbers(
        "1. Scope\n1.1 It applies here.\n1.2 It ends there.\n2. Uses\n2.1 Servers\n2.1.1 We print it.\n2.2 We sell it."
    )
    assert list(found.values()) == [(1,), (1, 1), (1, 2), (2,), (2, 1), (2, 1, 1), (2, 2)]


def test_a_broken_sentence_that_starts_with_a_number_is_no_clause() -> None:
    root = outline(
        [
            Paragraph(i, t)
            for i, t in enumerate(
                ["1. It applies.", "2. It ends after day", "14. then it starts again.", "3. It stops."]
            )
        ]
    )
    assert [node.path for node in root.walk() if node.kind == "number"] == [(1,), (2,), (3,)]


WORDS = ["data", "account", "server", "mail", "name", "phone", "number", "order", "law", "court", "login", "disk"]
FORMS = (
    ("decimal", "{}. "),
    ("decimal", "{}) "),
    ("decimal", "({}) "),
    ("upperRoman", "{}. "),
    ("lowerLetter", "{}) "),
    ("chineseCounting", "{}、"),
    ("chineseCounting", "（{}）"),
    ("chineseCounting", "第{}条 "),
)


def invented(seed: int) -> tuple[list[Paragraph], dict[int, tuple[int, ...]]]:
    """A random text of up to eight sections, and the numbers its lines carry."""
    rng = random.Random(seed)
    forms = rng.sample(FORMS, 3)
    lines: list[str] = ["Privacy Policy"]
    truth: dict[int, tuple[int, ...]] = {}

    def add(path: tuple[int, ...], text: str) -> None:
        form, shape = forms[len(path) - 1]
        lines.append(shape.format(numeral(path[-1], form)) + text)
        truth[len(lines)] = path

    def sentence(end: str = ".") -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(6, 20))).capitalize() + end

    for section in range(1, rng.randint(2, 8) + 1):
        add((section,), " ".join(rng.choice(WORDS) for _ in range(3)).title())
        for item in range(1, rng.randint(1, 5) + 1):
            nested = rng.random() < 0.4
            add((section, item), sentence(":" if nested else "."))
            for case in range(1, rng.randint(2, 4) + 1 if nested else 1):
                add((section, item, case), sentence())
    return [Paragraph(i, line) for i, line in enumerate(lines, 1)], truth


@pytest.mark.parametrize("seed", range(60))
def test_random_policies_with_three_styles_come_back_whole(seed: int) -> None:
    paragraphs, truth = invented(seed)
    found: dict[int, tuple[int, ...]] = {n.line: n.path for n in outline(paragraphs).walk() if n.kind == "number"}
    assert found == truth


def test_walking_a_node_keeps_the_reading_order() -> None:
    root = Node("document", children=[Node("part", "a", children=[Node("text", "b")]), Node("part", "c")])
    assert [node.text for node in root.walk()] == ["", "a", "b", "c"]
