"""Indexes for operators' counts and lists, which need not read the whole ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.create_index(
        "ix_ledger_unsent",
        "ledger",
        ["state", "id", "channel"],
        sqlite_where=sa.text("state NOT IN ('sent', 'skipped')"),
        postgresql_where=sa.text("state NOT IN ('sent', 'skipped')"),
    )
    op.create_index(
        "ix_ledger_sent",
        "ledger",
        ["settled_at", "channel"],
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )


def downgrade() -> None:
    """Drop the indexes."""
    op.drop_index("ix_ledger_sent", "ledger")
    op.drop_index("ix_ledger_unsent", "ledger")
