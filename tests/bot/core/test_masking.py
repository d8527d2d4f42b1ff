"""What is masked before anything is kept, and what is left alone. All numbers are made up."""

import pytest

from bot.core.masking import is_identity_number, mask, passes_luhn


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("my ID is 11010519491231002X thanks", "my ID is [ID number] thanks"),
        ("身份证11010519491231002x，谢谢", "身份证[ID number],谢谢"),
        ("110105 19491231 002X", "[ID number]"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[ID number]"),
        ("card 4111 1111 1111 1111", "card [card ***1111]"),
        ("card 4111-1111-1111-1111", "card [card ***1111]"),
        ("卡号６２２８４８００００００００００１", "卡号６２２８４８００００００００００１"),
        ("卡号4111111111111111的", "卡号[card ***1111]的"),
        ("call 13812345678", "call [phone ***678]"),
        ("call +86 138 1234 5678", "call [phone ***678]"),
        ("打138-1234-5678", "打[phone ***678]"),
        ("call ８６１３８１２３４５６７８", "call [phone ***678]"),
        ("call +49 30 1234567", "call [phone ***567]"),
        ("write to alice.example@example.com!", "write to a***@example.com!"),
        ("发到bob@mail.example.cn", "发到b***@mail.example.cn"),
        ("my password is Tulip-4-ever", "my password is [secret]"),
        ("Password: tulip, please", "Password: [secret], please"),
        ("pwd=tulip", "pwd=[secret]"),
        ("密码是abc12345", "密码是[secret]"),
        ("密码是：abc12345", "密码是:[secret]"),
        ("驗證碼 是 884412", "驗證碼 是 [secret]"),
        ("api key = AbCd1234", "api key = [secret]"),
        ("AKIAABCDEFGHIJKLMNOP leaked", "[token] leaked"),
        ("123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "[token]"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJlMTIz", "[token]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- hi", "[private key] hi"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[private key]"),
        ("12345678", "[code]"),
        ("4111 1111 1111 1112", "[code] [code]"),
        ("1234 5678", "[code]"),
        ("4\u200b1111111\u200b11111111", "[card ***1111]"),
    ],
)
def test_a_secret_is_masked(said: str, kept: str):
    assert mask(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        "110105194912310021",
        "110105194913310020",
        "0000000000000000",
        "order 20231215",
        "2023-12-15",
        "call 400-076-9938",
        "12812345678",
        "1381234567",
        "٤١١١١١١١١١١١١١١١",
        "١٢٣٤٥٦٧٨",
        "privacy.7.4 and privacy.10",
        "my password was leaked",
        "is my password safe?",
        "my password is wrong",
        "what is a password",
        "你们的密码是怎么保存的",
        "忘记密码怎么办？",
        "我在@kenpai",
        "1,234,567.89",
        "",
    ],
)
def test_what_is_no_secret_stays_as_it_was_written(said: str):
    assert mask(said) == said


def test_masking_twice_changes_nothing_more():
    once = mask("ID 11010519491231002X, card 4111111111111111, 13812345678, a@example.com, password: tulip, 12345678")
    assert mask(once) == once


def test_full_width_punctuation_stays_where_nothing_was_masked():
    assert mask("你好，（请问）ＡＢＣ？") == "你好，（请问）ＡＢＣ？"


@pytest.mark.parametrize("last", "0123456789X")
def test_only_one_check_character_makes_an_identity_number(last: str):
    assert is_identity_number("11010519491231002" + last) == (last == "X")


@pytest.mark.parametrize("born", ["19491331", "19490230", "18000101", "00000000"])
def test_an_identity_number_has_a_possible_birth_date(born: str):
    assert not any(is_identity_number(f"110105{born}002{last}") for last in "0123456789X")


@pytest.mark.parametrize("digits", ["4111111111111111", "5500000000000004", "340000000000009", "6011000000000004"])
def test_a_card_number_passes_luhn_and_its_neighbour_does_not(digits: str):
    assert passes_luhn(digits)
    assert not passes_luhn(digits[:-1] + str((int(digits[-1]) + 1) % 10))


def test_a_hundred_thousand_digits_are_masked_in_no_time_to_notice():
    assert "[" in mask("4111 1111 1111 1111 " * 5_000)
