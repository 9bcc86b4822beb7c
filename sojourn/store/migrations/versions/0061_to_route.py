"""To route: the events that no run was told of, in a table of their own.

An event is told once and read for years. An index of those that wait made each telling write
another version of the row into all indexes of the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITS = "{}.routed_at IS NULL AND {}.aside_at IS NULL"
OLD, NEW = WAITS.format("OLD", "OLD"), WAITS.format("NEW", "NEW")
ADD = (
    "INSERT INTO to_route (seq, customer_id) VALUES (NEW.seq, NEW.customer_id) "
    "ON CONFLICT (seq) DO NOTHING"
)
REMOVE = "DELETE FROM to_route WHERE seq = OLD.seq"
OF = "UPDATE OF routed_at, aside_at"
# former code knows nothing of the table: the database itself keeps it
TRIGGERS = (
    ("to_route_new", "INSERT", NEW, ADD),
    ("to_route_again", OF, f"NOT ({OLD}) AND {NEW}", ADD),
    ("to_route_done", OF, f"{OLD} AND NOT ({NEW})", REMOVE),
    ("to_route_gone", "DELETE", OLD, REMOVE),
    (
        "to_route_moved",
        "UPDATE OF customer_id",
        f"{OLD} AND {NEW}",
        "UPDATE to_route SET customer_id = NEW.customer_id WHERE seq = NEW.seq",
    ),
)

# room for the second version of a row beside the first; tables whose rows come and go are cleaned
# by the number of dead rows, large ones before a fifth of them is dead
SMALL = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000"
LARGE = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
STORAGE = {"events": f"fillfactor = 95, {LARGE}", "to_route": SMALL, "marks": SMALL}

# this code drops them (`store.tables.RETIRED_INDEXES`)
FORMER_INDEXES = (
    "ix_events_unrouted ON events (customer_id, seq) WHERE routed_at IS NULL",
    "ix_contents_address ON contents (address)",
)


def upgrade() -> None:
    """Create the table and the triggers, and note what waits now."""
    op.create_table(
        "to_route",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.String(), nullable=False),
    )
    op.create_index("ix_to_route_customer", "to_route", ["customer_id", "seq"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, what, when, does in TRIGGERS:
        if is_sqlite:
            op.execute(
                f"CREATE TRIGGER {name} AFTER {what} ON events WHEN {when} BEGIN {does}; END"
            )
            continue
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {does}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {what} ON events "
            f"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
        )
    if not is_sqlite:
        for table, parameters in STORAGE.items():
            op.execute(f"ALTER TABLE {table} SET ({parameters})")
    op.execute(
        "INSERT INTO to_route (seq, customer_id) SELECT seq, customer_id FROM events "
        "WHERE routed_at IS NULL AND aside_at IS NULL"
    )


def downgrade() -> None:
    """Drop them: former code finds what waits in the table of events, by an index of its own."""
    for index in FORMER_INDEXES:
        op.execute(f"CREATE INDEX IF NOT EXISTS {index}")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, *_ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON events")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    if not is_sqlite:
        for table, parameters in STORAGE.items():
            names = ", ".join(one.partition(" = ")[0] for one in parameters.split(", "))
            op.execute(f"ALTER TABLE {table} RESET ({names})")
    op.drop_table("to_route")
