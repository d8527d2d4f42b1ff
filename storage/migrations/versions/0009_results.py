"""Packages behind secure links, news to the company's system, and results that came from it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WAITS, LEFT, QUEUED = sa.text("state = 'waiting'"), sa.text("parts > 0"), sa.text("state = 'queued'")


def upgrade() -> None:
    op.create_table(
        "result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('waiting','ready','void','gone','failed')", name=op.f("ck_result_state")),
        sa.CheckConstraint("downloads BETWEEN 0 AND 3", name=op.f("ck_result_downloads")),
        sa.CheckConstraint(
            "state <> 'ready' OR (token_hash IS NOT NULL AND expires_at IS NOT NULL)", name=op.f("ck_result_ready")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_result_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_result_token_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_result_order_id"), "result", ["order_id"])
    op.create_index("ix_result_waits", "result", ["due_at"], sqlite_where=WAITS, postgresql_where=WAITS)
    op.create_index("ix_result_left", "result", ["expires_at"], sqlite_where=LEFT, postgresql_where=LEFT)
    op.create_table(
        "result_part",
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_result_part_result_id_result"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_result_part_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("result_id", "ordinal", name=op.f("pk_result_part")),
    )
    op.create_index(op.f("ix_result_part_order_id"), "result_part", ["order_id"])
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('queued','taken','failed')", name=op.f("ck_webhook_event_state")),
        sa.UniqueConstraint("public_id", name=op.f("uq_webhook_event_public_id")),
        sa.UniqueConstraint("seq", name=op.f("uq_webhook_event_seq")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_webhook_event_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_webhook_event_order_id"), "webhook_event", ["order_id"])
    op.create_index(op.f("ix_webhook_event_created_at"), "webhook_event", ["created_at"])
    op.create_index("ix_webhook_event_due", "webhook_event", ["due_at"], sqlite_where=QUEUED, postgresql_where=QUEUED)
    op.create_table(
        "webhook_key",
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_webhook_key_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_webhook_key")),
    )
    op.create_index(op.f("ix_webhook_key_order_id"), "webhook_key", ["order_id"])
    op.create_index(op.f("ix_webhook_key_at"), "webhook_key", ["at"])
    op.create_table(
        "webhook_cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_webhook_cursor")),
    )
