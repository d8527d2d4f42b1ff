"""Reading a CSV list of accounts: which columns, which encoding, and every row either good or bad with its reason.

A file is written by somebody else's spreadsheet. Nothing in it is evaluated, no value of it is ever repeated in a
message, and no legitimate cell has a line break, so every line is read by itself: one stray quote spoils one row.
The columns are described in docs/accounts.md.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from difflib import get_close_matches
from typing import Literal, NamedTuple

from bot.core.contacts import EARLIEST, Kind, account_id, one_form
from bot.core.errors import Misconfigured
from storage.stores.accounts import AccountLine, ContactLine

Encoding = Literal["auto", "utf-8", "gb18030"]

FILE_MOST = 512 * 1024 * 1024
"""Bytes. Some five million accounts; the file is held in memory, so that it can't change between check and import."""
CELL_MOST, ROW_MOST = 1_000, 20_000
"""Characters."""
COLUMN_OF = {
    Kind.EMAIL: "email",
    Kind.PHONE: "phone",
    Kind.WECHAT: "wechat_openid",
    Kind.TELEGRAM: "telegram_id",
}
SINCE_OF = {Kind.EMAIL: "email_since", Kind.PHONE: "phone_since"}
CHANGED = "contacts_changed_at"
COLUMNS = ("account_id", *COLUMN_OF.values(), *SINCE_OF.values(), CHANGED, "closed")
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one zone without summer time since 1992."""

FORMULA, SHORTENED = "begins like a formula", "a spreadsheet has shortened the number; save the column as text"
NOT_A = {
    "account_id": "is no account id: 1 to 64 letters, digits and . _ @ : -",
    "email": "is no e-mail address",
    "phone": "is no phone number; outside of mainland China write it with + and the country's code",
    "wechat_openid": "is no WeChat openid",
    "telegram_id": "is no Telegram user id",
    "closed": "is neither yes nor no",
    "since": "is no date; write 2026-01-31, or a time with its zone: 2026-01-31T08:00:00+08:00",
}
_YES, _NO = frozenset({"yes", "y", "true", "1", "是", "closed"}), frozenset({"", "no", "n", "false", "0", "否", "open"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "|", "%")
_SHORTENED = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]{1,3}")
_DATE = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")
_NAME_SHOWN = 40


class Bad(NamedTuple):
    """One thing wrong with a row: its line in the file (from 1), the column ("" for the whole row) and why."""

    line: int
    column: str
    why: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A file whose header is right, ready to be read any number of times."""

    columns: tuple[str, ...]
    encoding: str
    """"utf-8", "utf-8 with a byte order mark" or "gb18030"."""
    delimiter: str
    lines: int
    """Lines below the header, blank ones included."""
    text: str = field(repr=False)

    def rows(self, now: datetime) -> Iterator[tuple[int, AccountLine | list[Bad]]]:
        """Every row that isn't blank with its line number: the account, or what is wrong with it."""
        reader = io.StringIO(self.text, newline=None)
        reader.readline()
        for number, line in enumerate(reader, 2):
            if line.strip(f" \t\r\n{self.delimiter}"):
                yield number, self._row(number, line, now)

    def _row(self, number: int, line: str, now: datetime) -> AccountLine | list[Bad]:
        if len(line) > ROW_MOST:
            return [Bad(number, "", f"has more than {ROW_MOST} characters")]
        try:
            cells = _cells(line, self.delimiter)
        except csv.Error:
            return [Bad(number, "", "its quotes don't match")]
        if len(cells) != len(self.columns):
            return [Bad(number, "", f"has {len(cells)} cells where the header has {len(self.columns)}")]
        return _Row(number, dict(zip(self.columns, cells, strict=True)), now).read()


def open_listing(raw: bytes, encoding: Encoding = "auto") -> Listing:
    """The list in `raw`, its header checked. Raises Misconfigured with every problem of encoding and header."""
    if len(raw) > FILE_MOST:
        raise Misconfigured(
            [f"the file has more than {FILE_MOST // 1024**2} MB: cut it in parts, each with the header"]
        )
    text, found = _decoded(raw, encoding)
    lines = io.StringIO(text, newline=None)
    first = lines.readline()
    if not first.strip():
        raise Misconfigured(
            [f"the first line is empty: it must name the columns, of which there are {', '.join(COLUMNS)}"]
        )
    delimiter = max(",;\t", key=first.count)
    try:
        named = tuple(_column(cell) for cell in _cells(first, delimiter))
    except csv.Error as bad:
        raise Misconfigured(["the quotes of the first line, which names the columns, don't match"]) from bad
    if problems := _wrong_columns(named):
        raise Misconfigured(problems)
    return Listing(named, found, delimiter, sum(1 for _ in lines), text)


# ---- the file


