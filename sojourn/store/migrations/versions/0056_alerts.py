"""Alerts: what stands, who was told, what is kept quiet; and what came in each hour."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0054"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
STANDS = sa.text("over_at IS NULL")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("window", sa.String(), nullable=False),
        sa.Column("look", sa.JSON(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("over_at", MOMENT, nullable=True),
        sa.Column("told_at", MOMENT, nullable=True),
    )
    op.create_index(
        "ix_alerts_stands",
        "alerts",
        ["name"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )
    op.create_table(
        "alert_tellings",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "alert_id", NUMBER, sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("tell_at", MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("fault", sa.String(), nullable=False),
        sa.UniqueConstraint("alert_id", "sink", "word"),
    )
    op.create_index("ix_alert_tellings_tell", "alert_tellings", ["tell_at"])
    op.create_table(
        "alert_quiets",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("until", MOMENT, nullable=True),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "alert_looks",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("upto", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("seen", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.Column("until_at", MOMENT, nullable=True),
    )
    op.create_table(
        "pulse",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("hour", MOMENT, primary_key=True),
        sa.Column("n", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables: what is wrong is told once more."""
    for table in ("pulse", "alert_looks", "alert_quiets", "alert_tellings", "alerts"):
        op.drop_table(table)
