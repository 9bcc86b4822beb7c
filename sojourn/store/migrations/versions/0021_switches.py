"""Switches with which operators hold journeys, topics or everything back."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0022"
branch_labels = None
depends_on = None

ON = "ended_at IS NULL"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "switches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
    )
    op.create_index(
        "ix_switches_on",
        "switches",
        ["scope", "name", "part"],
        unique=True,
        sqlite_where=sa.text(ON),
        postgresql_where=sa.text(ON),
    )


def downgrade() -> None:
    """Drop the table: nothing is held back any more."""
    op.drop_index("ix_switches_on", "switches")
    op.drop_table("switches")
