"""What a file for the person shows that must be masked: found by its line, masked in a copy, the rest left as it was."""

import pytest

from bot.core.file_kinds import JSON, PDF, kind_of
from bot.core.package.unmasked import NotMaskable, Shown, masked_copy, shown_in

NUMBER = "110101199003078515"
"""Invented; its check digit is right."""


@pytest.mark.parametrize(
    ("text", "shown", "masked"),
    [
        ("name: ada\nid: {number}\n", [(2, "identity")], "name: ada\nid: [ID number]\n"),
        ("备注\n身份证号：{number}\n", [(2, "identity")], "备注\n身份证号：[身份证号]\n"),
        ("card 4111 1111 1111 1111\r\nok\r\n", [(1, "card")], "card [card ***1111]\r\nok\r\n"),
        ("user=ada\npassword: tulip77!\n", [(2, "secret")], "user=ada\npassword: [secret]\n"),
        ('{"id": "{number}", "n": 1}', [(1, "identity")], '{"id": "[ID number]", "n": 1}'),
        ("name,password\nada,tulip\nbob,\ncem,***\n", [(2, "secret")], "name,password\nada,[***]\nbob,\ncem,***\n"),
        ("账号;登录密码\r\nK-1;郁金香\r\n", [(2, "secret")], "账号;登录密码\r\nK-1;[***]\r\n"),
        (
            'note,api_key\n"two\nlines",k1\nx,k2\n',
            [(3, "secret"), (4, "secret")],
            'note,api_key\n"two\nlines",[***]\nx,[***]\n',
        ),
        (
            "a\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END PRIVATE KEY-----\nb\n",
            [(2, "private key")],
            "a\n[private key]\nb\n",
        ),
    ],
)
def test_what_must_be_masked_is_found_by_line_and_masked(text: str, shown: list[tuple[int, str]], masked: str) -> None:
    body = text.replace("{number}", NUMBER).encode()
    kind = kind_of(body)
    assert kind is not None
    assert shown_in(body, kind) == [Shown(*one) for one in shown]
    assert masked_copy(body, kind).decode() == masked
    assert shown_in(masked_copy(body, kind), kind) == []


@pytest.mark.parametrize(
    "text",
    [
        "account,phone,mail\nK-1,13800000001,ada@mail.example.com\n",
        "order,date\n20260302093000,2026-03-02\n",
        "password policy,changed\nstrong,2026-03-02\n",
        "",
    ],
)
def test_what_the_person_asks_for_is_left_alone(text: str) -> None:
    kind = kind_of(text.encode())
    assert kind is not None
    assert shown_in(text.encode(), kind) == []
    assert masked_copy(text.encode(), kind).decode() == text


def test_a_file_of_the_chinese_coding_stays_in_it() -> None:
    body = f"姓名,证件\n测试员,{NUMBER}\n".encode("gb18030")
    kind = kind_of(body)
    assert kind is not None
    assert shown_in(body, kind) == [Shown(2, "identity")]
    assert masked_copy(body, kind).decode("gb18030") == "姓名,证件\n测试员,[身份证号]\n"


def test_json_that_would_be_none_any_more_isnt_masked() -> None:
    with pytest.raises(NotMaskable):
        masked_copy(b'{"card": 4111111111111111}', JSON)


def test_far_down_in_a_long_file_it_is_found_too() -> None:
    body = ("2026-03-02,visit\n" * 5_000 + f"id {NUMBER}\n").encode()
    kind = kind_of(body)
    assert kind is not None
    assert shown_in(body, kind) == [Shown(5_001, "identity")]


def test_what_isnt_text_isnt_looked_into() -> None:
    assert shown_in(b"%PDF-1.7 " + NUMBER.encode(), PDF) == []
