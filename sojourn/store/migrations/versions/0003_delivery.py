"""Tables of delivery: attempts, providers' reports, suppressed addresses, paused channels."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and add reference and progress to the ledger."""
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reference", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("progress", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True))
    _fill_references()
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.alter_column("reference", existing_type=sa.String(), nullable=False)
        batch_op.create_unique_constraint("uq_ledger_reference", ["reference"])
    op.create_index("ix_ledger_provider_id", "ledger", ["provider_id"])
    op.create_index("ix_contents_address", "contents", ["address"])
    op.create_table(
        "attempts",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("ledger_id", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_attempts_ledger", "attempts", ["ledger_id", "id"])
    op.create_index("ix_attempts_provider_id", "attempts", ["provider_id"])
    op.create_table(
        "reports",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("ledger_id", _BIG, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledger.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "event_id"),
    )
    op.create_index("ix_reports_ledger", "reports", ["ledger_id", "id"])
    op.create_table(
        "suppressions",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "address"),
    )
    op.create_table(
        "channels",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_because", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("channel"),
    )


def _fill_references() -> None:
    """Fill in each row's reference.

    The code is a copy of `domain.reports.reference`, because a migration must never change.
    """
    connection = op.get_bind()
    ledger = sa.table("ledger", sa.column("ledger_key"), sa.column("reference"))
    for (key,) in connection.execute(sa.select(ledger.c.ledger_key)).all():
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        connection.execute(
            ledger.update().where(ledger.c.ledger_key == key).values(reference=digest)
        )


def downgrade() -> None:
    """Go back to 0002, and lose every outcome of messages after their sending."""
    for table in ("channels", "suppressions", "reports", "attempts"):
        op.drop_table(table)
    op.drop_index("ix_contents_address", "contents")
    op.drop_index("ix_ledger_provider_id", "ledger")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_constraint("uq_ledger_reference", type_="unique")
        for column in ("reference", "progress", "progress_at"):
            batch_op.drop_column(column)
