"""Requests that limits count, and secrets that are to be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0032"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "requests",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_requests_digest", "requests", ["digest", "journey", "at"])
    op.create_index("ix_requests_customer", "requests", ["customer_id", "journey", "at"])
    op.create_index("ix_requests_until", "requests", ["until"])
    op.create_table(
        "secrets",
        sa.Column("message_id", sa.String(), primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_secrets_customer", "secrets", ["customer_id"])
    op.create_index("ix_secrets_until", "secrets", ["until"])


def downgrade() -> None:
    """Drop the tables; forget the secrets first."""
    op.drop_table("secrets")
    op.drop_table("requests")
