"""The hostile corpus, played to the whole program over HTTP: each case has the fate it must have, and nothing leaks.

`clausebot serve` runs in a process of its own at log level debug, with a SQLite file and stand-ins of both platforms.
After each case somebody asks a normal question through the same webhook and must be answered.
"""

import asyncio
import base64
import json
import re
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import quote

import pytest

from bot.rehearsal.wechat.envelope import from_xml
from storage.crypto import Keyring
from storage.engine import Database
from tests.faults.whole import ACCOUNT, OLD_KEY, OLD_SECRET, SECRET, TOKEN, Whole, ask, whole
from tests.payloads import hostile_telegram, hostile_wechat
from tests.payloads.hostile import PERSONAL, Answer, Case, Fate, Known, send

CASES = {case.name: case for case in (*hostile_telegram.cases(), *hostile_wechat.cases())}
KEPT = ("person", "person_key", "conversation", "turn", "receipt", "seen", "quarantine", "delivery", "trail",
        "wechat_nonce", "wechat_window")  # fmt: skip
"""Every table that a message may leave something in."""
SECRETS = {
    "bot token": TOKEN,
    "webhook secret": SECRET,
    "webhook secret before": OLD_SECRET,
    "AppSecret": ACCOUNT.app_secret,
    "push token": ACCOUNT.token,
    "AES key": ACCOUNT.aes_key,
    "AES key before": OLD_KEY,
}
QUICKLY = 0.05
"""Seconds in which the one in the middle of all refused requests has its answer; a busy machine spoils single ones."""
AT_MOST = 3.0
"""Seconds for any answer, a body of ten megabytes and a busy machine included."""
RESIDENT_MORE = 64.0
"""MiB that the whole corpus may add to the bot's memory."""
HELD_OPEN = 50
"""Connections with half a head each, open all the while."""


@dataclass(slots=True)
class Seen:
    """What became of one case."""

    answer: Answer
    more: dict[str, int]
    """Rows that came to each table."""
    normal: str
    """What the normal question afterwards came to; "" is well."""


@dataclass(slots=True)
class Record:
    """What became of them all."""

    seen: dict[str, Seen] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    """Who asked a normal question through Telegram."""
    resident: tuple[float, float] = (0.0, 0.0)
    status: int | None = None
    """The program's exit status."""
    log: str = ""
    files: bytes = b""
    """The database's files as they lie on the disk."""
    integrity: str = ""
    calls: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("hostile")
    with whole(folder, level="debug") as bot, closing(bot.database()) as database:
        played = Play(bot, database)
        asyncio.run(played.all())
        record = played.record
        record.calls = {
            name: ask(f"{url}/_/calls") for name, url in (("telegram", bot.telegram), ("wechat", bot.wechat))
        }
        record.status = bot.stop()
        record.log = bot.log.read_text()
        with database.read() as work:
            record.integrity = str(work.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one())
        record.files = b"".join(path.read_bytes() for path in sorted(folder.glob("clausebot.db*")))
    return record


