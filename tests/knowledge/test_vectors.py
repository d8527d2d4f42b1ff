"""The space of features: found without keeping them, and never taken for one another."""

from collections import Counter

import numpy as np

from knowledge.vectors import Families, Space

ALONE = (1.0,)


def space_of(*features: str) -> Space:
    return Space.over([(Counter(features),)], at_least=1, at_most=1000)


def one(*features: str) -> Families:
    return (Counter(features),)


def test_a_feature_is_found_in_its_column() -> None:
    space = space_of("a", "b", "保存")
    columns, values = space.vector(one("保存", "unheard", "a"), ALONE)
    assert [list(space.columns)[column] for column in columns] == ["保存", "a"]
    assert np.isclose(values @ values, 1)


def test_letters_are_not_taken_for_a_character_of_the_same_bytes() -> None:
    # Python hashes the bytes alone, and on most machines these two have the same.
    columns, _ = space_of("nm", "a").vector(one("浮"), ALONE)
    assert not len(columns)


def test_what_was_packed_finds_the_same() -> None:
    space = space_of(*(f"{letter}{number}" for letter in "ab保" for number in range(200)))
    again = Space.unpacked(space.packed(), space.rarity)
    assert again.columns == space.columns
    question = one("b7", "保199", "c1", "a0")
    assert all(map(np.array_equal, again.vector(question, ALONE), space.vector(question, ALONE)))


def test_a_space_without_features_knows_nothing() -> None:
    columns, values = Space.over([], at_least=1, at_most=10).vector(one("a"), ALONE)
    assert len(columns) == len(values) == 0
