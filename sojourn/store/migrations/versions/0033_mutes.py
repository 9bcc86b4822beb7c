"""Mutes: somebody looks after a customer, and no promotional message leaves meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the columns of the card."""
    op.create_table(
        "mutes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.UniqueConstraint("message_id", "journey"),
    )
    op.create_index("ix_mutes_customer", "mutes", ["customer_id", "ended_at"])
    op.add_column(
        "customers", sa.Column("in_care_until", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("customers", sa.Column("in_care_of", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them: nobody is muted any more."""
    op.drop_column("customers", "in_care_of")
    op.drop_column("customers", "in_care_until")
    op.drop_table("mutes")
