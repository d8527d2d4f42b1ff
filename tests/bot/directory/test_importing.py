"""Importing a list: nothing is written before all is checked, bad rows are named, and running it again is harmless."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from rich.console import Console
from sqlalchemy import update
from typer.testing import CliRunner

from bot.commands.accounts import accounts, run_import, run_show, run_stats
from bot.core.errors import Misconfigured
from bot.core.verification import LOCK_AT
from bot.directory import importing
from bot.directory.importing import check, write
from bot.directory.listing import Listing, open_listing
from storage.engine import Database
from storage.errors import Busy
from storage.stores.accounts import ACCOUNT
from storage.stores.verification import NO_LIMIT
from tests.conftest import Clock

HEADER = "account_id,email,phone,closed\n"


def listing(*rows: str) -> Listing:
    return open_listing((HEADER + "".join(f"{row}\n" for row in rows)).encode())


def many(count: int, start: int = 0) -> list[str]:
    return [f"K-{n},user{n}@mail.example.com,138{n:08d},no" for n in range(start, start + count)]


class Told:
    """An import as the operator sees it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock, self.done = database, clock, False

    def __call__(self, *rows: str, **more: object) -> str:
        out = Console(file=io.StringIO(), width=160, highlight=False)
        self.done = run_import(self.database, listing(*rows), self.clock(), console=out, **more)
        assert isinstance(out.file, io.StringIO)
        return out.file.getvalue()

    @property
    def count(self) -> int:
        with self.database.read() as work:
            return work.accounts.count()


@pytest.fixture
def told(database: Database, clock: Clock) -> Told:
    return Told(database, clock)


def test_a_good_list_goes_in_and_again_changes_nothing(told: Told) -> None:
    assert "1,034 are new, 0 are changed, 0 stay" in told(*many(1034))
    assert (told.count, told.done) == (1034, True)
    told.clock.turn(days=1)
    assert "0 are new, 0 are changed, 1,034 stay" in told(*many(1034))
    with told.database.read() as work:
        details = [entry.detail for entry in work.trail.of_thing("accounts")]
    assert details == ["new=100 changed=0"] * 10 + ["new=34 changed=0"]


def test_a_dry_run_counts_and_writes_nothing(told: Told) -> None:
    told(*many(3))
    said = told(*many(4, 1), "K-2,,13800000099,no", dry_run=True)
    assert "2 bad" in said  # K-2 twice: neither can be the right one.
    said = told("K-1,new@mail.example.com,,no", *many(2, 2), dry_run=True)
    assert "1 would be new, 1 would be changed, 1 stay" in said
    assert "1 in our table are not in the file" in said
    assert "dry run" in said
    assert told.count == 3


def test_bad_rows_are_named_and_left_out_and_what_they_name_stays(told: Told) -> None:
    told("K-50,old@mail.example.com,,no", *many(40))
    said = told("K-50,not an address,,no", *many(40))
    assert "41 rows, 40 good, 1 bad" in said
    assert "not an address" not in said
    assert [line.split()[:2] for line in said.splitlines() if "is no e-mail address" in line] == [["2", "email"]]
    assert (told.count, told.done) == (41, False)
    out = Console(file=io.StringIO(), width=120)
    assert run_show(told.database, "K-50", told.clock(), out)
    assert "o***@mail.example.com" in out.file.getvalue()  # type: ignore[attr-defined]


def test_a_list_with_more_than_five_in_a_hundred_bad_is_doubted_whole(told: Told) -> None:
    rows = [*many(94), *[f"K {n},,,no" for n in range(6)]]
    assert "Nothing was written" in told(*rows)
    assert (told.count, told.done) == (0, False)
    told(*rows, keep_good=True)
    assert (told.count, told.done) == (94, False)
    told(*[*many(95), *[f"K {n},,,no" for n in range(5)]])
    assert told.count == 95


