"""Write keys of browsers, and the right to ask what an event did."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: existing keys become keys of servers that may not ask."""
    with op.batch_alter_table("write_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), server_default="server", nullable=False))
        batch_op.add_column(
            sa.Column("may_wait", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    """Drop the columns; keys of browsers may then do what a server's may: revoke them first."""
    with op.batch_alter_table("write_keys", schema=None) as batch_op:
        batch_op.drop_column("may_wait")
        batch_op.drop_column("kind")
