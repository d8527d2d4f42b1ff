"""What the WeChat channel keeps: access token, windows for messages, nonces."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wechat_token",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_wechat_token")),
    )
    op.create_table(
        "wechat_window",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("message_left", sa.Integer(), nullable=False),
        sa.Column("message_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("action_left", sa.Integer(), nullable=False),
        sa.Column("action_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_wechat_window")),
    )
    op.create_index(op.f("ix_wechat_window_touched_at"), "wechat_window", ["touched_at"])
    op.create_table(
        "wechat_nonce",
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_wechat_nonce")),
    )
    op.create_index(op.f("ix_wechat_nonce_at"), "wechat_nonce", ["at"])
