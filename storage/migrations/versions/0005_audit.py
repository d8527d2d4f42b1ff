"""The chain of the audit trail; both tables only grow from here on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
FUNCTION = (
    "CREATE OR REPLACE FUNCTION trail_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only' "
    "USING ERRCODE = 'integrity_constraint_violation'; END $$"
)
TAKEN = {
    "trail": "EXISTS (SELECT 1 FROM trail WHERE id = NEW.id)",
    "trail_link": "EXISTS (SELECT 1 FROM trail_link WHERE seq = NEW.seq OR trail_id = NEW.trail_id)",
}


def upgrade() -> None:
    op.create_table(
        "trail_link",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trail_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_trail_link")),
        sa.UniqueConstraint("trail_id", name=op.f("uq_trail_link_trail_id")),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if not on_sqlite:
        op.execute(FUNCTION)
    for name, taken in TAKEN.items():
        if on_sqlite:
            op.execute(f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {REFUSE}")
            op.execute(f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {REFUSE}")
            # INSERT OR REPLACE takes the old row away without a delete.
            op.execute(f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {taken} {REFUSE}")
        else:
            op.execute(
                f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION trail_is_append_only()"
            )
            op.execute(f"REVOKE TRUNCATE ON {name} FROM CURRENT_USER")
