"""Other ids of one person: their addresses are found by an index, copies know their originals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; `sojourn migrate` builds the indexes beside the running work."""
    op.add_column("events", sa.Column("copy_of", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_customers_phone", "customers", if_exists=True)
    op.drop_index("ix_customers_email", "customers", if_exists=True)
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_column("copy_of")
