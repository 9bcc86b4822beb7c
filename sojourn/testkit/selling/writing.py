"""Rows by column into a store, many at a time: COPY on PostgreSQL, one statement on SQLite."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import numpy as np
from sqlmodel import SQLModel, func, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.store.dialects import is_postgresql

TABLES = SQLModel.metadata.tables


async def next_number(session: AsyncSession, table: str) -> int:
    """Return the number of the next row of a table."""
    connection = await session.connection()
    highest = (await connection.execute(select(func.max(TABLES[table].c.id)))).scalar()
    return int(highest or 0) + 1


async def write(session: AsyncSession, table: str, columns: Mapping[str, Any]) -> None:
    """Write rows into a table.

    Args:
        session: a writing transaction.
        table: its name.
        columns: the values of each column, as many of one as of the other.
    """
    values = [_values(session, column) for column in columns.values()]
    rows = list(zip(*values, strict=True))
    if not rows:
        return
    connection = await session.connection()
    if is_postgresql(session):
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.copy_records_to_table(table, records=rows, columns=list(columns))
        if "id" in columns:  # the engine's next row has the next number
            await connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :last)"),
                {"table": table, "last": columns["id"][-1]},
            )
        return
    marks = ", ".join("?" for _ in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f"INSERT INTO {TABLES[table].name} ({names}) VALUES ({marks})"  # noqa: S608 (ours)
    await connection.exec_driver_sql(statement, rows)


def _values(session: AsyncSession, column: Any) -> Sequence[Any]:
    """Return the values as the driver takes them: SQLite has texts where others have moments."""
    if not isinstance(column, np.ndarray):
        return list(column)
    if is_postgresql(session):
        return [one if one is None else one.replace(tzinfo=UTC) for one in column.tolist()]
    texts = np.datetime_as_string(column, unit="us").tolist()
    return [None if one == "NaT" else one.replace("T", " ") for one in texts]
