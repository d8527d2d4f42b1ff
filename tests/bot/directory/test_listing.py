"""A CSV list of accounts as spreadsheets and systems really write it: what is read, what is refused, and in which words."""

from datetime import UTC, datetime

import pytest

from bot.core.errors import Misconfigured
from bot.directory.listing import FORMULA, NOT_A, SHORTENED, Bad, open_listing
from storage.stores.accounts import AccountLine, ContactLine

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HEADER = "account_id,email,phone,wechat_openid,telegram_id,email_since,phone_since,closed\n"


def rows(text: str | bytes, header: str = HEADER) -> list[AccountLine | list[Bad]]:
    raw = text if isinstance(text, bytes) else (header + text).encode()
    return [row for _, row in open_listing(raw).rows(NOW)]


def bad(text: str, header: str = HEADER) -> list[tuple[str, str]]:
    """Column and reason of everything wrong with one row."""
    (row,) = rows(text, header)
    assert isinstance(row, list), row.contacts
    return [(one.column, one.why) for one in row]


def problems(raw: bytes | str) -> str:
    with pytest.raises(Misconfigured) as raised:
        open_listing(raw if isinstance(raw, bytes) else raw.encode())
    return "\n".join(raised.value.problems)


FULL = "K-1,Ada@Mail.Example.com,138 0000 0001,oEXAMPLE00000000000000000001,990000000001,2025-01-31,2025-02-01T08:00:00+08:00,no\n"
READ = AccountLine(
    "K-1",
    (
        ContactLine("email", "ada@mail.example.com", datetime(2025, 1, 31, 16, tzinfo=UTC)),
        ContactLine("phone", "+8613800000001", datetime(2025, 2, 1, tzinfo=UTC)),
        ContactLine("wechat", "oEXAMPLE00000000000000000001"),
        ContactLine("telegram", "990000000001"),
    ),
)


@pytest.mark.parametrize(
    "raw",
    [
        (HEADER + FULL).encode(),
        b"\xef\xbb\xbf" + (HEADER + FULL).encode(),
        (HEADER + FULL).replace("\n", "\r\n").encode(),
        (HEADER + FULL).replace("\n", "\r").encode(),
        (HEADER + FULL).rstrip("\n").encode(),
        (HEADER + FULL).replace(",", ";").encode(),
        (HEADER + FULL).replace(",", "\t").encode(),
        (HEADER + FULL).replace("no", "否").encode("gb18030"),
        (HEADER + FULL).replace("138 0000", "１３８ ００００").encode("gb18030"),
        (HEADER.upper().replace("_", " ") + FULL).encode(),
        "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in (HEADER + FULL).splitlines()).encode(),
        (HEADER + "\n,,,,,,,\n   \n" + FULL + "\n").encode(),
        (HEADER + FULL.replace("138 0000 0001", "'+8613800000001")).encode(),
        (HEADER + FULL.replace("138 0000 0001", " +86 138 0000 0001 ")).encode(),
    ],
    ids=[
        "utf-8",
        "bom",
        "crlf",
        "cr",
        "no-last-break",
        "semicolon",
        "tab",
        "gb18030",
        "gb18030-wide",
        "header",
        "quoted",
        "blank-lines",
        "apostrophe",
        "plus",
    ],
)
def test_the_same_list_is_read_however_it_is_written(raw: bytes) -> None:
    assert rows(raw) == [READ]


def test_how_it_is_written_is_told() -> None:
    assert [
        open_listing(raw).encoding
        for raw in (b"\xef\xbb\xbf" + HEADER.encode(), HEADER.encode(), HEADER.encode() + "是".encode("gb18030"))
    ] == [
        "utf-8 with a byte order mark",
        "utf-8",
        "gb18030",
    ]
    assert open_listing(HEADER.encode(), "gb18030").encoding == "gb18030"


def test_columns_come_in_any_order_and_most_may_be_missing() -> None:
    assert rows("13800000001,K-2\n", "phone,account_id\n") == [
        AccountLine("K-2", (ContactLine("phone", "+8613800000001"),))
    ]


