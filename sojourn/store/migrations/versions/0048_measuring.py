"""Measuring: marks of changed rows, the counts by day, and the orders due to messages."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
CELL = (
    "day",
    "source",
    "occasion",
    "version",
    "step",
    "variant",
    "channel",
    "language",
    "mailbox",
)
COUNTS = (
    "entered",
    "due",
    "held",
    "sent",
    "skipped",
    "rejected",
    "expired",
    "unknown",
    "held_out",
    "delivered",
    "bounced",
    "failed",
    "complained",
    "opened",
    "opened_by_machine",
    "clicked",
    "clicked_by_machine",
    "replied",
    "unsubscribed",
    "converted",
)
# the columns of a message that its counts depend on
SEEN = (
    "state",
    "reason",
    "held_until",
    "due_at",
    "decided_at",
    "customer_id",
    "progress",
    "step",
    "version",
    "variant",
)
MARKS = (
    ("ledger", "INSERT", "message", "id", ""),
    # while it is handed over, a message keeps its former counts
    (
        "ledger",
        "UPDATE",
        "message",
        "id",
        "NEW.state NOT IN ('claimed', 'submitting') AND ("
        + " OR ".join(f"OLD.{column} {{differs}} NEW.{column}" for column in SEEN)
        + ")",
    ),
    ("reports", "INSERT", "message", "ledger_id", "NEW.ledger_id IS NOT NULL"),
    (
        "reports",
        "UPDATE",
        "message",
        "ledger_id",
        "NEW.ledger_id IS NOT NULL AND OLD.machine {differs} NEW.machine",
    ),
    ("events", "INSERT", "event", "seq", "NEW.copy_of IS NULL"),
    ("events", "UPDATE", "event", "seq", "OLD.customer_id {differs} NEW.customer_id"),
    ("runs", "INSERT", "run", "id", ""),
)  # fmt: skip


def upgrade() -> None:
    """Create the tables, the columns and the triggers."""
    op.add_column("attempts", sa.Column("language", sa.String(), nullable=True))
    op.add_column("attempts", sa.Column("mailbox", sa.String(), nullable=True))
    op.add_column("ledger", sa.Column("version", sa.String(), nullable=True))
    op.add_column("reports", sa.Column("machine", sa.String(), nullable=True))
    op.create_table(
        "marks",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", NUMBER, nullable=False),
    )
    op.create_table(
        "goals",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("marked", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "rollups",
        sa.Column("id", NUMBER, primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in CELL),
        *(_count(name) for name in COUNTS),
        sa.UniqueConstraint(*CELL),
    )
    op.create_table(
        "rollup_reasons",
        sa.Column("rollup_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.String(), primary_key=True),
        _count("n"),
    )
    op.create_table(
        "rollup_money",
        sa.Column("rollup_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String(), primary_key=True),
        sa.Column("currency", sa.String(), primary_key=True),
        _count("orders", NUMBER),
        _count("value", NUMBER),
    )
    op.create_table(
        "measured",
        sa.Column(
            "ledger_id",
            NUMBER,
            sa.ForeignKey("ledger.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("rollup_id", NUMBER, nullable=False),
        sa.Column("measures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("money", sa.JSON(), nullable=True),
    )
    op.create_table(
        "conversions",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "ledger_id",
            NUMBER,
            sa.ForeignKey("ledger.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("value", NUMBER, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("touches", sa.Integer(), nullable=False),
        sa.UniqueConstraint("ledger_id", "occasion"),
    )
    for table, what, kind, column, when in MARKS:
        _mark(table, what, kind, column, when)


def _count(name: str, kind: object = None) -> sa.Column[int]:
    kind = kind or sa.Integer()
    return sa.Column(name, kind, nullable=False, server_default=sa.text("0"))  # type: ignore[arg-type]


def _mark(table: str, what: str, kind: str, column: str, when: str) -> None:
    """Create a trigger that marks the changes of a table."""
    name = f"mark_{table}_{what.lower()}"
    insert = f"INSERT INTO marks (kind, ref) SELECT '{kind}', NEW.{column}"
    if kind == "event":  # most events are no goal, and leave no mark
        insert += " WHERE EXISTS (SELECT 1 FROM goals WHERE goals.name = NEW.name)"
    if op.get_bind().dialect.name == "sqlite":
        condition = f"WHEN {when.format(differs='IS NOT')} " if when else ""
        op.execute(f"CREATE TRIGGER {name} AFTER {what} ON {table} {condition}BEGIN {insert}; END")
        return
    condition = f"WHEN ({when.format(differs='IS DISTINCT FROM')}) " if when else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {insert}; RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {what} ON {table} "
        f"FOR EACH ROW {condition}EXECUTE FUNCTION {name}()"
    )


def downgrade() -> None:
    """Drop them: nothing is measured."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, what, *_ in MARKS:
        name = f"mark_{table}_{what.lower()}"
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON {table}")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    for table in (
        "conversions",
        "measured",
        "rollup_money",
        "rollup_reasons",
        "rollups",
        "goals",
        "marks",
    ):
        op.drop_table(table)
    op.drop_column("reports", "machine")
    op.drop_column("ledger", "version")
    op.drop_column("attempts", "mailbox")
    op.drop_column("attempts", "language")
