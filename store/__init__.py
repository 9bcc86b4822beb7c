"""The database: SQLModel tables, sessions, queries, migrations; SQLite or PostgreSQL."""

from store.engine import Store

__all__ = ["Store"]