def test_a_list_may_say_when_a_contact_went() -> None:
    header = "account_id,phone,contacts_changed_at\n"
    (line,) = rows("K-2,13800000001,2026-01-31T08:00:00+08:00\n", header)
    assert isinstance(line, AccountLine)
    assert line.contacts_changed_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert rows("K-2,13800000001,soon\n", header) == [[Bad(2, "contacts_changed_at", NOT_A["since"])]]


def test_an_account_without_any_contact_is_good() -> None:
    assert rows("K-2,,,,,,,yes\n") == [AccountLine("K-2", (), True)]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("accountid,email", 'no column "accountid"; did you mean account_id?'),
        ("account_id,e-mail", 'no column "e_mail"; did you mean email?'),
        ("account_id,mobile_phone,phone", 'no column "mobile_phone"; did you mean phone?'),
        ("account_id,email,name", 'no column "name"; take it out'),
        ("account_id,email,手机号", 'no column "手机号"; take it out'),
        ("account_id,email,email", "the column email is there 2 times"),
        ("account_id,closed", "no column has a contact"),
        ("email,phone", "the column account_id is missing"),
        ("account_id,email,", "no column number 3"),
        ('account_id,"email', "quotes of the first line"),
        ("", "the first line is empty"),
        ("\n\naccount_id,email", "the first line is empty"),
    ],
)
def test_a_wrong_header_is_told_with_the_nearest_name(header: str, says: str) -> None:
    assert says in problems(header + "\n")


def test_a_header_that_is_a_row_is_not_repeated() -> None:
    said = problems("K-1,ada@mail.example.com,13800000001\n")
    assert "number 2" in said
    assert not [word for word in ("ada", "13800000001", "K-1") if word in said]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 workbook", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
        (HEADER.encode() + b"K-1,\xff\xff\xff", "can't be read as utf-8 or gb18030"),
        (b"", "first line is empty"),
    ],
)
def test_a_file_of_another_kind_is_told(raw: bytes, says: str) -> None:
    assert says in problems(raw)


