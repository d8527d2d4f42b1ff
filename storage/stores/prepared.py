"""Statements of every turn, compiled once and run on SQLite's own cursor.

SQLAlchemy spends some 60 us on a statement that SQLite finishes in 10. On PostgreSQL, where a round trip outweighs that,
they go the usual way.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler

_Names = tuple[tuple[str, Callable[[Any], Any] | None, Any], ...]
"""Of each parameter, in order: its name, what makes it the driver's, and the value that the statement itself gives it."""
_Compiled = tuple[str, _Names]


class Prepared:
    """One statement whose parameters always have the same names; what it holds of fixed values stays. Not for lists."""

    def __init__(self, statement: Executable | Mapping[str, Executable]) -> None:
        """`statement`: one for all databases, or one for each by its dialect's name."""
        self._statement = statement
        self._read: tuple[Any, list[Any]] | None = None
        self._compiled: _Compiled | None = None

    def run(self, connection: Connection, row: Mapping[str, Any]) -> tuple[int, Any]:
        """(rows touched, the first value returned or None)."""
        name = connection.dialect.name
        statement = self._statement[name] if isinstance(self._statement, Mapping) else self._statement
        if name != "sqlite":
            result = connection.execute(statement, dict(row))
            return result.rowcount, result.scalar_one_or_none() if result.returns_rows else None
        sql, names = self._compiled or self._compile(connection, statement, row)
        values = _values(row, names)
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
            cursor.execute(sql, _values(wanted, names))
            found = cursor.fetchone()
        finally:
            cursor.close()
        kind: Any = self._read[0]
        readers = self._read[1]
        return found and kind._make(read(value) if read else value for read, value in zip(readers, found, strict=True))

    def _compile(self, connection: Connection, statement: Any, row: Mapping[str, Any]) -> "_Compiled":
        compiled: SQLCompiler = statement.compile(
            dialect=connection.dialect, column_keys=list(row) if getattr(statement, "is_insert", False) else None
        )
        processors: Mapping[str, Any] = compiled._bind_processors
        fixed = compiled.params
        names: _Names = tuple((name, processors.get(name), fixed.get(name)) for name in compiled.positiontup or ())
        self._compiled = made = (str(compiled), names)
        return made


def _values(row: Mapping[str, Any], names: _Names) -> list[Any]:
    """What the driver is given: the row's values, and the statement's own where the row has none."""
    values = []
    for name, process, fixed in names:
        value = row.get(name, fixed)
        values.append(process(value) if process and value is not None else value)
    return values
