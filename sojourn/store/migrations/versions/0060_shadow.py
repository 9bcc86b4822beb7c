"""Shadow: runs from which nothing leaves, and what would have become of their messages."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the columns."""
    op.add_column("ledger", sa.Column("would", sa.String(), nullable=True))
    op.add_column(
        "runs", sa.Column("shadow", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Drop them, and the messages in shadow: former code does not know their state."""
    op.execute("DELETE FROM ledger WHERE state = 'shadow'")
    op.drop_column("runs", "shadow")
    op.drop_column("ledger", "would")
