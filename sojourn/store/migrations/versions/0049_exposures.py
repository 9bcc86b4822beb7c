"""Exposures: the variants of experiments that customers had, and since when."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "exposures",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
    )
    op.create_index("ix_exposures_customer", "exposures", ["customer_id", "experiment"])
    op.create_index("ix_exposures_experiment", "exposures", ["experiment", "id"])


def downgrade() -> None:
    """Drop the table: customers are drawn again, with the same result unless weights changed."""
    op.drop_table("exposures")
