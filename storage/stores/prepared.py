"""Statements of every turn, compiled once and run on SQLite's own cursor.

SQLAlchemy spends some 60 us on a statement that SQLite finishes in 10. On PostgreSQL, where a round trip outweighs that,
they go the usual way.
"""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """One statement whose parameters always have the same names. For inserts and updates on the way of a turn."""

    def __init__(self, statement: Executable | Mapping[str, Executable]) -> None:
        """`statement`: one for all databases, or one for each by its dialect's name."""
        self._statement = statement
        self._read: tuple[Any, list[Any]] | None = None
        self._compiled: tuple[str, tuple[tuple[str, Any], ...]] | None = None

    def run(self, connection: Connection, row: Mapping[str, Any]) -> tuple[int, Any]:
        """(rows touched, the first value returned or None)."""
        name = connection.dialect.name
        statement = self._statement[name] if isinstance(self._statement, Mapping) else self._statement
        if name != "sqlite":
            result = connection.execute(statement, dict(row))
            return result.rowcount, result.scalar_one_or_none() if result.returns_rows else None
        sql, names = self._compiled or self._compile(connection, statement, row)
        values = [process(row[key]) if process and row[key] is not None else row[key] for key, process in names]
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        try:
            cursor.execute(sql, values)
            first = cursor.fetchone() if cursor.description else None
            return cursor.rowcount, first[0] if first else None
        finally:
            cursor.close()

    def row(self, connection: Connection, wanted: Mapping[str, Any]) -> Any:
        """The only row of a SELECT, its columns by name; None when there is none."""
        name = connection.dialect.name
        statement: Any = self._statement[name] if isinstance(self._statement, Mapping) else self._statement
        if name != "sqlite":
            return connection.execute(statement, dict(wanted)).one_or_none()
        sql, names = self._compiled or self._compile(connection, statement, wanted)
        if self._read is None:
            columns = statement.selected_columns
            kinds = [column.type.dialect_impl(connection.dialect) for column in columns]
            readers = [kind.result_processor(connection.dialect, None) for kind in kinds]
            self._read = namedtuple("Row", [column.name for column in columns]), readers
        raw = connection.connection.dbapi_connection
        assert raw is not None
        cursor = raw.cursor()
        try:
            cursor.execute(sql, [process(wanted[key]) if process else wanted[key] for key, process in names])
            found = cursor.fetchone()
        finally:
            cursor.close()
        kind: Any = self._read[0]
        readers = self._read[1]
        return found and kind._make(read(value) if read else value for read, value in zip(readers, found, strict=True))

    def _compile(
        self, connection: Connection, statement: Any, row: Mapping[str, Any]
    ) -> tuple[str, tuple[tuple[str, Any], ...]]:
        compiled: SQLCompiler = statement.compile(
            dialect=connection.dialect, column_keys=list(row) if getattr(statement, "is_insert", False) else None
        )
        names = tuple((name, compiled._bind_processors.get(name)) for name in compiled.positiontup or ())
        self._compiled = (str(compiled), names)
        return self._compiled
