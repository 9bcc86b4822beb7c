"""Runs that were started: a hint where to send events. Temporal knows which are open."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.tables import RunRow


async def add(session: AsyncSession, rows: Iterable[RunRow]) -> None:
    """Note runs; one that is noted already stays as it is."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    for row in rows:
        await session.exec(
            dialect.insert(RunRow).values(row.model_dump(exclude={"id"})).on_conflict_do_nothing()
        )


async def maybe_open(session: AsyncSession, customer_id: str) -> Sequence[RunRow]:
    """The customer's runs that were not found closed yet."""
    query = select(RunRow).where(RunRow.customer_id == customer_id, col(RunRow.closed_at).is_(None))
    return (await session.exec(query.order_by(col(RunRow.id)))).all()


async def mark_closed(session: AsyncSession, ids: Iterable[int], at: datetime) -> None:
    """Note that Temporal has closed these runs."""
    closed = list(ids)
    if not closed:
        return
    await session.exec(update(RunRow).where(col(RunRow.id).in_(closed)).values(closed_at=at))


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[RunRow]:
    """Every run of a customer, oldest first."""
    query = select(RunRow).where(RunRow.customer_id == customer_id).order_by(col(RunRow.id))
    return (await session.exec(query)).all()


async def every(session: AsyncSession) -> Sequence[RunRow]:
    """Every run there was."""
    return (await session.exec(select(RunRow).order_by(col(RunRow.id)))).all()
