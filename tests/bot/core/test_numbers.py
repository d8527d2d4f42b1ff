"""Order numbers: every slip of one character is noticed, and so is any swap; they survive being typed by hand."""

from hypothesis import given
from hypothesis import strategies as st

from bot.core.numbers import ALPHABET, PREFIX, new_number, number_of, tidy

numbers = st.lists(st.integers(0, 31), min_size=7, max_size=7).map(number_of)


def characters(number: str) -> str:
    return number.removeprefix(f"{PREFIX}-").replace("-", "")


def test_a_new_number_is_right_and_reads_like_one() -> None:
    number = new_number()
    assert tidy(number) == number
    assert (number[:3], number[7], len(number)) == ("KP-", "-", 12)
    assert not set(characters(number)) & set("ILOU")


@given(numbers)
def test_every_wrong_character_is_noticed(number: str) -> None:
    right = characters(number)
    for place in range(8):
        for wrong in set(ALPHABET) - {right[place]}:
            assert tidy(right[:place] + wrong + right[place + 1 :]) is None


@given(numbers)
def test_any_two_that_changed_places_are_noticed(number: str) -> None:
    right = characters(number)
    for one in range(8):
        for other in range(one + 1, 8):
            said = list(right)
            said[one], said[other] = said[other], said[one]
            assert (tidy("".join(said)) is None) == (right[one] != right[other])


@given(numbers, st.booleans(), st.booleans(), st.booleans())
def test_it_can_be_typed_as_people_type(number: str, has_prefix: bool, is_lower: bool, is_wide: bool) -> None:
    said = " ".join(characters(number)).replace("0", "O").replace("1", "l")
    said = f"kp {said}" if has_prefix else said
    said = said.lower() if is_lower else said
    wide = {ord(one): ord(one) + 0xFEE0 for one in map(chr, range(0x21, 0x7F))}
    assert tidy(said.translate(wide) if is_wide else said) == number


@given(st.text(max_size=60))
def test_anything_else_is_no_number_or_a_right_one(text: str) -> None:
    read = tidy(text)
    assert read is None or tidy(read) == read


def test_what_is_far_too_long_is_not_looked_at() -> None:
    assert tidy("-" * 41 + "00000000") is None
    assert tidy("KP-UUUU-UUUU") is None
    assert tidy("") is None
