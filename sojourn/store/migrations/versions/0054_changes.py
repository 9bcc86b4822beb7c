"""Changes: all that happens, in one order, for those who follow it."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GIVEN_UP = "COALESCE(OLD.detail, '') <> '' AND COALESCE(NEW.detail, '') = ''"
# what `marks` of 0048 does not tell; new rows need no mark, for their numbers grow
CHANGED = (
    ("ledger", "UPDATE OF detail", "message", "NEW.id", GIVEN_UP),
    ("reports", "UPDATE OF machine, detail", "report", "NEW.id", ""),
    ("events", "UPDATE OF customer_id, properties", "event", "NEW.seq", ""),
    ("runs", "UPDATE OF closed_at, customer_id", "run", "NEW.id", ""),
    ("consents", "UPDATE OF customer_id, received_at", "consent", "NEW.id", ""),
    ("exposures", "UPDATE OF customer_id", "exposure", "NEW.id", ""),
    ("conversions", "UPDATE OF occasion", "conversion", "NEW.id", ""),
    ("ledger", "DELETE", "message", "OLD.id", ""),
    ("reports", "DELETE", "report", "OLD.id", ""),
    ("events", "DELETE", "event", "OLD.seq", ""),
    ("runs", "DELETE", "run", "OLD.id", ""),
    ("consents", "DELETE", "consent", "OLD.id", ""),
    ("exposures", "DELETE", "exposure", "OLD.id", ""),
    ("conversions", "DELETE", "conversion", "OLD.id", ""),
)


def upgrade() -> None:
    """Create the tables and the triggers."""
    op.create_table(
        "changes",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("ref", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("news", NUMBER, nullable=False),
    )
    op.create_index("ix_changes_seq", "changes", ["seq"])
    op.create_index("ix_changes_news", "changes", ["news"])
    op.create_table(
        "change_feed",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("cursors", sa.JSON(), nullable=False),
    )
    for number in range(len(CHANGED)):
        _mark(number)


def _mark(number: int) -> None:
    """Have a change of a table leave a mark, if anybody follows the changes."""
    table, what, kind, ref, when = CHANGED[number]
    name = f"changed_{number}_{table}"
    insert = f"INSERT INTO marks (kind, ref) SELECT '{kind}_changed', {ref}"
    insert += " WHERE EXISTS (SELECT 1 FROM change_feed)"
    if op.get_bind().dialect.name == "sqlite":
        condition = f"WHEN {when} " if when else ""
        op.execute(f"CREATE TRIGGER {name} AFTER {what} ON {table} {condition}BEGIN {insert}; END")
        return
    condition = f"WHEN ({when}) " if when else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {insert}; RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {what} ON {table} "
        f"FOR EACH ROW {condition}EXECUTE FUNCTION {name}()"
    )


def downgrade() -> None:
    """Drop them: exports begin from nothing after the next upgrade."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for number, (table, *_) in enumerate(CHANGED):
        name = f"changed_{number}_{table}"
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON {table}")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("change_feed")
    op.drop_table("changes")
    op.execute("DELETE FROM marks WHERE kind LIKE '%_changed'")
