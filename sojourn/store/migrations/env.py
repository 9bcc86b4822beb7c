"""Run the migrations for Alembic: one history for SQLite and PostgreSQL."""

from alembic import context
from sqlmodel import SQLModel

# `store.migrating` tells why the version is not in Alembic's usual table
VERSION = "schema_version"

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table=VERSION)
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=SQLModel.metadata,
        version_table=VERSION,
        render_as_batch=True,  # SQLite alters a table by copying it
    )
with context.begin_transaction():
    context.run_migrations()
