"""Give up by age what the register says: the text of a message, the details of a report.

A pass goes through a table in small transactions, oldest first. What somebody may still need stays:
messages that are not settled, and events of customers who have an open run.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, and_, cast, delete, or_, update
from sqlalchemy import String as Text
from sqlalchemy import select as select_rows
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import SETTLED
from sojourn.store.rights.finding import table_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.tables import LedgerRow

BATCH = 500


async def old(
    session: AsyncSession, name: str, *, before: datetime, after: Any = None, limit: int = BATCH
) -> list[dict[str, Any]]:
    """Return the keys of a table's rows that have something to give up, in their order.

    Args:
        session: any session.
        name: the table's.
        before: the moment from which the days count must be earlier.
        after: only rows with a higher key than this; None: from the first.
        limit: the most rows.

    Returns:
        Rows with their keys, and the customer's id if the table has it.
    """
    table, aging = table_of(name), HOLDINGS[name].aging
    assert aging is not None
    keys = list(table.primary_key.columns)
    more = [table.c.customer_id] if "customer_id" in table.c else []
    query = select_rows(*keys, *more).order_by(*keys).limit(limit)
    if aging.of_message or name in ("attempts", "ledger"):
        number = table.c.id if name == "ledger" else table.c.ledger_id
        settled: ColumnElement[bool] = col(LedgerRow.state).in_(SETTLED)
        if aging.of_message:
            settled = and_(settled, col(LedgerRow.decided_at) < before)
        query = query.where(number.in_(select(LedgerRow.id).where(settled)))
    if not aging.of_message:
        query = query.where(table.c[aging.column] < before)
    if name == "events":
        query = query.where(table.c.routed_at.is_not(None))
    if aging.gives_up:
        query = query.where(or_(*(~_is_given_up(table.c[one]) for one in aging.gives_up)))
    if after is not None:
        query = query.where(keys[0] > after)
    connection = await session.connection()
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def give_up(session: AsyncSession, name: str, rows: Iterable[dict[str, Any]]) -> int:
    """Delete rows, or take from them what they give up.

    Args:
        session: a writing transaction.
        name: the table's.
        rows: their keys, as `old` returned them.

    Returns:
        How many rows.
    """
    table, aging = table_of(name), HOLDINGS[name].aging
    assert aging is not None
    keys = [key.name for key in table.primary_key.columns]
    ours = or_(*(and_(*(table.c[key] == row[key] for key in keys)) for row in rows))
    if not aging.gives_up:
        return (await session.exec(delete(table).where(ours))).rowcount
    values = {one: _nothing(table.c[one]) for one in aging.gives_up}
    return (await session.exec(update(table).where(ours).values(values))).rowcount


def _is_given_up(column: Column[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, JSON):
        return or_(column.is_(None), cast(column, Text).in_(("{}", "null")))
    return or_(column.is_(None), column == "")


def _nothing(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    return {} if isinstance(column.type, JSON) else ""
