"""Harms: messages that bounced for good or were complained about; brakes count them."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0044"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "harms",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "ledger_id", NUMBER, sa.ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("harm", sa.String(), nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("message_class", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.UniqueConstraint("ledger_id", "harm"),
    )
    op.create_index("ix_harms_campaign", "harms", ["campaign", "channel", "harm"])
    op.create_index("ix_harms_at", "harms", ["at"])


def downgrade() -> None:
    """Drop the table: no brake stops a campaign."""
    op.drop_table("harms")
