"""Webhooks out: how far each is told, and what it is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "hooks",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", MOMENT, nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("given_up", sa.Integer(), nullable=False),
        sa.Column("fault", sa.String(), nullable=True),
    )
    op.create_table(
        "hook_calls",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("hook", sa.String(), nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
    )
    op.create_index("ix_hook_calls_order", "hook_calls", ["hook", "customer_id", "id"])
    op.create_index("ix_hook_calls_customer", "hook_calls", ["customer_id"])


def downgrade() -> None:
    """Drop them: what was still to be told is told to nobody."""
    op.drop_table("hook_calls")
    op.drop_table("hooks")
