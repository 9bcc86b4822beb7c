"""Ramps: the step of each sending domain, its days, and the log of its decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0049"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ramps",
        sa.Column("domain", sa.String(), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
    )
    op.create_table(
        "ramp_days",
        sa.Column("domain", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("budget", sa.Integer(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("turn", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
    )
    op.create_table(
        "ramp_words",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("turn", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("bounced", sa.Integer(), nullable=False),
        sa.Column("complained", sa.Integer(), nullable=False),
    )
    op.create_index("ix_ramp_words_domain", "ramp_words", ["domain", "id"])


def downgrade() -> None:
    """Drop the tables: each domain begins its ladder again."""
    op.drop_table("ramp_words")
    op.drop_table("ramp_days")
    op.drop_table("ramps")