class Play:
    """Plays every case, one after another, the slow ones beside them."""

    def __init__(self, bot: Whole, database: Database) -> None:
        self._bot, self._database, self.record = bot, database, Record()
        self._rows = self._count()
        signing = Keyring.read(bot.keys).signing
        self._known = Known(
            TOKEN,
            SECRET,
            OLD_SECRET,
            ACCOUNT.app_id,
            ACCOUNT.app_secret,
            ACCOUNT.token,
            ACCOUNT.aes_key,
            OLD_KEY,
            signing,
        )

    async def all(self) -> None:
        for _ in range(5):
            assert not await self._normal_telegram()
            assert not await self._normal_wechat()
        before = self._bot.resident()
        held = [await self._half_a_head() for _ in range(HELD_OPEN)]
        slow = {case.name: asyncio.create_task(self._sent(case)) for case in CASES.values() if case.is_slow}
        for case in CASES.values():
            if not case.is_slow:
                answer = await self._sent(case)
                self.record.seen[case.name] = Seen(answer, self._more(), await self._normal(case.name))
        for name, task in slow.items():
            self.record.seen[name] = Seen(await task, {}, await self._normal(name))
        for writer in held:
            writer.close()
        self.record.resident = before, self._bot.resident()
        await asyncio.sleep(0.3)  # Until the last answers are at the stand-in.

    async def _sent(self, case: Case) -> Answer:
        *first, last = case.build(self._known)
        for wire in first:
            assert (await send(self._bot.bot, wire)).status == 200, case.name
            self._more()
        return await send(self._bot.bot, last)

    async def _half_a_head(self) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", int(self._bot.bot.rpartition(":")[2]))
        writer.write(b"POST /telegram HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        return writer

    async def _normal(self, name: str) -> str:
        return await (self._normal_telegram() if name.startswith("telegram") else self._normal_wechat())

    async def _normal_telegram(self) -> str:
        wire = hostile_telegram.normal(self._known)
        answer, more = await send(self._bot.bot, wire), self._more()
        self.record.asked.append(json.loads(wire.body)["message"]["chat"]["id"])
        if answer.status != 200 or (more["turn"], more["receipt"]) != (1, 1):
            return f"a question through Telegram came to {answer.status}"
        return ""

    async def _normal_wechat(self) -> str:
        answer = await send(self._bot.bot, hostile_wechat.normal(self._known))
        self._more()
        if answer.status != 200 or b"<Encrypt>" not in answer.body:
            return f"a question through WeChat came to {answer.status}"
        said = from_xml(ACCOUNT.box.open(from_xml(answer.body.decode())["Encrypt"]))
        return "" if "Privacy Policy" in said["Content"] else "a question through WeChat was not answered"

    def _more(self) -> dict[str, int]:
        """Rows that came to each table since this was asked last. Whatever is kept is kept before the answer."""
        before, self._rows = self._rows, self._count()
        return {name: count - before[name] for name, count in self._rows.items()}

    def _count(self) -> dict[str, int]:
        counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in KEPT)
        with self._database.read() as work:
            return dict(zip(KEPT, work.connection.exec_driver_sql(f"SELECT {counts}").one(), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_each_has_its_fate_and_the_next_question_is_answered(record: Record, name: str) -> None:
    case, seen = CASES[name], record.seen[name]
    if problem := verdict(case, seen):
        pytest.fail(f"{problem}\n{case.fate}\n{seen.answer.status} in {seen.answer.seconds:.2f} s, {seen.more}")
    assert not seen.normal


def verdict(case: Case, seen: Seen) -> str:
    """What is wrong with a case's fate; "" for nothing."""
    status, more = seen.answer.status, {name: count for name, count in seen.more.items() if count}
    if case.statuses and status not in case.statuses:
        return f"{status} instead of {sorted(case.statuses)}"
    if status >= 500 or status == 410 or status < 0:
        return f"a platform must never be told {status}"
    if not case.is_slow and seen.answer.seconds > AT_MOST:
        return "too slow"
    is_refused = status == 0 or 300 <= status < 500
    turns, held = more.get("turn", 0), more.get("quarantine", 0)
    right = {
        Fate.REFUSED: is_refused and not more,
        Fate.HELD: status == 200 and held == 1 and set(more) == {"quarantine"},
        Fate.TAKEN: status == 200 and turns == 1 and not held,
        Fate.KEPT: status == 200 and turns + held >= 1,
        Fate.NOTED: status == 200 and not set(more) - {"wechat_nonce", "wechat_window", "trail", "seen"},
        Fate.REFUSED_OR_HELD: (is_refused and not more) or (status == 200 and set(more) == {"quarantine"}),
        Fate.SURVIVED: True,
    }
    return "" if right[case.fate] else "another fate"


def test_there_are_hundreds_of_them_for_each_platform() -> None:
    for platform, least in (("telegram", 150), ("wechat", 150)):
        assert sum(name.startswith(platform) for name in CASES) >= least


def test_refusing_is_quick(record: Record) -> None:
    took = [
        seen.answer.seconds
        for name, seen in record.seen.items()
        if CASES[name].fate is Fate.REFUSED and not CASES[name].is_slow and seen.answer.status == 403
    ]
    assert len(took) > 100
    assert median(took) < QUICKLY


def test_every_normal_question_was_answered_in_telegram(record: Record) -> None:
    answered = {str(call["person"]) for call in record.calls["telegram"]["calls"] if call["name"] == "sendMessage"}
    assert {str(person) for person in record.asked} <= answered


def test_the_program_neither_ends_nor_grows(record: Record) -> None:
    before, after = record.resident
    assert after - before < RESIDENT_MORE
    assert record.status == 0


def test_the_database_is_whole(record: Record) -> None:
    assert record.integrity == "ok"


def test_no_log_line_holds_a_secret_or_anything_personal(record: Record) -> None:
    """At level debug, with everything that any library logs or prints."""
    assert "[debug" in record.log
    assert "in quarantine" in record.log
    assert "push refused" in record.log
    assert canaries(record.log.encode(), PERSONAL | SECRETS) == []


def test_no_traceback_is_logged(record: Record) -> None:
    assert "Traceback" not in record.log
    assert not re.search(r"\[(error|critical) ", record.log)


def test_nothing_personal_lies_open_in_the_database(record: Record) -> None:
    assert len(record.files) > 100_000
    assert canaries(record.files, PERSONAL | SECRETS) == []


def test_nothing_personal_or_secret_goes_out(record: Record) -> None:
    """What the bot sends by itself: in pushes the corpus's own words stand, and tokens are what a call is made with."""
    for name in ("telegram", "wechat"):
        calls = [
            call for call in record.calls[name]["calls"] if call["direction"] == "in" and "token" not in call["name"]
        ]
        assert len(calls) > 100 or name == "wechat"
        assert canaries(json.dumps([call["params"] for call in calls]).encode(), PERSONAL | SECRETS) == []
    for name, seen in record.seen.items():
        assert canaries(seen.answer.head + seen.answer.body, PERSONAL | SECRETS) == [], name


def canaries(where: bytes, which: dict[str, str]) -> list[str]:
    """The names of those that stand in `where`, in whatever form they may be written."""
    return [name for name, value in which.items() if any(form in where for form in forms(value))]


def forms(value: str) -> set[bytes]:
    """A text as it is, as bytes are shown, escaped for JSON and addresses, in hexadecimal, and in Base64 wherever it begins."""
    raw = value.encode()
    found = {raw, repr(raw)[2:-1].encode(), json.dumps(value)[1:-1].encode(), raw.hex().encode(), quote(value).encode()}
    found |= {value.encode("utf-16-le"), value.encode("utf-16-be")}
    for before in range(3):
        # What stands before shifts the letters; those at both ends hang on their neighbours.
        found.add(base64.b64encode(b"\0" * before + raw)[4 : len(raw) // 3 * 4].rstrip(b"="))
    return found


@pytest.mark.parametrize("hidden", ["{}", "x={!r}", '{{"a": "{}"}}'])
def test_a_canary_is_found_in_every_form(hidden: str) -> None:
    for name, value in (PERSONAL | SECRETS).items():
        plain = hidden.format(value)
        for written in (
            plain.encode(),
            json.dumps(plain).encode(),
            quote(plain).encode(),
            base64.b64encode(plain.encode()),
            plain.encode().hex().encode(),
            repr(plain.encode()).encode(),
        ):
            assert name in canaries(b"2026 [info] " + written, {name: value}), written
    assert canaries(b"2026 [info] nothing", PERSONAL | SECRETS) == []


def test_a_wrong_fate_is_seen() -> None:
    """The judge itself."""

    def judged(fate: Fate, status: int, **more: int) -> str:
        return verdict(Case("telegram: x", fate, lambda known: []), Seen(Answer(status, b"", b"", 0.01), more, ""))

    assert not judged(Fate.REFUSED, 403)
    assert not judged(Fate.HELD, 200, quarantine=1)
    assert not judged(Fate.TAKEN, 200, turn=1, seen=1, person=1)
    assert judged(Fate.REFUSED, 403, seen=1)
    assert judged(Fate.REFUSED, 200)
    assert judged(Fate.HELD, 200)
    assert judged(Fate.HELD, 200, quarantine=1, person=1)
    assert judged(Fate.TAKEN, 200, quarantine=1)
    assert judged(Fate.TAKEN, 200, turn=2)
    assert judged(Fate.NOTED, 200, turn=1)
    for fate in Fate:
        assert judged(fate, 500)
        assert judged(fate, -1)
