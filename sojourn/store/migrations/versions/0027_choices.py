"""Choices of customers beside consent: a break, "less often", language, time zone."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the columns."""
    op.create_table(
        "choices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("was", sa.String(), nullable=False),
        sa.Column("became", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
    )
    op.create_index("ix_choices_customer", "choices", ["customer_id", "id"])
    op.add_column(
        "customers", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("customers", sa.Column("least_days", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop them: breaks and "less often" no longer hold."""
    op.drop_column("customers", "least_days")
    op.drop_column("customers", "snoozed_until")
    op.drop_table("choices")
