"""Empty the rows that stay after an erasure: they still count, but identify nobody."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    UniqueConstraint,
    cast,
    literal,
    null,
    update,
)
from sqlalchemy import String as Text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Reason
from sojourn.domain.states import UNRESOLVED, WAITING, MessageState
from sojourn.store import coupons, unsent
from sojourn.store.rights.finding import rows_of, table_of
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.person import Person
from sojourn.store.rights.register import Part
from sojourn.store.tables import AttemptRow, LedgerRow, RunRow

RUN = "workflow_id"
"""The column that keeps the rows of one run together, under a name that identifies nobody."""


async def settle(session: AsyncSession, person: Person) -> None:
    """Settle waiting messages: those that may be out become unknown, the rest skipped (``erased``).

    Args:
        session: a writing transaction that holds the person.
        person: the person who is erased.
    """
    ours = (
        unsent.among(WAITING, customers=person.ids),
        col(LedgerRow.customer_id).in_(person.ids),
        col(LedgerRow.state).in_(WAITING),
    )
    open_attempt = select(AttemptRow.id).where(
        AttemptRow.ledger_id == LedgerRow.id, col(AttemptRow.state).in_(UNRESOLVED)
    )
    now = datetime.now(UTC)
    await session.exec(
        update(LedgerRow)
        .where(*ours, open_attempt.exists())
        .values(state=MessageState.UNKNOWN, reason=None, settled_at=now)
    )
    skipped = await session.exec(
        update(LedgerRow)
        .where(*ours)
        .values(state=MessageState.SKIPPED, reason=Reason.ERASED.value, settled_at=now)
        .returning(col(LedgerRow.message_id), col(LedgerRow.coupon))
    )
    await coupons.let_go(session, skipped.all())


async def rename_runs(session: AsyncSession, person: Person, token: str) -> None:
    """Rename the person's runs so that the names identify nobody; rows of one run keep one name.

    Args:
        session: a writing transaction that holds the person.
        person: the person who is erased.
        token: the beginning of the names.
    """
    found: set[str] = set()
    for table in (RunRow, LedgerRow):
        query = select(table.workflow_id).where(col(table.customer_id).in_(person.ids))
        found |= set((await session.exec(query.distinct())).all())
    for number, workflow_id in enumerate(sorted(found)):
        if workflow_id.startswith(token):
            continue
        for table in (RunRow, LedgerRow):
            await session.exec(
                update(table)
                .where(
                    col(table.workflow_id) == workflow_id, col(table.customer_id).in_(person.ids)
                )
                .values(workflow_id=f"{token}/{workflow_id.partition(':')[0]}/{number}")
            )


async def empty(session: AsyncSession, name: str, person: Person, token: str) -> int:
    """Empty all columns of a person's rows in a table that are not plain.

    Args:
        session: a writing transaction that holds the person.
        name: the table's.
        person: the person who is erased.
        token: stands for the person's id in these rows alone.

    Returns:
        How many rows were emptied.
    """
    table = table_of(name)
    nothing = _nothing(table, name, token)
    if not nothing:  # every column is plain: its rows identify nobody
        return 0
    found = await session.exec(update(table).where(rows_of(name, person)).values(nothing))
    return found.rowcount


def _nothing(table: Table, name: str, token: str) -> Mapping[str, Any]:
    """Return the values of an emptied row, by column."""
    unique = {
        column.name
        for each in table.constraints
        if isinstance(each, UniqueConstraint)
        for column in each.columns
    }
    unique |= {column.name for column in table.columns if column.unique}
    values: dict[str, Any] = {}
    for column, part in HOLDINGS[name].columns.items():
        if part is Part.PLAIN or column == RUN:
            continue
        values[column] = _empty(table.c[column], part, token, table, unique=column in unique)
    return values


def _empty(
    column: Column[Any], part: Part, token: str, table: Table, *, unique: bool
) -> ColumnElement[Any] | str | dict[str, Any]:
    if part is Part.CUSTOMER:
        return null() if column.nullable else token
    if unique:  # no two rows may have the same one
        return literal(f"{token}/") + cast(table.c.id, Text)
    if column.nullable:
        return null()
    return {} if isinstance(column.type, JSON) else ""
