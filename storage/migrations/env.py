"""What alembic runs for every migration: the connection comes from storage.migrate, within its transaction."""

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import storage.tables  # noqa: F401  (registers the tables that autogenerate compares with)
from storage.tables.common import UtcDateTime


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Column types as plain SQLAlchemy, so that a step never changes with our own classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=render,
    # SQLite rolls back table changes as well; alembic doesn't believe it without being told.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
