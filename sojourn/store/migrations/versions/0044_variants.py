"""Variants of campaigns: of recipients and messages, and the winners of tests."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("recipients", sa.Column("variant", sa.String(), nullable=True))
    op.add_column("ledger", sa.Column("variant", sa.String(), nullable=True))
    op.create_table(
        "ab_tests",
        sa.Column("campaign", sa.String(), primary_key=True),
        sa.Column("decides_at", MOMENT, nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("winner", sa.String(), nullable=True),
        sa.Column("results", sa.JSON(), nullable=True),
    )


def downgrade() -> None:
    """Drop them, and the index that `sojourn migrate` built: variants are forgotten."""
    op.drop_table("ab_tests")
    op.drop_index("ix_recipients_share", "recipients", if_exists=True)
    op.drop_column("recipients", "variant")
    op.drop_column("ledger", "variant")
