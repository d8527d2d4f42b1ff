"""Lists of work orders with two filters at once, and of those that have ended, each by an index of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LIVE = "state IN ('received','verifying','open','in_progress')"
OVER = sa.text("state IN ('answered','closed','refused','withdrawn','expired')")
# PostgreSQL takes no order from an index where a column IS NULL: what nobody has needs indexes of its own.
NOBODY = sa.text(f"assignee IS NULL AND {LIVE}")
HELD = sa.text(f"hold_until IS NOT NULL AND executed_at IS NULL AND {LIVE}")
PROPOSED = sa.text(f"proposed_by IS NOT NULL AND approved_by IS NULL AND {LIVE}")
INDEXES = {
    "ix_work_order_state_assignee": (["state", "assignee", "due_at", "id"], sa.text(LIVE)),
    "ix_work_order_nobody": (["due_at", "id"], NOBODY),
    "ix_work_order_nobody_state": (["state", "due_at", "id"], NOBODY),
    "ix_work_order_held_right": (["right", "due_at", "id"], HELD),
    "ix_work_order_proposed_right": (["right", "due_at", "id"], PROPOSED),
    "ix_work_order_over_right": (["right", "due_at", "id"], OVER),
    "ix_work_order_over_assignee": (["assignee", "due_at", "id"], OVER),
}


def upgrade() -> None:
    for name, (columns, which) in INDEXES.items():
        op.create_index(name, "work_order", columns, sqlite_where=which, postgresql_where=which)
