"""Work orders with what is sealed for each, stop links, and the steady clock of holds."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LIVE = "state IN ('received','verifying','open','in_progress')"


def upgrade() -> None:
    op.create_table(
        "steady_clock",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_steady_clock")),
    )
    op.create_table(
        "work_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("right", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hard_stop_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("extended", sa.String(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_seconds", sa.Integer(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("code_proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by", sa.Integer(), nullable=True),
        sa.Column("proposed_by", sa.Integer(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_seen_until", sa.Float(), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("assignee", sa.Integer(), nullable=True),
        sa.Column("account", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('received','verifying','open','in_progress','answered','closed','refused','withdrawn','expired')",
            name=op.f("ck_work_order_state"),
        ),
        sa.CheckConstraint(
            "level IN (0,1,2)",
            name=op.f("ck_work_order_level"),
        ),
        sa.CheckConstraint(
            "proposed_by <> approved_by",
            name=op.f("ck_work_order_two_staff"),
        ),
        sa.CheckConstraint(
            "checked_by <> proposed_by",
            name=op.f("ck_work_order_checker_proposes"),
        ),
        sa.CheckConstraint(
            "checked_by <> approved_by",
            name=op.f("ck_work_order_checker_approves"),
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR proposed_by IS NOT NULL",
            name=op.f("ck_work_order_approved_unproposed"),
        ),
        sa.CheckConstraint(
            "proposed_by IS NULL OR (level = 2 AND code_proven_at IS NOT NULL) OR (level = 1 AND checked_by IS NOT NULL)",
            name=op.f("ck_work_order_proposed_unproven"),
        ),
        sa.CheckConstraint(
            "delivered_at IS NULL OR (proposed_by IS NOT NULL AND approved_by IS NOT NULL AND ((level = 2 AND code_proven_at IS NOT NULL) OR (level = 1 AND checked_by IS NOT NULL)))",
            name=op.f("ck_work_order_delivered_unproven"),
        ),
        sa.CheckConstraint(
            "executed_at IS NULL OR (proposed_by IS NOT NULL AND approved_by IS NOT NULL AND ((level = 2 AND code_proven_at IS NOT NULL) OR (level = 1 AND checked_by IS NOT NULL)))",
            name=op.f("ck_work_order_executed_unproven"),
        ),
        sa.CheckConstraint(
            "delivered_at IS NULL OR \"right\" IN ('access','portability')",
            name=op.f("ck_work_order_delivers"),
        ),
        sa.CheckConstraint(
            "executed_at IS NULL OR \"right\" IN ('deletion','closure','correction')",
            name=op.f("ck_work_order_executes"),
        ),
        sa.CheckConstraint(
            "executed_at IS NULL OR \"right\" = 'correction' OR (hold_until IS NOT NULL AND hold_until > approved_at AND executed_at >= hold_until)",
            name=op.f("ck_work_order_hold"),
        ),
        sa.CheckConstraint(
            "stopped_at IS NULL OR (state = 'refused' AND executed_at IS NULL AND delivered_at IS NULL)",
            name=op.f("ck_work_order_stopped"),
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR reason IS NOT NULL",
            name=op.f("ck_work_order_refused"),
        ),
        sa.CheckConstraint(
            "due_at <= told_due_at",
            name=op.f("ck_work_order_told"),
        ),
        sa.CheckConstraint(
            "ended_at IS NOT NULL OR state IN ('received','verifying','open','in_progress')",
            name=op.f("ck_work_order_ended"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order")),
        sa.UniqueConstraint("number", name=op.f("uq_work_order_number")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_work_order_person_id_person"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["checked_by"], ["staff.id"], name=op.f("fk_work_order_checked_by_staff")),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"], name=op.f("fk_work_order_proposed_by_staff")),
        sa.ForeignKeyConstraint(["approved_by"], ["staff.id"], name=op.f("fk_work_order_approved_by_staff")),
        sa.ForeignKeyConstraint(["refused_by"], ["staff.id"], name=op.f("fk_work_order_refused_by_staff")),
        sa.ForeignKeyConstraint(["assignee"], ["staff.id"], name=op.f("fk_work_order_assignee_staff")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_work_order_assignee",
        "work_order",
        ["assignee", "due_at", "id"],
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )
    op.create_index(
        "ix_work_order_calendar", "work_order", ["calendar"], sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE)
    )
    op.create_index(op.f("ix_work_order_ended_at"), "work_order", ["ended_at"])
    op.create_index(
        "ix_work_order_held",
        "work_order",
        ["due_at", "id"],
        sqlite_where=sa.text("hold_until IS NOT NULL AND executed_at IS NULL AND " + LIVE),
        postgresql_where=sa.text("hold_until IS NOT NULL AND executed_at IS NULL AND " + LIVE),
    )
    op.create_index(
        "ix_work_order_live", "work_order", ["due_at", "id"], sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE)
    )
    op.create_index(op.f("ix_work_order_next_at"), "work_order", ["next_at"])
    op.create_index(op.f("ix_work_order_person_id"), "work_order", ["person_id"])
    op.create_index(
        "ix_work_order_proposed",
        "work_order",
        ["due_at", "id"],
        sqlite_where=sa.text("proposed_by IS NOT NULL AND approved_by IS NULL AND " + LIVE),
        postgresql_where=sa.text("proposed_by IS NOT NULL AND approved_by IS NULL AND " + LIVE),
    )
    op.create_index(
        "ix_work_order_right",
        "work_order",
        ["right", "due_at", "id"],
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )
    op.create_index("ix_work_order_state", "work_order", ["state", "due_at", "id"])
    op.create_index(op.f("ix_work_order_subject"), "work_order", ["subject"])
    op.create_index(
        "ix_work_order_urgent",
        "work_order",
        ["due_at", "id"],
        sqlite_where=sa.text("urgent AND " + LIVE),
        postgresql_where=sa.text("urgent AND " + LIVE),
    )
    op.create_index(
        "uq_work_order_one_live",
        "work_order",
        ["subject", "right"],
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )

    op.create_table(
        "work_order_attachment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("paper", sa.Boolean(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["work_order.id"],
            name=op.f("fk_work_order_attachment_order_id_work_order"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_attachment")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_work_order_attachment_order_id"), "work_order_attachment", ["order_id"])

    op.create_table(
        "work_order_key",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_work_order_key_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_work_order_key")),
    )
    op.create_table(
        "work_order_remark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("internal", sa.Boolean(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_work_order_remark_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_remark")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_work_order_remark_order_id"), "work_order_remark", ["order_id"])

    op.create_table(
        "work_order_stop",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_work_order_stop_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_work_order_stop")),
    )
    op.create_index(op.f("ix_work_order_stop_order_id"), "work_order_stop", ["order_id"])

    op.create_table(
        "work_order_tick",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["work_order.id"], name=op.f("fk_work_order_tick_order_id_work_order"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_work_order_tick_staff_id_staff")),
        sa.PrimaryKeyConstraint("order_id", "item", name=op.f("pk_work_order_tick")),
    )
