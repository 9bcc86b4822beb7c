"""Rights of customers: restrictions, erasures and their proofs, the customers of identify calls."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two columns, and create three tables."""
    op.add_column(
        "customers", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("identify_calls", sa.Column("customer_id", sa.String(), nullable=True))
    op.create_table(
        "restrictions",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_why", sa.String(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=True),
    )
    op.create_index("ix_restrictions_customer", "restrictions", ["customer_id", "id"])
    op.create_table(
        "erasures",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("todo", sa.JSON(), nullable=True),
        sa.Column("dropped", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("fault", sa.String(), nullable=True),
    )
    op.create_index(
        "ix_erasures_unfinished",
        "erasures",
        ["id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_erasures_customer", "erasures", ["customer"])
    op.create_table(
        "salts",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("salt", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Drop them; erasures are forgotten, and calls could bring erased people back."""
    for table in ("salts", "erasures", "restrictions"):
        op.drop_table(table)
    op.execute("DROP INDEX IF EXISTS ix_identify_calls_customer")
    op.drop_column("identify_calls", "customer_id")
    op.drop_column("customers", "restricted_at")
