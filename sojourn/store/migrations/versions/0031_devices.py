"""Devices of customers, and the end of each hand-over to one."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0027"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables. A token on a card stays there."""
    op.create_table(
        "devices",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False, unique=True),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
    )
    op.create_index("ix_devices_customer", "devices", ["customer_id", "used_at"])
    op.create_table(
        "handovers",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "ledger_id", NUMBER, sa.ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
    )
    op.create_index("ix_handovers_ledger", "handovers", ["ledger_id", "id"])
    op.create_index("ix_handovers_reference", "handovers", ["reference"])
    op.create_index("ix_handovers_submitted", "handovers", ["submitted_at"])


def downgrade() -> None:
    """Drop the tables: only the token on the card is left."""
    op.drop_table("handovers")
    op.drop_table("devices")
