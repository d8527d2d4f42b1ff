"""The oldest unsettled delivery of a person and lane, found by one look: only that one may be claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNSETTLED = sa.text("state IN ('queued','claimed')")


def upgrade() -> None:
    op.create_index(
        "ix_delivery_oldest",
        "delivery",
        ["person_id", "lane", "id"],
        sqlite_where=UNSETTLED,
        postgresql_where=UNSETTLED,
    )
