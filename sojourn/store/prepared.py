"""Statements that are made once, for what every message asks.

To make a statement of SQLAlchemy takes longer than a database takes to answer it. A module whose
statements every message runs makes them once, as constants with named parameters, and gives the
values here. Their rows are plain tuples with names, which no session watches; elsewhere, a module
asks by `session.exec` for rows that it can change.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, Executable, Row, bindparam
from sqlmodel.ext.asyncio.session import AsyncSession

T = TypeVar("T")
_OPEN = "sojourn.connection"


def value(name: str, like: ColumnElement[Any]) -> BindParameter[Any]:
    """Return a parameter.

    Args:
        name: by which the value is given.
        like: the column that it is compared with.
    """
    return bindparam(name, type_=like.type)


def values(name: str, like: ColumnElement[Any]) -> BindParameter[Any]:
    """Return a parameter of several values, for ``IN``.

    Args:
        name: by which the values are given.
        like: the column that they are compared with.
    """
    return bindparam(name, type_=like.type, expanding=True)


def few_lengths(given: Iterable[T]) -> list[T]:
    """Return values for ``IN``, some repeated, so that their number is a power of two.

    A driver keeps what a database has planned for the text of a statement, which differs by how
    many values there are.

    Args:
        given: the values.
    """
    found = list(given)
    return found + found[-1:] * ((1 << (len(found) - 1).bit_length()) - len(found))


async def rows(
    session: AsyncSession, statement: Executable, given: Mapping[str, Any] | None = None
) -> Sequence[Row[Any]]:
    """Run a statement and return its rows; what the session still has to store is stored first.

    Args:
        session: any session.
        statement: made once.
        given: the values of its parameters, by name.

    Returns:
        The rows, whose columns are attributes.
    """
    connection = await _connection(session)
    found: Sequence[Row[Any]] = await connection.run_sync(_rows, statement, given)
    return found


async def change(
    session: AsyncSession, statement: Executable, given: Mapping[str, Any] | None = None
) -> int:
    """Run a statement that changes rows; what the session still has to store is stored first.

    A row that the session has read before keeps its old values there.

    Args:
        session: a writing transaction.
        statement: made once.
        given: the values of its parameters, by name.

    Returns:
        The number of rows that it has changed.
    """
    connection = await _connection(session)
    changed: int = await connection.run_sync(_change, statement, given)
    return changed


async def _connection(session: AsyncSession) -> Any:
    if session.new or session.dirty or session.deleted:
        await session.flush()
    connection = session.info.get(_OPEN)
    if connection is None or connection.closed:
        connection = session.info[_OPEN] = await session.connection()
    return connection


def _rows(
    connection: Connection, statement: Executable, given: Mapping[str, Any] | None
) -> Sequence[Row[Any]]:
    return connection.execute(statement, given).all()


def _change(connection: Connection, statement: Executable, given: Mapping[str, Any] | None) -> int:
    return connection.execute(statement, given).rowcount
