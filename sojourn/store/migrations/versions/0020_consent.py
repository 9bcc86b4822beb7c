"""Evidence of consent, and suppressions that were lifted."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0021"
branch_labels = None
depends_on = None

EVIDENCE = ("purpose", "address", "wording", "wording_version", "locale", "proof")


def upgrade() -> None:
    """Add the columns."""
    for name in EVIDENCE:
        op.add_column("consents", sa.Column(name, sa.String(), nullable=True))
    op.add_column("consents", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("suppressions", sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("lifted_by", "lifted_because"):
        op.add_column("suppressions", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    """Drop them; a suppression that was lifted holds again."""
    for name in ("lifted_because", "lifted_by", "lifted_at"):
        op.drop_column("suppressions", name)
    for name in ("expires_at", *reversed(EVIDENCE)):
        op.drop_column("consents", name)
