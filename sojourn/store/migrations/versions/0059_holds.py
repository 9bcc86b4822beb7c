"""Holds: the reasons for which messages were held, kept with the message and counted."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the columns and the table."""
    op.add_column("ledger", sa.Column("held_for", sa.String(), nullable=True))
    op.add_column("measured", sa.Column("holds", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "rollup_holds",
        sa.Column("rollup_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.String(), primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )


def downgrade() -> None:
    """Drop them: messages are counted as held, without a reason."""
    op.drop_table("rollup_holds")
    op.drop_column("measured", "holds")
    op.drop_column("ledger", "held_for")
