"""Showing who one is in a dialogue: what people type or dictate, what is kept of it, and moments as they are told."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.core.numbers import number_of
from bot.core.order.actions import number_in
from bot.core.order.card import at_clock
from bot.core.proving import account_in, code_in

NUMBER = number_of([7, 22, 2, 13, 23, 4, 29])


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12345678", "12345678"),
        ("1234 5678", "12345678"),
        (" 1234-5678 ", "12345678"),
        ("12345678.", "12345678"),
        ("12345678。", "12345678"),
        ("1 2 3 4 5 6 7 8", "12345678"),
        ("１２３４５６７８", "12345678"),
        ("it's 1234 5678, thanks", "12345678"),
        ("验证码是12345678。", "12345678"),
        ("一二三四五六七八", "12345678"),
        ("零幺二三四五六七", "01234567"),
        ("1234567", None),
        ("123456789", None),
        ("my phone is 13800138000", None),
        ("1111 2222 or 3333 4444", None),
        ("I haven't got it", None),
        ("我还没收到", None),
        ("", None),
        ("١٢٣٤٥٦٧٨", None),
    ],
)
def test_the_code_in_what_was_typed_or_dictated(typed: str, code: str | None):
    assert code_in(typed) == code


@pytest.mark.parametrize(
    ("typed", "account"),
    [
        (" K-1001 ", "K-1001"),
        ("k-1001@example.com.", "k-1001@example.com"),
        ("13800000001。", "13800000001"),
        ("K-1001！", "K-1001"),
    ],
)
def test_an_account_loses_the_full_stop_of_dictation(typed: str, account: str):
    assert account_in(typed) == account


@pytest.mark.parametrize(
    "said",
    [
        NUMBER,
        NUMBER.lower(),
        f"where is {NUMBER}?",
        f"我的申请{NUMBER}办到哪一步了",
        NUMBER.replace("-", " "),
        NUMBER.replace("-", ""),
        f"（{NUMBER}）",
    ],
)
def test_the_number_in_a_message(said: str):
    assert number_in(said) == NUMBER


@pytest.mark.parametrize("said", ["where is my request", NUMBER.removeprefix("KP-"), "12345678", "X" + NUMBER, ""])
def test_no_number_without_its_prefix(said: str):
    assert number_in(said) is None


def test_a_number_with_a_wrong_character_is_none_that_there_is():
    wrong = NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")
    assert number_in(wrong) == wrong


@pytest.mark.parametrize(
    ("zone", "language", "told"),
    [
        ("Asia/Shanghai", "en", "2026-03-05 17:30 (UTC+8)"),
        ("Asia/Shanghai", "zh", "2026-03-05 17:30"),
        ("Asia/Shanghai", "zh-Hant", "2026-03-05 17:30"),
        ("Asia/Kolkata", "zh", "2026-03-05 15:00 (UTC+5:30)"),
        ("America/New_York", "en", "2026-03-05 04:30 (UTC-5)"),
    ],
)
def test_a_moment_is_told_with_its_distance_from_utc(zone: str, language: str, told: str):
    assert at_clock(datetime(2026, 3, 5, 9, 30, tzinfo=UTC), ZoneInfo(zone), language) == told
