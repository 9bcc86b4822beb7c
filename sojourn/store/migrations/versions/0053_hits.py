"""Hits: the evidence of an open or a click, by which it can be judged again."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
HELD = sa.text("tell_at IS NOT NULL")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "hits",
        sa.Column(
            "report_id",
            NUMBER,
            sa.ForeignKey("reports.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column(
            "ledger_id", NUMBER, sa.ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("tell_at", MOMENT, nullable=True),
    )
    op.create_index("ix_hits_ledger", "hits", ["ledger_id"])
    op.create_index("ix_hits_received", "hits", ["received_at"])
    op.create_index("ix_hits_held", "hits", ["tell_at"], sqlite_where=HELD, postgresql_where=HELD)


def downgrade() -> None:
    """Drop the table: verdicts stay as they are, and held clicks are never told."""
    op.drop_table("hits")
