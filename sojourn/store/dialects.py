"""The few places where SQLite and PostgreSQL differ."""

from typing import Any, cast

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel.ext.asyncio.session import AsyncSession


def is_postgresql(session: AsyncSession) -> bool:
    """Tell whether the session's database is PostgreSQL; the only other kind is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def insert(session: AsyncSession, table: Any) -> postgresql.Insert:
    """Return an INSERT that can say what happens on a conflict.

    The SQL standard has no such clause. Both databases spell it alike, and SQLAlchemy has a class
    for each.
    """
    if is_postgresql(session):
        return postgresql.insert(table)
    return cast(postgresql.Insert, sqlite.insert(table))
