"""When a contact of an account last went: what is gone leaves no other trace."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("contacts_changed_at", sa.DateTime(timezone=True), nullable=True))
    # Nothing can have gone after the last import, and nobody knows what went with it.
    op.execute("UPDATE account SET contacts_changed_at = listed_at")
