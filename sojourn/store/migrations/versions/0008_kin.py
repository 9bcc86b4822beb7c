"""Other ids of one person: their addresses are found by an index, copies know their originals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0011"
branch_labels = None
depends_on = None

HAS_EMAIL, HAS_PHONE = sa.text("email <> ''"), sa.text("phone <> ''")


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("events", sa.Column("copy_of", sa.String(), nullable=True))
    op.create_index(
        "ix_customers_email",
        "customers",
        [sa.text("lower(email)")],
        sqlite_where=HAS_EMAIL,
        postgresql_where=HAS_EMAIL,
    )
    op.create_index(
        "ix_customers_phone",
        "customers",
        ["phone"],
        sqlite_where=HAS_PHONE,
        postgresql_where=HAS_PHONE,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_customers_phone", "customers")
    op.drop_index("ix_customers_email", "customers")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_column("copy_of")
