"""Hashes of erased addresses, and the moment when erased data were gone from the files."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add two columns."""
    op.create_table(
        "erased_addresses",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("erasures", sa.Column("scrubbed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("erasures", sa.Column("scrub_after", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop them: later records of an erased address would keep it in plain text."""
    op.execute("DROP INDEX IF EXISTS ix_erasures_unscrubbed")
    op.drop_column("erasures", "scrub_after")
    op.drop_column("erasures", "scrubbed_at")
    op.drop_table("erased_addresses")
