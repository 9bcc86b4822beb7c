"""The moment of an attempt's hand-over by the journey's clock."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; create attempts for hand-overs from before the table of attempts existed."""
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("journey_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE attempts SET journey_at ="
        " (SELECT decided_at FROM ledger WHERE ledger.id = attempts.ledger_id)"
    )
    op.execute(
        "INSERT INTO attempts"
        " (ledger_id, attempt, provider, state, submitted_at, journey_at)"
        " SELECT id, attempt, COALESCE(provider, ''), 'submitting',"
        " COALESCE(submitted_at, claimed_at, decided_at), decided_at"
        " FROM ledger WHERE state = 'submitting'"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.ledger_id = ledger.id)"
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.alter_column(
            "journey_at", existing_type=sa.DateTime(timezone=True), nullable=False
        )


def downgrade() -> None:
    """Go back to 0003."""
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_column("journey_at")
