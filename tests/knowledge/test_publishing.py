"""Publishing: a draft becomes a version, and what was published is kept."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from knowledge.checking import check
from knowledge.errors import BrokenFile
from knowledge.library import BUNDLED, checksum
from knowledge.publishing import LOCK, changed_files, lock
from tests.knowledge.example_cloud import DAY, write_policy


def test_every_file_of_the_policy_stands_there_as_sha256sum_reads_it(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    lines = (folder / LOCK).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}"
        for name in ("policy.toml", "en/all.toml", "zh/all.toml")
    ]
    assert f"# {DAY} {checksum(folder)}" in lines
    assert changed_files(folder) == {}


def test_line_ends_of_another_machine_are_no_change(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    path = folder / "policy.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert changed_files(folder) == {}


def test_changed_added_and_removed_files_are_told_apart(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / "policy.toml").write_bytes((folder / "policy.toml").read_bytes() + b"# x\n")
    (folder / "en" / "more.toml").write_text("", encoding="utf-8")
    (folder / "zh" / "all.toml").unlink()
    assert changed_files(folder) == {
        folder / "policy.toml": "was changed",
        folder / "en" / "more.toml": "was added",
        folder / "zh" / "all.toml": "was removed",
    }


def test_publishing_again_keeps_the_times_before(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    first = checksum(folder)
    (folder / "en" / "all.toml").write_bytes((folder / "en" / "all.toml").read_bytes() + b"# x\n")
    lock(folder, date(2026, 4, 1), "a remark\nwas missing")
    history = [line for line in (folder / LOCK).read_text(encoding="utf-8").splitlines() if line.startswith("# 2")]
    assert history == [f"# {DAY} {first}", f"# 2026-04-01 {checksum(folder)}  again: a remark was missing"]
    assert changed_files(folder) == {}


@pytest.mark.parametrize("content", [b"", b"# x\n", b"abc\n", b"\xff", b"0" * 64 + b"  en/all.toml\n"])
def test_a_broken_record_is_one_finding(content: bytes, tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    (folder / LOCK).write_bytes(content)
    with pytest.raises(BrokenFile):
        changed_files(folder)
    (finding,) = check(folder, extra=tmp_path)
    assert finding.is_error
    assert finding.path == folder / LOCK


@pytest.mark.parametrize("folder", sorted(path.parent for path in BUNDLED.glob("*/*/policy.toml")), ids=str)
def test_a_bundled_version_is_what_was_published(folder: Path) -> None:
    """Was it corrected? Then: python -m knowledge publish COMPANY/DATE --again "the reason"."""
    assert (folder / LOCK).exists()
    assert changed_files(folder) == {}
