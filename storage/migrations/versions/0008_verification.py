"""Chats connected to accounts, the links that connect them, codes and what is counted about them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("unbound_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "binding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("account_index", sa.String(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("login_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("method IN ('portal')", name=op.f("ck_binding_method")),
        sa.UniqueConstraint("public_id", name=op.f("uq_binding_public_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_binding_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_binding_account_index"), "binding", ["account_index"])
    op.create_index(op.f("ix_binding_person_id"), "binding", ["person_id"])
    op.create_index(
        "uq_binding_in_force", "binding", ["person_id"], unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE
    )
    op.create_table(
        "binding_offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(), nullable=False),
        sa.Column("token_index", sa.String(), nullable=False),
        sa.Column("account_index", sa.String(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("login_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("public_id", name=op.f("uq_binding_offer_public_id")),
        sa.UniqueConstraint("token_index", name=op.f("uq_binding_offer_token_index")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_binding_offer_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding_offer")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_binding_offer_account_index"), "binding_offer", ["account_index"])
    op.create_index(op.f("ix_binding_offer_created_at"), "binding_offer", ["created_at"])
    op.create_index(op.f("ix_binding_offer_person_id"), "binding_offer", ["person_id"])
    op.create_table(
        "verification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("is_bound", sa.Boolean(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("account_index", sa.String(), nullable=True),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("contact_kind", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_verification_tries")),
        sa.CheckConstraint("level IN (1,2)", name=op.f("ck_verification_level")),
        sa.CheckConstraint("contact_kind IN ('phone','email')", name=op.f("ck_verification_contact_kind")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_verification_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_verification_created_at"), "verification", ["created_at"])
    op.create_index(op.f("ix_verification_person_id"), "verification", ["person_id"])
    op.create_table(
        "verification_tally",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("codes_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("wrong_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("in_a_row", sa.Integer(), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_verification_tally_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_verification_tally")),
    )
    op.create_index(op.f("ix_verification_tally_person_id"), "verification_tally", ["person_id"])
    op.create_index(op.f("ix_verification_tally_touched_at"), "verification_tally", ["touched_at"])
    op.create_table(
        "enquiry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("thing_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('code','bound','unbound')", name=op.f("ck_enquiry_kind")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_enquiry_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiry")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_enquiry_due_at"), "enquiry", ["due_at"])
    op.create_index(op.f("ix_enquiry_person_id"), "enquiry", ["person_id"])
    op.create_table(
        "portal_nonce",
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_portal_nonce")),
    )
    op.create_index(op.f("ix_portal_nonce_at"), "portal_nonce", ["at"])