@pytest.mark.parametrize("rows", [[], ["", ",,,"], ["K 1,,,no"], ["K 1,,,no", "K-2,nomail,,"]])
def test_a_list_without_any_good_row_writes_nothing(told: Told, rows: list[str]) -> None:
    assert "nothing was written" in told(*rows, keep_good=True).lower()
    assert (told.count, told.done) == (0, False)


def test_whatever_two_rows_share_makes_both_bad(clock: Clock) -> None:
    found = check(
        listing(
            "K-1,a@mail.example.com,13800000001,no",
            "K-2,A@Mail.example.com,13800000002,no",
            "K-3,c@mail.example.com,+86 138-0000-0002,no",
            "K-1,d@mail.example.com,,no",
            "K-5,e@mail.example.com,13800000005,no",
        ),
        clock(),
    )
    assert [(bad.line, bad.column, bad.why) for bad in found.bad] == [
        (2, "account_id", "is the same in line 5"),
        (2, "email", "is the same in line 3"),
        (3, "email", "is the same in line 2"),
        (3, "phone", "is the same in line 4"),
        (4, "phone", "is the same in line 3"),
        (5, "account_id", "is the same in line 2"),
    ]
    assert (found.rows, found.good) == (5, 1)


def test_an_import_that_broke_off_is_resumed_by_running_it_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    real, parts = importing._write_part, []

    def breaks(*given: object) -> tuple[int, int, int]:
        parts.append(1)
        if len(parts) == 3:
            raise Busy("held")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "_write_part", breaks)
    monkeypatch.setattr(importing, "TRIES", 1)
    with pytest.raises(Misconfigured, match="run it again"):
        told(*many(360))
    assert told.count == 200
    begun = told.clock()
    told.clock.turn(hours=5)
    assert "160 are new, 0 are changed, 200 stay" in told(*many(360))
    with told.database.read() as work:
        ages = [work.accounts.get(id).contacts[0].since for id in ("K-0", "K-359")]  # type: ignore[union-attr]
    assert ages == [begun, told.clock()]


