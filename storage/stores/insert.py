"""Inserting what may be there already, without spoiling the transaction on PostgreSQL."""

from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable


def insert_new(into: Table, unique: Column[Any], returning: Column[Any] | None = None) -> dict[str, Executable]:
    """Inserts a row unless one with the same `unique` is there, by name of the dialect.

    The result holds `returning` (or else `unique`) of the new row, and no row when nothing was inserted. On PostgreSQL
    it waits for a transaction that is inserting the same, and does nothing if that one commits.
    """
    # RETURNING tells whether a row went in; the drivers don't agree on the row count of an INSERT.
    told = unique if returning is None else returning
    return {
        "sqlite": sqlite.insert(into).on_conflict_do_nothing(index_elements=[unique]).returning(told),
        "postgresql": postgresql.insert(into).on_conflict_do_nothing(index_elements=[unique]).returning(told),
    }
