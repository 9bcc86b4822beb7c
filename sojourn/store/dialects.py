"""The few places where SQLite and PostgreSQL differ."""

from typing import Any, cast

from sqlalchemy import ColumnElement, String, func
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects import sqlite
from sqlmodel.ext.asyncio.session import AsyncSession


def is_postgresql(session: AsyncSession) -> bool:
    """Tell whether the session's database is PostgreSQL; the only other kind is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def insert(session: AsyncSession, table: Any) -> pg.Insert:
    """Return an INSERT that can say what happens on a conflict.

    The SQL standard has no such clause. Both databases spell it alike, and SQLAlchemy has a class
    for each.
    """
    return insert_into(table, postgresql=is_postgresql(session))


def insert_into(table: Any, *, postgresql: bool) -> pg.Insert:
    """Return an INSERT as `insert` does, for a database that is known otherwise."""
    if postgresql:
        return pg.insert(table)
    return cast(pg.Insert, sqlite.insert(table))


def day_of(session: AsyncSession, moment: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the day of a moment, by UTC: ``2026-12-01``."""
    if is_postgresql(session):
        return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD", type_=String)
    return func.date(moment, type_=String)


def before(session: AsyncSession, words: ColumnElement[str], sign: str) -> ColumnElement[str]:
    """Return the part of a text before a sign.

    Args:
        session: any session.
        words: the text.
        sign: one character.

    Returns:
        The part; all of the text if it has no such sign.
    """
    if is_postgresql(session):
        return func.split_part(words, sign, 1, type_=String)
    return func.substr(words, 1, func.instr(words + sign, sign) - 1, type_=String)
