"""Delete by age, as the register says: the text of a message, the details of a report.

A pass goes through a table in small transactions, oldest first. Data that may still be needed stay:
messages that are not settled, and events of customers who have an open run.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Select,
    cast,
    delete,
    func,
    or_,
    text,
    tuple_,
    update,
)
from sqlalchemy import String as Text
from sqlalchemy import select as select_rows
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import SETTLED, MessageState
from sojourn.store.rights.finding import table_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.tables import LedgerRow

BATCH = 500


async def old(
    session: AsyncSession,
    name: str,
    *,
    before: datetime,
    after: int | None = None,
    until: int | None = None,
    limit: int = BATCH,
) -> list[dict[str, Any]]:
    """Return the keys of a table's rows that have something to give up, oldest first.

    Args:
        session: any session.
        name: the table's.
        before: the moment from which the days count must be earlier.
        after: for a table that is paged by key: only rows with a higher key.
        until: for such a table: only rows with this key or a lower one.
        limit: the most rows.

    Returns:
        Rows with their keys, and the customer's id if the table has it.
    """
    connection = await session.connection()
    query = _old(name, before, after, until).limit(limit)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


_OF_A_MESSAGE = ("attempts", "handovers")
"""Tables whose rows count for their message until it is settled."""


def _old(name: str, before: datetime, after: int | None, until: int | None) -> Select[Any]:
    table, aging = table_of(name), HOLDINGS[name].aging
    assert aging is not None
    keys = list(table.primary_key.columns)
    more = [table.c.customer_id] if "customer_id" in table.c else []
    query = select_rows(*keys, *more)
    if name != "ledger" and (aging.of_message or name in _OF_A_MESSAGE):
        query = query.join(LedgerRow, col(LedgerRow.id) == table.c.ledger_id)
    if name == "ledger" or aging.of_message or name in _OF_A_MESSAGE:
        query = query.where(col(LedgerRow.state).in_((*SETTLED, MessageState.SHADOW)))
    moment = col(LedgerRow.decided_at) if aging.of_message else table.c[aging.column]
    query = query.where(moment < before)
    if name == "events":
        query = query.where(table.c.routed_at.is_not(None))
    if aging.by_key:
        query = query.order_by(*keys)
        query = query.where(or_(*(~_is_given_up(table.c[one]) for one in aging.gives_up)))
        if after is not None:
            query = query.where(keys[0] > after)
        return query if until is None else query.where(keys[0] <= until)
    # the words of the index: SQLite compares the text
    query = query.where(*(text(f"{name}.{one} <> ''") for one in aging.gives_up))
    return query.order_by(moment)


async def span_of(session: AsyncSession, name: str, before: datetime) -> tuple[int, int] | None:
    """Return the lowest key, and the highest of rows from before a moment, of a table paged by key.

    Keys grow with the moments, except for held messages: one that this misses is found when later
    rows are old enough.

    Args:
        session: any session.
        name: the table's.
        before: the moment.

    Returns:
        The two keys; None if the table has no rows.
    """
    aging = HOLDINGS[name].aging
    assert aging is not None
    table = table_of("ledger" if aging.of_message else name)
    key = next(iter(table.primary_key.columns))
    connection = await session.connection()
    lowest, high = (await connection.execute(select_rows(func.min(key), func.max(key)))).one()
    if lowest is None:
        return None
    low = lowest
    while low < high:
        middle = (low + high + 1) // 2
        query = select_rows(key, table.c[aging.column]).where(key >= middle).order_by(key).limit(1)
        found, moment = (await connection.execute(query)).one()
        low, high = (found, high) if moment < before else (low, middle - 1)
    return lowest, high


async def give_up(session: AsyncSession, name: str, rows: Iterable[dict[str, Any]]) -> int:
    """Delete rows, or only their columns that age.

    A row that somebody holds is left for a later pass: nobody waits for anybody.

    Args:
        session: a writing transaction, which ends soon: a send may wait for one of the rows.
        name: the table's.
        rows: their keys, as `old` returned them.

    Returns:
        The number of rows.
    """
    table, aging = table_of(name), HOLDINGS[name].aging
    assert aging is not None
    keys = list(table.primary_key.columns)
    place = keys[0] if len(keys) == 1 else tuple_(*keys)
    connection = await session.connection()
    asked = place.in_([_place(row, keys) for row in rows])
    free = select_rows(*keys).where(asked).with_for_update(skip_locked=True)
    mine = [_place(dict(row), keys) for row in (await connection.execute(free)).mappings()]
    if not mine:
        return 0
    if not aging.gives_up:
        return (await session.exec(delete(table).where(place.in_(mine)))).rowcount
    values = {one: _nothing(table.c[one]) for one in aging.gives_up}
    return (await session.exec(update(table).where(place.in_(mine)).values(values))).rowcount


def _place(row: Mapping[str, Any], keys: Sequence[Column[Any]]) -> Any:
    values = [row[key.name] for key in keys]
    return values[0] if len(values) == 1 else tuple(values)


def _is_given_up(column: Column[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, JSON):
        return or_(column.is_(None), cast(column, Text).in_(("{}", "null")))
    return or_(column.is_(None), column == "")


def _nothing(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    return {} if isinstance(column.type, JSON) else ""
