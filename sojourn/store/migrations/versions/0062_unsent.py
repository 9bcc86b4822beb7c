"""Unsent: messages that are neither sent nor skipped, in a table of their own.

A message changes its state twice or more until it is sent. Indexes of the ledger that named the
state made each change write another version of the row into all indexes of the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DONE = "('sent', 'skipped')"
# ruff: noqa: S608 (all of it is written here)
IS, WAS = f"NEW.state NOT IN {DONE}", f"OLD.state NOT IN {DONE}"
# a claim and its hand-over are one state here: a message that leaves at once is written once
STATE = "CASE {0}.state WHEN 'submitting' THEN 'claimed' ELSE {0}.state END"
IN, OUT = STATE.format("NEW"), STATE.format("OLD")
ADD = (
    "INSERT INTO unsent (ledger_id, customer_id, workflow_id, channel, state) VALUES "
    "(NEW.id, NEW.customer_id, NEW.workflow_id, NEW.channel, " + IN + ") "
    "ON CONFLICT (ledger_id) DO NOTHING"
)
# former code knows nothing of the table: the database itself keeps it
TRIGGERS = (
    ("unsent_new", "INSERT", IS, ADD),
    ("unsent_again", "UPDATE OF state", f"NOT ({WAS}) AND {IS}", ADD),
    (
        "unsent_done",
        "UPDATE OF state",
        f"{WAS} AND NOT ({IS})",
        "DELETE FROM unsent WHERE ledger_id = NEW.id",
    ),
    (
        "unsent_changed",
        "UPDATE OF state",
        f"{WAS} AND {IS} AND {OUT} <> {IN}",
        "UPDATE unsent SET state = " + IN + " WHERE ledger_id = NEW.id",
    ),
    (
        "unsent_moved",
        "UPDATE OF customer_id, workflow_id",
        f"{WAS} AND {IS}",
        "UPDATE unsent SET customer_id = NEW.customer_id, workflow_id = NEW.workflow_id "
        "WHERE ledger_id = NEW.id",
    ),
)
# room for the second version of a row beside the first (`0061` has the rest)
SMALL = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000"
LARGE = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
STORAGE = {"ledger": f"fillfactor = 90, {LARGE}", "attempts": LARGE, "unsent": SMALL}
# this code drops them (`store.tables.RETIRED_INDEXES`)
FORMER_INDEXES = (
    "ix_ledger_message ON ledger (message_id)",
    "ix_ledger_workflow ON ledger (workflow_id, state)",
    "ix_ledger_customer ON ledger (customer_id, state)",
    "ix_ledger_provider_id ON ledger (provider_id)",
    "ix_ledger_unsent ON ledger (state, id, channel) WHERE state NOT IN ('sent', 'skipped')",
    "ix_ledger_sent ON ledger (settled_at, channel) WHERE state = 'sent'",
)


def upgrade() -> None:
    """Create the table and the triggers, and note what is not sent now."""
    op.create_table(
        "unsent",
        sa.Column(
            "ledger_id",
            NUMBER,
            sa.ForeignKey("ledger.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
    )
    op.create_index("ix_unsent_state", "unsent", ["state", "ledger_id", "channel"])
    op.create_index("ix_unsent_customer", "unsent", ["customer_id", "state"])
    op.create_index("ix_unsent_workflow", "unsent", ["workflow_id", "state"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, what, when, does in TRIGGERS:
        if is_sqlite:
            op.execute(
                f"CREATE TRIGGER {name} AFTER {what} ON ledger WHEN {when} BEGIN {does}; END"
            )
            continue
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {does}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {what} ON ledger "
            f"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
        )
    if not is_sqlite:
        for table, parameters in STORAGE.items():
            op.execute(f"ALTER TABLE {table} SET ({parameters})")
    op.execute(
        "INSERT INTO unsent (ledger_id, customer_id, workflow_id, channel, state) "
        "SELECT id, customer_id, workflow_id, channel, "
        + STATE.format("ledger")
        + " FROM ledger WHERE state NOT IN "
        + DONE
    )


def downgrade() -> None:
    """Drop them: former code finds states in the ledger, by indexes of its own."""
    for index in FORMER_INDEXES:
        op.execute(f"CREATE INDEX IF NOT EXISTS {index}")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, *_ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON ledger")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("unsent")
    if not is_sqlite:
        for table, parameters in STORAGE.items():
            if table != "unsent":
                names = ", ".join(one.partition(" = ")[0] for one in parameters.split(", "))
                op.execute(f"ALTER TABLE {table} RESET ({names})")
