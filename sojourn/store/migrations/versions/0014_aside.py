"""Events that were set aside: the sweep leaves them alone until somebody mends them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("aside_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop the column; the sweep tries such events again and again."""
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_column("aside_at")
