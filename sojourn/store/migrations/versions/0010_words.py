"""Words of customers: their arrival, refusals by address, identify calls that were heard."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment of arrival to consents, and create two tables."""
    op.add_column("consents", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "refusals",
        sa.Column("channel", sa.String(), primary_key=True),
        sa.Column("address", sa.String(), primary_key=True),
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
    )
    op.create_table(
        "identify_calls",
        sa.Column("message_id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("identify_calls")
    op.drop_table("refusals")
    op.drop_column("consents", "received_at")
