"""Lists of customers, and the members of watched audiences."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0036"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "listed",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.UniqueConstraint("list", "customer_id"),
    )
    op.create_index("ix_listed_customer", "listed", ["customer_id"])
    op.create_table(
        "audiences",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("looked_at", MOMENT, nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
    )
    op.create_table(
        "members",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.UniqueConstraint("audience", "customer_id"),
    )
    op.create_index("ix_members_customer", "members", ["customer_id"])
    op.create_index(
        "ix_members_untold",
        "members",
        ["audience", "id"],
        sqlite_where=sa.text("told_at IS NULL"),
        postgresql_where=sa.text("told_at IS NULL"),
    )


def downgrade() -> None:
    """Drop the tables: lists are lost, and the next looks note every member afresh."""
    op.drop_table("members")
    op.drop_table("audiences")
    op.drop_table("listed")
