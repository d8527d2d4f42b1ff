"""Members of staff vouch for contacts that are too young to prove anything; a wish keeps who did."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vouch",
        sa.Column("contact_index", sa.String(), nullable=False),
        sa.Column("account_index", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('phone','email')", name=op.f("ck_vouch_kind")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_vouch_staff_id_staff")),
        sa.PrimaryKeyConstraint("contact_index", name=op.f("pk_vouch")),
    )
    op.create_index(op.f("ix_vouch_account_index"), "vouch", ["account_index"])
    op.create_index(op.f("ix_vouch_since"), "vouch", ["since"])
    op.add_column("verification", sa.Column("vouched_by", sa.Integer(), nullable=True))
