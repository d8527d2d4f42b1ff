"""Chaining by the second, and noting the end of the trail outside by the hour."""

import logging
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import text
from structlog.testing import capture_logs

from bot.core.audit import AnchorFile, chain_new, check_and_note
from storage.chain import Head, head
from storage.crypto import Keyring
from storage.engine import Database
from tests.conftest import Clock


@pytest.fixture
def file(tmp_path: Path, keyring: Keyring) -> AnchorFile:
    return AnchorFile(tmp_path / "outside" / "anchors.txt", keyring)


def note(database: Database, clock: Clock, *details: str) -> None:
    with database.work() as work:
        for detail in details:
            work.trail.add(clock(), "staff:1", "reviewed", "order:7", detail)


def change(database: Database, statement: str) -> None:
    """As somebody would who owns the database."""
    with database.work() as work:
        if database.facts.kind == "sqlite":
            for (name,) in work.connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                work.connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            work.connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        work.connection.exec_driver_sql(statement)


def test_everything_new_is_chained_at_once(database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.chain.chain.__kwdefaults__", {"limit": 2, "thorough": False})
    note(database, clock, *"abcde")
    assert chain_new(database, clock) == 5
    assert chain_new(database, clock) == 0


def test_the_end_is_noted_outside_once(database: Database, clock: Clock, file: AnchorFile) -> None:
    note(database, clock, "a", "b")
    assert check_and_note(database, clock, file).head.seq == 2
    check_and_note(database, lambda: clock.turn(hours=1), file)
    [line] = file.path.read_text().splitlines()
    with database.read() as work:
        end = head(work)
    assert line.split()[:4] == ["2026-03-02T09:30:00Z", "2", end.hash.hex(), "k1"]
    assert len(line.split()[4]) == 64
    assert file.read() == ([(Clock()(), 2, end.hash)], [])
    note(database, clock, "c")
    assert check_and_note(database, clock, file).anchored == 2
    anchors, problems = file.read()
    assert ([anchor.seq for anchor in anchors], problems) == ([2, 3], [])


def test_the_file_is_for_its_owner_alone(file: AnchorFile, clock: Clock) -> None:
    file.note(clock(), Head(1, bytes(32)))
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_an_empty_trail_is_not_noted(database: Database, clock: Clock, file: AnchorFile) -> None:
    assert check_and_note(database, clock, file).broken is None
    assert not file.path.exists()


def test_without_a_file_the_trail_is_still_checked(database: Database, clock: Clock) -> None:
    note(database, clock, "a")
    assert check_and_note(database, clock, None).broken is None
    change(database, "UPDATE trail SET detail = 'z'")
    with capture_logs() as logs:
        assert check_and_note(database, clock, None).broken is not None
    assert logs == [{"event": "audit_broken", "log_level": "error", "how": "changed", "seq": 1, "entry": 1}]


def test_a_trail_that_was_cut_is_told_and_not_noted(database: Database, clock: Clock, file: AnchorFile) -> None:
    note(database, clock, "a", "b", "c")
    check_and_note(database, clock, file)
    before = file.path.read_bytes()
    change(database, "DELETE FROM trail WHERE id > 1")
    change(database, "DELETE FROM trail_link WHERE seq > 1")
    note(database, clock, "d")
    chain_new(database, clock)
    with capture_logs() as logs:
        verdict = check_and_note(database, clock, file)
    assert verdict.broken is not None
    assert verdict.broken.how == "cut"
    assert [entry["event"] for entry in logs] == ["audit_broken"]
    assert file.path.read_bytes() == before


class Elsewhere:
    """Another place outside, which may be out of reach."""

    def __init__(self) -> None:
        self.notes: list[tuple[datetime, Head]] = []
        self.is_there = True

    def noted(self) -> int:
        return self.notes[-1][1].seq if self.notes else 0

    def note(self, at: datetime, end: Head) -> None:
        if not self.is_there:
            raise OSError("out of reach")
        self.notes.append((at, end))


def test_the_end_can_be_noted_elsewhere_too(database: Database, clock: Clock, file: AnchorFile) -> None:
    there = Elsewhere()
    note(database, clock, "a")
    for _ in range(2):
        check_and_note(database, clock, file, more=[there])
    with database.read() as work:
        assert there.notes == [(clock(), head(work))]


def test_a_place_that_was_out_of_reach_is_tried_again_though_nothing_is_new(
    database: Database, clock: Clock, file: AnchorFile
) -> None:
    there = Elsewhere()
    there.is_there = False
    note(database, clock, "a")
    with capture_logs() as logs:
        check_and_note(database, clock, file, more=[there])
    assert [(entry["event"], entry["seq"]) for entry in logs] == [("audit_not_anchored", 1)]
    there.is_there = True
    check_and_note(database, clock, file, more=[there])
    assert [end.seq for _, end in there.notes] == [1]
    assert len(file.path.read_text().splitlines()) == 1


def test_a_place_that_cannot_be_written_is_told(database: Database, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    note(database, clock, "a")
    with capture_logs() as logs:
        check_and_note(database, clock, AnchorFile(tmp_path / "taken" / "anchors.txt", database.keyring))
    assert {entry["event"] for entry in logs} == {"audit_anchors_unreadable", "audit_not_anchored"}


def changed(line: str, place: int, to: str) -> str:
    parts = line.split(" ")
    parts[place] = to
    return " ".join(parts)


@pytest.mark.parametrize(
    ("place", "to", "told"),
    [
        (0, "2026-03-02T10:30:00Z", "our signature"),
        (1, "2", "our signature"),
        (2, "11" * 32, "our signature"),
        (3, "k9", "no key 'k9'"),
        (4, "00" * 32, "our signature"),
        (4, "é", "our signature"),
        (1, "one", "no anchor"),
        (2, "xyz", "no anchor"),
        (0, "", "no anchor"),
    ],
)
def test_a_line_that_was_changed_is_told(file: AnchorFile, clock: Clock, place: int, to: str, told: str) -> None:
    file.note(clock(), Head(1, bytes(32)))
    file.note(clock(), Head(2, bytes(32)))
    first, second = file.path.read_text().splitlines()
    file.path.write_text(f"{changed(first, place, to)}\n{second}\n")
    anchors, [problem] = file.read()
    assert [anchor.seq for anchor in anchors] == [2]
    assert "line 1" in problem
    assert told in problem


def test_anchors_of_another_installation_are_told(file: AnchorFile, clock: Clock) -> None:
    file.note(clock(), Head(1, bytes(32)))
    anchors, problems = AnchorFile(file.path, Keyring.new()).read()
    assert anchors == []
    assert "another installation" in problems[0]


def test_anchors_stay_good_when_the_key_changes(file: AnchorFile, clock: Clock, keyring: Keyring) -> None:
    file.note(clock(), Head(1, bytes(32)))
    renewed = Keyring("k2", {**keyring.wrapping, "k2": b"2" * 32}, keyring.index, keyring.signing)
    later = AnchorFile(file.path, renewed)
    later.note(clock(), Head(2, bytes(32)))
    anchors, problems = later.read()
    assert ([anchor.seq for anchor in anchors], problems) == ([1, 2], [])


def test_a_line_cut_short_by_a_full_disk_spoils_no_other(file: AnchorFile, clock: Clock) -> None:
    file.note(clock(), Head(1, bytes(32)))
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + whole[:40])
    file.note(clock(), Head(2, bytes(32)))
    anchors, problems = file.read()
    assert [anchor.seq for anchor in anchors] == [1, 2]
    assert len(problems) == 1
    assert "the disk was full" in problems[0]


def test_a_busy_database_is_left_for_the_next_second(
    database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    from storage.errors import Busy

    class AlwaysBusy(Database):
        def read(self):
            raise Busy("the database is busy")

    busy = AlwaysBusy.__new__(AlwaysBusy)
    with caplog.at_level(logging.INFO):
        assert chain_new(busy, clock) == 0
    assert caplog.records == []
