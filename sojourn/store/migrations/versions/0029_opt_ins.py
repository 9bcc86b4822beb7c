"""The request that a consent confirms."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("consents", sa.Column("answers", number, nullable=True))


def downgrade() -> None:
    """Drop it: confirmed consents stay."""
    op.drop_column("consents", "answers")
    # `sojourn migrate` has built the index, and former migrations do not know it
    op.drop_index("ix_ledger_counted_as", "ledger", if_exists=True)