def test_a_busy_database_is_waited_for(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = Database.work, []

    @contextmanager
    def busy_twice(database: Database) -> Iterator[object]:
        tries.append(1)
        if len(tries) < 3:
            raise Busy("held")
        with real(database) as work:
            yield work

    monkeypatch.setattr(importing, "NAP", 0.0)
    monkeypatch.setattr(Database, "work", busy_twice)
    told(*many(3))
    assert told.count == 3


def test_what_is_missing_is_removed_only_where_asked_and_no_more_than_allowed(told: Told) -> None:
    told(*many(10))
    told.clock.turn(days=1)
    assert "4 in our table are not in the file" in told(*many(6))
    assert "None was removed: 4 would be, and --remove-missing allows 3" in told(*many(6), remove_missing=3)
    assert (told.count, told.done) == (10, False)
    assert "4 that the file doesn't list were removed" in told(*many(6), remove_missing=4)
    assert (told.count, told.done) == (6, True)


def test_nothing_is_removed_by_a_list_with_a_bad_row(told: Told) -> None:
    told(*many(100))
    told.clock.turn(days=1)
    said = told(*many(98), "K 98,,,no", remove_missing=50)
    assert "None was removed" in said
    assert told.count == 100


def test_only_the_first_bad_rows_are_listed_unless_asked(told: Told) -> None:
    rows = [*many(1000), *[f"K-b{n},bad,,no" for n in range(30)]]
    short, long = told(*rows, dry_run=True), told(*rows, dry_run=True, all_bad=True)
    assert [said.count("is no e-mail address") for said in (short, long)] == [20, 30]
    assert "and 10 more" in short
    assert "email: 30" in short


def test_contacts_of_two_accounts_are_told(told: Told) -> None:
    told("K-1,a@mail.example.com,,no")
    assert "1 contacts belong to more than one account" in told("K-2,a@mail.example.com,,no")


def test_the_figures_and_one_account_are_shown_masked(told: Told) -> None:
    out = Console(file=io.StringIO(), width=120)
    run_stats(told.database, told.clock(), out)
    told("K-100001,ada@mail.example.com,13800000001,no", "K-100002,,,yes")
    run_stats(told.database, told.clock.turn(days=31), out)
    assert run_show(told.database, "K-100001", told.clock(), out)
    assert run_show(told.database, "K-100002", told.clock(), out)
    assert not run_show(told.database, "K-1", told.clock(), out)
    said = out.file.getvalue()  # type: ignore[attr-defined]
    for expected in (
        "0 open",
        "1 open accounts, 1 closed",
        "K***01  open",
        "***001",
        "a***@mail",
        "K***02  closed",
        "yes",
    ):
        assert expected in said
    assert not [word for word in ("13800000001", "ada@", "K-100001") if word in said]


def shown(told: Told, account_id: str) -> str:
    out = Console(file=io.StringIO(), width=160, highlight=False)
    run_show(told.database, account_id, told.clock(), out)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_an_account_shows_when_contacts_changed_and_how_long_a_deletion_waits(told: Told) -> None:
    told("K-100001,ada@mail.example.com,13800000001,no")
    at = told.clock()
    assert f"Contacts last changed: {at:%Y-%m-%d %H:%M} UTC. A deletion approved now waits 7 days." in shown(
        told, "K-100001"
    )
    told.clock.turn(days=31)
    assert "A deletion approved now waits 72 hours." in shown(told, "K-100001")
    with told.database.work() as work:
        assert work.accounts.unsteady(told.clock() - timedelta(days=30)) == (0, 1)
        assert work.accounts.unsteady(at) == (1, 1)
        work.connection.execute(update(ACCOUNT).values(contacts_changed_at=None))
        assert work.accounts.unsteady(told.clock()) == (1, 1)
    assert "Contacts last changed: not known. A deletion approved now waits 7 days." in shown(told, "K-100001")


def test_a_locked_account_is_said_to_be_so_even_where_our_table_doesnt_list_it(told: Told) -> None:
    told("K-100001,ada@mail.example.com,,no")
    assert "Locked" not in shown(told, "K-100001") + shown(told, "K-200002")
    with told.database.work() as work:
        for name in ("K-100001", "K-200002"):
            scope = work.verification.scope("unbound", work.verification.account_index(name))
            for _ in range(LOCK_AT):
                work.verification.count_wrong(scope, None, told.clock(), NO_LIMIT, LOCK_AT)
    for name in ("K-100001", "K-200002"):
        said = shown(told, name)
        assert "Locked: 100 wrong codes in a row" in said
        assert "clausebot accounts unlock ID" in said


def test_progress_counts_every_row_once(database: Database, clock: Clock) -> None:
    steps: list[int] = []
    found = listing(*many(250), "K 1,,,no")
    checked = check(found, clock(), steps.append)
    assert sum(steps) == 251
    steps.clear()
    write(database, found, checked, clock(), steps.append)
    assert steps == [100, 100, 50]


def test_the_command_imports_a_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/c.db")
    monkeypatch.setenv("CLAUSEBOT_KEY_FILE", f"{tmp_path}/keys.toml")
    (tmp_path / "good.csv").write_text(HEADER + "\n".join(many(2)), "utf-8")
    (tmp_path / "bad.csv").write_text(HEADER + "\n".join([*many(60), "=1,,,"]), "utf-8")
    (tmp_path / "wrong.csv").write_text("id,mail\n", "utf-8")
    run = CliRunner().invoke
    assert run(accounts, ["import", "good.csv"]).exit_code == 0
    assert run(accounts, ["import", "bad.csv", "--dry-run"]).exit_code == 1
    os.mkfifo(tmp_path / "pipe.csv")
    reasons = {"wrong.csv": "there is no column", "none.csv": "can't be read", "pipe.csv": "isn't a file"}
    for name, says in reasons.items():
        failed = run(accounts, ["import", name]).exception
        assert isinstance(failed, Misconfigured)
        assert says in str(failed)
    assert run(accounts, ["show", "K-1"]).exit_code == 0
    assert run(accounts, ["show", "K-9"]).exit_code == 1
    assert "2 open accounts" in run(accounts, ["stats"]).output