def _decoded(raw: bytes, encoding: Encoding) -> tuple[str, str]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Misconfigured(["the file is in UTF-16: save it as CSV in UTF-8"])
    if raw.startswith(b"PK\x03\x04") or raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise Misconfigured(["the file is a workbook: save the sheet as CSV in UTF-8"])
    tried: tuple[str, ...] = ("utf-8", "gb18030") if encoding == "auto" else (encoding,)
    for name in tried:
        marked = name == "utf-8" and raw.startswith(codecs.BOM_UTF8)
        try:
            text = raw.decode("utf-8-sig" if marked else name)
        except UnicodeDecodeError:
            continue
        return text, f"{name} with a byte order mark" if marked else name
    raise Misconfigured([f"the file can't be read as {' or '.join(tried)}: save it as CSV in UTF-8"])


def _cells(line: str, delimiter: str) -> list[str]:
    """Raises csv.Error, for a cell that goes on in the next line too."""
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, strict=True), [])


def _column(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", cell).strip().lower())


def _wrong_columns(named: tuple[str, ...]) -> list[str]:
    problems = []
    for column in dict.fromkeys(named):
        if column not in COLUMNS:
            # A header may be a row of data by mistake, so only what looks like a name is repeated.
            shown = (
                f'"{column}"'
                if re.fullmatch(r"[a-z_\u4e00-\u9fff]{1,40}", column)
                else f"number {named.index(column) + 1}"
            )
            near = get_close_matches(column, COLUMNS, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "take it out: what isn't needed isn't read"
            problems.append(f"there is no column {shown}; {hint}")
        elif named.count(column) > 1:
            problems.append(f"the column {column} is there {named.count(column)} times")
    if "account_id" not in named:
        problems.append("the column account_id is missing")
    if not set(COLUMN_OF.values()) & set(named):
        problems.append(f"no column has a contact: at least one of {', '.join(COLUMN_OF.values())} is needed")
    if problems:
        problems.append(f"the columns are {', '.join(COLUMNS)}")
    return problems


# ---- one row


class _Row:
    """Reads one row's cells, and notes what is wrong with each."""

    def __init__(self, number: int, cells: dict[str, str], now: datetime) -> None:
        self._number, self._cells, self._now = number, cells, now
        self._bad: list[Bad] = []

    def read(self) -> AccountLine | list[Bad]:
        name = self._text("account_id")
        name_form = account_id(name)
        if not name_form:
            self._note(
                "account_id",
                SHORTENED if _SHORTENED.fullmatch(name) else "is empty" if not name else NOT_A["account_id"],
            )
        contacts = [contact for kind in Kind if (contact := self._contact(kind))]
        closed = self._closed()
        changed_at = self._since(CHANGED)
        return self._in_order() or AccountLine(name_form or "", tuple(contacts), closed, changed_at)

    def _contact(self, kind: Kind) -> ContactLine | None:
        column = COLUMN_OF[kind]
        text = self._text(column, may_be_phone=kind is Kind.PHONE)
        since = self._since(SINCE_OF[kind]) if kind in SINCE_OF else None
        if not text:
            return None
        form = one_form(kind, text)
        if form is None:
            self._note(column, SHORTENED if _SHORTENED.fullmatch(text) else NOT_A[column])
            return None
        return ContactLine(kind.value, form, since)

    def _since(self, column: str) -> datetime | None:
        text = self._text(column)
        if not text:
            return None
        since = _instant(text, self._now)
        if since is None:
            self._note(column, NOT_A["since"])
        elif since > self._now:
            self._note(column, "is in the future")
        elif since < EARLIEST:
            self._note(column, "is before the year 2000; leave it empty where it isn't known")
        return since

    def _closed(self) -> bool:
        text = self._text("closed").lower()
        if text not in _YES | _NO and not self._has_note("closed"):
            self._note("closed", NOT_A["closed"])
        return text in _YES

    def _text(self, column: str, *, may_be_phone: bool = False) -> str:
        """The cell in half width, without blanks around it and the ' by which spreadsheets mark text."""
        raw = self._cells.get(column, "")
        if len(raw) > CELL_MOST:
            self._note(column, f"has more than {CELL_MOST} characters")
            return ""
        if raw.startswith(("\t", "\r", "\0")):
            self._note(column, FORMULA)
            return ""
        text = unicodedata.normalize("NFKC", raw).strip().removeprefix("'").strip()
        if text.startswith(_FORMULA) and not (may_be_phone and text.startswith("+") and one_form(Kind.PHONE, text)):
            self._note(column, FORMULA)
            return ""
        return text

    def _in_order(self) -> list[Bad]:
        columns = list(self._cells)
        return sorted(self._bad, key=lambda bad: columns.index(bad.column))

    def _note(self, column: str, why: str) -> None:
        if not self._has_note(column):
            self._bad.append(Bad(self._number, column, why))

    def _has_note(self, column: str) -> bool:
        return any(bad.column == column for bad in self._bad)


def _instant(text: str, now: datetime) -> datetime | None:
    """An aware time. A date alone counts from its end in China, but never from later than now on its own day."""
    if found := _DATE.fullmatch(text):
        try:
            day = date(*map(int, found.groups()))
            end = datetime.combine(day + timedelta(days=1), time(), CHINA).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return min(end, now) if day <= now.astimezone(CHINA).date() else end
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
