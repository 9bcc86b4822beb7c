"""Caps: the value of an event's field by which messages of a step are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("ledger", sa.Column("counted_as", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop it; limits of steps by a field forget what they have counted."""
    op.drop_column("ledger", "counted_as")
