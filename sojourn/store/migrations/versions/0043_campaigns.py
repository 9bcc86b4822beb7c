"""Campaigns, the acts on them, and the customers in their frozen audiences."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
OPEN, TAKEN = sa.text("next_at IS NOT NULL"), sa.text("taken IS NOT NULL")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("launched_at", MOMENT, nullable=False),
        sa.Column("launched_by", sa.String(), nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=True),
        sa.Column("start_seq", NUMBER, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
    )
    op.create_table(
        "campaign_words",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
    )
    op.create_index("ix_campaign_words_campaign", "campaign_words", ["campaign", "id"])
    op.create_table(
        "recipients",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("taken", sa.String(), nullable=True),
        sa.UniqueConstraint("campaign", "customer_id"),
    )
    op.create_index(
        "ix_recipients_due",
        "recipients",
        ["campaign", "lane", "next_at", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_recipients_taken",
        "recipients",
        ["campaign", "taken"],
        unique=True,
        sqlite_where=TAKEN,
        postgresql_where=TAKEN,
    )
    op.create_index("ix_recipients_customer", "recipients", ["customer_id"])


def downgrade() -> None:
    """Drop the tables: campaigns under way send no more messages."""
    op.drop_table("recipients")
    op.drop_table("campaign_words")
    op.drop_table("campaigns")
