"""Delayed starts: until when Temporal holds a run's first task back."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the column."""
    op.add_column("runs", sa.Column("delayed_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop it: runs whose start is delayed go on, and end once the delay is over."""
    op.drop_column("runs", "delayed_until")
