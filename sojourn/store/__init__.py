"""The database: SQLModel tables, sessions, queries, migrations; SQLite or PostgreSQL."""

from sojourn.store.engine import Store

__all__ = ["Store"]
