"""What the matcher sees of a text."""

from intents.features import READ_AT_MOST, families, readable
from knowledge.vectors import Space


def test_english_has_letters_inside_words_only() -> None:
    letters, *_ = families("my data", "en")
    assert " da" in letters
    assert "data " in letters
    assert not any("y d" in group for group in letters)


def test_english_words_are_stems_alone_and_in_pairs() -> None:
    words = families("deleting records", "en")[1]
    assert words == {"=delet": 1, "=record": 1, "=delet record": 1}


def test_chinese_has_characters_up_to_three_and_latin_words() -> None:
    letters, words, *_ = families("关闭cookie", "zh")
    assert {"关", "关闭", "闭c"} <= letters.keys()
    assert words == {"=cooki": 1}


def test_different_words_of_one_concept_share_a_feature() -> None:
    for one, other, language in [("sell", "rent out", "en"), ("卖掉", "出售", "zh")]:
        assert set(families(one, language)[2]) & set(families(other, language)[2])


def test_concepts_meet_in_pairs_in_either_order() -> None:
    assert families("cookie consent", "en")[3].keys() == families("consent cookie", "en")[3].keys()


def test_what_is_read_is_capped_and_normalised() -> None:
    assert len(readable("Ａ" * 100_000)) == READ_AT_MOST
    assert readable("ＤＡＴＡ\u200b  資料") == "data 资料"


def test_expansion_by_normalising_is_capped_too() -> None:
    assert len(readable("\ufdfa" * 5_000)) <= READ_AT_MOST


def test_a_text_of_unknown_features_is_an_empty_vector() -> None:
    space = Space.over([families("privacy policy", "en")], at_least=1, at_most=100)
    columns, values = space.vector(families("zzz", "en"), (1, 1, 1, 1))
    assert len(columns) == len(values) == 0
