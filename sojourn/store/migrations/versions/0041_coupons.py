"""Coupons: codes, the orders that name them, and the warnings about their pools."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, and the column that says which messages hand out codes."""
    op.create_table(
        "coupons",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("compared", sa.String(), nullable=False, unique=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("reserved_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
    )
    op.create_index(
        "ix_coupons_free",
        "coupons",
        ["pool", "id"],
        sqlite_where=sa.text("state = 'free'"),
        postgresql_where=sa.text("state = 'free'"),
    )
    op.create_index("ix_coupons_message", "coupons", ["message_id", "pool"], unique=True)
    op.create_index("ix_coupons_customer", "coupons", ["customer_id"])
    op.create_table(
        "coupon_uses",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "coupon_id", NUMBER, sa.ForeignKey("coupons.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.UniqueConstraint("coupon_id", "order_id"),
    )
    op.create_index("ix_coupon_uses_customer", "coupon_uses", ["customer_id"])
    op.create_table(
        "coupon_pools",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("low_at", MOMENT, nullable=True),
        sa.Column("empty_at", MOMENT, nullable=True),
    )
    op.add_column("ledger", sa.Column("coupon", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop the tables and the column: all codes are lost."""
    op.drop_column("ledger", "coupon")
    op.drop_table("coupon_pools")
    op.drop_table("coupon_uses")
    op.drop_table("coupons")
