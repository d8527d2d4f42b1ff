"""Which choice a typed message means."""

import pytest

from bot.core.message import Choice
from bot.core.options import pick

FRUIT = (Choice("An apple", "apple"), Choice("A very ripe pear", "pear"), Choice("None of these", "none"))
SURE = (Choice("Yes, erase it", "flow:r:sure:yes"), Choice("No, keep it", "flow:r:sure:no"))


@pytest.mark.parametrize(
    "said",
    ["2", " 2. ", "2)", "第二个", "第2个", "二", "两", "选2", "２", "number 2", "no. 2", "the second one", "second",
     "2nd", "A very ripe pear", "a very ripe pear!", "A VERY RIPE PEAR", "a very rippe pear", "very ripe pear"],
)  # fmt: skip
def test_the_second_choice_is_meant(said: str):
    assert pick(said, FRUIT) is FRUIT[1]


@pytest.mark.parametrize(
    "said", ["0", "4", "99", "222", "", "  ", "2 apples", "how long is it kept?", "fourth", "第十个", "2.5", "-2"]
)
def test_none_of_the_choices_is_meant(said: str):
    assert pick(said, FRUIT) is None


@pytest.mark.parametrize("said", ["yes", "Y", "OK.", "sure!", "是的", "好", "确定", "嗯"])
def test_yes_means_the_choice_that_says_yes(said: str):
    assert pick(said, SURE) is SURE[0]


@pytest.mark.parametrize("said", ["no", "nope", "不", "不要", "不用了", "否"])
def test_no_means_the_choice_that_says_no(said: str):
    assert pick(said, SURE) is SURE[1]


def test_yes_means_nothing_where_no_choice_says_yes():
    assert pick("yes", FRUIT) is None


@pytest.mark.parametrize(
    ("said", "value"), [("没帮助", "down"), ("有帮助", "up"), ("返回", "back"), ("👎 没帮助", "down")]
)
def test_the_signs_on_a_button_need_not_be_typed(said: str, value: str):
    offers = (Choice("👍 有帮助", "up"), Choice("👎 没帮助", "down"), Choice("← 返回", "back"))
    assert pick(said, offers).value == value


def test_without_choices_nothing_is_meant():
    assert pick("1", ()) is None


def test_a_long_message_is_never_a_choice():
    assert pick("a pear " * 20, FRUIT) is None
