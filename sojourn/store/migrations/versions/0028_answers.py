"""Our answers to STOP, START and HELP."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

WAITS = "state = 'waiting'"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "answers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("meaning", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.UniqueConstraint("provider", "event_id"),
    )
    waits = sa.text(WAITS)
    op.create_index(
        "ix_answers_waiting", "answers", ["at"], sqlite_where=waits, postgresql_where=waits
    )
    op.create_index("ix_answers_customer", "answers", ["customer_id"])
    op.create_index("ix_answers_address", "answers", ["channel", "address"])


def downgrade() -> None:
    """Drop the table: replies that wait are not answered."""
    op.drop_table("answers")
