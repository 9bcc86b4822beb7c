"""The table of tasks: questions of runs to a person."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0033"
branch_labels = None
depends_on = None


_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "tasks",
        sa.Column("id", _BIG, primary_key=True),
        sa.Column("task", sa.String(), nullable=False, unique=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("journey", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        _moment("opened_at", nullable=False),
        _moment("until", nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        _moment("ended_at"),
        sa.Column("because", sa.String(), nullable=True),
        sa.Column("to_tell", sa.Boolean(), nullable=False),
        _moment("tell_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _moment("opened_told_at"),
        _moment("ended_told_at"),
    )
    op.create_index("ix_tasks_customer", "tasks", ["customer_id", "id"])
    op.create_index("ix_tasks_run", "tasks", ["run"])
    op.create_index("ix_tasks_open", "tasks", ["state", "until"])
    op.create_index("ix_tasks_to_tell", "tasks", ["tell_at"])
    op.create_index("ix_tasks_ended_at", "tasks", ["ended_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("tasks")
