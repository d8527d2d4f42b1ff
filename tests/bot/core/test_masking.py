"""What is masked before anything is kept, and what is left alone. All numbers are made up."""

import re
import time
from pathlib import Path

import pytest

from bot.core.masking import EDGE, READ_AT_MOST, mask
from bot.core.pasted_numbers import iban_length, is_identity_number, is_old_identity_number, passes_luhn

HERE = Path(__file__).parent
WORD = re.compile(r"\[[^\]]+\]|\*{3}")
"""What stands in the place of something masked."""


def lines(name: str) -> list[str]:
    found = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in found if line and not line.startswith("#")]


SECRETS, NO_SECRETS = lines("pasted_secrets.txt"), lines("no_secrets.txt")


@pytest.mark.parametrize("line", SECRETS)
def test_what_people_paste_is_masked_and_nothing_else_of_the_line(line: str):
    kept = mask(line.replace("⟦", "").replace("⟧", ""))
    assert WORD.sub("⟦⟧", kept) == re.sub("⟦.*?⟧", "⟦⟧", line)
    assert mask(kept) == kept


@pytest.mark.parametrize("line", NO_SECRETS)
def test_talk_about_secrets_stays_as_it_was_written(line: str):
    assert mask(line) == line


def test_the_corpus_is_large_and_in_both_languages():
    han = [[bool(re.search("[一-鿿]", line)) for line in lines] for lines in (SECRETS, NO_SECRETS)]
    assert len(SECRETS) >= 120
    assert len(NO_SECRETS) >= 150
    assert all(sum(those) >= 50 and len(those) - sum(those) >= 70 for those in han)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("my ID is 11010519491231002X thanks", "my ID is [ID number] thanks"),
        ("身份证11010519491231002x，谢谢", "身份证[身份证号]，谢谢"),
        ("110105 19491231 002X", "[ID number]"),
        ("１１０１０５１９４９１２３１００２Ｘ", "[ID number]"),
        ("card 4111 1111 1111 1111", "card [card ***1111]"),
        ("card 4111-1111-1111-1111", "card [card ***1111]"),
        ("卡号６２２８４８００００００００００１", "卡号[银行卡 ***0001]"),
        ("卡号4111111111111111的", "卡号[银行卡 ***1111]的"),
        ("call 13812345678", "call [phone ***678]"),
        ("call +86 138 1234 5678", "call [phone ***678]"),
        ("打138-1234-5678", "打[电话 ***678]"),
        ("call ８６１３８１２３４５６７８", "call [phone ***678]"),
        ("call +49 30 1234567", "call [phone ***567]"),
        ("write to alice.example@example.com!", "write to a***@example.com!"),
        ("发到bob@mail.example.cn", "发到b***@mail.example.cn"),
        ("my password is Tulip-4-ever", "my password is [secret]"),
        ("Password: tulip, please", "Password: [secret], please"),
        ("pwd=tulip", "pwd=[secret]"),
        ("密码是abc12345", "密码是[已遮盖]"),
        ("密码是：abc12345", "密码是：[已遮盖]"),
        ("驗證碼 是 884412", "驗證碼 是 [已遮蓋]"),
        ("電話 0755 8123 4567 與護照 E12345678，謝謝", "電話 [電話 ***567] 與護照 [護照號碼]，謝謝"),
        ("身分證號碼11010519491231002X", "身分證號碼[身分證號]"),
        ("我的账号 GB82 WEST 1234 5698 7654 32", "我的账号 [银行账号 ***5432]"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "IBAN [account ***5432]"),
        ("我在网上看到12345678", "我在网上看到[数字码]"),
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


@pytest.mark.parametrize(
    ("text", "length"),
    [("GB82WEST12345698765432", 22), ("GB82WEST12345698765432PLEASE", 22), ("GB83WEST12345698765432", 0), ("GB82WEST", 0),
     ("XX82WEST12345698765432", 0), ("NO9386011117947", 15)],
)  # fmt: skip
def test_an_iban_has_its_countrys_length_and_check_digits(text: str, length: int):
    assert iban_length(text) == length


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [("110105491231002", True), ("990105491231002", False), ("110105491331002", False), ("11010549123100", False),
     ("111111111111111", False)],
)  # fmt: skip
def test_an_old_identity_number_has_a_region_and_a_birth_date(digits: str, is_one: bool):
    assert is_old_identity_number(digits) == is_one


HOSTILE = (
    "4111 1111 1111 1111 ", "1", "1 ", "1-", "86 ", "1234 ", "212-", "(212) ", "+(1", "a@", "a.", "@a.b", "://", "a:b@",
    "password ", "password'", "password is ", "pw:", "my password is a ", "密码", "密码是", "密码我我我", "助记词是是", "code is ",
    "验证码 1", "pin 1 1 1 1 ", "a is my ", "登", "身份证1", "电话", "护照", "DE89 3704 0044 ", "-----BEGIN ", "-eyJ", "eyJaaaaaaaaaaa.",
    "账号密码", "user/pass a ", "passphrase is the ", " ", "\0", "A", "①",
)  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hundred_thousand_hostile_characters_take_no_time_to_notice(piece: str):
    text = (piece * (100_000 // len(piece) + 1))[:100_000]
    took = []
    for _ in range(5):  # The quickest of some, because the machine may be busy.
        began = time.perf_counter()
        mask(text)
        took.append(time.perf_counter() - began)
        if took[-1] < 0.25:  # Quadratic reading would take many seconds; other tests run beside this one.
            return
    pytest.fail(f"{min(took) * 1000:.0f} ms")


def test_a_hundred_thousand_digits_are_masked():
    assert "4111" not in mask("4111 1111 1111 1111 " * 5_000)


def test_what_is_not_looked_at_is_not_kept():
    kept = mask("x" * (READ_AT_MOST - 6) + " 4111111111111111")
    assert "4111" not in kept
    assert len(kept) == READ_AT_MOST - EDGE
    assert len(mask("x" * READ_AT_MOST)) == READ_AT_MOST


def test_what_is_masked_is_cut_out_of_the_text_as_it_was_written():
    assert (
        mask("你好，（请问）ＡＢＣ？我的密码是：ｈｕｎｔｅｒ２，谢谢！")
        == "你好，（请问）ＡＢＣ？我的密码是：[已遮盖]，谢谢！"
    )