def test_a_file_can_be_read_in_one_encoding_alone() -> None:
    with pytest.raises(Misconfigured, match="can't be read as utf-8:"):
        open_listing(HEADER.encode() + "是".encode("gb18030"), "utf-8")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("K 1,,,,,,,", [("account_id", NOT_A["account_id"])]),
        (",a@mail.example.com,,,,,,", [("account_id", "is empty")]),
        ("账号,,,,,,,", [("account_id", NOT_A["account_id"])]),
        ("1.39E+10,,,,,,,", [("account_id", SHORTENED)]),
        ("K-1,no mail,,,,,,", [("email", NOT_A["email"])]),
        ("K-1,a@b,,,,,,", [("email", NOT_A["email"])]),
        ("K-1,a@x.example.com b@x.example.com,,,,,,", [("email", NOT_A["email"])]),
        ("K-1,\u0430da@mail.example.com,,,,,,", [("email", NOT_A["email"])]),
        ("K-1,,12345,,,,,", [("phone", NOT_A["phone"])]),
        ("K-1,,1.38E+10,,,,,", [("phone", SHORTENED)]),
        ("K-1,,13800000001.0,,,,,", [("phone", NOT_A["phone"])]),
        ("K-1,,13800000001/13800000002,,,,,", [("phone", NOT_A["phone"])]),
        ("K-1,,\u0661\u0663\u0668\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661,,,,,", [("phone", NOT_A["phone"])]),
        ("K-1,,,short,,,,", [("wechat_openid", NOT_A["wechat_openid"])]),
        ("K-1,,,,@name,,,", [("telegram_id", FORMULA)]),
        ("K-1,,,,9999999999999999999,,,", [("telegram_id", NOT_A["telegram_id"])]),
        ("K-1,,,,4503599627370497,,,", [("telegram_id", NOT_A["telegram_id"])]),
        ("K-1,,,,,31.01.2025,,", [("email_since", NOT_A["since"])]),
        ("K-1,,,,,1/5/2026,,", [("email_since", NOT_A["since"])]),
        ("K-1,,,,,2025-02-30,,", [("email_since", NOT_A["since"])]),
        ("K-1,,,,,2025-02-03T08:00:00,,", [("email_since", NOT_A["since"])]),
        ("K-1,,,,,2026-03-03,,", [("email_since", "is in the future")]),
        ("K-1,,,,,1970-01-01,,", [("email_since", "is before the year 2000; leave it empty where it isn't known")]),
        ("K-1,,,,,9999-12-31,,", [("email_since", NOT_A["since"])]),
        ("K-1,,,,,,,maybe", [("closed", NOT_A["closed"])]),
        (
            "K-1,a,b,c,d,e,f,g",
            [
                ("email", NOT_A["email"]),
                ("phone", NOT_A["phone"]),
                ("wechat_openid", NOT_A["wechat_openid"]),
                ("telegram_id", NOT_A["telegram_id"]),
                ("email_since", NOT_A["since"]),
                ("phone_since", NOT_A["since"]),
                ("closed", NOT_A["closed"]),
            ],
        ),
        ("K-1,,", [("", "has 3 cells where the header has 8")]),
        ("K-1,,,,,,,,", [("", "has 9 cells where the header has 8")]),
        ('K-1,"a,,,,,,', [("", "its quotes don't match")]),
        ('K-1,"a"b,,,,,,', [("", "its quotes don't match")]),
        ("K-1," + "a" * 1001 + ",,,,,,", [("email", "has more than 1000 characters")]),
        ("K-1," + "a" * 200_000 + ",,,,,,", [("", "has more than 20000 characters")]),
        ("\0K-1,,,,,,,", [("account_id", FORMULA)]),
        ("K-1,,+8613800000001.0,,,,,", [("phone", FORMULA)]),
        ("K-1,,+86138000000010,,,,,", [("phone", FORMULA)]),
    ],
)
def test_a_bad_cell_is_told_by_column_and_reason(row: str, expected: list[tuple[str, str]]) -> None:
    assert bad(row + "\n") == expected


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "=HYPERLINK(\"\"http://example.com\"\")", "＝1+1", "＋1+1", "－1", "＠SUM(1)",
            " =1+1", "\u00a0=1+1", "'=1+1", "\t=1", "=cmd|' /C calc'!A0", "%0A=1", "|calc", "+8613800000001+1", "+abc"]  # fmt: skip


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("column", range(8))
def test_a_formula_is_never_taken(cell: str, column: int) -> None:
    cells = ["K-1", *[""] * 7]
    cells[column] = f'"{cell}"'
    name = HEADER.strip().split(",")[column]
    assert bad(",".join(cells) + "\n") == [(name, FORMULA)]


def test_a_reason_never_holds_the_value() -> None:
    said = repr(
        rows("secret-name \u4e2d,secret@mail,13800000001x,secret,secret,secret,secret,secret\n=secret,,,,,,,\n")
    )
    assert "secret" not in said
    assert "138" not in said


def test_one_stray_quote_spoils_one_row() -> None:
    found = rows('K-1,"oops,,,,,,\nK-2,,,,,,,\nK-3,,,,,,,\n')
    assert [row if isinstance(row, list) else row.account_id for row in found] == [
        [Bad(2, "", "its quotes don't match")],
        "K-2",
        "K-3",
    ]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    listing = open_listing((HEADER + "\nK-1,,,,,,,\n\n\nK\u2028 2,,,,,,,\nK\x0b 3,,,,,,,\n").encode())
    assert [number for number, _ in listing.rows(NOW)] == [3, 6, 7]


def test_a_date_of_today_counts_from_now_at_the_latest() -> None:
    (row,) = rows("K-1,a@mail.example.com,,,,2026/3/2,,\n")
    assert isinstance(row, AccountLine)
    assert row.contacts[0].since == NOW


def test_a_listing_prints_nothing_of_the_file() -> None:
    listing = open_listing((HEADER + FULL).encode())
    assert "13800000001" not in repr(listing) + repr(list(listing.rows(NOW)))
    assert "138 0000" not in repr(listing)
    assert "ada" not in (repr(listing) + repr(list(listing.rows(NOW)))).lower()


def test_invisible_characters_are_no_part_of_a_name() -> None:
    assert rows("\u200bK-1\u202e,,,,,,,\n") == [AccountLine("K-1", ())]
