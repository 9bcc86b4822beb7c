"""A column for an event as it was sent, where that differs from what was understood."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a nullable column: PostgreSQL rewrites no row for it."""
    op.add_column("events", sa.Column("as_sent", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("events") as batch_op:
        batch_op.drop_column("as_sent")
