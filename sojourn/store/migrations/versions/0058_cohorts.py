"""Cohorts: who came into experiments, counted by day, and the orders of those who bought."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
MARKS = (("INSERT", "NEW"), ("UPDATE OF customer_id", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    """Create the tables and the triggers."""
    op.create_table(
        "cohorts",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.UniqueConstraint("experiment", "variant", "source", "day"),
    )
    op.create_table(
        "cohort_members",
        sa.Column("exposure_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("cohort_id", NUMBER, nullable=False),
    )
    op.create_table(
        "cohort_orders",
        sa.Column("exposure_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("value", NUMBER, nullable=False, server_default=sa.text("0")),
        sa.Column("age", NUMBER, nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
    )
    for what, row in MARKS:
        _mark(what, row)


def _mark(what: str, row: str) -> None:
    """Have a change of an exposure leave a mark."""
    name = _name(what)
    insert = f"INSERT INTO marks (kind, ref) SELECT 'exposure', {row}.id"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} AFTER {what} ON exposures BEGIN {insert}; END")
        return
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {insert}; RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {what} ON exposures FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _name(what: str) -> str:
    return f"mark_exposures_{what.split(maxsplit=1)[0].lower()}"


def downgrade() -> None:
    """Drop them: reports of experiments read every row."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for what, _ in MARKS:
        name = _name(what)
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON exposures")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    for table in ("cohort_orders", "cohort_members", "cohorts"):
        op.drop_table(table)
    op.execute("DELETE FROM marks WHERE kind = 'exposure'")
