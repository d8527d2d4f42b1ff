"""The audit trail with its chain, and the pace at which something may happen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, event
from sqlmodel import Field, SQLModel

from storage.tables.common import UtcDateTime, table


class Trail(SQLModel, table=True):
    """Who moved what, when and why, written in the transaction of the move. Names people by row id only."""

    __tablename__ = "trail"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    actor: str
    action: str
    thing: str = Field(index=True)
    """What was moved, kind and id: "turn:17", "person:4"."""
    detail: str = ""


class TrailLink(SQLModel, table=True):
    """The place of an entry in the chain: its number from 1 on without a gap, and its hash (storage/chain.py).

    No foreign key: with one, PostgreSQL would lock, and so touch, every entry again.
    """

    __tablename__ = "trail_link"

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    trail_id: int = Field(unique=True)
    hash: bytes
    """SHA-256, 32 bytes."""


class Bucket(SQLModel, table=True):
    """A shared pace (GCRA): `full_at` is the instant at which it is rested again, in seconds since 1970."""

    __tablename__ = "bucket"

    key: str = Field(primary_key=True)
    full_at: float


REFUSED = "the audit trail is append-only"
"""What the database says to whoever changes or takes away a row of the two tables."""


TAKEN = {
    "trail": "EXISTS (SELECT 1 FROM trail WHERE id = NEW.id)",
    "trail_link": "EXISTS (SELECT 1 FROM trail_link WHERE seq = NEW.seq OR trail_id = NEW.trail_id)",
}
"""True of a new row whose place is taken already."""


def _let_only_grow(grown: Table, connection: Connection, **_more: Any) -> None:
    """Makes a table append-only. A step that rebuilds one on SQLite (batch mode) loses this and must do it again."""
    name = grown.name
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    statements = {
        "sqlite": (
            f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {refuse}",
            f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {refuse}",
            # INSERT OR REPLACE takes the old row away without a delete (sqlite.org, ON CONFLICT clause).
            f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {TAKEN[name]} {refuse}",
        ),
        "postgresql": (
            "CREATE OR REPLACE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()",
            # The owner's own right. It stops nobody who means harm, nor a superuser.
            f"REVOKE TRUNCATE ON {name} FROM CURRENT_USER",
        ),
    }
    for statement in statements[connection.dialect.name]:
        connection.exec_driver_sql(statement)


for model in (Trail, TrailLink):
    event.listen(table(model), "after_create", _let_only_grow)
