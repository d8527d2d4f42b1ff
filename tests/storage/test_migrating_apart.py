"""The tables made by another process, which `clausebot serve` leaves alembic to."""

import sys
from pathlib import Path

import pytest

from bot.commands.serve import bring_up
from bot.core.errors import Misconfigured
from storage.crypto import Keyring
from storage.engine import Database
from storage.errors import SchemaTooOld
from storage.migrate import bring_up_apart


def test_an_empty_database_has_its_tables_afterwards(tmp_path: Path, keyring: Keyring) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(SchemaTooOld):
        Database.open(url, keyring, migrate=False)
    bring_up_apart(url)
    with Database.open(url, keyring, migrate=False) as database, database.read() as work:
        assert work.quarantine.count() == 0


def test_a_failure_is_left_to_whoever_opens_the_database(tmp_path: Path) -> None:
    bring_up_apart(f"sqlite:///{tmp_path}")  # A folder.
    assert not list(tmp_path.iterdir())


def test_a_server_has_them_made_only_where_they_are_behind(
    tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    bring_up(url)
    Database.open(url, keyring, migrate=False).close()
    monkeypatch.setattr(sys, "executable", "/nowhere")  # Nothing can be started any more ...
    bring_up(url)  # ... and nothing needs to be.


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be"):
        bring_up(f"sqlite:///{tmp_path}")
