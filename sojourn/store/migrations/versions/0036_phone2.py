"""A second phone number on the card."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("customers", sa.Column("phone2", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it, and its index, which `sojourn migrate` built: a customer has one number again."""
    op.drop_index("ix_customers_phone2", "customers", if_exists=True)
    op.drop_column("customers", "phone2")
