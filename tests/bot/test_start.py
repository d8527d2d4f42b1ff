"""What is broken is told at start, by file and with what to do, instead of being met by a customer."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.app import build
from bot.core.errors import Misconfigured
from bot.settings import Settings
from knowledge.library import BUNDLED

VERSION = "2023-12-15"


def instead(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Puts `new` in the place of the first `old` in a file of the policy."""

    def change(policy: Path) -> None:
        text = (policy / path).read_text("utf-8")
        assert old in text
        (policy / path).write_text(text.replace(old, new, 1), "utf-8")

    return change


def cut(path: str, size: int) -> Callable[[Path], None]:
    """Leaves the first `size` bytes of a file."""
    return lambda policy: (policy / path).write_bytes((policy / path).read_bytes()[:size]) and None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (instead("policy.toml", "date = 2023-12-15", 'date = "soon"'), "date must be a date"),
        (instead("policy.toml", 'laws = ["pipl"]', "laws = 5"), "laws must be a list"),
        (instead("policy.toml", 'company = "kenpai"', 'company = "other"'), "other"),
        (instead("policy.toml", "[contact]", "[kontakt]"), "kontakt"),
        (instead("policy.toml", "lead = true", "leed = true"), "leed"),
        (instead("policy.toml", 'authoritative_language = "en"', 'authoritative_language = "xx"'), "authoritative"),
        (lambda policy: shutil.rmtree(policy / "zh"), "88 clauses lack their wording"),
        (cut("en/privacy-7.toml", 0), "7 clauses lack their wording"),
        (cut("trained/en.npz", 5_000), "is damaged"),
    ],
)
def test_a_broken_policy_is_refused(tmp_path: Path, change: Callable[[Path], None], told: str) -> None:
    policy = tmp_path / "knowledge" / "kenpai" / VERSION
    shutil.copytree(BUNDLED / "kenpai" / VERSION, policy)
    change(policy)
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/a.db", key_file=tmp_path / "keys.toml", knowledge_dir=tmp_path / "knowledge"
    )
    with pytest.raises(Misconfigured, match=told):
        build(settings)
    assert not (tmp_path / "a.db").exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files here")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"deadline_rules": "atlantis"}, "CLAUSEBOT_DEADLINE_RULES"),
        ({"staff_mail": "desk@example.com"}, "nothing can be mailed to it without SMTP_HOST"),
        ({"webhook_secret": "too short"}, "WEBHOOK_SECRET: must be at least"),
        ({"wechat_app_id": "wxexample"}, "WECHAT_"),
    ],
)
def test_what_was_opened_is_closed_where_the_rest_is_wrong(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    file = tmp_path / "a.db"
    with pytest.raises(Misconfigured, match=told):
        build(Settings(database_url=f"sqlite:///{file}", key_file=tmp_path / "keys.toml", **wrong))
    assert file.exists()
    assert [path for path in open_files() if path.startswith(str(file))] == []


def open_files() -> list[str]:
    """The files that this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found
