"""Mark attempts whose message left in a call with others."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: each attempt so far was a call of its own."""
    op.add_column(
        "attempts",
        sa.Column("keyed", sa.Boolean(), nullable=False, server_default=sa.true()),
    )


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("attempts", "keyed")
